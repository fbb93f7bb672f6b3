"""One case as a picture: what happened to each member, along one time axis.

A picture is made of values (`compose`), and shown twice: as SVG in the HTML report (svg.py lays it out), and as text
(picture_text.py) where there is no browser. Both shorten long silences: a room's life is a few milliseconds of news
between minutes of nothing, and on a linear axis all news would lie on top of each other.

Times are microseconds since the first act, in the time of the run; what is shown is documented time, and the run's own
where it is another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from roomcheck.judge.route import alias, extract, order
from roomcheck.model.fault import EFFECT
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Marked, Record, Told, Trace
from roomcheck.model.verdict import Finding, Outcome, Verdict
from roomcheck.report.text import clipped
from roomcheck.report.windows import kept
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract, View
from roomcheck.spec.interface import Callback

SERVER = ""  # the column of what concerns no single member
WHOLE = "whole"
DETAIL = 300  # characters of a tooltip
LABEL = 30  # and of what stands in a picture


class Kind(StrEnum):
    """What an event is."""

    CALL = "call"
    ADMIN = "admin"
    ANSWER = "answer"  # only of a call that was not simply taken
    TOLD = "told"
    FAULT = "fault"
    HEAL = "heal"
    GAP = "gap"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something at one moment: a few words, the whole of it in a sentence, and (`note`) when it was allowed."""

    at: int
    member: str
    kind: Kind
    label: str
    detail: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a lane: a link and its faults (`tone`: whole, down, broken, degraded), or a state (its number)."""

    member: str
    lane: str
    begin: int
    end: int
    label: str
    detail: str
    tone: str


@dataclass(frozen=True, slots=True)
class Band:
    """A window: when the member had to be told something."""

    member: str
    opens: int
    closes: int
    detail: str
    met: bool


@dataclass(frozen=True, slots=True)
class Divergence:
    """The judge's first finding."""

    at: int
    member: str
    seen: str
    expected: str
    requirement: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything to be drawn. `members` are the columns; `lanes` the bars' lanes of each member, in order."""

    members: tuple[str, ...]
    lanes: Mapping[str, tuple[str, ...]]
    events: tuple[Moment, ...]
    bars: tuple[Bar, ...]
    bands: tuple[Band, ...]
    divergence: Divergence | None
    end: int
    scale: float
    clock: str


def compose(
    trace: Trace, verdict: Verdict | None, contract: Contract | None = None, case: Case | None = None
) -> Picture:
    """The picture of a trace. `contract` tells states from other callbacks, `case` adds the windows that it kept."""
    start = min((r.at.lo for r in trace.records), default=trace.end)
    records = sorted(trace.records, key=order)
    views = contract.views if contract else ()
    names = _Names(trace, contract)
    bands, notes = _bands(trace, verdict, contract, case, start)
    events = [e for r in records for e in _events(r, names, start)]
    events += [_answer(r, start) for r in records if isinstance(r, Answered) and r.status != "ok"]
    events = [replace(e, note=notes.get((e.member, e.at), "")) if e.kind is Kind.TOLD else e for e in events]
    events.sort(key=lambda e: e.at)
    bars = [*_links(records, trace, start), *_states(records, trace, views, names, start)]
    lanes: dict[str, dict[str, None]] = {}
    for bar in bars:
        lanes.setdefault(bar.member, {})[bar.lane] = None
    members = [m.name for m in trace.members]
    findings = verdict.findings if verdict else ()
    divergence = _divergence(findings[0], members) if findings else None
    extra = any(e.member == SERVER for e in events) or (divergence is not None and divergence.member == SERVER)
    return Picture(
        members=(*members, *([SERVER] if extra else [])),
        lanes={member: tuple(lanes.get(member, ())) for member in (*members, SERVER)},
        events=tuple(events),
        bars=tuple(bars),
        bands=bands,
        divergence=divergence,
        end=max([trace.end - start, *(e.at for e in events), *([divergence.at] if divergence else [])]),
        scale=trace.scale,
        clock=trace.clock,
    )


def brief(micros: float) -> str:
    """A time or a length as short as it is still of use: '42 ms', '84.1 s', '20 min 3 s'."""
    seconds = micros / 1e6
    if abs(seconds) < 0.9995:
        return (
            "0 s"
            if round(micros / 1e3, 1) == 0
            else f"{micros / 1e3:.{0 if abs(micros) >= 9_950 else 1}f} ms".replace(".0 ", " ")
        )
    if abs(seconds) < 119.95:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"


def event_text(event: Moment, picture: Picture) -> str:
    """A line for readers without eyes or without a browser: when, and the whole of it."""
    real = f" ({brief(event.at)} in the run)" if picture.scale != 1 else ""
    return f"{brief(event.at * picture.scale)}{real}: {event.detail}"


def divergence_text(found: Divergence, picture: Picture) -> str:
    """The judge's first finding as a sentence."""
    breaks = f" of {found.requirement}" if found.requirement else ""
    said = found.seen.startswith((found.expected, f"expected {found.expected}"))
    expected = "" if said else f"expected {found.expected}; "
    return f"first divergence{breaks}, {brief(found.at * picture.scale)} after the first act: {expected}{found.seen}"


# --- what is in it -------------------------------------------------------------------------------------------------


class _Names:
    """How a trace's callbacks, rooms and people are called in the picture."""

    def __init__(self, trace: Trace, contract: Contract | None) -> None:
        self.rooms = {real: alias for alias, real in trace.rooms.items()}
        self.people = {real: alias for alias, real in trace.users.items()}
        self.several = len(trace.rooms) > 1
        self.callbacks = contract.callbacks if contract else {}
        self.views = {name: v for v in contract.views for name in (*v.callbacks, *v.lists)} if contract else {}

    def room(self, callback: Callback, told: Told) -> str:
        found = extract(callback.room, told.fields) if callback.room else []
        return alias(self.rooms, found[0]) or str(found[0]) if found else ""

    def about(self, callback: Callback, told: Told) -> list[str]:
        found = extract(callback.about, told.fields) if callback.about else []
        return [alias(self.people, user) or str(user) for user in found]

    def told(self, told: Told) -> str:
        """A callback in a few words: the state and the code, or whom it is about."""
        view, callback = self.views.get(told.callback), self.callbacks.get(told.callback)
        if view is None or callback is None:
            return told.callback
        codes = [str(told.fields.get(name)) for name, type_ in callback.fields.items() if type_ == "code"]
        room = [f"in {self.room(callback, told)}"] if self.several and callback.room else []
        what = told.callback if told.callback in view.lists else view.value(told.callback, told.fields)
        return " ".join([str(what), *codes, *self.about(callback, told), *room])


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in values.items())


def _events(record: Record, names: _Names, start: int) -> Iterator[Moment]:
    at = order(record) - start
    mark = f"{label} " if (label := getattr(record, "label", None)) else ""
    as_label = f", as {label}" if label else ""

    def event(kind: Kind, member: str | None, label: str, detail: str) -> Moment:
        return Moment(at, member or SERVER, kind, clipped(label, 2 * LABEL), clipped(detail, DETAIL))

    match record:
        case Called(_, None, operation, args):
            whom = " ".join(str(v) for v in args.values())
            yield event(
                Kind.ADMIN, None, f"{mark}{operation} {whom}", f"the backend: {operation}({_pairs(args)}){as_label}"
            )
        case Called(_, member, operation, args):
            room = " ".join(str(v) for k, v in args.items() if names.several and v in names.rooms.values())
            label = f"{mark}{operation} {room}".rstrip()
            yield event(Kind.CALL, member, label, f"{member} calls {operation}({_pairs(args)}){as_label}")
        case Told(member, n, callback, fields):
            yield event(
                Kind.TOLD, member, names.told(record), f"{member} is told {callback} (its {n}.): {_pairs(fields)}"
            )
        case Faulted(member, kind, _, _, evidence):
            text = f"{kind.value} on {f'the link of {member}' if member else 'the server'}{as_label}"
            yield event(Kind.FAULT, member, f"{mark}{kind.value}", f"{text}: {evidence}" if evidence else text)
        case Healed(member):
            whose = f"the link of {member}" if member else "the server"
            yield event(Kind.HEAL, member, f"{mark}whole again", f"{whose} is whole again{as_label}")
        case Gap(member, span):
            length = brief(span.hi - span.lo)
            text = f"the adapter of {member} showed no life for {length}: silence proves nothing there"
            yield event(Kind.GAP, member, f"no life, {length}", text)
        case Marked(name):
            yield event(Kind.MARK, None, name, f"the moment {name}")
        case Answered():
            pass


def _answer(answer: Answered, start: int) -> Moment:
    """Of a call that was refused, or went otherwise than well."""
    codes = " ".join(str(v) for v in answer.fields.values() if isinstance(v, int | str))
    text = f"{answer.member or 'the backend'}'s call is answered: {answer.status} {_pairs(answer.fields)}".rstrip()
    label = clipped(f"{answer.status} {codes}".rstrip(), 2 * LABEL)
    return Moment(order(answer) - start, answer.member or SERVER, Kind.ANSWER, label, clipped(text, DETAIL))


def _links(records: Iterable[Record], trace: Trace, start: int) -> Iterator[Bar]:
    """Each member's link, and the server where it had a fault."""
    now: dict[str | None, tuple[int, Faulted | None]] = {m.name: (0, None) for m in trace.members}
    for record in (*records, None):
        ends: list[str | None] = list(now) if record is None else []
        at = trace.end - start
        if isinstance(record, Faulted | Healed):
            ends, at = [record.member], order(record) - start
        for member in ends:
            begin, fault = now.get(member, (0, None))
            name = f"the link of {member}" if member else "the server"
            label = fault.kind.value if fault else ""
            tone = EFFECT[fault.kind].value if fault else WHOLE
            span = f"from {brief(begin * trace.scale)} to {brief(at * trace.scale)}"
            yield Bar(member or SERVER, "link", begin, at, label, f"{name}: {label or WHOLE} {span}", tone)
            now[member] = (at, record if isinstance(record, Faulted) else None)


def _states(records: Iterable[Record], trace: Trace, views: Sequence[View], names: _Names, start: int) -> Iterator[Bar]:
    """What each member was told of itself and of the others, as stretches between two callbacks."""
    end = trace.end - start
    now: dict[tuple[str, str], tuple[int, Any, View]] = {}
    own = [v for v in views if v.hearing is None]
    inside = {s for v in views if v.hearing for s in v.hearing.states | v.hearing.away}
    for view in own:
        for member in trace.members:
            for room in trace.rooms:
                now[member.name, f"state {room}".removesuffix(f" {room}" * (not names.several))] = 0, None, view
    bars: list[Bar] = []

    def turn(member: str, lane: str, at: int, value: Any, view: View) -> None:
        begin, old, _ = now.get((member, lane), (0, None, view))
        bars.append(_bar(member, lane, begin, at, old, view, trace.scale))
        now[member, lane] = at, value, view

    for record in records:
        if not isinstance(record, Told) or record.callback not in names.views:
            continue
        view = names.views[record.callback]
        callback, at = names.callbacks[record.callback], order(record) - start
        if view.ignores(callback, record.fields):
            continue
        room = f" {names.room(callback, record)}" if names.several and callback.room else ""
        if record.callback in view.lists:
            listed = names.about(callback, record)
            for user in dict.fromkeys(m.user for m in trace.members if m.name != record.member):
                value = view.told["present" if user in listed else "absent"]
                turn(record.member, f"sees {user}{room}", at, value, view)
            continue
        value = view.value(record.callback, record.fields)
        if view.hearing is not None:
            for user in names.about(callback, record):
                turn(record.member, f"sees {user}{room}", at, value, view)
            continue
        turn(record.member, f"state{room}", at, value, view)
        if value not in [view.told[s] for s in inside if s in view.told]:  # who has left a room sees nobody in it
            for name, lane in [key for key in now if key[0] == record.member]:
                seen = now[name, lane][2]
                if seen.hearing is not None and lane.endswith(room):
                    turn(name, lane, at, None, seen)
    bars += [_bar(name, lane, begin, end, value, v, trace.scale) for (name, lane), (begin, value, v) in now.items()]
    told = {(b.member, b.lane) for b in bars if b.tone != "0"}
    yield from (b for b in bars if (b.member, b.lane) in told)


def _bar(member: str, lane: str, begin: int, end: int, value: Any, view: View, scale: float) -> Bar:
    initial = view.told[view.initial]
    value = initial if value is None else value
    known = list(dict.fromkeys([initial, *view.told.values()]))
    tone = known.index(value) if value in known else len(known)
    label = clipped(view.initial if value == initial else value, LABEL)
    what = "in the state" if view.hearing is None else "told of"
    about = lane.partition(" ")[2]
    whom = f" ({about})" if about else ""
    span = f"from {brief(begin * scale)} to {brief(end * scale)}"
    return Bar(member, clipped(lane, LABEL), begin, end, label, f"{member}{whom} {what} {label} {span}", str(tone))


def _bands(
    trace: Trace, verdict: Verdict | None, contract: Contract | None, case: Case | None, start: int
) -> tuple[tuple[Band, ...], dict[tuple[str, int], str]]:
    """The windows, and for what was told in one (observer, moment), or beside it, how it lay there."""
    bands: list[Band] = []
    notes: dict[tuple[str, int], str] = {}
    for one in kept(contract, trace, case) if contract and case else ():
        entry, window = one.entry, one.window.since(start)
        before = entry.after + (entry.within or 0)
        allowed = f"{brief(entry.after * trace.scale)} to {brief(before * trace.scale)}"
        detail = f"{one.observer}: {entry.text} is due {allowed} after {entry.of}"
        bands.append(Band(one.observer, window.opens, window.closes, clipped(detail, DETAIL), met=True))
        if one.received is not None:
            came = brief((one.received.hi - one.anchor.lo) * trace.scale)
            limit = allowed if entry.after else f"\N{LESS-THAN OR EQUAL TO} {brief(before * trace.scale)}"
            notes[one.observer, one.received.hi - start] = f"{entry.of} + {came}, {limit}"
    for finding in verdict.findings if verdict and verdict.outcome is Outcome.VIOLATES else ():
        if finding.window is not None:
            member = finding.view.split(" ", maxsplit=1)[0]
            w = finding.window
            due = f"due {brief(w.opens * trace.scale)} to {brief(w.closes * trace.scale)}"
            bands.append(Band(member, w.opens, w.closes, clipped(f"{member}: {w.what} was {due}", DETAIL), met=False))
            notes[member, finding.at] = due
    return tuple(bands), notes


def _divergence(finding: Finding, members: Sequence[str]) -> Divergence:
    member = finding.view.split(" ", maxsplit=1)[0]
    return Divergence(
        finding.at, member if member in members else SERVER,
        clipped(finding.seen), clipped(finding.expected), clipped(finding.requirement or ""),
    )  # fmt: skip


# --- the axis ------------------------------------------------------------------------------------------------------


def axis(
    rows: Iterable[int], edges: Iterable[int], end: int, *, row: float, edge: float, silence: float
) -> dict[int, float]:
    """A place for each moment: in order, those of `rows` at least `row` apart, and longer silences a little more.

    `silence` is what the whole length would add in one piece; a part of it adds by the square root of its share.
    """
    wanted = set(rows)
    moments = sorted({0, end, *wanted, *edges})
    places: dict[int, float] = {}
    place, last, last_row = 0.0, 0, -row
    whole = max(end, 1)
    for moment in moments:
        place += silence * ((moment - last) / whole) ** 0.5 + (edge if moment != last else 0)
        if moment in wanted:
            place = max(place, last_row + row)
            last_row = place
        places[moment] = place
        last = moment
    return places
