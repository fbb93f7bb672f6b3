"""Model rooms of other vendors: what the contract in this folder does not have."""

from functools import cache

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.room import Policy, Timing, perform
from support.vendors import contract

VENDORS = ("cellar", "conference", "foyer", "lido", "lodge", "phone", "porch", "roster")
ROOMS = (Policy(), Policy(Timing.LATE, 1, 0.5), Policy(Timing.DRAWN, 2, 1.0), Policy(eagerness=1.0, obliging=True))


bound = cache(contract)


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_lawful_room_is_refused(vendor: str) -> None:
    """In any of its scenarios, by the rules."""
    for case in bound(vendor).cases:
        for policy in ROOMS:
            verdict = judge(bound(vendor), perform(bound(vendor), case, policy).trace)
            assert verdict.outcome is Outcome.CONFORMS, (case.id, policy, verdict.findings)
