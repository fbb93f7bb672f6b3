"""The one clock of a run, and how late this machine is.

The probe asks to be woken every few milliseconds and notes by how much it was late; that is the uncertainty of every
stamp taken meanwhile. A room's server or Toxiproxy may have been kept waiting while this process was not: on Linux the
kernel counts for each thread how long it was ready to run and got no processor, and that is read for everything that
this process has started. In 1,500 random schedules beside other work, one callback came 54 ms after its window while
the probe was 13 ms late at most and a server had waited for 80. A spec's tolerance is about the room and never enters
here.
"""

import asyncio
import os
import time
from bisect import bisect_left
from statistics import median_low
from typing import Self

from roomcheck.queued import offspring, threads_of, waiting

TICK = 5_000  # microseconds between two looks; a look costs about 20 us
LAST = 20  # looks of which the usual lateness is taken: one that was very late is an accident
KIN_TICK = 50_000  # microseconds between two looks at the processes that we started; about 200 us
KIN_FRESH = 20  # looks between two at which processes there are


def now() -> int:
    """Microseconds of the monotonic clock, the same in all processes of this machine."""
    return time.monotonic_ns() // 1_000


async def sleep_until(moment: int) -> None:
    """Return at `moment` (microseconds) or as soon as the machine lets us."""
    while (left := moment - now()) > 0:  # noqa: ASYNC110 (a moment in time is no event)
        await asyncio.sleep(left / 1e6)


class Looks:
    """What was seen when: `worst(lo, hi)` is the worst of the looks whose wait touched [lo, hi], in microseconds."""

    def __init__(self) -> None:
        self.at: list[int] = []
        self.late: list[int] = []

    def note(self, at: int, late: int) -> None:
        """One look, in order of time."""
        self.at.append(at)
        self.late.append(late)

    def worst(self, lo: int, hi: int) -> int:
        """Zero where nobody looked."""
        first = max(0, bisect_left(self.at, lo) - 1)
        last = bisect_left(self.at, hi) + 1
        return max(self.late[first:last], default=0)


class Lateness:
    """A running measurement: of this process (`worst`), and of those that it started (`starved`)."""

    def __init__(self) -> None:
        self.own = Looks()
        self.kin = Looks()
        self.playing = 0  # cases that are played now: while there is none, being late harms nobody
        self._entered = 0
        self._meanwhile: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._entered += 1
        if self._entered > 1:  # those who measure at the same time share it
            return self
        self._tasks = [asyncio.create_task(self._probe()), asyncio.create_task(self._probe_kin())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entered -= 1
        if self._entered:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _probe(self) -> None:
        while True:
            due = now() + TICK
            await asyncio.sleep(TICK / 1e6)
            at = now()
            self.own.note(at, max(0, at - due))
            if self.playing:
                self._meanwhile.append(max(0, at - due))

    async def _probe_kin(self) -> None:
        waited: dict[str, int] = {}
        while True:
            if len(self.kin.at) % KIN_FRESH == 0:
                threads = [thread for pid in offspring(os.getpid()) for thread in threads_of(pid)]
            before, waited = waited, {t: wait for t in threads if (wait := waiting(t)) is not None}
            self.kin.note(now(), max((wait - before.get(t, wait) for t, wait in waited.items()), default=0))
            await asyncio.sleep(KIN_TICK / 1e6)

    def worst(self, lo: int, hi: int) -> int:
        """By how much this process was late at worst (microseconds) around [lo, hi]."""
        return self.own.worst(lo, hi)

    def starved(self, lo: int, hi: int) -> int:
        """How long one that we started waited for a processor at worst (microseconds), in one look around [lo, hi]."""
        return self.kin.worst(lo, hi)

    async def calm(self, least: float, most: float) -> None:
        """Return after `least` seconds, or later, when the machine is on time again, but not after `most`."""
        begin = now()
        await asyncio.sleep(least)
        while self.worst(now() - 4 * TICK, now()) > TICK and now() - begin < most * 1e6:  # noqa: ASYNC110 (calm is no event)
            await asyncio.sleep(TICK / 1e6)

    @property
    def usual(self) -> int:
        """By how much this process is usually late now (microseconds): the median of the last looks."""
        return median_low(self.own.late[-LAST:] or [0])

    @property
    def typical(self) -> int:
        """By how much this process is usually late, or one that it started kept waiting, since it began to look."""
        return max(median_low(looks.late or [0]) for looks in (self.own, self.kin))

    def percentile(self, share: float) -> int:
        """The lateness that this share of all looks, while something was played if anything was, did not exceed."""
        ordered = sorted(self._meanwhile or self.own.late)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0
