"""Every defect of the reference room but those of a moment shows itself in some scenario, in virtual time."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.reference import defects
from roomcheck.simulate import simulate
from simulate.zego import contract

MOMENTS = {name for name, d in defects.DEFECTS.items() if d.machine.__module__.endswith(".moments")}


@pytest.mark.parametrize("name", sorted(set(defects.DEFECTS) - MOMENTS))
def test_a_defect_is_found(name: str) -> None:
    """At least one scenario violates the contract on a room with this defect."""
    bound = contract()
    clients, server = defects.client(name), defects.server(name)

    outcomes = (judge(bound, simulate(bound, c, clients=clients, server=server), c).outcome for c in bound.cases)

    assert any(outcome is Outcome.VIOLATES for outcome in outcomes)


@pytest.mark.parametrize("name", sorted(MOMENTS))
def test_what_needs_a_moment_is_found_by_no_scenario(name: str) -> None:
    """That is what random schedules are for; five such defects at least."""
    bound = contract()
    clients, server = defects.client(name), defects.server(name)

    outcomes = {judge(bound, simulate(bound, c, clients=clients, server=server), c).outcome for c in bound.cases}

    assert outcomes == {Outcome.CONFORMS}
    assert len(MOMENTS) >= 5
