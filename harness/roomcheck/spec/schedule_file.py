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

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any, assert_never

import yaml

from roomcheck.errors import SpecError
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule, Step, Wait, When
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.durations import Durations
from roomcheck.spec.expressions import Names, Quantity
from roomcheck.spec.fit import fit
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import read
from roomcheck.spec.scenarios import SERVER, Scene, Steps
from roomcheck.spec.shape import ScheduleShape
from roomcheck.spec.vocabulary import Words

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
    watch = words.duration(shape.watch, "watch") if "watch" in doc.keys else 0  # it was missing, and that is said
    problems.raise_any()
    return Schedule(scene.members(), tuple(scene.rooms), tuple(steps), watch, scene.pace)


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
    if schedule.pace is not None:
        lines.append(f"pace: {writer.durations.write(schedule.pace)}")
    lines.append(f"watch: {writer.durations.write(schedule.watch)}")
    return "\n".join(lines) + "\n"


class _Writer:
    """Acts as they are written."""

    def __init__(self, contract: Contract, schedule: Schedule) -> None:
        self.contract = contract
        self.schedule = schedule
        self.durations = Durations(contract)

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
                yield "wait", self.durations.write(0 if when.label else when.offset)
            case _:
                assert_never(act)
        if when.label is not None:
            yield "at", self._moment(when)
        elif when.offset and not isinstance(act, Wait):
            raise ValueError(f"no file can say that {act} comes {when.offset} us after the step before")
        if step.label is not None:
            yield "as", _scalar(step.label)

    def _moment(self, when: When) -> str:
        return f"{when.label} + {self.durations.write(when.offset)}" if when.offset else str(when.label)

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


def case_of(name: str, schedule: Schedule, title: str = "A random schedule") -> Case:
    """A schedule as a case that expects nothing but what the rules say."""
    kinds = {getattr(step.act, "kind", None) for step in schedule.steps} - {None}
    alone = any(getattr(step.act, "member", "") is None for step in schedule.steps if hasattr(step.act, "kind"))
    fault = next(iter(kinds)).value if len(kinds) == 1 else None  # type: ignore[union-attr]
    return Case(name, name.partition("/")[0], title, fault, schedule, (), (), own_server=alone)
