"""How long a Toxiproxy gave no answer while it was asked: what its proxies carry may have stood still as long."""

import threading
import time

LONG = 250_000  # microseconds: what is shorter is seen on busy machines, where every call waits for a processor


def now() -> int:
    """Microseconds of the monotonic clock, the same in all processes of this machine."""
    return time.monotonic_ns() // 1_000


class Silence:
    """The stretches in which calls were waiting and none was answered. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._since = 0
        self._seen: list[tuple[int, int]] = []

    def asked(self) -> None:
        """A call begins."""
        with self._lock:
            if not self._waiting:
                self._since = now()
            self._waiting += 1

    def answered(self) -> None:
        """A call ends, with whatever answer, or none."""
        with self._lock:
            at = now()
            if at - self._since >= LONG:
                self._seen.append((self._since, at))
            self._since = at
            self._waiting -= 1

    def longest(self, lo: int, hi: int) -> int:
        """Of those that touch [lo, hi], also one that goes on, the longest, in microseconds; 0: none was LONG."""
        with self._lock:
            seen = [*self._seen, *([(self._since, now())] if self._waiting else [])]
        return max((end - begin for begin, end in seen if begin <= hi and end >= lo and end - begin >= LONG), default=0)
