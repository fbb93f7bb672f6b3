"""What a program that we started printed last, line by line, and when."""

import time
from collections import deque

from roomcheck.model.secrets import Secrets

KEPT = 200  # lines
LONGEST = 4_096  # characters of one line that are shown, the last ones
UNREAD = 1 << 16  # bytes of a line without an end that are kept; a secret that this cuts is not shown


class Printed:
    """Whoever reads the program's output adds it here; what is taken out has no secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._lines: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._rest = b""
        self._at = 0  # when the rest came

    def add(self, chunk: bytes) -> None:
        """More of it, just read."""
        self._at = time.monotonic_ns() // 1_000
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._lines.extend((self._at, line) for line in lines)
        self._rest = rest[-UNREAD:]

    def lines(self, since: int = 0, until: int | None = None) -> list[str]:
        """Those that came within these microseconds of the monotonic clock, the last 200 at most."""
        every = [*self._lines, (self._at, self._rest)] if self._rest else self._lines
        return [self._shown(line) for at, line in every if since <= at and (until is None or at <= until)]

    def _shown(self, line: bytes) -> str:
        return self._secrets.text(line.decode(errors="backslashreplace").rstrip())[-LONGEST:]
