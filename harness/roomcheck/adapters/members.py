"""The members of an adapter, and what is wrong with a callback of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from roomcheck.adapters import messages
from roomcheck.adapters.clock import OwnClock
from roomcheck.errors import AdapterError
from roomcheck.model.time import Instant, show_duration

CLOCK_SLACK = 2_000  # microseconds; both sides read the same clock, so this only forgives rounding
FLOOD = 10_000  # callbacks of one member; the longest scenarios make about a hundred
_CLOCK = "stamp callbacks with the clock that hello's result names, in microseconds"


class StampedCallback(NamedTuple):
    """A callback: the adapter's stamp `time` and our `received`, microseconds of the same monotonic clock.

    It may have been `spread` earlier than `time`, where the adapter's clock is its own; never later.
    """

    member: str
    n: int
    time: int
    received: int
    callback: str
    fields: Mapping[str, Any]
    spread: int = 0


class UntrueError(Exception):
    """A callback that cannot be, so that nothing of its member can be trusted."""


class FloodError(Exception):
    """A callback that cannot be and concerns no one member: nothing of the adapter can be trusted."""


@dataclass(slots=True)
class Member:
    """Who is told its callbacks, and how far they have come; `opened` (microseconds) when that was asked for."""

    on_event: Callable[[StampedCallback], None] | None = None
    on_failure: Callable[[AdapterError], None] | None = None
    opened: int | None = None
    closed: bool = False
    failed: bool = False
    n: int = 0

    def hear(self, event: messages.Event, received: int, clock: OwnClock | None) -> None:
        """Its next callback; `clock` is the adapter's, where that is its own. UntrueError, FloodError."""
        if self.failed or self.opened is None:
            return
        name = event.member
        at = Instant(event.time, event.time) if clock is None else clock.ours(event.time)
        if event.n != self.n + 1:
            raise UntrueError(f"callback {event.n} of member {name} came after callback {self.n}: some are lost")
        if at.lo > received + CLOCK_SLACK:
            early = show_duration(at.lo - received)
            raise UntrueError(f"callback {event.n} of member {name} is stamped {early} in the future; {_CLOCK}")
        if at.hi < self.opened - CLOCK_SLACK:
            early = show_duration(self.opened - at.hi)
            raise UntrueError(f"callback {event.n} of {name} is stamped {early} before it was opened; {_CLOCK}")
        if event.n > FLOOD:
            raise FloodError(f"member {name} was told more than {FLOOD} callbacks: it floods")
        self.n = event.n
        if self.on_event is None:
            return
        time = at.hi if clock is None else min(at.hi, received)
        spread = max(0, time - at.lo) + event.spread
        try:
            self.on_event(StampedCallback(name, event.n, time, received, event.callback, event.fields, spread))
        except Exception as e:  # nobody else hears of it while the adapter's reader lives
            raise UntrueError(f"callback {event.n} of {name} cannot be read: {type(e).__name__}: {e}") from e
