"""A room that breaks one promise is refused."""

from functools import cache
from pathlib import Path

import pytest

from room.parlour import CAST, by_chance, contract, cut, enter, leave
from room.parlour import case as case_of
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Call, Fault, Heal
from roomcheck.model.verdict import Outcome
from roomcheck.room import Break, Kind, Performance, Policy, Timing, breaks, perform, spare
from roomcheck.spec.case import Case
from roomcheck.spec.load import load_spec
from support.vendors import contract as vendor

ROOMS = (Policy(Timing.DRAWN, 4, 1.0), Policy(eagerness=0.0))
# who is told that a room is closed is thrown out itself, so nobody is owed the news of the others
BREAKS = [broken for broken in breaks(contract()) if broken.news != "left upon close"]
MADE_UP = ("left", "joined")


@cache
def lawful() -> list[tuple[Case, Policy, Performance]]:
    """Schedules on rooms that break nothing."""
    return [(case, room, perform(contract(), case, room)) for case in map(by_chance, range(16)) for room in ROOMS]


def places(broken: Break) -> list[tuple[Case, Policy]]:
    """Where what is broken comes up."""

    def concerns(played: Performance) -> bool:
        if broken.news:
            return broken.news in (*played.news, *MADE_UP)
        return broken.rule is None or broken.rule in played.kept

    return [(case, room) for case, room, played in lawful() if concerns(played)][:12]


def refused(broken: Break) -> tuple[bool, set[str | None]]:
    """Whether the promise was due, and what was named where the room was refused."""
    due = False
    for case, room in places(broken):
        performance = perform(contract(), case, room, broken)
        due = due or performance.broke
        verdict = judge(contract(), performance.trace) if performance.broke else None
        if verdict and verdict.outcome is Outcome.VIOLATES:
            return True, {f.requirement for f in verdict.findings}
    return due, set()


@pytest.mark.parametrize("broken", BREAKS, ids=range(len(BREAKS)))
def test_a_broken_promise_is_found(broken: Break) -> None:
    """By rules alone, if it was due at all; most are due in these few schedules."""
    due, named = refused(broken)

    assert named or not due, str(broken)


def test_every_sort_of_break_is_made() -> None:
    """Of a contract with every construct, and one that counts the devices of a user."""
    counting = breaks(vendor("tally"))
    assert {broken.kind for broken in (*BREAKS, *spare(contract()), *counting)} == set(Kind)
    assert str(BREAKS[0]) == "ENTERING upon enter while OUT or REFUSED or ENDED or THROWN: never told"


def test_what_nobody_need_be_told_of_is_not_told_again() -> None:
    """Where a room is closed its observers leave with it: nobody is left to be told that somebody is there again."""
    text = Path(__file__).parents[1].joinpath("specs", "hall.yaml").read_text(encoding="utf-8")
    again = {broken.news for broken in breaks(load_spec(text, "hall.yaml").bind()) if broken.kind is Kind.RETURNS}

    assert "left upon kick" in again
    assert "left upon close" not in again


@pytest.mark.parametrize("lost", [False, True])
def test_who_loses_its_link_at_once_is_owed_nothing(*, lost: bool) -> None:
    """News that is kept from an observer is missed only if it could still have come."""
    one = next(b for b in breaks(contract()) if b.kind is Kind.ONE and b.news == "left upon told OUT")
    acts = [enter("A"), enter("B"), enter("C"), leave("A"), 1, cut("C")]

    performance = perform(contract(), case_of(*(acts if lost else acts[:-2])), Policy(Timing.EARLY), one)

    assert performance.broke is not lost


HUSHED = load_spec(
    """
spec: made-up/hushed
title: Each state has a callback of its own, and the first has none
revision: "1"
callbacks: {came: {room: room, fields: {room: str}}, lost: {room: room, fields: {room: str}}}
operations: {enter: {rooms: [room]}, quit: {rooms: [room]}}
pace: 1s
watch: 5s
requirements: {H: {must: Nothing without a cause., documented: "1"}}
connection:
  told: {IN: {came: {}}, LOST: {lost: {}}}
  initial: OUT
  otherwise: H
  rules:
    - {from: OUT, cause: enter, to: IN, within: 1s, for: H}
    - {from: LOST, cause: quit, to: OUT, silent: true}
    - {from: IN, cause: link down, to: LOST, within: 1s, for: H}
    - {from: LOST, cause: entered, to: IN, within: 1s, while: link up, for: H}
""",
    "hushed.yaml",
).bind()


def test_a_state_that_no_callback_tells_is_told_by_no_broken_room() -> None:
    """Nobody can be told it without a cause."""
    acts = [Call("A", "enter", {"room": "R"}), Fault("A", FaultKind.CUT), Heal("A"), Call("A", "quit", {"room": "R"})]
    one = case_of(*acts, members=CAST[:1])
    found = breaks(HUSHED)

    broke = [b for b in found if perform(HUSHED, one, Policy(eagerness=1.0), b).broke]

    assert {b.state for b in found if b.kind is Kind.CAUSELESS} == {"IN", "LOST"}
    assert any(b.kind is Kind.CAUSELESS for b in broke)
