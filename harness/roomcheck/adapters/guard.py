"""What our programs have started dies with us too, however we die: a server behind `sh -c "…; true"`, for one.

The kernel ends a program with its parent, and not what that has started. So one small process waits for the end of its
input, which comes when we are gone, and then kills every process group that we had started and not ended ourselves.
"""

import contextlib
import subprocess
import sys

_WATCH = """
import os, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, 9)
    except OSError:
        pass
"""
LIMIT = 5.0  # seconds; it ends within milliseconds


class Guard:
    """The process that waits, there as long as there is a group to be watched."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """From now on, until `leave`."""
        self._groups.add(group)
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCH],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            for each in self._groups:
                self._tell(f"+{each}")
        else:
            self._tell(f"+{group}")

    def leave(self, group: int) -> None:
        """We have ended it ourselves. When it was the last one nothing is left to wait."""
        self._groups.discard(group)
        self._tell(f"-{group}")
        if not self._groups:
            self._end()

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # somebody has ended it, or closed its input
                self._process.stdin.write(f"{line}\n".encode())
                self._process.stdin.flush()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LIMIT)


guard = Guard()
