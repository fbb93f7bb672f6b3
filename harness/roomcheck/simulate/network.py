"""A member's link as its faults make it: what of a connection passes, waits or is lost.

It does what a Toxiproxy proxy with the recipes of faults/link.py was measured to do:

- A connection is made at once whenever the proxy accepts, whatever else is wrong; behind it a server that is down ends
  it at once. A proxy that is cut refuses.
- cut, reset, refuse: both sides of every connection are told, what is under way is lost.
- stall: bytes and closes wait in front of everything else; the heal delivers them in order.
- ghost: every connection, old or new, is dead for good; the heal tells both sides.
- deaf, mute: a stall or a ghost of the direction to the client, or to the server.
- half-open: one direction ends, its receiver is told; the close of the other direction waits for the heal, as do the
  closes of that direction on every later connection.
- truncate: for a moment each direction passes so many bytes, then the connection ends; what is left ends after it.
- latency, throttle, slice: delays, in the order in which they were added; a close comes after the bytes before it.

What it does not have: resets apart from closes, buffers that fill up, and any chance.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from roomcheck.errors import UsageError
from roomcheck.model.fault import EFFECT, HELD, LOST, Effect, FaultKind, read_settings
from roomcheck.model.fault import Way as Direction
from roomcheck.reference.wire import Message, encode

LATENCY = 100  # microseconds each way; loopback through Toxiproxy takes 35 to 130 (tests/faults, loaded machine)
MILLISECOND = 1_000

Item = Message | None  # None: the close
NEITHER: frozenset[Direction] = frozenset()
UNUSED: Mapping[FaultKind, int] = {}


class Way:
    """One direction of a connection. Nothing that is sent into a dead one arrives."""

    __slots__ = ("budget", "connection", "dead", "free", "held", "late", "up")

    def __init__(self, connection: "Connection", *, up: bool, dead: bool, budget: int | None) -> None:
        self.connection = connection
        self.up = up
        self.dead = dead
        self.budget = budget  # bytes that may still pass before the connection is truncated
        self.held: tuple[Item, ...] = ()  # waits for the heal
        self.late: tuple[tuple[int, Item], ...] = ()  # under way on a slow link, with its arrival
        self.free = UNUSED  # when each delay that serves one message at a time is free again


class Connection:
    """A TCP connection through a link; `client` and `server` say which ends are open, `number` is the server's name.

    `unseen` says that the server does not know of it yet: nothing passes on it so far.
    """

    __slots__ = ("client", "client_link", "down", "link", "number", "server", "unseen", "up")

    def __init__(self, link: "SimulatedLink", client_link: int, number: int) -> None:
        self.link = link
        self.client_link = client_link
        self.number = number
        self.client = True
        self.server = True
        self.unseen = False
        self.up = Way(self, up=True, dead=Direction.UP in link.lost, budget=link.budget)
        self.down = Way(self, up=False, dead=Direction.DOWN in link.lost, budget=link.budget)

    @property
    def sound(self) -> bool:
        """Whether what either end sends comes to the other after the latency of a whole link."""
        link = self.link
        return (
            link.plain and link.budget is None and self.client and self.server and not (self.up.dead or self.down.dead)
        )

    def kill(self) -> None:
        """What is under way in either direction is lost, and so is whatever comes."""
        self.lose(Direction)

    def lose(self, ways: Iterable[Direction]) -> None:
        """The same, in these directions."""
        for way in ways:
            (self.up if way is Direction.UP else self.down).dead = True

    def forget(self) -> None:
        """Once neither end is open, no fault concerns it any more."""
        if not (self.client or self.server):
            self.link.connections.pop(self.number, None)


@dataclass(slots=True, eq=False)
class SimulatedLink:
    """The proxy of one member: which faults are on, and the connections that have an open end."""

    member: str
    disabled: bool = False
    lost: frozenset[Direction] = NEITHER  # what is sent there is
    halted: frozenset[Direction] = NEITHER  # what is sent there waits for the heal
    closed: frozenset[Direction] = NEITHER  # a close that is sent there waits for it
    budget: int | None = None  # truncate: bytes for each direction of a connection
    delays: dict[FaultKind, Mapping[str, int]] = field(default_factory=dict)
    connections: dict[int, Connection] = field(default_factory=dict)
    plain: bool = True  # whatever is sent takes the latency of a whole link, and nothing waits

    @property
    def down(self) -> bool:
        """Whether a fault keeps everything from passing, one way at least."""
        return self.disabled or bool(self.lost or self.halted)

    @property
    def silent(self) -> bool:
        """Whether nothing passes on the connections that it accepts, either way."""
        return self.halted | self.lost == frozenset(Direction)

    def check(self, kind: FaultKind, settings: Mapping[str, object]) -> dict[str, int]:
        """The fault's settings. UsageError if they do not fit, or the fault does not fit the ones before it."""
        read = read_settings(kind, settings)
        if kind is FaultKind.SERVER_RESTART:
            raise UsageError(f"{kind} is a fault of the server, not of a link")
        if self.down and EFFECT[kind] is not Effect.DOWN:
            raise UsageError(f"{kind} needs a link that is up, and an earlier fault still keeps {self.member} down")
        return read

    def put(self, kind: FaultKind, settings: Mapping[str, int]) -> None:
        """From now on the fault is on, for whatever is sent."""
        match kind:
            case FaultKind.CUT | FaultKind.RESET | FaultKind.REFUSE:
                self.disabled = True
            case _ if kind in HELD or kind in LOST:
                self.halted |= frozenset(HELD.get(kind, ())) - self.lost
                self.lost |= frozenset(LOST.get(kind, ()))
                self.closed |= self.halted | self.lost
            case FaultKind.HALF_OPEN_SERVER_TOLD:
                self.closed |= {Direction.DOWN}
            case FaultKind.HALF_OPEN_CLIENT_TOLD:
                self.closed |= {Direction.UP}
            case FaultKind.LATENCY | FaultKind.THROTTLE | FaultKind.SLICE:
                self.delays.pop(kind, None)  # the same fault again, with other settings, is the last in the chain
                self.delays[kind] = settings
            case FaultKind.TRUNCATE:
                self.budget = settings["bytes"]
                for connection in self.connections.values():
                    connection.up.budget = connection.down.budget = self.budget
            case FaultKind.SERVER_RESTART:  # a fault of the server, refused by check
                raise AssertionError(kind)
        self.plain = not (self.closed or self.delays)

    def whole(self) -> None:
        """Nothing is on any more."""
        self.disabled = False
        self.lost = self.halted = self.closed = NEITHER
        self.delays.clear()
        self.plain = True

    def holds(self, way: Way, item: Item) -> bool:
        """Whether what enters this direction now waits for the heal."""
        return (Direction.UP if way.up else Direction.DOWN) in (self.closed if item is None else self.halted)

    def arrival(self, way: Way, item: Item, now: int) -> int:
        """When what enters this direction now comes out, and not before what entered earlier."""
        at = now + LATENCY
        if item is not None:
            size = len(encode(item))
            for kind, settings in self.delays.items():
                at = _delayed(way, kind, settings, size, at)
        return max(at, way.late[-1][0]) if way.late else at


def _delayed(way: Way, kind: FaultKind, settings: Mapping[str, int], size: int, at: int) -> int:
    if kind is FaultKind.LATENCY:  # Toxiproxy counts milliseconds
        return at + max(1, round(settings["latency"] / MILLISECOND)) * MILLISECOND
    begin = max(at, way.free.get(kind, 0))
    if kind is FaultKind.THROTTLE:  # a kilobyte a second is a byte a millisecond
        free = out = begin + size * MILLISECOND // settings["rate"]
    else:
        pieces = -(-size // settings["size"])
        free = begin + pieces * settings["delay"]
        out = free - settings["delay"]
    way.free = {**way.free, kind: free}
    return out
