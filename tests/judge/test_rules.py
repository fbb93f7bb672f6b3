"""Views judged by their rules alone, on hand-made traces of the lobby."""

from dataclasses import replace

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.verdict import Outcome, Verdict
from support.lobby import GIVE_UP, GONE_AFTER, GONE_WITHIN, LOSS, MS, SLACK, case, lobby
from support.tape import Tape

LOBBY = lobby()


def verdict(tape: Tape, end: float, lateness: float = 0) -> Verdict:
    return judge(LOBBY, tape.trace(end, lateness))


def conforms(tape: Tape, end: float, lateness: float = 0) -> None:
    result = verdict(tape, end, lateness)
    assert result.outcome is Outcome.CONFORMS, result.findings
    assert result.checks


def violates(tape: Tape, end: float, requirement: str | None, text: str, lateness: float = 0) -> None:
    result = verdict(tape, end, lateness)
    assert result.outcome is Outcome.VIOLATES, result
    assert result.findings[0].requirement == requirement
    assert text in " | ".join(result.findings[0].misses), result.findings[0].misses


def two(blur: float = 0) -> Tape:
    """A joins a lobby where B is; both are settled by 200 ms."""
    tape = Tape("A", "B", blur=blur)
    tape.join(0, "B")
    tape.join(100, "A", "B")
    return tape


# --- one member -------------------------------------------------------------------------------------------------------


def test_a_lawful_join_conforms() -> None:
    """Each callback in its window."""
    conforms(two(), 1000)


def test_a_join_that_is_never_told_violates() -> None:
    """`in` was due 200 ms after `joining`."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="good")
    tape.told(1, "A", "joining")
    violates(tape, 1000, "L-JOIN", "did not come")


def test_a_callback_after_its_window_violates() -> None:
    """50 ms too late, and says so."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="good")
    tape.told(1, "A", "joining")
    tape.told(251, "A", "in")
    violates(tape, 1000, "L-JOIN", "came 50 ms too late; it was due within 200 ms")


def test_a_wrong_code_violates() -> None:
    """The pattern is part of the promise."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="good")
    tape.told(1, "A", "joining")
    tape.told(20, "A", "in", code=7)
    violates(tape, 1000, "L-JOIN", "told with {'code': 7}, required {'code': 0}")


def test_a_callback_without_a_cause_violates() -> None:
    """No state is ever entered without its cause."""
    tape = two()
    tape.told(300, "A", "lost", 51)
    violates(tape, 1000, None, "lost has no cause while in")


def test_given_arguments_choose_the_rule() -> None:
    """A bad ticket is refused, and must not get in."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="bad")
    tape.told(1, "A", "joining")
    tape.told(20, "A", "refused", code=33)
    conforms(tape, 1000)
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="bad")
    tape.told(1, "A", "joining")
    tape.told(20, "A", "in")
    violates(tape, 1000, None, "in has no cause")


def test_a_second_join_must_be_refused_by_its_answer() -> None:
    """A rule with `answer` judges the call's result."""
    tape = two()
    call = tape.call(300, "A", "join", room="R", ticket="good")
    tape.answer(301, call, "A", "refused", code=1)
    conforms(tape, 1000)
    tape = two()
    call = tape.call(300, "A", "join", room="R", ticket="good")
    tape.answer(301, call, "A", "ok")
    violates(tape, 1000, "L-TWICE", "the answer was")


# --- the link ---------------------------------------------------------------------------------------------------------


def outage(tape: Tape, down: float, up: float, *, told: float = 10, back: float = 20) -> Tape:
    tape.fault(down, "A")
    tape.told(down + told, "A", "lost", 51)
    tape.heal(up, "A")
    tape.told(up + back, "A", "back")
    return tape


def test_a_short_outage_conforms() -> None:
    """Lost and back, B hears nothing."""
    conforms(outage(two(), 300, 700), 2000)


def test_lost_may_be_told_before_the_fault_call_returned() -> None:
    """The order of overlapping instants is settled in the room's favour."""
    tape = two(blur=5)
    tape.fault(300, "A")
    tape.told(297, "A", "lost", 51)
    tape.heal(700, "A")
    tape.told(720, "A", "back")
    conforms(tape, 2000)


def test_a_loss_that_is_never_told_violates() -> None:
    """A link down longer than the detection time must be told."""
    tape = two()
    tape.fault(300, "A")
    tape.heal(300 + LOSS + 100, "A")
    violates(tape, 2000, "L-LOST", "did not come")


def test_an_outage_shorter_than_the_detection_may_stay_untold() -> None:
    """`unless: link up` cancels what was not yet due."""
    tape = two()
    tape.fault(300, "A")
    tape.heal(300 + LOSS - 100, "A")
    conforms(tape, 2000)


def test_an_outage_shorter_than_the_detection_may_still_be_told() -> None:
    """The room may have decided before the link was up again."""
    tape = two()
    tape.fault(300, "A")
    tape.heal(400, "A")
    tape.told(405, "A", "lost", 51)
    tape.told(420, "A", "back")
    conforms(tape, 2000)


def test_back_while_the_link_is_down_violates() -> None:
    """Nothing can be heard over a link that is long down."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.told(900, "A", "back")
    violates(tape, 1000, "L-BACK", "after the link was lost")


def test_the_retry_clock_runs_only_while_the_link_is_up() -> None:
    """Lost for long, back 150 ms after the heal: in time."""
    tape = outage(two(), 300, 1000, back=150)
    conforms(tape, 2000)


def test_back_told_too_late_violates() -> None:
    """250 ms after the heal, 200 allowed."""
    violates(outage(two(), 300, 1000, back=250), 2000, "L-BACK", "came 50 ms too late; it was due within 200 ms")


def test_giving_up_conforms() -> None:
    """Failed after the retry time, and silence then."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.heard(300 + GONE_AFTER + 50, "B", "-", "A")
    tape.told(310 + GIVE_UP + 100, "A", "failed", 53)
    tape.heal(4000, "A")
    conforms(tape, 6000)


def test_giving_up_too_early_violates_by_milliseconds() -> None:
    """The nearest miss says by how much."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.heard(300 + GONE_AFTER + 50, "B", "-", "A")
    tape.told(310 + GIVE_UP - 40, "A", "failed", 53)
    violates(tape, 6000, "L-FAILED", "40 ms too early")
    (window,) = (finding.window for finding in verdict(tape, 6000).findings)
    assert window is not None
    assert (window.opens, window.closes) == ((310 + GIVE_UP) * MS, (310 + GIVE_UP + SLACK) * MS)


def test_at_the_boundary_both_outcomes_are_lawful() -> None:
    """Healed just when giving up was due: back or failed."""
    for state, code in (("back", 0), ("failed", 53)):
        tape = two()
        tape.fault(300, "A")
        tape.told(310, "A", "lost", 51)
        tape.heard(300 + GONE_AFTER + 50, "B", "-", "A")
        tape.heal(310 + GIVE_UP + 100, "A")
        tape.told(310 + GIVE_UP + 150, "A", state, code)
        if state == "back":
            tape.heard(310 + GIVE_UP + 160, "B", "+", "A")
        conforms(tape, 6000)


def test_a_broken_link_may_be_noticed() -> None:
    """What was connected is dead, new connections pass: both stories are lawful."""
    tape = two()
    tape.fault(300, "A", FaultKind.TRUNCATE)
    conforms(tape, 2000)
    tape.told(350, "A", "lost", 51)
    tape.told(370, "A", "back")
    conforms(tape, 2000)


def test_a_degraded_link_must_cause_nothing() -> None:
    """Latency is no cause."""
    tape = two()
    tape.fault(300, "A", FaultKind.LATENCY)
    conforms(tape, 2000)
    tape.told(400, "A", "lost", 51)
    violates(tape, 2000, None, "lost has no cause")


def test_a_server_restart_takes_every_link() -> None:
    """Both members lose and regain it; B may or may not hear of it."""
    tape = two()
    tape.fault(300, None, FaultKind.SERVER_RESTART)
    for member in "AB":
        tape.told(310, member, "lost", 51)
    tape.heal(500, None)
    for member in "AB":
        tape.told(550, member, "back")
    conforms(tape, 3000)


# --- others -----------------------------------------------------------------------------------------------------------


def test_leave_is_told_to_the_others() -> None:
    """The lobby takes A off the list."""
    tape = two()
    tape.call(300, "A", "leave", room="R")
    tape.told(301, "A", "out")
    tape.heard(320, "B", "-", "A")
    conforms(tape, 1000)


def test_a_leave_that_nobody_is_told_violates() -> None:
    """L-GONE was due."""
    tape = two()
    tape.call(300, "A", "leave", room="R")
    tape.told(301, "A", "out")
    violates(tape, 1000, "L-GONE", "- within 60 ms of A leaving: never came")


def test_leave_while_the_link_is_down_is_told_at_the_timeout() -> None:
    """The server cannot know earlier."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.call(400, "A", "leave", room="R")
    tape.told(401, "A", "out")
    tape.heard(300 + GONE_AFTER + 20, "B", "-", "A")
    conforms(tape, 2000)


def test_gone_told_too_early_violates() -> None:
    """Half the timeout is too early."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.heard(700, "B", "-", "A")
    violates(tape, 1500, "L-GONE", "400 ms before the server may give it up")


def test_gone_and_back_again_conforms() -> None:
    """Case 2."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.heard(300 + GONE_AFTER + GONE_WITHIN, "B", "-", "A")
    tape.heal(1500, "A")
    tape.told(1550, "A", "back")
    tape.heard(1560, "B", "+", "A")
    conforms(tape, 3000)


def test_back_but_never_reported_violates() -> None:
    """B's list stays wrong."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.heard(300 + GONE_AFTER + 50, "B", "-", "A")
    tape.heal(1500, "A")
    tape.told(1550, "A", "back")
    violates(tape, 3000, "L-AGAIN", "+ within 60 ms of back at A: never came")


def test_away_for_ever_must_be_told() -> None:
    """The leave that is never told."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.told(310 + GIVE_UP + 50, "A", "failed", 53)
    violates(tape, 3000, "L-GONE", "- within 1.020 s of the loss of A's link: never came")


def test_added_twice_violates() -> None:
    """One callback for each join."""
    tape = two()
    tape.heard(300, "B", "+", "A")
    violates(tape, 1000, None, "+ came, and A was there already")


def test_a_kick_is_told_to_the_victim_and_the_others() -> None:
    """Both views move."""
    tape = two()
    tape.admin(300, "kick", user="A", room="R")
    tape.told(310, "A", "kicked", 55)
    tape.heard(312, "B", "-", "A")
    conforms(tape, 1000)


def test_a_kick_of_a_member_that_is_cut_off_is_told_when_it_is_back() -> None:
    """The kick waits until the link is up."""
    tape = two()
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.admin(400, "kick", user="A", room="R")
    tape.heard(410, "B", "-", "A")
    tape.heal(700, "A")
    tape.told(720, "A", "kicked", 55)
    conforms(tape, 2000)


def test_a_kick_without_a_room_counts_in_every_room() -> None:
    """The backend names only the user."""
    tape = two()
    tape.admin(300, "kick", user="A")
    tape.told(310, "A", "kicked", 55)
    tape.heard(312, "B", "-", "A")
    conforms(tape, 1000)


def test_an_act_that_names_no_user_concerns_everybody() -> None:
    """A room that is emptied: whoever is not told so was owed it."""
    kick = replace(LOBBY.operations["kick"], users=())
    emptied = replace(LOBBY, operations={**LOBBY.operations, "kick": kick})
    tape = two()
    tape.admin(300, "kick", room="R")
    tape.told(310, "A", "kicked", 55)

    partly = judge(emptied, tape.trace(1000))
    tape.told(312, "B", "kicked", 55)

    assert partly.outcome is Outcome.VIOLATES
    assert partly.findings[0].view == "B in R"
    assert judge(emptied, tape.trace(1000)).outcome is Outcome.CONFORMS


def test_a_second_device_takes_over() -> None:
    """The old one is kicked, the others hear nothing."""
    tape = Tape("A", "A2", "B", users={"A2": "A"})
    tape.join(0, "B")
    tape.join(100, "A", "B")
    tape.call(300, "A2", "join", room="R", ticket="good")
    tape.told(301, "A2", "joining")
    tape.told(320, "A2", "in")
    tape.heard(321, "A2", "+", "B")
    tape.told(330, "A", "kicked", 50)
    conforms(tape, 1000)


def test_the_new_device_holds_the_presence() -> None:
    """Its link is the one that counts for the others, the old device's link no longer does."""
    tape = Tape("A", "A2", "B", users={"A2": "A"})
    tape.join(0, "B")
    tape.join(100, "A", "B")
    tape.fault(200, "A")
    tape.told(210, "A", "lost", 51)
    tape.call(300, "A2", "join", room="R", ticket="good")
    tape.told(301, "A2", "joining")
    tape.told(320, "A2", "in")
    tape.heard(321, "A2", "+", "B")
    tape.heal(2000, "A")
    tape.told(2050, "A", "kicked", 50)
    conforms(tape, 3000)


@pytest.mark.parametrize(("gone", "lawful"), [(405, True), (401 + GONE_AFTER, False)])
def test_the_last_session_ends_when_its_device_leaves(*, gone: float, lawful: bool) -> None:
    """The device that was replaced while it was cut off holds nothing any more."""
    tape = Tape("A", "A2", "B", users={"A2": "A"})
    tape.join(0, "B")
    tape.join(100, "A2")
    tape.heard(121, "A2", "+", "B")
    tape.heard(125, "B", "+", "A")
    tape.fault(200, "A2")
    tape.told(210, "A2", "lost", 51)
    tape.call(300, "A", "join", room="R", ticket="good")
    tape.told(301, "A", "joining")
    tape.told(320, "A", "in")
    tape.heard(321, "A", "+", "B")
    tape.call(400, "A", "leave", room="R")
    tape.told(401, "A", "out")
    tape.heard(gone, "B", "-", "A")
    if lawful:
        conforms(tape, 2000)
    else:
        violates(tape, 2000, "L-GONE", "- within 60 ms of A leaving: came 740 ms too late")


def test_moving_between_two_rooms() -> None:
    """`out` of one, `in` the other, each with its room."""
    tape = two()
    tape.call(300, "A", "move", **{"from": "R", "to": "Q", "ticket": "good"})
    tape.told(301, "A", "out")
    tape.told(302, "A", "joining", room="q")
    tape.told(320, "A", "in", room="q")
    tape.heard(310, "B", "-", "A")
    conforms(tape, 1000)


def test_a_move_from_a_room_that_was_not_joined_arms_nothing() -> None:
    """`provided` asks for the state in the other room."""
    tape = Tape("A")
    tape.call(0, "A", "move", **{"from": "R", "to": "Q", "ticket": "good"})
    tape.told(2, "A", "joining", room="q")
    violates(tape, 1000, None, "joining has no cause")


def test_a_move_while_the_member_is_being_told_that_it_is_in() -> None:
    """The call overlaps the callback, so it may be from a room that was joined, and it may be from one that was not."""
    tape = Tape("A", "B", blur=2)
    tape.join(0, "B")
    tape.join(100, "A", "B")
    tape.call(119, "A", "move", **{"from": "R", "to": "Q", "ticket": "good"})
    tape.event(120, "A", "weather", sun=True)
    refused = list(tape.records)
    tape.told(126, "A", "out")
    tape.told(128, "A", "joining", room="q")
    tape.told(140, "A", "in", room="q")
    tape.heard(130, "B", "-", "A")
    conforms(tape, 1000)

    tape.records = refused
    conforms(tape, 1000)

    tape.event(119.5, "A", "status", room="r", state=["in"], code=0)
    assert verdict(tape, 1000).findings[0].seen == "status: state ['in'] is unknown to the spec"


def test_a_move_before_the_member_is_told_that_it_is_in_arms_nothing() -> None:
    """What is told surely after the call does not count."""
    tape = Tape("A")
    tape.join(100, "A")
    tape.call(110, "A", "move", **{"from": "R", "to": "Q", "ticket": "good"})
    tape.told(128, "A", "joining", room="q")
    violates(tape, 1000, None, "joining has no cause")


# --- strays -----------------------------------------------------------------------------------------------------------


def test_a_callback_that_the_spec_does_not_declare_is_nobodys_business() -> None:
    """SDKs tell more than a contract speaks about."""
    tape = two()
    tape.event(300, "A", "weather", sun=True)
    conforms(tape, 1000)


@pytest.mark.parametrize(
    ("callback", "fields", "text"),
    [
        ("status", {"room": "r", "state": "asleep", "code": 0}, "unknown to the spec"),
        ("status", {"state": "in", "code": 0}, "names no room"),
        ("people", {"room": "r", "change": "+", "who": [{"id": "nobody"}]}, "nobody of this case"),
        ("people", {"room": "r", "change": "+", "who": [{"id": "a"}]}, "about itself"),
        ("people", {"room": "r", "change": "+", "who": [{"id": ["b"]}]}, "nobody of this case"),
        ("status", {"room": {"id": "r"}, "state": "in", "code": 0}, "has no cause"),
        ("people", {"room": "z", "change": "+", "who": [{"id": "b"}]}, "not in the room"),
    ],
)
def test_what_no_view_can_hold_violates(callback: str, fields: dict[str, object], text: str) -> None:
    """An unknown state, no room, a stranger, oneself, a room never joined, a list or a map where a name belongs."""
    tape = two()
    tape.event(300, "A", callback, **fields)
    result = verdict(tape, 1000)
    assert result.outcome is Outcome.VIOLATES
    assert any(text in f.seen for f in result.findings), result.findings


def test_a_contract_may_let_a_member_be_told_of_itself() -> None:
    """Then it is no finding, nor is it news of anybody else."""
    tape = two()
    tape.event(300, "A", "people", room="r", change="+", who=[{"id": "a"}])
    (finding,) = verdict(tape, 1000).findings
    assert finding.expected == "news of the others alone, unless `oneself: either` stands under `presence`"
    own, others = LOBBY.views
    assert others.presence is not None
    either = replace(others, presence=replace(others.presence, of_oneself=True))

    assert judge(replace(LOBBY, views=(own, either)), tape.trace(1000)).outcome is Outcome.CONFORMS


def test_members_may_be_told_to_be_in_a_room_that_is_none_of_the_case() -> None:
    """What it tells of them is refused, and no error of the judge."""
    tape = two()
    for at, member in ((300, "B"), (310, "A")):
        tape.told(at, member, "joining", room="z")
        tape.told(at + 20, member, "in", room="z")
    violates(tape, 1000, None, "joining has no cause")


@pytest.mark.parametrize("first", ["leave", "kick"])
def test_what_has_no_cause_is_refused_for_that_whichever_of_two_acts_came_first(first: str) -> None:
    """What may have been on its way depends on their order, and so would what is found to be broken."""
    tape = Tape("A")
    tape.join(0, "A")
    at = {first: 300, "leave" if first == "kick" else "kick": 301}
    for act in sorted(at, key=at.__getitem__):
        if act == "leave":
            tape.call(at[act], "A", "leave", room="R")
        else:
            tape.admin(at[act], "kick", user="A", room="R")
    tape.told(310, "A", "failed", 53)
    [found, *_] = judge(lobby(), tape.trace(1000), case(requirements=("L-CASE",))).findings

    assert (found.requirement, found.seen[:29]) == ("L-CASE", "failed has no cause while in;")


def test_what_is_told_twice_is_said_to_be_told_already() -> None:
    """To whom does not know our words: what stands already, and that nothing was due."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.told(300, "A", "in")
    [found, *_] = judge(lobby(), tape.trace(1000)).findings

    assert found.seen == "in has no cause while in, which was told already; nothing was due"
    assert found.expected == "no callback about itself without a cause"
