"""What a late machine excuses, and what it does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomcheck.judge import judge
from roomcheck.judge.lateness import deciding_speed, narrowest
from roomcheck.model.time import Instant
from roomcheck.model.trace import Record, Told
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.spec.case import Entry
from roomcheck.spec.contract import Cause, CauseKind, Rule
from support.lobby import GIVE_UP, GONE_AFTER, LOSS, MS, RETRY, by_field, case, line, lobby
from support.outages import Outage, lawful, outages
from support.tape import Tape

LOBBY = lobby()
THERE_AND_BACK = 2  # as run/play.py counts what it measures
ON_TIME, LATE, VERY_LATE = 0, 51, 2_000  # milliseconds; the narrowest window is 50 ms wide


def joined() -> Tape:
    tape = Tape("A", "B")
    tape.join(0, "A")
    tape.join(100, "B", "A")
    return tape


def verdict(tape: Tape, late: int) -> Verdict:
    return judge(LOBBY, tape.trace(1300, lateness=late))


def outcomes(tape: Tape) -> list[Outcome]:
    return [verdict(tape, late).outcome for late in (ON_TIME, LATE, VERY_LATE)]


PROOF = [Outcome.VIOLATES] * 3
EXCUSED = [Outcome.VIOLATES, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE]


def test_what_comes_too_early_is_excused() -> None:
    """Held-back heartbeats open a window early."""
    tape = joined()
    tape.fault(400, "A")
    tape.told(410, "A", "lost", 51)
    tape.heard(400 + GONE_AFTER - 20, "B", "-", "A")
    at_the_edge = [verdict(tape, late).outcome for late in (0, 50, 51)]
    assert at_the_edge == [Outcome.VIOLATES, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE]


def test_what_comes_earlier_than_all_that_held_it_back_explains_is_not() -> None:
    """Here 300 ms too early: what a machine that was 51 ms late may have done to a heartbeat is less."""
    tape = joined()
    tape.fault(400, "A")
    tape.told(410, "A", "lost", 51)
    tape.heard(400 + GONE_AFTER - 300, "B", "-", "A")
    assert [verdict(tape, late).outcome for late in (51, 200)] == [Outcome.VIOLATES, Outcome.INCONCLUSIVE]


def test_a_starved_process_excuses_as_much_as_a_late_harness() -> None:
    tape = joined()
    tape.told(400, "A", "lost", 51)
    kept_waiting = [replace(tape.trace(1250), starved=milliseconds * MS) for milliseconds in (50, 51)]
    assert [judge(LOBBY, trace).outcome for trace in kept_waiting] == [Outcome.VIOLATES, Outcome.INCONCLUSIVE]


@pytest.mark.parametrize(
    ("starved", "early", "outcome"),
    [(0, 150, Outcome.VIOLATES), (50, 150, Outcome.INCONCLUSIVE), (50, 250, Outcome.VIOLATES)],
)
def test_a_line_proves_no_more_than_the_rules_of_its_observer(starved: int, early: int, outcome: Outcome) -> None:
    """A gives up a little before it may: the schedule may have lasted longer for it, and then nobody expects it back."""
    tape = joined()
    tape.fault(400, "A")
    tape.told(410, "A", "lost", 51)
    tape.heard(420 + GONE_AFTER, "B", "-", "A")
    tape.told(410 + GIVE_UP - early, "A", "failed", 53)
    lines = line("A", *(Entry("own", state, {}, "R", text=state) for state in ("joining", "in", "lost", "back")))
    late = replace(tape.trace(3500), starved=starved * MS)

    assert judge(LOBBY, late, case(lines)).outcome is outcome


def test_a_callback_that_never_comes_is_excused() -> None:
    tape = joined()
    tape.call(400, "A", "leave", room="R")
    assert outcomes(tape) == EXCUSED


def test_a_callback_that_comes_too_late_is_excused() -> None:
    tape = joined()
    tape.admin(400, "kick", user="A", room="R")
    tape.told(401 + RETRY + 2 * LATE, "A", "kicked", 55)
    tape.heard(402, "B", "-", "A")
    assert outcomes(tape)[:2] == EXCUSED[:2]
    assert verdict(tape, VERY_LATE).outcome is not Outcome.VIOLATES


def test_the_answer_of_a_call_is_excused() -> None:
    """The room may have lost its session meanwhile."""
    tape = joined()
    call = tape.call(400, "A", "join", room="R", ticket="good")
    tape.answer(401, call, "A", "ok")
    assert outcomes(tape) == EXCUSED


def test_a_loss_that_nobody_made_is_excused() -> None:
    """The machine may have held heartbeats back for long enough."""
    tape = joined()
    tape.told(400, "A", "lost", 51)
    assert outcomes(tape) == EXCUSED


def test_a_wrong_code_of_a_loss_is_excused() -> None:
    """A room that had to wait may report timeouts of its own."""
    tape = joined()
    tape.fault(400, "A")
    tape.told(500, "A", "lost", 52)
    assert outcomes(tape) == EXCUSED


def test_a_wrong_code_is_not() -> None:
    """No timeout leads to being kicked."""
    tape = joined()
    tape.admin(400, "kick", user="A", room="R")
    tape.told(410, "A", "kicked", 56)
    tape.heard(415, "B", "-", "A")
    found = [verdict(tape, late) for late in (ON_TIME, LATE, VERY_LATE)]
    assert [v.outcome for v in found] == PROOF
    assert {v.findings[0].requirement for v in found} == {"L-KICK"}


def test_a_kick_that_nobody_ordered_is_not() -> None:
    tape = joined()
    tape.told(400, "A", "kicked", 55)
    assert outcomes(tape) == PROOF


def test_something_received_twice_is_not() -> None:
    tape = joined()
    tape.told(400, "A", "in")
    assert outcomes(tape) == PROOF


def test_a_callback_about_nobody_is_not() -> None:
    tape = joined()
    tape.heard(400, "B", "+", "stranger")
    assert outcomes(tape) == PROOF


def test_a_state_that_the_spec_does_not_know_is_excused() -> None:
    """It may be that of a timeout."""
    tape = joined()
    tape.told(400, "A", "asleep")
    assert outcomes(tape) == EXCUSED


def test_a_state_that_no_rule_leads_to_is_excused() -> None:
    own = LOBBY.views[0]
    asleep = replace(
        own,
        told={**own.told, "asleep": "asleep"},
        signs={**own.signs, **by_field("status", "state", {"asleep": "asleep"})},
    )
    contract = replace(LOBBY, views=(asleep, *LOBBY.views[1:]))
    tape = joined()
    tape.told(400, "A", "asleep")
    assert judge(contract, tape.trace(1250)).outcome is Outcome.VIOLATES
    assert judge(contract, tape.trace(1250, lateness=LATE)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("late", "outcome"), [(LOSS - 1, Outcome.VIOLATES), (LOSS, Outcome.INCONCLUSIVE)])
def test_an_observer_that_may_have_lost_its_link_may_be_told_its_list_anew(late: int, outcome: Outcome) -> None:
    tape = joined()
    tape.heard(400, "B", "+", "A")
    assert verdict(tape, late).outcome is outcome


def test_a_callback_that_a_call_has_overtaken_is_no_proof() -> None:
    """Kicked on one side of a late machine, left on the other: what was on its way comes all the same."""
    tape = joined()
    tape.admin(400, "kick", user="A", room="R")
    tape.call(401, "A", "leave", room="R")
    tape.told(405, "A", "kicked", 55)
    tape.heard(406, "B", "-", "A")
    assert verdict(tape, VERY_LATE).outcome is not Outcome.VIOLATES


def test_how_long_before_a_silent_move_its_cause_may_come_is_no_window() -> None:
    """Nothing is told of it, so that no lateness makes it doubtful."""
    own = LOBBY.views[0]
    hushed = Rule(99, frozenset({"in"}), Cause(CauseKind.LINK_DOWN), "lost", {}, within=1, silent=True, optional=True)
    contract = replace(LOBBY, views=(replace(own, rules=(*own.rules, hushed)), *LOBBY.views[1:]))
    assert narrowest(contract) == narrowest(LOBBY) == 50 * MS


@given(outages(), st.lists(st.integers(0, 400), min_size=1, max_size=9))
@settings(max_examples=300)
def test_a_room_whose_callbacks_are_held_up_is_never_accused(plan: list[Outage], waits: list[int]) -> None:
    """Each member's stay in order; what is measured is at least what they waited."""
    trace = lawful(plan)
    last: dict[str, int] = {}
    records: list[Record] = []
    for n, record in enumerate(trace.records):
        if isinstance(record, Told):
            hi = max(record.at.hi + waits[n % len(waits)] * MS, last.get(record.member, 0) + 1)
            last[record.member] = hi
            records.append(replace(record, at=Instant(hi - 2 * MS, hi)))
        else:
            records.append(record)
    late = THERE_AND_BACK * max(waits) * MS
    held = replace(trace, records=tuple(records), end=trace.end + late, lateness=late)
    found = judge(LOBBY, held)
    assert found.outcome is not Outcome.VIOLATES, found.findings


@pytest.mark.parametrize(
    ("late", "speed"),
    [(0, 50), (50, 50), (100, 40), (123, 30), (400, 10), (2_000, 2), (4_000, 1), (400_000, 1)],
)
def test_the_speed_that_would_decide_follows_from_the_lateness(late: int, speed: float) -> None:
    """Half as fast at least, and a round number. At 100 times as documented the narrowest window is 50 ms wide."""
    trace = replace(joined().trace(1000), lateness=late * MS)
    assert deciding_speed(replace(LOBBY, scale=100.0), trace) == speed


def test_when_the_machine_stood_still_counts_where_it_matters() -> None:
    """A stall long after two callbacks says nothing of the time between them; one at the first of them does."""

    def given_up(begin: float, end: float) -> Outcome:
        tape = joined()
        tape.fault(400, "A")
        tape.told(410, "A", "lost", 51)
        tape.heard(420 + GONE_AFTER, "B", "-", "A")
        tape.told(410 + GIVE_UP - 100, "A", "failed", 53)
        tape.gap(begin, end, "A")
        return judge(LOBBY, tape.trace(3500)).outcome

    end = 410 + GIVE_UP - 100
    assert given_up(end + 50, end + 400) is Outcome.VIOLATES
    assert given_up(10, 360) is Outcome.VIOLATES
    assert given_up(200, 409) is Outcome.VIOLATES
    assert given_up(300, 411) is Outcome.INCONCLUSIVE
