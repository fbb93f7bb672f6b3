"""The one clock of a run, and how late this machine is.

The probe asks to be woken every few milliseconds and notes by how much it was late; that is the uncertainty of every
stamp taken meanwhile. A spec's tolerance is about the room and never enters here.
"""

import asyncio
import time
from bisect import bisect_left
from typing import Self

TICK = 5_000  # microseconds between two looks; a look costs about 20 us


def now() -> int:
    """Microseconds of the monotonic clock, the same in all processes of this machine."""
    return time.monotonic_ns() // 1_000


async def sleep_until(moment: int) -> None:
    """Return at `moment` (microseconds) or as soon as the machine lets us."""
    while (left := moment - now()) > 0:  # noqa: ASYNC110 (a moment in time is no event)
        await asyncio.sleep(left / 1e6)


class Lateness:
    """A running measurement: `worst(lo, hi)` is the worst lateness seen around an interval."""

    def __init__(self) -> None:
        self._at: list[int] = []
        self._late: list[int] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._probe())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _probe(self) -> None:
        while True:
            due = now() + TICK
            await asyncio.sleep(TICK / 1e6)
            at = now()
            self._at.append(at)
            self._late.append(max(0, at - due))

    def worst(self, lo: int, hi: int) -> int:
        """The worst lateness (microseconds) of the looks whose wait touched [lo, hi]."""
        first = max(0, bisect_left(self._at, lo) - 1)
        last = bisect_left(self._at, hi) + 1
        return max(self._late[first:last], default=0)

    async def calm(self, least: float, most: float) -> None:
        """Return after `least` seconds, or later, when the machine is on time again, but not after `most`."""
        begin = now()
        await asyncio.sleep(least)
        while self.worst(now() - 4 * TICK, now()) > TICK and now() - begin < most * 1e6:  # noqa: ASYNC110 (calm is no event)
            await asyncio.sleep(TICK / 1e6)

    def percentile(self, share: float) -> int:
        """The lateness that this share of all looks did not exceed."""
        ordered = sorted(self._late)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0
