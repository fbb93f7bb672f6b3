"""Which (state, cause, fault) triples a trace has met, and what a schedule is likely to add."""

from dataclasses import replace
from typing import Any

import pytest

from roomcheck.judge import judge
from roomcheck.judge.coverage import Coverage, Triple, met, pairs
from roomcheck.judge.nominal import nominal
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.model.trace import Told
from roomcheck.spec.contract import Cause, CauseKind
from support.lobby import GIVE_UP, MS, lobby
from support.tape import Tape

A, B, A2 = Member("A", "A"), Member("B", "B"), Member("A2", "A")


def join(member: str, room: str = "R", ticket: str = "good") -> Call:
    return Call(member, "join", {"room": room, "ticket": ticket})


def plan(*acts: Any, members: tuple[Member, ...] = (A, B), gap: int = 500, watch: int = 1000) -> Schedule:
    """These acts, `gap` ms apart."""
    steps = [Step(acts[0], When(None, 0), "S0")]
    steps += [Step(act, When(f"S{i}", gap * MS), f"S{i + 1}") for i, act in enumerate(acts[1:])]
    return Schedule(members, ("R",), tuple(steps), watch * MS)


def story(schedule: Schedule) -> list[tuple[str, str, int]]:
    """(member, state, ms) of everything told."""
    records = nominal(lobby(), schedule).records
    return [(r.member, r.fields["state"], r.at.lo // MS) for r in records if isinstance(r, Told)]


# --- what was met -------------------------------------------------------------------------------------------------------


def test_a_call_is_met_in_the_state_and_under_the_fault_of_its_member() -> None:
    """Before the first news the state is the initial one."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.fault(100, "A", FaultKind.STALL)
    tape.told(150, "A", "lost", 51)
    tape.call(200, "A", "leave", room="R")
    triples = met(lobby(), tape.trace(1000))
    assert triples == {
        Triple("out", "join", "-"),
        Triple("in", "stall", "-"),
        Triple("lost", "leave", "stall"),
    }


def test_each_end_of_a_switch_is_met_by_its_own_name() -> None:
    """In the state of its own room."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.call(100, "A", "move", **{"from": "R", "to": "Q"})
    assert met(lobby(), tape.trace(1000)) >= {Triple("in", "move.from", "-"), Triple("out", "move.to", "-")}


def test_an_act_of_the_backend_is_met_by_every_member_of_the_user() -> None:
    """And by nobody else."""
    tape = Tape("A", "A2", "B", users={"A2": "A"})
    tape.join(0, "B")
    tape.join(100, "A", "B")
    tape.admin(300, "kick", user="A", room="R")
    kicks = {t for t in met(lobby(), tape.trace(1000)) if t.cause == "kick"}
    assert kicks == {Triple("in", "kick", "-"), Triple("out", "kick", "-")}


def test_a_heal_is_met_under_the_fault_that_it_ends() -> None:
    """Afterwards the link is whole."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.fault(100, "A", FaultKind.GHOST)
    tape.heal(200, "A")
    tape.call(300, "A", "leave", room="R")
    triples = met(lobby(), tape.trace(1000))
    assert triples >= {Triple("in", "heal", "ghost"), Triple("in", "leave", "-")}


def test_a_connection_that_broke_leaves_no_fault_on_the_link() -> None:
    """New ones pass at once."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.fault(100, "A", FaultKind.TRUNCATE)
    tape.call(300, "A", "leave", room="R")
    assert met(lobby(), tape.trace(1000)) >= {Triple("in", "truncate", "-"), Triple("in", "leave", "-")}


def test_a_server_that_is_down_is_everybodys_fault() -> None:
    """Until it is up again."""
    tape = Tape("A", "B")
    tape.join(0, "A")
    tape.fault(100, None, FaultKind.SERVER_RESTART)
    tape.call(150, "B", "join", room="R", ticket="good")
    tape.heal(200, None)
    tape.call(300, "B", "leave", room="R")
    triples = met(lobby(), tape.trace(1000))
    assert triples == {
        Triple("out", "join", "-"),
        Triple("in", "server-restart", "-"),
        Triple("out", "server-restart", "-"),
        Triple("out", "join", "server-restart"),
        Triple("in", "heal", "server-restart"),
        Triple("out", "heal", "server-restart"),
        Triple("out", "leave", "-"),
    }


def test_what_another_device_of_the_user_is_told_is_a_cause() -> None:
    """For each other device of the same user."""
    tape = Tape("A", "A2", users={"A2": "A"})
    tape.join(0, "A")
    tape.join(100, "A2")
    assert Triple("in", "twin in", "-") in met(lobby(), tape.trace(1000))


@pytest.mark.parametrize("fields", [{}, {"room": "r"}, {"room": "r", "state": "upside down"}, {"state": "in"}])
def test_callbacks_that_say_nothing_are_passed_over(fields: dict[str, Any]) -> None:
    """As are operations and callbacks that the contract does not have."""
    tape = Tape("A")
    tape.event(10, "A", "status", **fields)
    tape.event(10, "A", "weather")
    tape.call(20, "A", "dance")
    tape.mark(30, "M")
    tape.call(40, "A", "leave", room="R")
    assert met(lobby(), tape.trace(1000)) == {Triple("out", "leave", "-")}


def test_two_that_follow_each_other_are_a_pair() -> None:
    """In the order in which they were met."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.call(100, "A", "leave", room="R")
    assert pairs(lobby(), tape.trace(1000)) == {(Triple("out", "join", "-"), Triple("in", "leave", "-"))}


# --- many traces together -------------------------------------------------------------------------------------------------


def test_coverage_counts_triples_rules_and_requirements() -> None:
    """What never fired and what was never exercised is known by name."""
    contract = lobby()
    tape = Tape("A", "B")
    tape.join(0, "B")
    tape.join(100, "A", "B")
    trace = tape.trace(1000)
    coverage = Coverage(contract)
    coverage.add(met(contract, trace), judge(contract, trace))
    coverage.add(met(contract, trace), judge(contract, trace))
    assert coverage.triples == {Triple("out", "join", "-"): 2}
    assert coverage.requirements["L-JOIN"] == 2
    assert "L-KICK" in coverage.unexercised()
    assert "L-JOIN" not in coverage.unexercised()
    assert any("kicked after kick" in text for text in coverage.silent_rules())
    assert not any("joining after join" in text for text in coverage.silent_rules())


# --- what is likely -------------------------------------------------------------------------------------------------------


def test_a_login_is_told_promptly() -> None:
    """First that it is under way, then how it ended, by its ticket."""
    good, bad = story(plan(join("A"))), story(plan(join("A", ticket="bad")))
    assert [(m, s) for m, s, _ in good] == [("A", "joining"), ("A", "in")]
    assert [(m, s) for m, s, _ in bad] == [("A", "joining"), ("A", "refused")]


def test_a_loss_that_the_client_is_told_of_comes_at_once_and_a_silent_one_late() -> None:
    """`cut` ends the connection, `stall` says nothing."""
    cut, stall = (story(plan(join("A"), Fault("A", kind)))[-1] for kind in (FaultKind.CUT, FaultKind.STALL))
    assert (cut[1], stall[1]) == ("lost", "lost")
    assert cut[2] < 520
    assert stall[2] > 700


def test_what_waits_for_the_link_comes_after_the_heal() -> None:
    """And what was armed while it was down waits."""
    acts = [join("A"), Fault("A", FaultKind.CUT), Heal("A")]
    assert story(plan(*acts))[-1] == ("A", "back", 1050)


def test_a_login_waits_for_the_link() -> None:
    """It is under way until then."""
    told = story(plan(Fault("A", FaultKind.CUT), join("A"), Heal("A")))
    assert [(s, at) for _, s, at in told] == [("joining", 500), ("in", 1050)]


def test_giving_up_comes_in_the_middle_of_its_window() -> None:
    """If nothing heals the link before."""
    told = story(plan(join("A"), Fault("A", FaultKind.CUT), watch=GIVE_UP + 1000))
    assert told[-1] == ("A", "failed", 506 + GIVE_UP + 150)


def test_a_heal_in_time_calls_a_silent_loss_off() -> None:
    """A stall that is over before it is noticed is not told."""
    told = story(plan(join("A"), Fault("A", FaultKind.STALL), Heal("A"), gap=100))
    assert told[-1][1] == "in"


def test_a_connection_that_breaks_is_replaced() -> None:
    """The link is up again at once, and the client notices all the same: its connection is gone."""
    told = story(plan(join("A"), Fault("A", FaultKind.TRUNCATE)))
    assert [s for _, s, _ in told] == ["joining", "in", "lost", "back"]


def test_a_slow_link_is_told_to_nobody() -> None:
    """Nor is a second fault on a link that is down."""
    told = story(plan(join("A"), Fault("A", FaultKind.LATENCY), Fault("A", FaultKind.CUT), Fault("A", FaultKind.STALL)))
    assert [s for _, s, _ in told] == ["joining", "in", "lost"]


def test_a_server_that_restarts_is_lost_and_found_by_everybody() -> None:
    """The members come back when it does."""
    told = story(plan(join("A"), join("B"), Fault(None, FaultKind.SERVER_RESTART), Heal(None)))
    assert sorted((m, s) for m, s, _ in told if s in ("lost", "back")) == [
        ("A", "back"),
        ("A", "lost"),
        ("B", "back"),
        ("B", "lost"),
    ]


def test_a_kick_and_another_device_end_a_session() -> None:
    """Each with its own news."""
    told = story(plan(join("A"), Admin("kick", {"user": "A", "room": "R"})))
    assert told[-1][:2] == ("A", "kicked")
    told = story(plan(join("A"), join("A2"), members=(A, A2)))
    assert [(m, s) for m, s, _ in told][-1] == ("A", "kicked")


def test_a_device_that_may_be_turned_out_before_the_newer_one_is_in_goes_before() -> None:
    """Where the contract lets it go from the moment that the other is on its way."""
    contract = lobby()
    own = contract.views[0]
    late = next(rule for rule in own.rules if rule.requirement == "L-TWIN")
    early = replace(late, id=1_000, cause=Cause(CauseKind.TWIN_IN, "joining"), optional=True)
    either = replace(contract, views=(replace(own, rules=(*own.rules, early)), contract.views[1]))

    def told(*acts: Any) -> list[tuple[str, str]]:
        records = nominal(either, plan(*acts, members=(A, A2))).records
        return [(r.member, r.fields["state"]) for r in records if isinstance(r, Told)]

    assert told(join("A"), join("A2"))[2:] == [("A2", "joining"), ("A", "kicked"), ("A2", "in")]
    assert ("A", "kicked") not in told(join("A"), Fault("A", FaultKind.CUT), join("A2"))


def test_an_act_on_a_user_without_a_room_reaches_every_room() -> None:
    """And nobody else."""
    told = story(plan(join("A"), join("A", "Q"), join("B"), Admin("kick", {"user": "A"})))
    assert [(m, s) for m, s, _ in told if s == "kicked"] == [("A", "kicked"), ("A", "kicked")]


def test_a_switch_takes_both_rooms_if_one_was_joined() -> None:
    """From nowhere there is nothing to leave."""
    move = Call("A", "move", {"from": "R", "to": "Q", "ticket": "good"})
    assert [s for _, s, _ in story(plan(join("A"), move))] == ["joining", "in", "out", "joining", "in"]
    assert story(plan(move)) == []


def test_a_wait_only_lets_time_pass() -> None:
    """A step that names no moment begins after the pace."""
    steps = (Step(Wait()), Step(join("A"), When(None, 7 * MS)))
    assert story(Schedule((A,), ("R",), steps, 100 * MS))[0] == ("A", "joining", 7)
    assert story(Schedule((A,), ("R",), steps, 100 * MS, pace=5 * MS))[0] == ("A", "joining", 17)


def test_what_a_schedule_is_likely_to_meet_is_counted_like_what_was_met() -> None:
    """The same function reads both."""
    schedule = plan(join("A"), Fault("A", FaultKind.CUT), Call("A", "leave", {"room": "R"}))
    assert met(lobby(), nominal(lobby(), schedule)) == {
        Triple("out", "join", "-"),
        Triple("in", "cut", "-"),
        Triple("lost", "leave", "cut"),
    }


def test_a_heal_of_a_whole_link_changes_nothing() -> None:
    """There is nothing to come back from."""
    assert [s for _, s, _ in story(plan(join("A"), Heal("A")))] == ["joining", "in"]


def test_a_silent_rule_moves_the_story_without_a_word() -> None:
    """In a contract whose callbacks name no room."""
    contract = lobby()
    own = contract.views[0]
    leave = next(rule for rule in own.rules if rule.to == "out" and rule.cause.name == "leave")
    quiet = replace(own, rules=tuple(replace(r, silent=True) if r is leave else r for r in own.rules))
    callbacks = {**contract.callbacks, "status": replace(contract.callbacks["status"], room=None)}
    silent = replace(contract, views=(quiet, contract.views[1]), callbacks=callbacks)
    schedule = plan(join("A"), Call("A", "leave", {"room": "R"}), join("A"))
    told = [r for r in nominal(silent, schedule).records if isinstance(r, Told)]
    assert [r.fields["state"] for r in told] == ["joining", "in", "joining", "in"]
    assert Triple("in", "leave", "-") in met(silent, nominal(silent, schedule))


def test_who_must_go_and_may_go_before_goes_before_the_other_device_is_told() -> None:
    """Unless its link is down, when it cannot be told."""
    contract = lobby()
    own = contract.views[0]
    twin = next(rule for rule in own.rules if rule.cause.kind is CauseKind.TWIN)
    early = replace(twin, id=1000, cause=Cause(CauseKind.TWIN_IN, "joining"), optional=True)
    eager = replace(contract, views=(replace(own, rules=(*own.rules, early)), contract.views[1]))
    both = plan(join("A"), join("A2"), members=(A, A2))
    away = plan(join("A"), Fault("A", FaultKind.CUT), join("A2"), members=(A, A2))

    def told(schedule: Schedule) -> list[tuple[str, str]]:
        return [(r.member, r.fields["state"]) for r in nominal(eager, schedule).records if isinstance(r, Told)]

    assert told(both)[-2:] == [("A", "kicked"), ("A2", "in")]
    assert ("A", "kicked") not in told(away)


def test_two_triples_that_follow_each_other_are_a_pair() -> None:
    """In the order of the trace."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.call(100, "A", "leave", room="R")
    assert pairs(lobby(), tape.trace(1000)) == {(Triple("out", "join", "-"), Triple("in", "leave", "-"))}
