"""Where a member itself tells the others that it is in, its word may be lost with the connection that it came by."""

from dataclasses import replace

import pytest

from roomcheck.judge import judge
from roomcheck.judge.stay import Request
from roomcheck.model.time import Instant
from roomcheck.model.verdict import Outcome
from support.lobby import NOTICE, lobby
from support.tape import Tape

BY_MEMBER = replace(
    lobby(),
    views=tuple(
        replace(v, presence=replace(v.presence, told_by_member=True)) if v.presence else v for v in lobby().views
    ),
)
CONFORMS, VIOLATES = Outcome.CONFORMS, Outcome.VIOLATES


def inside() -> Tape:
    """B is in, and A since 1,020 ms."""
    tape = Tape("A", "B")
    tape.join(0, "B")
    tape.call(1000, "A", "join", room="R", ticket="good")
    tape.told(1001, "A", "joining")
    tape.told(1020, "A", "in")
    tape.heard(1021, "A", "+", "B")
    return tape


def kicked(after: float, *heard: str) -> Tape:
    """B is in; A comes, is kicked so long after it is in, and B hears this."""
    tape = inside()
    for n, change in enumerate(heard[:1]):
        tape.heard(1022 + n, "B", change, "A")
    tape.admin(1020 + after, "kick", room="R", user="A")
    tape.told(1021 + after, "A", "kicked", 55)
    for n, change in enumerate(heard[1:]):
        tape.heard(1022 + after + n, "B", change, "A")
    return tape


@pytest.mark.parametrize(
    ("heard", "soon", "later"),
    [
        ((), CONFORMS, VIOLATES),  # the word was never read: there was nothing to undo
        (("+", "-"), CONFORMS, CONFORMS),
        (("+",), VIOLATES, VIOLATES),  # who was told that A came must be told that it went
    ],
)
def test_who_is_out_at_once_may_not_have_been_heard(heard: tuple[str, ...], soon: Outcome, later: Outcome) -> None:
    """Not even by its server."""
    for after, expected in ((5, soon), (10 * NOTICE, later)):
        assert judge(BY_MEMBER, kicked(after, *heard).trace(4000)).outcome == expected


def test_where_the_server_tells_it_nothing_is_lost() -> None:
    """It knows who is in."""
    assert judge(lobby(), kicked(5).trace(4000)).outcome == VIOLATES


def test_who_leaves_has_been_heard_before() -> None:
    """Its goodbye comes behind its word."""
    for heard, expected in (((), VIOLATES), (("+", "-"), CONFORMS)):
        tape = inside()
        tape.call(1025, "A", "leave", room="R")
        tape.told(1026, "A", "out")
        for n, change in enumerate(heard):
            tape.heard(1030 + n, "B", change, "A")
        assert judge(BY_MEMBER, tape.trace(4000)).outcome == expected


def test_what_cuts_a_stay_short() -> None:
    """That the member is cut off while it is in, or out unasked; not that it is only on its way in, nor that it leaves."""

    def at(t: int) -> Instant:
        return Instant(t, t)

    way_in = Request(1, at(0), {}, valid=True, cut_off=at(1))
    lost_twice = replace(way_in, first=at(2), lost=at(3), opened=at(4), cut_off=at(5), away=True)
    assert list(way_in.cut_short()) == []
    assert list(replace(way_in, first=at(2), lost=at(1), opened=at(2)).cut_short()) == []
    assert list(lost_twice.cut_short()) == [at(3), at(5)]
    assert list(replace(lost_twice, out=at(6)).cut_short()) == [at(3), at(5), at(6)]
    assert list(replace(lost_twice, left=at(6), out=at(6)).cut_short()) == [at(3), at(5)]
    assert list(replace(lost_twice, left=at(6), out=at(7)).cut_short()) == [at(3), at(5)]
    assert list(replace(lost_twice, left=at(7), out=at(6)).cut_short()) == [at(3), at(5), at(6)]
