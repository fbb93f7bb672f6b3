"""The signs of life of an adapter: it is pinged all the time, and says with each answer how late its own loop is."""

import time
from statistics import median_low
from typing import Any

from roomcheck.model.time import Instant

SILENCE = 1_000_000  # microseconds without a pong that count as a gap: four pings missed
DEAD = 30_000_000  # microseconds without a pong after which the program is given up
LAST = 5  # pings of which the usual lateness is taken: one that was very late is an accident


def now() -> int:
    """Microseconds of the monotonic clock, the same in all processes of this machine."""
    return time.monotonic_ns() // 1_000


class Pulse:
    """What the pings of one adapter told so far."""

    def __init__(self) -> None:
        self._gaps: list[Instant] = []
        self._lags: list[tuple[int, int]] = []
        self._pong = now()

    def begin(self) -> None:
        """From now on it is pinged."""
        self._pong = now()

    def note(self, received: int, loop_lag: Any) -> None:
        """A ping was answered; `loop_lag`: what the adapter says of its loop (microseconds), if it says that."""
        lag = min(max(0, loop_lag), DEAD) if type(loop_lag) is int else 0
        self._lags.append((received, lag))
        quiet_since = min(self._pong, received - lag) if lag > SILENCE else self._pong
        if received - quiet_since > SILENCE:
            self._gaps.append(Instant(quiet_since, received))
        self._pong = received

    @property
    def quiet(self) -> int:
        """For how long (microseconds) no ping has been answered."""
        return now() - self._pong

    def gaps(self, since: int) -> list[Instant]:
        """The intervals after `since` in which the adapter showed no life for longer than a second."""
        going_on = [Instant(self._pong, now())] if self.quiet > SILENCE else []
        return [gap for gap in (*self._gaps, *going_on) if gap.hi > since]

    def lag(self, since: int) -> int:
        """The adapter's worst lateness (microseconds) that its pings after `since` told of."""
        return max((lag for received, lag in reversed(self._lags) if received >= since), default=0)

    @property
    def usual_lag(self) -> int:
        """By how much the adapter is usually late now (microseconds): the median of what its last pings told of."""
        return median_low([lag for _, lag in self._lags[-LAST:]] or [0])
