"""Work beside the loop, which nobody waits for at the end."""

import asyncio
import subprocess
import sys

import pytest

from roomcheck.run.aside import aside
from support.processes import PATIENCE


def test_the_result_comes_back() -> None:
    """Or the error."""

    def fails() -> int:
        raise ValueError("no such schedule")

    assert asyncio.run(aside(lambda: 7)) == 7
    with pytest.raises(ValueError, match="no such schedule"):
        asyncio.run(aside(fails))


def test_a_process_ends_while_the_work_goes_on() -> None:
    """Here it would go on for ever, and asyncio's own threads are joined."""
    code = (
        "import asyncio, threading; from roomcheck.run.aside import aside\n"
        "async def main():\n"
        "    begun = threading.Event()\n"
        "    work = asyncio.create_task(aside(lambda: (begun.set(), threading.Event().wait())))\n"
        "    while not begun.is_set(): await asyncio.sleep(0.01)\n"
        "    work.cancel()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_result_that_comes_when_nobody_waits_is_dropped() -> None:
    """Whoever waited was cancelled."""

    async def play() -> None:
        loop = asyncio.get_running_loop()
        go = asyncio.Event()
        work = asyncio.create_task(aside(lambda: asyncio.run_coroutine_threadsafe(go.wait(), loop).result()))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        go.set()
        for _ in range(20):
            await asyncio.sleep(0.001)

    asyncio.run(play())
