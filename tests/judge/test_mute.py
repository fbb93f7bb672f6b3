"""A member that is only mute hears the server: it need not notice, and is told what the server tells unasked."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.verdict import Outcome
from support.lobby import LOSS, lobby
from support.tape import Tape

LOBBY = lobby()
CONFORMS, VIOLATES = Outcome.CONFORMS, Outcome.VIOLATES


def inside(*kinds: FaultKind) -> Tape:
    """A is in, and its link has these faults, one after the other."""
    tape = Tape("A")
    tape.join(0, "A")
    for n, kind in enumerate(kinds):
        tape.fault(1000 + 100 * n, "A", kind)
    return tape


def judged(tape: Tape, end: float) -> Outcome:
    return judge(LOBBY, tape.trace(end)).outcome


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([FaultKind.MUTE_STALL], CONFORMS),
        ([FaultKind.MUTE_STALL, FaultKind.MUTE_BLACKHOLE], CONFORMS),
        ([FaultKind.DEAF_BLACKHOLE], VIOLATES),
        ([FaultKind.STALL], VIOLATES),
        ([FaultKind.MUTE_STALL, FaultKind.DEAF_STALL], VIOLATES),
        ([FaultKind.DEAF_STALL, FaultKind.MUTE_STALL], VIOLATES),
    ],
)
def test_only_who_is_mute_and_no_more_need_not_notice(kinds: list[FaultKind], expected: Outcome) -> None:
    """Who hears nothing must, whatever came first."""
    assert judged(inside(*kinds), 1200 + 3 * LOSS) == expected


@pytest.mark.parametrize("at", [1010, 1000 + LOSS, 1000 + 3 * LOSS])
def test_who_is_mute_may_notice_at_any_time(at: float) -> None:
    """As when the server gives it up."""
    tape = inside(FaultKind.MUTE_STALL)
    tape.told(at, "A", "lost", 51)
    assert judged(tape, at + 100) == CONFORMS


def test_a_mute_link_that_heals_is_noticed_no_more() -> None:
    """It is whole."""
    tape = inside(FaultKind.MUTE_STALL)
    tape.heal(1200, "A")
    tape.told(1200 + 3 * LOSS, "A", "lost", 51)
    assert judged(tape, 1300 + 3 * LOSS) == VIOLATES


def test_a_server_that_is_down_is_noticed_by_who_is_mute() -> None:
    """Nothing comes from it any more; when it is back, who is mute hears again."""
    tape = inside(FaultKind.MUTE_STALL)
    tape.fault(1200, None, FaultKind.SERVER_RESTART)
    assert judged(tape, 1300 + 2 * LOSS) == VIOLATES


@pytest.mark.parametrize(("kind", "expected"), [(FaultKind.MUTE_STALL, CONFORMS), (FaultKind.DEAF_STALL, VIOLATES)])
def test_what_only_the_server_can_tell_reaches_who_is_mute(kind: FaultKind, expected: Outcome) -> None:
    """Long after its link was lost; never who is deaf."""
    tape = inside(kind)
    tape.told(1010, "A", "lost", 51)
    tape.admin(1000 + 2 * LOSS, "kick", user="A", room="R")
    tape.told(1010 + 2 * LOSS, "A", "kicked", 55)
    assert judged(tape, 1100 + 2 * LOSS) == expected
