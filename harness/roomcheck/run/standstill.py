"""Which of the programs that we started have ended, and which stood still: stopped by a signal, or continued after one.

Whoever stands still looks to the members as a room that hangs, and that is nobody's defect. The kernel tells a parent
of both, a stop that was over long before we looked included; of a child's children it only tells how they are now.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

from roomcheck.queued import offspring
from roomcheck.run.clock import now

TICK = 50_000  # microseconds between two looks; one at three programs costs about 200 us
RUNS = "it still runs"
_WAITS = hasattr(os, "waitid")  # macOS has it from Python 3.13 on


class Running(Protocol):
    """A part of a run with a program of its own."""

    @property
    def pid(self) -> int | None: ...


class Standstills:
    """When those that are being watched were last seen to stand still."""

    def __init__(self) -> None:
        self._seen: dict[Running, int] = {}
        self._watched: list[Running] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._probe())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def watch(self, part: Running) -> None:
        """From now on, until `forget`."""
        self._watched.append(part)

    def forget(self, part: Running) -> None:
        """It is not watched any more; what was seen of it stays."""
        with contextlib.suppress(ValueError):
            self._watched.remove(part)

    def stands(self, part: Running) -> bool:
        """Whether it stands still now."""
        pid = part.pid
        still = pid is not None and stands(pid)
        if still:
            self._seen[part] = now()
        return still

    def stood(self, part: Running, since: int) -> bool:
        """Whether it stood still after this moment (microseconds), and for however short a time."""
        self._look(part)
        return self._seen.get(part, -1) >= since

    async def _probe(self) -> None:
        while True:
            for part in self._watched:
                self._look(part)
            await asyncio.sleep(TICK / 1e6)

    def _look(self, part: Running) -> None:
        pid = part.pid
        if pid is not None and (was_continued(pid) or stands(pid)):
            self._seen[part] = now()


def has_ended(pid: int) -> bool:
    """Whether a child of ours has ended, also where nobody has asked how; False where the system cannot tell."""
    return how_it_ended(pid) != RUNS


def how_it_ended(pid: int) -> str:
    """In words, RUNS while a child of ours runs or where the system cannot tell. Whoever waits for it still learns."""
    if not _WAITS:
        return RUNS
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # somebody has waited for it
        return "it has ended"
    if found is None:
        return RUNS
    return f"it ended with status {found.si_status if found.si_code == os.CLD_EXITED else -found.si_status}"


def was_continued(pid: int) -> bool:
    """Whether a child of ours was stopped and goes on again, since this was last asked."""
    if not _WAITS:
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WCONTINUED | os.WNOHANG) is not None
    except ChildProcessError:
        return False


def stands(pid: int) -> bool:
    """Whether it, or one that it started, is stopped now; False where the system cannot tell."""
    return any(_state(each) in ("T", "t") for each in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    yield from offspring(pid)


def _state(pid: int) -> str:
    try:  # the name, in parentheses, may hold anything
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
