"""Which (state, cause, fault) triples a trace has met."""

from typing import Any

import pytest

from roomcheck.judge import judge
from roomcheck.judge.coverage import Coverage, Triple, met, pairs
from roomcheck.model.fault import FaultKind
from support.lobby import lobby
from support.tape import Tape

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
