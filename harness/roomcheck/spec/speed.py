"""The same room at another speed: a contract has its times in the run's microseconds, and a slower run has longer ones.

Windows grow as a run goes more slowly, the lateness of the machine does not.
"""

from dataclasses import replace
from fractions import Fraction

from roomcheck.model.fault import SETTINGS
from roomcheck.model.schedule import Fault, Schedule, Step, When
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract

STEP = 4  # each speed is so many times slower than the one before


def speeds(fastest: float) -> tuple[float, ...]:
    """The speeds at which a room is played, down to the documented one."""
    out = [fastest]
    while out[-1] / STEP >= 2:
        out.append(out[-1] / STEP)
    return (*out, 1.0) if out[-1] > 1 else tuple(out)


def at_the_speed_of(slower: Contract, contract: Contract, case: Case) -> Case:
    """The case of this contract, or of a schedule in its time, in the time of the slower one."""
    for known in slower.cases:
        if known.id == case.id:
            return known
    return replace(case, schedule=stretched(case.schedule, Fraction(contract.scale) / Fraction(slower.scale)))


def stretched(schedule: Schedule, times: Fraction) -> Schedule:
    """Everything in it takes so many times longer."""

    def longer(micros: int) -> int:
        return round(micros * times)

    def step(old: Step) -> Step:
        act = old.act
        if isinstance(act, Fault):
            durations = {name: each.most for name, each in SETTINGS.get(act.kind, {}).items() if each.duration}
            settings = {
                name: min(longer(value), durations[name]) if name in durations and isinstance(value, int) else value
                for name, value in act.settings.items()
            }
            act = replace(act, settings=settings)
        return Step(act, When(old.when.label, longer(old.when.offset)), old.label)

    return replace(
        schedule,
        steps=tuple(step(old) for old in schedule.steps),
        watch=longer(schedule.watch),
        pace=None if schedule.pace is None else longer(schedule.pace),
    )
