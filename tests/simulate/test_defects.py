"""Every defect of the reference room shows itself in some scenario, in virtual time as on sockets."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.reference import defects
from roomcheck.simulate import simulate
from simulate.zego import contract


@pytest.mark.parametrize("name", sorted(defects.DEFECTS))
def test_a_defect_is_found(name: str) -> None:
    """At least one scenario violates the contract on a room with this defect."""
    bound = contract()
    clients, server = defects.client(name), defects.server(name)

    outcomes = (judge(bound, simulate(bound, c, clients=clients, server=server), c).outcome for c in bound.cases)

    assert any(outcome is Outcome.VIOLATES for outcome in outcomes)
