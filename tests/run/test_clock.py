"""The clock of a run, and the measurement of how late the machine is."""

import asyncio
import os
import sys
from collections.abc import Sequence

import pytest

from roomcheck.queued import Queued
from roomcheck.run.clock import TICK, Lateness, now, sleep_until

MS = 1000


def seen(*looks: tuple[int, int]) -> Lateness:
    """A measurement that has made these looks: (when, how late), in milliseconds."""
    lateness = Lateness()
    for at, late in looks:
        lateness.own.note(at * MS, late * MS)
    return lateness


LOOKS = ((10, 1), (20, 7), (30, 2), (40, 3))


@pytest.mark.parametrize(
    ("lo", "hi", "worst"),
    [
        (18, 19, 7),  # the look at 20 was waited for then
        (11, 12, 7),
        (22, 23, 7),  # the look before is counted too: its wait may have touched
        (25, 28, 7),
        (31, 32, 3),
        (35, 50, 3),
        (0, 100, 7),
        (0, 5, 1),
        (50, 60, 3),
    ],
)
def test_the_worst_is_that_of_the_looks_around(lo: int, hi: int, worst: int) -> None:
    """Never less than that of a look whose wait touched the interval."""
    assert seen(*LOOKS).worst(lo * MS, hi * MS) == worst * MS


def test_without_a_look_nothing_is_known_to_be_late() -> None:
    """Zero, for any interval and any share."""
    assert Lateness().worst(0, 100) == 0
    assert Lateness().percentile(1.0) == 0


@pytest.mark.parametrize(("share", "late"), [(0.0, 0), (0.5, 50), (0.99, 99), (1.0, 99)])
def test_a_percentile_is_what_that_share_did_not_exceed(share: float, late: int) -> None:
    """Of looks that were 0 to 99 ms late; the last one is the worst."""
    assert seen(*((i, (i * 37) % 100) for i in range(100))).percentile(share) == late * MS


@pytest.mark.parametrize(
    ("late", "usual"),
    [([], 0), ([7], 7), ([0] * 20, 0), ([60] * 10, 60), ([60] * 20 + [0] * 10, 0), ([60] * 20 + [0] * 9, 60),
     ([0] * 9 + [900] * 11, 900), ([0] * 19 + [9000], 0)],
)  # fmt: skip
def test_the_usual_lateness_is_that_of_most_of_the_last_looks(late: list[int], usual: int) -> None:
    """One look that was very late is an accident."""
    assert seen(*enumerate(late)).usual == usual * MS


def busy(milliseconds: int) -> None:
    """Keep this thread from everything else."""
    end = now() + milliseconds * MS
    while now() < end:
        pass


def test_a_loop_that_is_kept_busy_is_measured_as_late() -> None:
    """By as much as it was kept from looking, in every interval that this touches."""

    async def measure() -> tuple[int, int]:
        async with Lateness() as lateness:
            await asyncio.sleep(4 * TICK / 1e6)
            begin = now()
            busy(60)
            end = now()
            await asyncio.sleep(4 * TICK / 1e6)
            return lateness.worst(begin, begin), lateness.worst(end, end)

    assert all(late >= 60 * MS - TICK for late in asyncio.run(measure()))


def test_what_was_late_while_nothing_was_played_is_not_reported() -> None:
    """Schedules are drawn then, in a thread that leaves the loop little."""

    async def measure() -> Lateness:
        async with Lateness() as lateness:

            async def looks(more: int) -> None:
                enough = len(lateness.own.late) + more
                while len(lateness.own.late) < enough:  # noqa: ASYNC110 - nothing tells of a look
                    await asyncio.sleep(TICK / 1e6)

            busy(60)
            await looks(2)
            before = len(lateness.own.late)
            lateness.playing += 1
            busy(90)
            await looks(2)
            lateness.playing -= 1
            assert lateness._meanwhile == lateness.own.late[before:]
            await looks(2)
            return lateness

    lateness = asyncio.run(measure())
    assert lateness.percentile(1.0) == max(lateness._meanwhile) >= 90 * MS - TICK
    assert 0 < len(lateness._meanwhile) < len(lateness.own.late) - 2


def test_the_measurement_ends_with_its_block() -> None:
    """No task is left, and no look is added."""

    async def measure() -> tuple[Sequence[int], Sequence[int], int]:
        async with Lateness() as lateness:
            await asyncio.sleep(2 * TICK / 1e6)
        before = list(lateness.own.at)
        await asyncio.sleep(4 * TICK / 1e6)
        return before, lateness.own.at, len(asyncio.all_tasks())

    before, after, tasks = asyncio.run(measure())
    assert before == after
    assert tasks == 1


def test_calm_waits_until_the_machine_is_on_time() -> None:
    """As long as the looks of the last moments were late."""

    async def measure() -> int:
        lateness = Lateness()
        begin = now()
        lateness.own.note(begin, 500 * MS)
        lateness.own.note(begin + 1, 0)
        await lateness.calm(0, 60)
        return now() - begin

    assert 4 * TICK <= asyncio.run(measure()) < 60_000 * MS


@pytest.mark.parametrize(("late", "least", "most"), [(0, 0.03, 60.0), (500 * MS, 0.0, 0.03)])
def test_calm_takes_no_less_and_no_more_than_asked(late: int, least: float, most: float) -> None:
    """On a machine that is always on time the least, on one that never is the most."""

    async def measure() -> int:
        lateness = Lateness()
        lateness.own.note(now() + 3_600_000 * MS, late)
        begin = now()
        await lateness.calm(least, most)
        return now() - begin

    assert 30 * MS <= asyncio.run(measure()) < 60_000 * MS


def test_sleep_until_never_returns_early() -> None:
    """And at once when the moment has passed."""

    async def sleep() -> tuple[int, int, int]:
        moment = now() + 20 * MS
        await sleep_until(moment)
        late = now() - moment
        begin = now()
        await sleep_until(begin - 5 * MS)
        return late, begin, now()

    late, begin, end = asyncio.run(sleep())
    assert late >= 0
    assert end - begin < 1_000 * MS


def test_a_child_that_is_kept_waiting_is_noticed() -> None:
    """More busy children than processors: the kernel's count of their waits is read."""

    async def measure() -> list[int]:
        spin = [sys.executable, "-S", "-c", "import time; t = time.time()\nwhile time.time() < t + 60: pass"]
        count = 2 * len(os.sched_getaffinity(0))
        children = [await asyncio.create_subprocess_exec(*spin) for _ in range(count)]
        try:
            async with Lateness() as lateness:
                began = now()
                deadline = began + 30_000 * MS
                while lateness.starved(began, now()) <= 5 * MS and now() < deadline:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.05)
                queued = [Queued(os.getpid()), Queued(children[0].pid)]
                while min(q.worst for q in queued) <= 5 * MS and now() < deadline:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.05)
                return [
                    lateness.starved(began, now()), lateness.starved(began - 9_000 * MS, began - 8_000 * MS),
                    *(q.worst for q in queued),
                ]  # fmt: skip
        finally:
            for child in children:
                child.kill()
                await child.wait()

    meanwhile, before, of_any, of_one = asyncio.run(measure())
    assert min(meanwhile, of_any, of_one) > 5 * MS
    assert before == 0
