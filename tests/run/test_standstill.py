"""Who has ended and who stood still, on real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil
import pytest

from roomcheck.run.clock import now
from roomcheck.run.standstill import Standstills, has_ended, how_it_ended, stands, was_continued
from support.processes import PATIENCE
from support.runs import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a child's children")
WAITS = "import threading; threading.Event().wait()"


@dataclass(eq=False)
class Part:
    """A part of a run."""

    pid: int | None


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A program that does nothing."""
    with subprocess.Popen([sys.executable, "-c", WAITS]) as process:
        yield process
        process.kill()


@pytest.fixture
def grandchild() -> Iterator[psutil.Process]:
    """One that a shell has started, as the servers of many targets are."""
    with subprocess.Popen(["sh", "-c", f'{sys.executable} -c "{WAITS}"; true'], start_new_session=True) as shell:
        yield until(lambda: next(iter(psutil.Process(shell.pid).children()), None))
        os.killpg(shell.pid, signal.SIGKILL)


def test_a_stop_is_seen_while_it_lasts(child: subprocess.Popen[bytes]) -> None:
    """And not before, nor when it is over."""
    before = stands(child.pid)
    child.send_signal(signal.SIGSTOP)
    until(lambda: stands(child.pid))
    child.send_signal(signal.SIGCONT)
    until(lambda: not stands(child.pid))

    assert not before


def test_a_stop_that_is_over_is_seen_once(child: subprocess.Popen[bytes]) -> None:
    """However short it was, and whenever one looks."""
    before = was_continued(child.pid)
    child.send_signal(signal.SIGSTOP)
    until(lambda: stands(child.pid))
    child.send_signal(signal.SIGCONT)

    assert not before
    assert until(lambda: was_continued(child.pid))
    assert not was_continued(child.pid)


def test_what_a_shell_started_stands_still_too(grandchild: psutil.Process) -> None:
    """The shell itself goes on."""
    grandchild.suspend()

    assert until(lambda: stands(grandchild.ppid()))


def test_a_child_that_has_ended_is_known_at_once(child: subprocess.Popen[bytes]) -> None:
    """Before anybody asked how, and after."""
    before = has_ended(child.pid)
    child.kill()
    until(lambda: has_ended(child.pid))
    how = how_it_ended(child.pid)
    status = child.wait()

    assert not before
    assert (how, status) == ("it ended with status -9", -signal.SIGKILL)
    assert has_ended(child.pid)


def test_a_part_stood_still_after_a_moment_or_before_it(child: subprocess.Popen[bytes]) -> None:
    """Cases that began later are not concerned; one without a program never stands."""
    part, none = Part(child.pid), Part(None)

    async def play() -> list[bool]:
        async with Standstills() as seen:
            seen.watch(part)
            seen.watch(none)
            begin = now()
            said = [seen.stood(part, begin)]
            child.send_signal(signal.SIGSTOP)
            async with asyncio.timeout(PATIENCE):
                while not seen.stands(part):  # noqa: ASYNC110 (what another process does is no event here)
                    await asyncio.sleep(0.001)
            child.send_signal(signal.SIGCONT)
            async with asyncio.timeout(PATIENCE):
                while seen.stands(part):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            said.append(seen.stood(part, begin))
            seen.forget(part)
            said += [seen.stood(part, begin), seen.stood(part, now() + 1), seen.stood(none, begin)]
            return said

    assert asyncio.run(play()) == [False, True, True, False, False]


def test_a_stop_is_noted_while_nobody_asks(child: subprocess.Popen[bytes]) -> None:
    """By the look that is taken again and again; a part whose program has gone meanwhile does not end it."""
    part, gone = Part(child.pid), Part(2**22)

    async def play() -> None:
        async with Standstills() as seen, asyncio.timeout(PATIENCE):
            seen.watch(gone)
            seen.watch(part)
            child.send_signal(signal.SIGSTOP)
            while part not in seen._seen:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    asyncio.run(play())
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGCONT)
