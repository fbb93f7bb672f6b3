"""What the programs that we start have started does not outlive us."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from roomcheck.adapters.guard import Guard
from support.runs import until

WAITS = "import threading; threading.Event().wait()"
PARENT = (
    "import subprocess, sys, threading\n"
    "from roomcheck.adapters.guard import guard\n"
    f"started = subprocess.Popen(['sh', '-c', sys.executable + ' -c \"{WAITS}\"; true'], start_new_session=True)\n"
    "guard.watch(started.pid)\n"
    "print(started.pid, flush=True)\n"
    "threading.Event().wait()\n"
)


def running(process: psutil.Process) -> bool:
    """Whether it has not ended; one that only waits to be reaped has."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def group() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WAITS], start_new_session=True)


def test_what_a_shell_started_dies_with_us() -> None:
    """After kill -9 of the harness."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        shell = psutil.Process(int(parent.stdout.readline()))
        (behind,) = until(shell.children)
        watching = [child for child in psutil.Process(parent.pid).children() if child.pid != shell.pid]
        parent.send_signal(signal.SIGKILL)

    assert len(watching) == 1
    until(lambda: not any(running(process) for process in (shell, behind, *watching)))


def test_what_we_ended_ourselves_is_not_watched_any_more() -> None:
    """Its number may be another's by then; when nothing is watched nobody waits."""
    guard = Guard()
    with group() as one, group() as other:
        guard.watch(one.pid)
        guard.watch(other.pid)
        assert guard._process is not None
        process = guard._process
        guard.leave(one.pid)
        process.stdin.close()  # type: ignore[union-attr]  # as when we die
        other.wait(30)
        running = one.poll() is None
        one.kill()
        guard.leave(other.pid)

    assert running
    assert guard._process is None


def test_a_guard_that_was_ended_is_started_again() -> None:
    """It watches what the one before it did."""
    guard = Guard()
    with group() as one, group() as other:
        guard.watch(one.pid)
        assert guard._process is not None
        first = guard._process
        first.kill()
        first.wait()
        guard.watch(other.pid)
        assert guard._process is not None
        assert guard._process is not first
        guard._process.stdin.close()  # type: ignore[union-attr]
        codes = {one.wait(30), other.wait(30)}
        guard.leave(one.pid)
        guard.leave(other.pid)

    assert codes == {-signal.SIGKILL}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of signals")
def test_a_signal_from_a_terminal_does_not_reach_it() -> None:
    """Ctrl-C goes to the whole group of the harness, which may yet need it."""
    guard = Guard()
    with group() as one:
        guard.watch(one.pid)
        assert guard._process is not None
        assert os.getpgid(guard._process.pid) != os.getpgid(0)
        one.kill()
        guard.leave(one.pid)
