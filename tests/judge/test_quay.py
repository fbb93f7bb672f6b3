"""A vendor that gives a lost seat away untold, while its owner may be on its way back."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.room import Policy, Timing, perform
from support.vendors import contract

QUAY = contract("quay")


@pytest.mark.parametrize("eagerness", [0.0, 0.5, 1.0])
def test_what_was_due_in_the_state_before_need_not_come(eagerness: float) -> None:
    """The seat was given away before the owner had to be told that it is back: its time begins anew."""
    case = next(case for case in QUAY.cases if case.id == "story-away-long/cut")
    for seed in range(3):
        trace = perform(QUAY, case, Policy(Timing.LATE, seed, eagerness)).trace
        assert judge(QUAY, trace).outcome is not Outcome.VIOLATES, seed
