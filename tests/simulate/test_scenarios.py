"""The whole contract in virtual time: every scenario conforms, and the same way each time."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.trace import read_trace, write_trace
from roomcheck.model.verdict import Outcome
from roomcheck.simulate import simulate
from roomcheck.simulate.world import World
from simulate.zego import contract


@pytest.mark.parametrize("scale", [1.0, 100.0, 7.0])
def test_every_scenario_conforms(scale: float) -> None:
    """The reference room keeps the contract, in documented time and faster."""
    bound = contract(scale)

    refused = {
        c.id: verdict.findings
        for c in bound.cases
        if (verdict := judge(bound, simulate(bound, c), c)).outcome is not Outcome.CONFORMS
    }

    assert len(bound.cases) > 100
    assert refused == {}


def test_a_case_has_one_trace() -> None:
    """Nothing in a simulation is left to chance."""
    bound = contract()

    assert all(simulate(bound, c) == simulate(bound, c) for c in bound.cases)


def test_a_story_in_one_event_is_the_same_as_in_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats and attempts that nothing disturbs take a short way, which changes no record of any case."""
    bound = contract()
    short = {c.id: simulate(bound, c) for c in bound.cases}

    monkeypatch.setattr(World, "_passed", lambda _world, _due: False)

    assert all(simulate(bound, c) == short[c.id] for c in bound.cases)


def test_a_trace_survives_its_file() -> None:
    """A simulated trace is one like any other: `roomcheck judge` reads it back."""
    bound = contract()
    trace = simulate(bound, bound.cases[0])

    read = read_trace(write_trace(trace))

    assert read == trace
    assert (read.clock, read.lateness, read.scale) == ("virtual", 0, 1.0)


def test_instants_have_no_width_and_records_come_in_order() -> None:
    """Virtual time has no measurement: only a truncate lasts."""
    bound = contract()
    traces = [simulate(bound, c) for c in bound.cases if "truncate" not in c.id]

    assert all(r.at.lo == r.at.hi for t in traces for r in t.records)
    assert all([r.at for r in t.records] == sorted(r.at for r in t.records) for t in traces)
