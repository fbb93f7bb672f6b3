"""`roomcheck`, or pytest with its plugin, in a process forked from an interpreter that has imported it.

Importing is two thirds of a short run.
"""

import atexit
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Literal

import pytest

from roomcheck.cli import COMMANDS, ELSEWHERE

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["requests", "pytest", *(f"roomcheck.cli.{ELSEWHERE.get(name, (name,))[0]}" for name in COMMANDS)]
)
PR_SET_PDEATHSIG = 1
LOCK = threading.Lock()  # starting a process asks after every other one, and two who ask at once get a wrong answer


def servers() -> set[int]:
    """The processes that stay from the first run to the end of the tests."""
    kept = (forkserver._forkserver._forkserver_pid, resource_tracker._resource_tracker._pid)  # type: ignore[attr-defined]
    return {pid for pid in kept if pid is not None}


Program = Literal["roomcheck", "pytest"]


def _main(
    program: Program,
    words: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    out: Connection,
    err: Connection,
    before: str,
) -> None:
    """What the process does: first what a new one would have from the start, then the command.

    It ends with the server that it was forked from, and so with tests that are killed: on Linux no run outlives them.
    """
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]  # or the server would stay for us
    for number, pipe in ((1, out), (2, err)):
        os.dup2(pipe.fileno(), number)
        pipe.close()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    # a suite that a shell runs in the background ignores it, and so would its children
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [program, *words]
    sys.orig_argv = [sys.executable, "-m", program, *words]
    exec(before, {})  # noqa: S102
    try:
        if program == "pytest":
            sys.exit(pytest.main())
        from roomcheck.cli import main

        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()


class Forked:
    """What a test needs of `subprocess.Popen`."""

    def __init__(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], before: str = "", program: Program = "roomcheck"
    ) -> None:
        ours, theirs = zip(SERVER.Pipe(duplex=False), SERVER.Pipe(duplex=False), strict=True)
        self._process = SERVER.Process(target=_main, args=(program, words, cwd, env, *theirs, before))
        with LOCK:
            self._process.start()
        for pipe in theirs:
            pipe.close()
        self.stdout, self.stderr = (_text(pipe) for pipe in ours)
        assert self._process.pid is not None
        self.pid = self._process.pid
        self._said = ["", ""]
        self._readers: list[threading.Thread] = []

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        """The exit code, as in `subprocess` negative if a signal ended it; None while it runs."""
        with LOCK:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        if not wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired("roomcheck", timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def kill(self) -> None:
        with LOCK:
            self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it still says, to its end."""
        if not self._readers:  # else it was asked before, and the time was up
            pipes = [(number, pipe) for number, pipe in enumerate((self.stdout, self.stderr)) if not pipe.closed]
            self._readers = [threading.Thread(target=self._read, args=each, daemon=True) for each in pipes]
            for reader in self._readers:
                reader.start()
        for reader in self._readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired("roomcheck", timeout or 0)
        self.wait(timeout)
        return self._said[0], self._said[1]

    def _read(self, number: int, pipe: IO[str]) -> None:
        with pipe:
            self._said[number] = pipe.read()


def _text(pipe: Connection) -> IO[str]:
    with pipe:
        return os.fdopen(os.dup(pipe.fileno()), encoding="utf-8")
