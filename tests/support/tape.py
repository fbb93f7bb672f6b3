"""A tape: write down what was done and told, in milliseconds, and get a trace."""

from typing import Any

from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Member
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Marked, Record, Told, Trace

MS = 1000


class Tape:
    """Acts are bracketed by `blur` ms on each side; callbacks are uncertain by `blur` ms to the past."""

    def __init__(self, *members: str, blur: float = 0, users: dict[str, str] | None = None) -> None:
        named = users or {}
        self.members = tuple(Member(m, named.get(m, m)) for m in members)
        self.blur = round(blur * MS)
        self.records: list[Record] = []
        self.counts: dict[str, int] = {}

    def _act(self, at: float) -> Instant:
        return Instant(round(at * MS) - self.blur, round(at * MS) + self.blur)

    def call(self, at: float, member: str, operation: str, label: str | None = None, **args: Any) -> int:
        number = len(self.records) + 1
        self.records.append(Called(number, member, operation, args, self._act(at), label))
        return number

    def admin(self, at: float, operation: str, **args: Any) -> None:
        self.records.append(Called(len(self.records) + 1, None, operation, args, self._act(at)))

    def answer(self, at: float, call: int, member: str, status: str, **fields: Any) -> None:
        self.records.append(Answered(call, member, status, fields, self._act(at)))

    def fault(self, at: float, member: str | None, kind: FaultKind = FaultKind.CUT, label: str | None = None) -> None:
        self.records.append(Faulted(member, kind, self._act(at), label))

    def heal(self, at: float, member: str | None, label: str | None = None) -> None:
        self.records.append(Healed(member, self._act(at), label))

    def mark(self, at: float, label: str) -> None:
        self.records.append(Marked(label, self._act(at)))

    def gap(self, begin: float, end: float, member: str) -> None:
        self.records.append(Gap(member, Instant(round(begin * MS), round(end * MS))))

    def event(self, at: float, member: str, callback: str, **fields: Any) -> None:
        n = self.counts[member] = self.counts.get(member, 0) + 1
        self.records.append(Told(member, n, callback, fields, Instant(round(at * MS) - self.blur, round(at * MS))))

    def told(self, at: float, member: str, state: str, code: int = 0, room: str = "r") -> None:
        """The lobby's callback about oneself."""
        self.event(at, member, "status", room=room, state=state, code=code)

    def heard(self, at: float, observer: str, change: str, *users: str, room: str = "r") -> None:
        """The lobby's callback about others."""
        self.event(at, observer, "people", room=room, change=change, who=[{"id": u.lower()} for u in users])

    def join(self, at: float, member: str, *present: str, room: str = "R") -> None:
        """A whole lawful join that takes 20 ms; those who are there are told of it 5 ms later."""
        self.call(at, member, "join", room=room, ticket="good")
        self.told(at + 1, member, "joining", room=room.lower())
        self.told(at + 20, member, "in", room=room.lower())
        if present:
            self.heard(at + 21, member, "+", *present, room=room.lower())
        for other in present:
            self.heard(at + 25, other, "+", member, room=room.lower())

    def trace(self, end: float, lateness: float = 0, rooms: tuple[str, ...] = ("R", "Q")) -> Trace:
        return Trace(
            spec="lobby",
            case="scene",
            scenario="scene",
            members=self.members,
            users={m.user: m.user.lower() for m in self.members},
            rooms={r: r.lower() for r in rooms},
            records=tuple(self.records),
            end=round(end * MS),
            lateness=round(lateness * MS),
        )
