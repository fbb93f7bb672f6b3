"""A trace: what was done to the members and what they were told, in the order of the harness's clock.

Acts name members, users and rooms by their aliases (A, R). Callbacks hold the room's own strings; the header maps
aliases to them. One trace is a file of JSON lines: the header, the records, and `end`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from roomcheck.model.checked import made
from roomcheck.model.fault import FaultKind
from roomcheck.model.names import did_you_mean
from roomcheck.model.plain import Plain
from roomcheck.model.schedule import Member
from roomcheck.model.time import Instant

VERSION = 1
MAX_TIME = 1 << 60  # microseconds: 36,000 years
STATUSES = ("ok", "refused", "unsupported", "indefinite", "adapter-error")  # of an answer
KINDS = tuple(kind.value for kind in FaultKind)


@dataclass(frozen=True, slots=True)
class Called(Plain):
    """A member's call (`member` None: an act of the backend) was handed to the adapter at `at`."""

    record: ClassVar[str] = "call"
    id: int
    member: str | None
    operation: str
    args: Mapping[str, Any]
    at: Instant
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Answered(Plain):
    """The call `call` returned: one of STATUSES, and its fields."""

    record: ClassVar[str] = "answer"
    call: int
    member: str | None
    status: str
    fields: Mapping[str, Any]
    at: Instant


@dataclass(frozen=True, slots=True)
class Faulted(Plain):
    """A fault took effect within `at` on a member's link (None: the server), with the evidence that it did."""

    record: ClassVar[str] = "fault"
    member: str | None
    kind: FaultKind
    at: Instant
    label: str | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Healed(Plain):
    """The member's link (None: the server) was whole again within `at`."""

    record: ClassVar[str] = "heal"
    member: str | None
    at: Instant
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Told(Plain):
    """A callback at a member: `n` is its gap-free number there, `fields` is as the room's SDK gave it."""

    record: ClassVar[str] = "event"
    member: str
    n: int
    callback: str
    fields: Mapping[str, Any]
    at: Instant


@dataclass(frozen=True, slots=True)
class Gap(Plain):
    """The member's adapter showed no life within `at`: its silence there proves nothing."""

    record: ClassVar[str] = "gap"
    member: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Marked(Plain):
    """A moment that the schedule named without an act (a `wait`)."""

    record: ClassVar[str] = "mark"
    label: str
    at: Instant


Record = Called | Answered | Faulted | Healed | Told | Gap | Marked
_RECORDS: dict[str, type[Any]] = {cls.record: cls for cls in (Called, Answered, Faulted, Healed, Told, Gap, Marked)}


HOPS = 4  # a login passes the proxy, the server and the proxy again, after a connection was made the same way


@dataclass(frozen=True, slots=True)
class Trace(Plain):
    """`users` and `rooms` map aliases to the real names of this run; `end` is when observation ended.

    `constants` are the microseconds that the run used, `scale` how much faster than documented they run, `lateness`
    the worst lateness of the harness, the adapter and Toxiproxy that was measured meanwhile (microseconds), `starved`
    how long a process of the room or a proxy waited for a processor at worst, `clock` virtual, scaled or real.
    """

    spec: str
    case: str
    scenario: str | None
    members: tuple[Member, ...]
    users: Mapping[str, str]
    rooms: Mapping[str, str]
    records: tuple[Record, ...]
    end: int
    constants: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    clock: str = "real"
    lateness: int = 0
    starved: int = 0

    @property
    def patience(self) -> int:
        """How long after its due time (microseconds) the absence of a callback proves something."""
        return self.lateness + HOPS * self.starved


def write_trace(trace: Trace) -> Iterator[str]:
    """The trace as JSON lines, without line ends."""
    head = {
        "record": "trace",
        "version": VERSION,
        "spec": trace.spec,
        "case": trace.case,
        "scenario": trace.scenario,
        "members": {m.name: m.user for m in trace.members},
        "users": dict(trace.users),
        "rooms": dict(trace.rooms),
        "constants": dict(trace.constants),
        "options": dict(trace.options),
        "scale": trace.scale,
        "clock": trace.clock,
        "lateness": trace.lateness,
        "starved": trace.starved,
    }
    yield json.dumps(head)
    for r in trace.records:
        yield json.dumps({"record": r.record, **asdict(r), "at": [r.at.lo, r.at.hi]}, default=dict)
    yield json.dumps({"record": "end", "at": trace.end})


class DamagedError(ValueError):
    """A line of a file (from 1) is not the record of a trace that should stand there; `why` says what is wrong."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line} is not a record of a trace: {why}")
        self.line = line
        self.why = why


def read_trace(lines: Iterable[str]) -> Trace:
    """JSON lines -> Trace. DamagedError names the line that does not fit; ValueError: the header or the end is missing.

    What one record says must agree with what the others do: no call without its operation, no number left out.
    """
    reading = _Reading()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            reading.take(number, line)
        except RecursionError:
            raise DamagedError(number, "it is nested too deep") from None
        except ValueError as e:
            raise DamagedError(number, str(e)) from e
    return reading.trace()


class _Reading:
    """A trace as far as it was read, and what the records so far say that the others must agree with."""

    def __init__(self) -> None:
        self.head: Trace | None = None
        self.end: int | None = None
        self.records: list[Record] = []
        self.lines: list[int] = []  # where each record stands
        self.calls: dict[int, str | None] = {}
        self.labels: set[str] = set()

    def take(self, number: int, line: str) -> None:
        """One line. ValueError says what is wrong with it."""
        data = json.loads(line)
        if not isinstance(data, dict) or "record" not in data:
            raise ValueError("it has no 'record'")
        kind = data.pop("record")
        if kind == "trace":
            if self.head is not None:
                raise ValueError("a second header")
            self.head = _header(data)
        elif self.head is None:
            raise ValueError("the first line must be {'record': 'trace', ...}")
        elif self.end is not None:
            raise ValueError("it comes after the end")
        elif kind == "end":
            at = data.get("at")
            self.end = _instant([at, at]).lo
        else:
            record = _record(kind, data, self.head)
            self._agrees(record)
            self.records.append(record)
            self.lines.append(number)

    def trace(self) -> Trace:
        """All of it. ValueError: something is missing."""
        if self.head is None:
            raise ValueError("no header line {'record': 'trace', ...}")
        if self.end is None:
            raise ValueError("no last line {'record': 'end', ...}: the trace was cut short")
        told: dict[str, dict[int, int]] = {member.name: {} for member in self.head.members}
        for line, record in zip(self.lines, self.records, strict=True):
            if record.at.lo > self.end:
                raise DamagedError(line, f"it comes after the end, which is at {self.end}")
            if isinstance(record, Told):
                if record.n in told[record.member]:
                    raise DamagedError(line, f"n: {record.member} was told another callback with the number {record.n}")
                told[record.member][record.n] = line
        for member, numbers in told.items():
            for expected, (n, line) in enumerate(sorted(numbers.items()), 1):
                if n != expected:
                    raise DamagedError(line, f"n: {member} was told no callback with the number {expected}, but {n}")
        return replace(self.head, records=tuple(self.records), end=self.end)

    def _agrees(self, record: Record) -> None:
        """ValueError: it does not fit what came before."""
        match record:
            case Called(id=number, member=member):
                if number in self.calls:
                    raise ValueError(f"id: another call has the number {number}")
                self.calls[number] = member
            case Answered(call=number, member=member, status=status):
                if number not in self.calls:
                    raise ValueError(f"call: no call before it has the id {number}")
                if member != self.calls[number]:
                    raise ValueError(f"member: call {number} is one of {self.calls[number]!r}, not of {member!r}")
                if status not in STATUSES:
                    raise ValueError(f"unknown status {status!r}{did_you_mean(status, STATUSES)}")
            case Faulted(member=member, kind=kind):
                if (member is None) is not (kind is FaultKind.SERVER_RESTART):
                    raise ValueError(f"{kind.value} is no fault of {'the server' if member is None else 'a member'}")
        label = getattr(record, "label", None)
        if label in self.labels:
            raise ValueError(f"another record has the label {label!r}")
        if label is not None:
            self.labels.add(label)


def _header(data: dict[str, Any]) -> Trace:
    version, members = data.pop("version", None), data.pop("members", None)
    if version != VERSION:
        raise ValueError(f"version {version} is not {VERSION}")
    if not isinstance(members, dict):
        raise ValueError(f"members: {members!r} is no map of names to users")  # noqa: TRY004
    whole = {**data, "members": tuple(Member(name, user) for name, user in members.items()), "records": (), "end": 0}
    trace = made(Trace, whole)
    if nobody := [m.user for m in trace.members if m.user not in trace.users]:
        raise ValueError(f"users has no {nobody[0]!r}{did_you_mean(nobody[0], trace.users)}")
    if not trace.rooms or not trace.scale > 0:
        raise ValueError("rooms are empty, or the scale is not over 0")
    for what, names in (("users", trace.users), ("rooms", trace.rooms)):
        if len(set(names.values())) < len(names):
            raise ValueError(f"{what}: two of them have the same real name")
    if min(trace.lateness, trace.starved) < 0:
        raise ValueError("lateness or starved is less than 0")
    return trace


def _record(kind: Any, data: dict[str, Any], trace: Trace) -> Record:
    cls = _RECORDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        near = did_you_mean(kind, [*_RECORDS, "end"]) if isinstance(kind, str) else ""
        raise ValueError(f"unknown record {kind!r}{near}")
    if cls is Faulted and "kind" in data:
        named = str(data["kind"])
        if named not in KINDS:
            raise ValueError(f"unknown fault {named!r}{did_you_mean(named, KINDS)}")
        data["kind"] = FaultKind(named)
    if "at" in data:
        data["at"] = _instant(data["at"])
    record: Record = made(cls, data)
    member = getattr(record, "member", None)
    names = [m.name for m in trace.members]
    if member is not None and member not in names:
        raise ValueError(f"there is no member {member!r}{did_you_mean(member, names)}")
    return record


def _instant(value: Any) -> Instant:
    match value:
        case [int(lo), int(hi)] if -MAX_TIME < lo <= hi < MAX_TIME and not isinstance(value[0], bool):
            return Instant(lo, hi)
    raise ValueError(f"at: {value!r} is no interval of microseconds")
