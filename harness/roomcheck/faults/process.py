"""The process of a Toxiproxy server, proven to be ours and dead when its parent dies.

A server whose API port is taken logs an error and runs on without an API, and whoever polls that port talks to somebody
else's server. So it is started with a file that holds one disabled proxy of a random name, and only a server that knows
the name is ours. On Linux a short launcher asks the kernel to kill it with its parent and then becomes the server; a
hook between fork and exec would do, but may deadlock in a process with threads, and this one has them.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from roomcheck.errors import HarnessError
from roomcheck.faults.client import Client, RefusedError, SilentError
from roomcheck.faults.ports import free_port
from roomcheck.faults.silence import now

READY = 30.0  # seconds; p95 is 26 ms on two loaded cores, and beside 37 processes that wanted them 10 s were too few
NO_API = "Server finished with error"  # what the server logs, and goes on
WANTS = {  # what it logs -> what it wanted; both look to a member as if the room had refused it
    b"too many open files": "was not allowed to open more files: raise the limit, ulimit -n",
    b"cannot assign requested address": (
        "found no port for a connection: widen net.ipv4.ip_local_port_range, or run with --jobs 8"
    ),
}
FIRST = 3  # lines of its log
STARTS = 3  # a port may be taken between our look and the server's bind
LAUNCH = (
    "import ctypes,os,sys;ctypes.CDLL(None).prctl(1,9);"  # PR_SET_PDEATHSIG, SIGKILL
    "os.getppid()==int(sys.argv[1]) or os._exit(1);os.execv(sys.argv[2],sys.argv[2:])"
)


class Process:
    """The server's process. Blocking; `start` returns when the API answers and the server is proven to be ours."""

    def __init__(self, program: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._read = 0  # of its log
        self._wanted = (0, "")  # when that was seen, and what
        self._mark = f"roomcheck-{secrets.token_hex(8)}"
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._closing = threading.Lock()  # a call that fails in another thread reads it meanwhile
        command = [str(program), "-host", "127.0.0.1", "-port", str(self.port), "-config"]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", LAUNCH, str(os.getpid()), *command]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
            json.dump(
                [{"name": self._mark, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "enabled": False}], config
            )
            config.flush()
            try:
                self._popen = subprocess.Popen(
                    [*command, config.name], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                    env={**os.environ, "LOG_LEVEL": "warn"}, start_new_session=True,
                )  # fmt: skip
            except OSError as e:
                self._log.close()
                raise HarnessError(f"cannot start {program}: {e}") from e
            try:
                self._wait_until_ready(program)
            except BaseException:
                self.kill()
                self.wait()
                raise

    def _wait_until_ready(self, program: Path) -> None:
        deadline = time.monotonic() + READY
        client = Client(self.url)
        pause = threading.Event()
        try:
            while self.alive and time.monotonic() < deadline:
                with contextlib.suppress(SilentError, RefusedError):
                    client.read(self._mark)
                    return
                if NO_API in self._printed():
                    raise _NoApiError(f"{program} cannot serve {self.url}: {self.last_words()}")
                pause.wait(0.003)
        finally:
            client.close()
        raise HarnessError(f"{program} gave no API of its own on {self.url}: {self.last_words()}")

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def pid(self) -> int:
        return self._popen.pid

    def kill(self) -> None:
        self._popen.kill()

    def wait(self) -> None:
        self._popen.wait()
        with self._closing:
            self._log.close()

    def _printed(self) -> str:
        with self._closing:
            text = b"" if self._log.closed else os.pread(self._log.fileno(), 4000, 0)
        return text.decode(errors="backslashreplace").strip()

    def wanted(self, since: int) -> str:
        """What it could not open a connection for want of, if it has said so after this moment; else nothing."""
        if (size := os.fstat(self._log.fileno()).st_size) > self._read:
            text = os.pread(self._log.fileno(), size - self._read, self._read)
            self._read = size
            self._wanted = next(((now(), words) for log, words in WANTS.items() if log in text), self._wanted)
        at, words = self._wanted
        return words if at >= since else ""

    def last_words(self) -> str:
        """How it ended, and what it printed first, in one line: a dump of its stacks follows what it died of."""
        status = self._popen.poll()
        how = "it still runs" if status is None else f"it ended with status {status}"
        lines = [line.strip() for line in self._printed().splitlines() if line.strip()]
        return f"{how}; {' | '.join(lines[:FIRST]) or 'it printed nothing'}"


class _NoApiError(HarnessError):
    """The server runs on without an API: somebody has its port."""


def start_process(program: Path) -> Process:
    """A running server that is ours. HarnessError with what the program printed if it does not become one."""
    for _ in range(STARTS - 1):
        with contextlib.suppress(_NoApiError):
            return Process(program)
    return Process(program)
