"""Expected sequences: does what an observer was told match a scenario's line, in order and within its windows?

A line is walked with a set of positions (what is still expected, and when its labelled entries came), so optional
entries, alternatives and unordered groups need no special case. Three values come from two walks, as in `view`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from roomcheck.judge.hypothesis import NEVER, Debt, Mode, Rejection, came, fits
from roomcheck.judge.lists import Known
from roomcheck.judge.route import alias, extract
from roomcheck.model.time import Instant, show_window
from roomcheck.model.trace import Told, Trace
from roomcheck.model.verdict import Window
from roomcheck.spec.case import ANYONE, AnyOf, Entry, Expectation, Item, Unordered
from roomcheck.spec.contract import Contract


class Received(NamedTuple):
    """One thing that a line speaks about: a callback, as far as it concerns the line. `text`: in full."""

    view: str
    value: Any
    fields: Mapping[str, Any]
    room: str | None
    at: Instant
    text: str = ""


class Position(NamedTuple):
    """What is still expected, when labelled entries came, and what was met with which margin."""

    rest: tuple[Item, ...]
    labels: tuple[tuple[str, Instant], ...]
    met: tuple[tuple[Entry, int | None], ...]


class Walk(NamedTuple):
    """How a line ended: the best position, and why it was refused (empty: it was not)."""

    best: Position
    rejections: tuple[Rejection, ...]
    entry: Entry | None
    at: int


def received(contract: Contract, trace: Trace, line: Expectation) -> list[Received]:
    """Everything of a trace that a line speaks about, in order."""
    rooms = {real: alias for alias, real in trace.rooms.items()}
    people = {real: alias for alias, real in trace.users.items()}
    inside = {s for v in contract.views if v.hearing is not None for s in v.hearing.states | v.hearing.away}
    known = Known()
    out: list[Received] = []
    for record in trace.records:
        if not isinstance(record, Told) or record.member != line.observer:
            continue
        for view in contract.views:
            if record.callback not in (*view.callbacks, *view.lists):
                continue
            callback = contract.callbacks[record.callback]
            if view.ignores(callback, record.fields):
                continue
            real = extract(callback.room, record.fields) if callback.room else []
            room = alias(rooms, real[0]) or str(real[0]) if real else None
            if view.hearing is None:
                if line.about is None:
                    value = view.value(callback.name, record.fields)
                    text = f"{value}{view.made_of(value)}"
                    out.append(Received(view.name, value, record.fields, room, record.at, text))
                elif view.state(callback.name, record.fields) not in inside:
                    known.left(room)
                continue
            if line.about is None or callback.about is None:
                continue
            named = [alias(people, u) or str(u) for u in extract(callback.about, record.fields)]
            for value, users in known.told(view, record, room, named):
                if line.about in (ANYONE, *users):
                    fields = {**record.fields, callback.about.steps[0][0]: users}
                    out.append(Received(view.name, value, fields, room, record.at, str(value)))
    return out


def alternatives(rest: tuple[Item, ...]) -> Iterator[tuple[Entry, tuple[Item, ...]]]:
    """Every entry that may come next, with what is expected after it."""
    if not rest:
        return
    first, after = rest[0], rest[1:]
    match first:
        case Entry():
            yield first, after
            if first.optional:
                yield from alternatives(after)
        case AnyOf(branches):
            for branch in branches:
                yield from alternatives((*branch, *after))
        case Unordered(entries):  # pragma: no branch
            for i, entry in enumerate(entries):
                left = entries[:i] + entries[i + 1 :]
                yield entry, ((Unordered(left), *after) if left else after)
            if all(e.optional for e in entries):
                yield from alternatives(after)


def complete(rest: tuple[Item, ...]) -> bool:
    """Whether nothing more has to come."""
    return all(
        item.optional
        if isinstance(item, Entry)
        else any(complete(b) for b in item.branches)
        if isinstance(item, AnyOf)
        else all(e.optional for e in item.entries)
        for item in rest
    )


def accept(
    entry: Entry, event: Received, labels: Mapping[str, Instant], mode: Mode, extra: int = 0
) -> tuple[Rejection | None, int | None]:
    """Whether an event is what an entry expects: a reason if not, else the margin to the window's nearest edge.

    `extra`: by how much (microseconds) the machine may have delayed it.
    """
    name = entry.text
    if (entry.view, entry.value) != (event.view, event.value) or entry.room != event.room:
        where = f" in {event.room}" if event.room != entry.room else ""
        return Rejection(1 << 62, f"expected {name}, told {event.text}{where}", None), None
    if not fits({k: sorted(v) if isinstance(v, list) else v for k, v in entry.pattern.items()}, event.fields):
        seen = {k: event.fields.get(k) for k in entry.pattern}
        return Rejection(0, f"{name}: told with {seen}, expected {dict(entry.pattern)}", None), None
    if entry.of is None or entry.within is None:
        return None, None
    anchor = labels.get(entry.of)
    if anchor is None:
        return Rejection(1 << 60, f"{name} came before {entry.of}", None), None
    narrow = mode is Mode.NARROW
    opens, closes = entry.after, entry.after + entry.within
    early = (anchor.hi + opens - event.at.lo) if narrow else (anchor.lo + opens - event.at.hi - extra)
    late = (event.at.hi - anchor.lo - closes) if narrow else (event.at.lo - anchor.hi - closes - extra)
    window = f"allowed {show_window(opens, entry.within, entry.about)} after {entry.of}"
    if early > 0 and not (opens == 0 and event.at.hi >= anchor.lo):
        when = came(event.at, anchor, entry.of, early, mode, extra, early=True)
        return Rejection(
            early,
            f"{name} came {when}; {window}",
            None,
            window=window_of(entry, anchor),
        ), None
    if late > 0:
        when = came(event.at, anchor, entry.of, late, mode, extra, early=False)
        return Rejection(
            late,
            f"{name} came {when}; {window}",
            None,
            window=window_of(entry, anchor),
        ), None
    margin = closes - (event.at.hi - anchor.lo)
    return None, min(margin, event.at.lo - anchor.hi - opens) if opens else margin


def window_of(entry: Entry, anchor: Instant) -> Window:
    """When an entry may come whose window counts from there, as wide as that instant is uncertain."""
    opens = anchor.lo + entry.after
    return Window(f"{entry.text} after {entry.of}", opens, anchor.hi + entry.after + (entry.within or 0))


def overdue(entry: Entry, labels: Mapping[str, Instant], extra: int, end: int) -> bool:
    """Whether an entry that had not come at `end` is surely too late. One without a window waits for the last act."""
    anchor = labels.get(entry.of) if entry.of else max(labels.values(), default=None)
    if anchor is None:
        return True
    return anchor.hi + entry.after + (entry.within or 0) + extra < end


def walk(
    line: Expectation,
    events: list[Received],
    labels: Mapping[str, Instant],
    mode: Mode,
    extra: int = 0,
    end: int = NEVER,
    debts: Callable[[Expectation, Entry], Iterable[Debt]] = lambda _line, _entry: (),
    *,
    early: bool = False,
) -> Walk:
    """Walk what was heard through a line; `extra` as in `accept`. What was not yet due at `end` need not have come.

    `debts`: what else may let an entry come, and until when. That counts for one without a window if the trace ends
    `early`, before the scenario had been watched for as long as it wants to be.
    """
    positions = [Position(line.items, (), ())]
    for event in events:
        moved: list[Position] = []
        rejections: list[tuple[Rejection, Entry | None]] = []
        for position in positions:
            known = {**labels, **dict(position.labels)}
            options = list(alternatives(position.rest))
            for entry, rest in options:
                rejection, margin = accept(entry, event, known, mode, extra)
                if rejection is not None:
                    rejections.append((rejection, entry))
                    continue
                named = (*position.labels, (entry.label, event.at)) if entry.label else position.labels
                moved.append(Position(rest, named, (*position.met, (entry, margin))))
            if line.open and not any(accept(e, event, known, mode, extra)[0] is None for e, _ in options):
                moved.append(position)
            if not options and not line.open:
                rejections.append((Rejection(0, f"{event.text} came where nothing more was expected", None), None))
        if not moved:
            best = max(positions, key=lambda p: len(p.met))
            ranked = sorted(rejections, key=lambda d: d[0].miss)
            return Walk(best, tuple(d for d, _ in ranked), ranked[0][1] if ranked else None, event.at.hi)
        positions = [p for i, p in enumerate(moved) if p not in moved[:i]]
    best = max(positions, key=lambda p: (complete(p.rest), len(p.met)))
    if complete(best.rest):
        return Walk(best, (), None, 0)
    missing = [entry for entry, _ in alternatives(best.rest) if not entry.optional]
    known = {**labels, **dict(best.labels)}
    owed = [(entry, debt) for entry in missing for debt in debts(line, entry)]
    if mode is Mode.WIDE and (
        any(not overdue(entry, known, extra, end) for entry in missing)
        or (early and any(entry.within is None and debt.until >= end for entry, debt in owed))
    ):
        return Walk(best, (), None, 0)
    text = " or ".join(entry.text for entry in missing)
    requirement = next((debt.requirement for _, debt in owed if debt.requirement), None)
    first = missing[0] if missing else None
    anchor = known.get(first.of) if first and first.of else None
    window = window_of(first, anchor) if first and anchor else None
    return Walk(best, (Rejection(0, f"{text} never came", None, requirement, window=window),), first, -1)
