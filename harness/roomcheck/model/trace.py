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
from roomcheck.model.plain import Plain
from roomcheck.model.schedule import Member
from roomcheck.model.time import Instant

VERSION = 1
MAX_TIME = 1 << 60  # microseconds: 36,000 years


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
    """The call `call` returned: status ok, refused, unsupported, indefinite or adapter-error, and its fields."""

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


def read_trace(lines: Iterable[str]) -> Trace:
    """JSON lines -> Trace. ValueError names the line that does not fit, or says that the end is missing."""
    trace: Trace | None = None
    records: list[Record] = []
    end: int | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            if not isinstance(data, dict) or "record" not in data:
                raise ValueError("it has no 'record'")  # noqa: TRY301
            match data.pop("record"):
                case "trace":
                    trace = _header(data)
                case _ if trace is None:
                    raise ValueError("the first line must be {'record': 'trace', ...}")  # noqa: TRY301
                case "end":
                    at = data.get("at")
                    end = _instant([at, at]).lo
                case kind:
                    records.append(_record(kind, data, trace))
        except RecursionError:
            raise ValueError(f"line {number} is not a record of a trace: it is nested too deep") from None
        except ValueError as e:
            raise ValueError(f"line {number} is not a record of a trace: {e}") from e
    if trace is None:
        raise ValueError("no header line {'record': 'trace', ...}")
    if end is None:
        raise ValueError("no last line {'record': 'end', ...}: the trace was cut short")
    return replace(trace, records=tuple(records), end=end)


def _header(data: dict[str, Any]) -> Trace:
    version, members = data.pop("version", None), data.pop("members", None)
    if version != VERSION:
        raise ValueError(f"version {version} is not {VERSION}")
    if not isinstance(members, dict):
        raise ValueError(f"members: {members!r} is no map of names to users")  # noqa: TRY004
    whole = {**data, "members": tuple(Member(name, user) for name, user in members.items()), "records": (), "end": 0}
    trace = made(Trace, whole)
    if nobody := [m.user for m in trace.members if m.user not in trace.users]:
        raise ValueError(f"users has no {nobody[0]!r}")
    if not trace.rooms or not trace.scale > 0:
        raise ValueError("rooms are empty, or the scale is not over 0")
    return trace


def _record(kind: Any, data: dict[str, Any], trace: Trace) -> Record:
    cls = _RECORDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"unknown record {kind!r}")
    data["at"] = _instant(data.get("at"))
    if cls is Faulted:
        data["kind"] = FaultKind(str(data.get("kind")))
    record: Record = made(cls, data)
    member = getattr(record, "member", None)
    if member is not None and member not in {m.name for m in trace.members}:
        raise ValueError(f"there is no member {member!r}")
    return record


def _instant(value: Any) -> Instant:
    match value:
        case [int(lo), int(hi)] if -MAX_TIME < lo <= hi < MAX_TIME and not isinstance(value[0], bool):
            return Instant(lo, hi)
    raise ValueError(f"at: {value!r} is no interval of microseconds")
