"""What a model room does is lawful, whatever its policy is."""

import pytest

from room.parlour import by_chance, contract
from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.room import Policy, Timing, play

ROOMS = (
    Policy(eagerness=0.0),
    Policy(Timing.LATE, 1, 0.3),
    Policy(Timing.EARLY, 2, 0.5),
    Policy(Timing.DRAWN, 3, 0.5),
    Policy(Timing.DRAWN, 4, 1.0),
)


@pytest.mark.parametrize("seed", range(30))
def test_no_lawful_room_is_refused(seed: int) -> None:
    """Random schedules on five rooms each, by the judge that knows nothing of them."""
    case = by_chance(seed)
    for policy in ROOMS:
        trace = play(contract(), case, policy)
        verdict = judge(contract(), trace)
        assert verdict.outcome is not Outcome.VIOLATES, (policy, verdict.findings[0])


def test_the_same_policy_does_the_same() -> None:
    """Nothing is left to chance but the seed."""
    case = by_chance(1)

    one, again, other = (play(contract(), case, Policy(Timing.DRAWN, seed)) for seed in (7, 7, 8))

    assert one == again
    assert one != other
