"""Schedules as files: what a fuzz run found, and what a person wants to see played again.

The grammar is that of a scenario. Times are documented ones, whatever the scale of the run that wrote the file, and
are written as a person would: as constants where one fits, else with as few digits as give the same microsecond.

```yaml
spec: zego-express/room-status
title: Away for as long as the heartbeat timeout
found: {requirement: ZX-RECONNECT-4}
members: [A, B]
rooms: [R]
schedule:
  - {A: loginRoom, as: S1}
  - {fault: A, kind: cut, at: S1 + 45s, as: S2}
  - {heal: A, at: S2 + heartbeat_timeout + 1s, as: S3}
watch: list_limit + notice_limit
```
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any, assert_never

import yaml

from roomcheck.errors import SpecError
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule, Step, Wait, When
from roomcheck.model.time import UNITS
from roomcheck.spec.contract import Contract
from roomcheck.spec.expressions import Names, Quantity
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import read
from roomcheck.spec.scenarios import SERVER, Scene, Steps
from roomcheck.spec.shape import ScheduleShape, fit
from roomcheck.spec.vocabulary import Words

BESIDE = 20  # `constant + 1s` reads better than the sum up to 1/20 of the constant; beyond, the sum does
_NO_NOTES: Mapping[str, str] = MappingProxyType({})


def read_schedule(text: str | bytes, file: str, contract: Contract) -> Schedule:
    """The schedule in this contract's time. SpecError holds every problem of the file.

    Whether the target takes its faults and has its operations is not looked at: see `contract.faults` and `lacks`.
    """
    problems = Problems()
    doc = read(text, file)
    shape = fit(ScheduleShape, doc, problems)
    if shape is None:
        raise SpecError(problems.found)

    def find(name: str) -> Quantity:
        return Quantity(contract.constants[name] * Fraction(contract.scale), duration=True)

    words = Words(doc, problems, Names(contract.constants, find), Fraction(contract.scale))
    words.operations = contract.operations
    words.pace = contract.pace
    if shape.spec != contract.spec and "spec" in doc.keys:  # else it was missing, and that is said
        problems.add(words.where("spec"), f"this schedule is for {shape.spec!r}, the target keeps {contract.spec!r}")
    scene = Scene(words, shape, (), "give `kind`")
    steps = Steps(scene, None).steps
    watch = words.duration(shape.watch, "watch")
    problems.raise_any()
    return Schedule(scene.members(), tuple(scene.rooms), tuple(steps), watch)


def write_schedule(
    contract: Contract, schedule: Schedule, *, title: str = "", notes: Mapping[str, str] = _NO_NOTES
) -> str:
    """YAML from which `read_schedule` makes the same schedule. `notes` is what was found by it.

    ValueError for a step that no file can hold: an act that names no moment and still does not follow at once.
    """
    writer = _Writer(contract, schedule)
    members = [_scalar(m.name) if m.name == m.user else f"{_map({m.name: _scalar(m.user)})}" for m in schedule.members]
    lines = [f"spec: {_scalar(contract.spec)}"]
    if title:
        lines.append(f"title: {_scalar(title)}")
    if notes:
        lines += ["found:", *(f"  {_scalar(name)}: {_scalar(note)}" for name, note in notes.items())]
    lines += [f"members: {_list(members)}", f"rooms: {_list(map(_scalar, schedule.rooms))}", "schedule:"]
    lines += [f"  - {_map(dict(writer.step(step)))}" for step in schedule.steps]
    lines.append(f"watch: {writer.times.duration(schedule.watch)}")
    return "\n".join(lines) + "\n"


class _Writer:
    """Acts as they are written."""

    def __init__(self, contract: Contract, schedule: Schedule) -> None:
        self.contract = contract
        self.schedule = schedule
        self.times = _Times(contract)

    def step(self, step: Step) -> Iterator[tuple[str, str]]:
        """The keys of a step and what stands behind each."""
        act, when = step.act, step.when
        match act:
            case Call():
                yield act.member, self._call(act)
            case Admin():
                yield "admin", self._call(act)
            case Fault():
                yield "fault", _scalar(act.member or SERVER)
                yield from self._fault(act)
            case Heal():
                yield "heal", _scalar(act.member or SERVER)
            case Wait():
                yield "wait", self.times.duration(0 if when.label else when.offset)
            case _:
                assert_never(act)
        if when.label is not None:
            yield "at", self.times.moment(when)
        elif when.offset and not isinstance(act, Wait):
            raise ValueError(f"no file can say that {act} comes {when.offset} us after the step before")
        if step.label is not None:
            yield "as", _scalar(step.label)

    def _call(self, act: Call | Admin) -> str:
        """The name of the operation, with what is not the default; of several rooms, all are written."""
        operation = self.contract.operations[act.operation]
        defaults = {name: lawful[0] for name, lawful in operation.args.items()}
        if len(operation.rooms) == 1:
            defaults[operation.rooms[0]] = self.schedule.rooms[0]
        given = {
            name: _scalar(value)
            for name, value in act.args.items()
            if name not in defaults or not _same(value, defaults[name])
        }
        return _map({act.operation: _map(given)}) if given else _scalar(act.operation)

    def _fault(self, act: Fault) -> Iterator[tuple[str, str]]:
        if act.member is not None:
            yield "kind", act.kind.value
        if act.settings:
            yield "with", _map({name: _scalar(value) for name, value in act.settings.items()})
        if act.endpoint is not None:
            yield "endpoint", _scalar(act.endpoint)


class _Times:
    """Microseconds of a contract as expressions that mean exactly them."""

    def __init__(self, contract: Contract) -> None:
        self.scale = Fraction(contract.scale)
        named = sorted(contract.constants, key=lambda name: name in contract.typical)  # what is judged comes first
        self.constants = {name: contract.constants[name] for name in named if contract.constants[name]}

    def moment(self, when: When) -> str:
        """After a label."""
        return f"{when.label} + {self.duration(when.offset)}" if when.offset else str(when.label)

    def duration(self, micros: int) -> str:
        """The first of these that means it: a constant, one and a little, plain digits, a sum of two, more digits."""
        if not micros:
            return "0s"
        plain = show(simplest(micros, self.scale))
        ways = [
            *(name for name, value in self.constants.items() if value == micros),
            *self._beside(micros),
            *([plain] if re.fullmatch(r"[1-9]|[1-9]5", _digits(plain)) else []),
            *self._sums(micros),
        ]
        return next(iter(ways), plain)

    def _beside(self, micros: int) -> Iterator[str]:
        """A constant and a nice little more or less, the least first."""
        for name, value in sorted(self.constants.items(), key=lambda item: abs(micros - item[1])):
            rest = abs(micros - value)
            if not rest or rest * BESIDE > value:
                continue
            little = simplest(rest, self.scale)
            exact = value * self.scale + (little if micros > value else -little)
            if len(_digits(show(little))) == 1 and round(exact / self.scale) == micros:
                yield f"{name} {'+' if micros > value else '-'} {show(little)}"

    def _sums(self, micros: int) -> Iterator[str]:
        for (a, x), (b, y) in itertools.product(self.constants.items(), repeat=2):
            if x + y == micros and x >= y:
                yield f"{a} + {b}"
            elif x - y == micros:
                yield f"{a} - {b}"


def simplest(micros: int, scale: Fraction) -> Fraction:
    """The documented microseconds with the fewest digits that are these when scaled."""
    exact = micros * scale
    power = Fraction(10) ** (len(str(int(exact))) + 1)
    while True:
        power /= 10
        grid = round(exact / power) * power
        if round(grid / scale) == micros:
            return grid


def show(micros: Fraction) -> str:
    """A duration in the unit that a person would choose: 20min, 90s, 1.5s, 250ms."""
    whole_ones = (unit for unit in ("h", "min") if micros % UNITS[unit] == 0)
    unit = next(whole_ones, None) or next((unit for unit in ("s", "ms") if micros >= UNITS[unit]), "us")
    value = micros / UNITS[unit]
    whole, rest = divmod(value, 1)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{whole}{'.' if digits else ''}{digits}{unit}"


def _digits(duration: str) -> str:
    """The digits that say it, without the noughts before and behind: 1 of 10ms, 15 of 1.5s."""
    return "".join(filter(str.isdigit, duration)).strip("0")


# --- YAML in one line ------------------------------------------------------------------------------------------------


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


@lru_cache(4096, typed=True)
def _scalar(value: Any) -> str:
    """The value as it is read back: plain where it can be."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str):
        return format(Decimal(str(value)), "f")
    try:
        if read(f"{{{value}: [{value}]}}", "").plain() == {value: [value]}:
            return value
    except SpecError:
        pass
    return str(yaml.safe_dump(value, default_style='"', allow_unicode=True, width=2**31)).rstrip("\n")


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _map(items: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_scalar(key)}: {value}" for key, value in items.items()) + "}"


def spec_named_in(text: str | bytes, file: str) -> str:
    """The id of the spec that a schedule is for, '' if it names none. SpecError if it is no YAML."""
    named = read(text, file).child("spec")
    return named.value if named is not None and isinstance(named.value, str) else ""
