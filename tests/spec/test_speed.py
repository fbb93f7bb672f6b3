"""The same room at another speed."""

from dataclasses import replace
from fractions import Fraction

import pytest

from roomcheck.cli.files import find_spec, find_target, read_spec, read_target, spec_names
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Call, Fault, Schedule, Step, Wait, When
from roomcheck.spec.case import Case
from roomcheck.spec.speed import at_the_speed_of, speeds, stretched


@pytest.mark.parametrize(
    ("fastest", "all_of_them"),
    [(100.0, (100, 25, 6.25, 1)), (25.0, (25, 6.25, 1)), (2.0, (2, 1)), (1.0, (1,)), (0.5, (0.5,))],
)
def test_each_speed_is_slower_down_to_the_documented_one(fastest: float, all_of_them: tuple[float, ...]) -> None:
    assert speeds(fastest) == all_of_them


def test_a_schedule_takes_so_many_times_longer() -> None:
    """What is no duration stays as it is."""
    settings = {"size": 8, "delay": 200}
    schedule = Schedule(
        (), ("R",),
        (Step(Wait(), When(None, 10), "T"), Step(Call("A", "join"), When("T", -3)),
         Step(Fault("A", FaultKind.SLICE, settings)), Step(Fault("A", FaultKind.CUT))),
        watch=100, pace=7,
    )  # fmt: skip
    longer = stretched(schedule, Fraction(4))
    assert [s.when.offset for s in longer.steps] == [40, -12, 0, 0]
    assert [s.when.label for s in longer.steps] == [None, "T", None, None]
    assert (longer.watch, longer.pace) == (400, 28)
    assert [s.act for s in longer.steps][2:] == [
        Fault("A", FaultKind.SLICE, {"size": 8, "delay": 800}), Fault("A", FaultKind.CUT),
    ]  # fmt: skip
    assert stretched(replace(schedule, pace=None), Fraction(4)).pace is None


def test_a_setting_stays_within_its_bounds() -> None:
    fault = Step(Fault("A", FaultKind.TRUNCATE, {"bytes": 1, "within": 400_000_000}))
    [step] = stretched(Schedule((), (), (fault,), 0), Fraction(4)).steps
    assert step.act == Fault("A", FaultKind.TRUNCATE, {"bytes": 1, "within": 600_000_000})


@pytest.mark.parametrize("name", spec_names())
def test_a_stretched_case_is_that_of_the_slower_contract(name: str) -> None:
    """But for what rounding to a microsecond costs."""
    spec = read_spec(find_spec(name))
    fast, slow = spec.bind(scale=100.0), spec.bind(scale=25.0)
    for case in fast.cases:
        known = at_the_speed_of(slow, fast, case)
        assert known in slow.cases
        schedule = at_the_speed_of(replace(slow, cases=()), fast, case).schedule
        assert schedule.watch == pytest.approx(known.schedule.watch, abs=2)
        for step, exact in zip(schedule.steps, known.schedule.steps, strict=True):
            assert step.when.offset == pytest.approx(exact.when.offset, abs=2)
            assert (step.when.label, step.label, type(step.act)) == (exact.when.label, exact.label, type(exact.act))


def test_a_schedule_that_no_scenario_made_is_stretched() -> None:
    target = read_target(find_target("reference"))
    spec = read_spec(find_spec(target.spec))
    fast, slow = spec.bind(scale=100.0), spec.bind(scale=25.0)
    case = Case("random/1", "random", "", None, Schedule((), ("R",), (), 10), (), ())
    assert at_the_speed_of(slow, fast, case) == replace(case, schedule=replace(case.schedule, watch=40))
