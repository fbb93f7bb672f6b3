"""Several rooms that were played the same cases: where they tell their members something else. Values, and as text.

What a difference is. In one case, take what one member was told about one thing: about itself in a room, or about one
user in a room; the spec's views say which callback and which of its fields tell that. In order, that is a sequence of
values, each with the callback's other fields. Two targets differ there if no sequence that was seen on the one was
seen on the other. Where they differ at first, all targets play the case again, up to three times in all: a race that
can end either way is then seen to, and is no difference but said to vary. (One that nearly always ends in one way on
each target can still pass for a difference.)

What is none:
- timing: neither when something came, nor whether it came in time; that is what verdicts are for, and where two targets
  tell the same but are judged differently this is said;
- the order of things that have none: what two members were told, or one member about itself and about others, or about
  two users; whether two users came in one callback or in two; the order inside a list;
- names and what a run makes up: users and rooms are compared by what the schedule calls them; a value of a field that
  was told in one play only, though every target has played the case more than once, is made up by that play, such as
  the id of a connection: the first one of a sequence is #1 on each target, the same one again is #1 again; fields of
  type `any` are left out, since the spec does not say what may stand there, and so are callbacks that it does not list.

A difference is not a violation: both may be lawful, where the spec leaves it open. A case that has no verdict that can
be relied on, on one of the targets, is not compared there, and that is said. The first target is what the others are
compared with.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from roomcheck.judge.route import alias, extract
from roomcheck.model.trace import Told, Trace
from roomcheck.model.verdict import CaseResult, Outcome
from roomcheck.report.exitcode import AS_EXPECTED, NOTHING, PRECEDENCE, VIOLATION
from roomcheck.report.exitcode import exit_code as code_of
from roomcheck.report.text import clipped
from roomcheck.spec.contract import Contract, View
from roomcheck.spec.interface import Callback

PLAYS = 3  # of a case that differs
UNKNOWN = "another"  # a user or a room that is none of the case's
NO_MORE = "nothing more"


class Said(NamedTuple):
    """One callback: what stands for it, and each of its other fields with what stands there."""

    value: str
    fields: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join([self.value, *(f"{name} {text}" for name, text in self.fields)])


Sequence_ = tuple[str, ...]
Telling = Mapping[str, tuple[Said, ...]]  # place -> what was told there


def telling(contract: Contract, trace: Trace) -> dict[str, tuple[Said, ...]]:
    """What each member was told, place by place; a place at which nothing was told is not there."""
    told: dict[str, list[Said]] = {}
    names = {real: name for name, real in (*trace.rooms.items(), *trace.users.items())}
    for record in sorted((r for r in trace.records if isinstance(r, Told)), key=lambda r: (r.member, r.n)):
        callback = contract.callbacks.get(record.callback)
        if callback is None:
            continue
        views: list[View | None] = [view for view in contract.views if record.callback in view.callbacks]
        for view in views or [None]:
            said = _said(record, callback, view, names)
            for place in _places(record, callback, view, trace):
                told.setdefault(place, []).append(said)
    return {place: tuple(all_said) for place, all_said in sorted(told.items())}


def _places(record: Told, callback: Callback, view: View | None, trace: Trace) -> Iterator[str]:
    rooms = {real: name for name, real in trace.rooms.items()}
    users = {real: name for name, real in trace.users.items()}
    where = ""
    if callback.room:
        found = extract(callback.room, record.fields)
        where = f" in {(found and alias(rooms, found[0])) or UNKNOWN}"
    what = "" if view else f": {record.callback}"
    if callback.about and (view is None or view.hearing is not None):
        for real in extract(callback.about, record.fields):
            yield f"{record.member} about {alias(users, real) or UNKNOWN}{where}{what}"
    else:
        yield f"{record.member}{where}{what}"


def _said(record: Told, callback: Callback, view: View | None, names: Mapping[str, str]) -> Said:
    placed = {path.steps[0][0] for path in (callback.room, callback.about) if path}
    value = view.value(record.callback, record.fields) if view else record.callback
    rest = [
        (name, _plain(record.fields.get(name), names))
        for name, kind in callback.fields.items()
        if name not in placed and kind != "any" and (view is None or name not in view.telling(record.callback)[:1])
    ]
    return Said(_plain(value, names), tuple(rest))


def _plain(value: Any, names: Mapping[str, str]) -> str:
    """The value by the schedule's names, lists and mappings without an order."""
    match value:
        case "":
            return '""'
        case str():
            return names.get(value, value)
        case Mapping():
            inside = sorted(f"{name}: {_plain(child, names)}" for name, child in value.items())
            return f"{{{', '.join(inside)}}}"
        case list() | tuple():
            return f"[{', '.join(sorted(_plain(child, names) for child in value))}]"
        case _:
            return json.dumps(value)


def sequences_at(place: str, sides: Sequence[Sequence[Telling]]) -> list[set[Sequence_]]:
    """What each side told there, as text, with numbers in the place of what a play made up."""
    plays = [[one.get(place, ()) for one in side] for side in sides]
    seen = Counter(field for side in plays for play in side for field in {f for said in play for f in said.fields})
    often = all(len(side) > 1 for side in plays)
    made_up = {field for field, times in seen.items() if often and times == 1}
    return [{tuple(_numbered(play, made_up)) for play in side} for side in plays]


def _numbered(play: Iterable[Said], made_up: Collection[tuple[str, str]]) -> Iterator[str]:
    numbers: dict[str, str] = {}
    for said in play:
        fields = [
            (name, numbers.setdefault(text, f"#{len(numbers) + 1}") if (name, text) in made_up else text)
            for name, text in said.fields
        ]
        yield str(said._replace(fields=tuple(fields)))


@dataclass(slots=True)
class Cell:
    """One case on one target. `tellings` holds one for each play that can be relied on; `why` is empty if there is one.

    `apart`: place -> the first target's sequences and this one's, where none was seen on both.
    """

    result: CaseResult | None = None
    absent: str = ""  # why the target cannot play it
    tellings: list[Telling] = field(default_factory=list)
    apart: dict[str, tuple[list[Sequence_], list[Sequence_]]] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """Why this case is not compared on this target."""
        if self.tellings:
            return ""
        if self.absent or self.result is None:
            return self.absent or "not played"
        ended = self.result.outcome.value if self.result.outcome else f"no verdict ({self.result.blame})"
        return f"{ended}: {clipped(self.result.message)}"


class Ending(StrEnum):
    """How a case ended, the worst first."""

    DIFFERS = "differs"
    UNCOMPARED = "not compared"
    VARIES = "varies"
    ALIKE = "alike"


@dataclass(slots=True)
class Row:
    """One case on all targets, in their order."""

    case: str
    title: str
    cells: list[Cell]
    varies: list[str] = field(default_factory=list)  # places at which one target told several things, and no more

    @property
    def ending(self) -> Ending:
        if any(cell.apart for cell in self.cells):
            return Ending.DIFFERS
        if any(cell.why for cell in self.cells):
            return Ending.UNCOMPARED
        return Ending.VARIES if self.varies else Ending.ALIKE

    @property
    def judged_apart(self) -> bool:
        """Whether the same was told, but not judged the same: a matter of time."""
        outcomes = {cell.result.outcome for cell in self.cells if cell.result and cell.tellings}
        return self.ending in (Ending.ALIKE, Ending.VARIES) and len(outcomes) > 1

    def settle(self) -> bool:
        """Compare what was told so far; whether a target differs from the first."""
        first, *others = self.cells
        self.varies = []
        for cell in others:
            cell.apart = {}
            if not (first.tellings and cell.tellings):
                continue
            places = dict.fromkeys(place for one in (*first.tellings, *cell.tellings) for place in one)
            for place in sorted(places):
                here, there = sequences_at(place, [first.tellings, cell.tellings])
                if here.isdisjoint(there):
                    cell.apart[place] = sorted(here), sorted(there)
                elif len(here | there) > 1:
                    self.varies = sorted({*self.varies, place})
        return any(cell.apart for cell in others)


@dataclass(frozen=True, slots=True)
class Side:
    """One target: its name here, and what answered."""

    name: str
    room: str
    scale: float


@dataclass(slots=True)
class Comparison:
    """Everything that was compared, as far as it got."""

    spec: str
    revision: str
    sides: list[Side]
    rows: list[Row]
    toxiproxy: str = ""
    complete: bool = True

    def ended(self, ending: Ending) -> list[Row]:
        return [row for row in self.rows if row.ending is ending]

    @property
    def judged_apart(self) -> list[Row]:
        return [row for row in self.rows if row.judged_apart]

    def exit_code(self) -> int:
        """1 if something differs; else what kept cases from being compared, 4 if none was; else 0."""
        if self.ended(Ending.DIFFERS):
            return VIOLATION
        cells = [c for row in self.rows for c in row.cells if c.why and c.result and not c.absent]
        codes = {code_of([c.result]) for c in cells if c.result}
        for code in PRECEDENCE:
            if code in codes:
                return code
        return AS_EXPECTED if any(row.ending in (Ending.ALIKE, Ending.VARIES) for row in self.rows) else NOTHING


def reliable(outcome: Outcome | None) -> bool:
    """Whether what was told in a case with this verdict can be compared: this machine was quick enough to tell."""
    return outcome in (Outcome.CONFORMS, Outcome.VIOLATES)


def marked(sequence: Sequence_, other: Sequence_) -> list[tuple[str, bool]]:
    """The sequence, and which of it is the first that the other does not have."""
    at = next((i for i, (a, b) in enumerate(zip(sequence, other, strict=False)) if a != b), None)
    if at is None:
        at = min(len(sequence), len(other))
    texts = [*sequence, NO_MORE] if at == len(sequence) else list(sequence)
    return [(clipped(text), i == at) for i, text in enumerate(texts)]


def lines(comparison: Comparison) -> Iterator[str]:
    """For the console: what was compared, what differs, place by place, what was not compared, how many were alike."""
    names = [side.name for side in comparison.sides]
    width = max(map(len, names))
    for side in comparison.sides:
        yield f"{side.name:<{width}}  {clipped(side.room) or 'never answered'}"
    for row in comparison.ended(Ending.DIFFERS):
        yield f"{row.case}: differs"
        for place in dict.fromkeys(place for cell in row.cells for place in cell.apart):
            yield f"  {place}"
            for name, sequence, other in sequences(row, names, place):
                yield f"    {name:<{width}}  {_from_there(marked(sequence, other))}"
    for row in comparison.rows:
        for name, cell in zip(names, row.cells, strict=True):
            if cell.why:
                yield f"{row.case}: not compared on {name}: {cell.why}"
    for row in comparison.ended(Ending.VARIES):
        yield f"{row.case}: varies from one time to the next: {', '.join(row.varies)}"
    for row in comparison.judged_apart:
        ends = (f"{n} {c.result.outcome}" for n, c in zip(names, row.cells, strict=True) if c.result and c.tellings)
        yield f"{row.case}: told alike, but judged differently, which is a matter of time: {', '.join(ends)}"
    yield summary(comparison)


def _from_there(told: Sequence[tuple[str, bool]]) -> str:
    """What differs first and what follows, after what came last of what is alike."""
    at = next(i for i, (_, here) in enumerate(told) if here)
    shown = [f"({at - 1} alike)"] if at > 1 else []
    shown += [f">> {text}" if here else text for text, here in told[max(0, at - 1) :]]
    return ", ".join(shown)


def sequences(row: Row, names: Sequence[str], place: str) -> Iterator[tuple[str, Sequence_, Sequence_]]:
    """Of one place: each target that differs there and the first, what it told, and what to hold beside it."""
    apart = [(name, cell.apart[place]) for name, cell in zip(names, row.cells, strict=True) if place in cell.apart]
    here, there = apart[0][1]
    for sequence in here:
        yield names[0], sequence, there[0]
    for name, (first, own) in apart:
        for sequence in own:
            yield name, sequence, first[0]


def summary(comparison: Comparison) -> str:
    """How many cases ended how."""
    words = {Ending.DIFFERS: "told differently", Ending.VARIES: "that vary", Ending.ALIKE: "told alike"}
    counts = (f"{len(comparison.ended(e))} {words.get(e, e)}" for e in Ending if comparison.ended(e))
    early = "" if comparison.complete else "; not complete"
    return f"{_count(comparison.rows)}: {', '.join(counts) or 'none'}{early}"


def _count(rows: Iterable[Row]) -> str:
    number = len(list(rows))
    return f"{number} case{'' if number == 1 else 's'}"
