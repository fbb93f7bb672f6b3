"""What is known of one member's link and of its stays in a room: observed facts, and what follows from them for sure.

Nothing here is a hypothesis. A session (see `session`) asks when a request may have reached the server, when the server
may have given the member up for silence, and when it must have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from roomcheck.judge.hypothesis import NEVER
from roomcheck.model.fault import EFFECT, HELD, SILENT, Effect, FaultKind, Way
from roomcheck.model.time import Instant


class Span(NamedTuple):
    """From `lo` to `hi`, in microseconds."""

    lo: int
    hi: int


@dataclass(slots=True)
class Outage:
    """A time in which a member's link passed nothing, or (`broken`) a moment at which its connections died.

    `silent` is from when the server heard nothing of the member: never, if the member is only deaf. `holds`: what was
    sent meanwhile comes when it ends. `server`: the server was down, for at least a part of it.
    """

    begin: Instant
    broken: bool
    silent: Instant | None
    holds: bool
    server: bool
    end: Instant | None = None
    only_server: bool = False  # it is silent only because the server is down: without that the member is deaf alone


@dataclass(slots=True)
class LinkHistory:
    """A member's link: its outages, in order."""

    outages: list[Outage] = field(default_factory=list)

    def since(self, begin: int) -> Iterator[Outage]:
        """The outages that were not over by then, in order."""
        first = len(self.outages)
        while first and ((end := self.outages[first - 1].end) is None or end.hi >= begin):
            first -= 1
        return islice(self.outages, first, None)

    @property
    def down(self) -> Outage | None:
        """The outage that goes on."""
        return self.outages[-1] if self.outages and self.outages[-1].end is None else None

    def fault(self, kind: FaultKind, at: Instant, *, server: bool = False) -> None:
        """A fault took effect that breaks connections; a link that is down already stays down."""
        now = self.down
        broken = EFFECT[kind] is Effect.BROKEN
        silent = at if Way.UP in SILENT.get(kind, ()) else None
        holds = Way.UP in HELD.get(kind, ())
        if now is None:
            end = Instant(at.hi, at.hi) if broken else None
            self.outages.append(Outage(at, broken, silent, holds, server, end, only_server=server))
        else:
            now.only_server = silent is not None and server if now.silent is None else now.only_server and not silent
            now.silent = now.silent or silent
            now.holds = now.holds or holds
            now.server = now.server or server

    def heal(self, at: Instant) -> None:
        """The link is whole again."""
        if self.outages and self.outages[-1].end is None:
            self.outages[-1].end = at

    def server_back(self, at: Instant) -> None:
        """The server is there again, and the link has a fault of its own."""
        now = self.down
        if now is not None and now.only_server:
            now.end = at
            self.outages.append(Outage(at, broken=False, silent=None, holds=False, server=False))

    def passing(self, begin: int) -> int:
        """The first moment from `begin` on at which what a member sends may get on its way to the server."""
        for outage in self.since(begin):
            if outage.silent is not None and outage.silent.hi < begin:
                begin = NEVER if outage.end is None else max(begin, outage.end.lo)
        return begin

    def arrivals(self, begin: int, end: int, under_way: int) -> list[Span]:
        """When something that a member sends again and again from `begin` to `end` may reach the server.

        What was sent while the link passed arrives within `under_way`; what a stall holds, within that after its heal.
        """
        spans = []
        up = 0
        for outage in self.since(begin):
            if outage.silent is None:
                continue
            if max(begin, up) <= min(end, outage.silent.hi):
                spans.append(Span(max(begin, up), min(end, outage.silent.hi) + under_way))
            over = outage.end
            if over is None:
                return spans
            if outage.holds and begin <= over.hi and outage.silent.lo <= end:
                spans.append(Span(over.lo, over.hi + under_way))
            up = over.lo
        if max(begin, up) <= end:
            spans.append(Span(max(begin, up), end + under_way))
        return spans


@dataclass(slots=True)
class Request:
    """One time of being, or wanting to be, in a room: from the first word of it to a state outside.

    `valid`: its arguments may open a session. `first` is when the member was first told to be in, `opened` when last,
    `lost` when it was last told to be cut off before that, and `cut_off` when it was last. `asked` is when it called to
    leave, `left` when it was told to have left at its own request, `out` when it was told any state outside.
    `repeated` is when it first asked once more to be in. `expiry` is the state outside by which it was told that
    the server had ended its session by itself. `away`: told to be cut off since it was last told to be in.
    """

    number: int
    begin: Instant
    args: Mapping[str, Any]
    valid: bool
    first: Instant | None = None
    opened: Instant | None = None
    lost: Instant | None = None
    cut_off: Instant | None = None
    repeated: Instant | None = None
    asked: Instant | None = None
    left: Instant | None = None
    out: Instant | None = None
    expiry: str | None = None
    away: bool = False

    @property
    def gave_up(self) -> Instant | None:
        """When the member was told that it is outside, and had not left, which afterwards was in vain, nor expired."""
        if self.expiry is not None:
            return None
        in_time = self.left is not None and (self.out is None or self.left.hi <= self.out.hi)
        return None if in_time else self.out

    def cut_short(self) -> Iterator[Instant]:
        """When the member was told that it is in no more, and had not asked for that."""
        if self.lost is not None and self.first is not None and self.lost.hi >= self.first.lo:
            yield self.lost
        if self.cut_off is not None and self.away:
            yield self.cut_off
        if self.gave_up is not None:
            yield self.gave_up
        if self.expiry is not None and self.out is not None:
            yield self.out


@dataclass(slots=True)
class Stay:
    """A member in a room: its requests, the newest last."""

    member: str
    link: LinkHistory
    requests: list[Request] = field(default_factory=list)

    @property
    def request(self) -> Request | None:
        """The newest."""
        return self.requests[-1] if self.requests else None

    def live(self, request: Request, noticed: int) -> list[Outage]:
        """The outages that the server may still not have got over: the member was not surely heard after them."""
        told = request.opened
        out = []
        for outage in self.link.since(request.begin.lo):
            if outage.end is not None and told is not None and outage.end.hi < told.lo:
                seen = request.lost is not None and outage.begin.lo <= request.lost.hi
                if seen or outage.begin.hi < told.lo - noticed:
                    continue
            out.append(outage)
        return out

    def sound(self, request: Request, at: Instant, noticed: int, under_way: int) -> bool:
        """Whether what the member sent at this instant surely reached the server."""
        if request.opened is None:
            return False
        outages = self.live(request, noticed)
        return all(outage.begin.lo > at.hi + under_way for outage in outages)

    def unheard(self, request: Request, noticed: int, back: int) -> list[tuple[Instant, int]]:
        """The times in which the server may not have heard the member: when each began, and when it is surely over."""
        out: list[tuple[Instant, int]] = []
        again = -1
        for outage in self.live(request, noticed):
            if outage.end is None:
                over, until = NEVER, NEVER
            elif outage.broken:
                over = until = outage.begin.hi + noticed + back
            else:
                over, until = outage.end.hi + back, outage.end.hi + noticed + back
            if out and outage.begin.lo <= again:
                out[-1] = out[-1][0], max(out[-1][1], over)
            else:
                out.append((outage.begin, over))
            again = until
        return out
