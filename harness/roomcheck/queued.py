"""How long programs wait for a processor, as the kernel counts it, and a time limit that does not count that."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

QUICK = 0.2  # seconds; most answers come sooner, and then nobody needs to look how long a program has waited
MOST = 3  # times its limit that a program may be kept waiting: then the machine cannot run it at all

T = TypeVar("T")


async def within(answer: "asyncio.Future[T]", limit: float, pid: int | None) -> T:
    """The answer of a program, within `limit` seconds and those for which it waited for a processor meanwhile.

    TimeoutError holds how many these were: none of a program that is not ours (`pid` None), or where nobody tells.
    """
    queued = Queued(pid) if pid is not None else None
    begin = asyncio.get_running_loop().time()
    waited = 0.0
    while (left := begin + limit + waited - asyncio.get_running_loop().time()) > 0:
        done, _ = await asyncio.wait([answer], timeout=left)
        if done:
            return answer.result()
        waited = min(queued.worst / 1e6, MOST * limit) if queued else 0.0
    raise TimeoutError(waited)


def ready(look: Callable[[float], bool], limit: float, pid: int | None) -> bool:
    """Whether a blocking look (for so many seconds) sees a program's answer within the same time; blocks as long."""
    if look(min(QUICK, limit)):
        return True
    begin = time.monotonic() - min(QUICK, limit)
    queued = Queued(pid) if pid is not None else None
    waited = 0.0
    while (left := begin + limit + waited - time.monotonic()) > 0:
        if look(left):
            return True
        waited = min(queued.worst / 1e6, MOST * limit) if queued else 0.0
    return False


class Queued:
    """How long a process, or one that it started, has waited for a processor since this was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self._look()

    def _look(self) -> dict[str, int]:
        threads = [thread for pid in (self._pid, *offspring(self._pid)) for thread in threads_of(pid)]
        return {thread: wait for thread in threads if (wait := waiting(thread)) is not None}

    @property
    def worst(self) -> int:
        """Of the thread that waited longest in all (microseconds); 0 where the system does not tell."""
        return max((wait - self._before.get(thread, 0) for thread, wait in self._look().items()), default=0)


def offspring(pid: int) -> Iterator[int]:
    """The processes that `pid` started, and theirs; none where the system does not tell."""
    for thread in threads_of(pid):
        try:
            children = [int(child) for child in Path(thread, "children").read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from offspring(child)


def threads_of(pid: int) -> list[str]:
    """The folders of a process's threads in /proc; none of one that is gone."""
    return [str(path) for path in Path(f"/proc/{pid}/task").glob("*")]


def waiting(thread: str) -> int | None:
    """How long a thread (its folder) has been ready and had to wait, in microseconds; None of one that is gone."""
    try:
        with open(f"{thread}/schedstat", encoding="ascii") as file:  # noqa: PTH123 - a Path costs as much as the reading
            return int(file.read().split()[1]) // 1_000
    except (OSError, IndexError, ValueError):
        return None
