"""Ports of this machine that nobody has and that no outgoing connection will take.

A proxy that is disabled gives its port back until it is healed, and a member that retries meanwhile would reach whoever
took it: another member's proxy, and through it the room (seen in one of a thousand random schedules, where a member
came back over a link that was cut). So a port that was given is not given again for a long while.

Nor by another run on the same machine, which cannot know what was given here: the ports lie in blocks, and whoever has
bound the first port of a block gives the others. The system gives that one back when the process ends, however it ends.
"""

import secrets
import socket
import threading
from collections import deque

from roomcheck.errors import HarnessError

HOST = "127.0.0.1"
FIRST, LAST = 20_000, 32_000  # below 32768, where Linux begins to give ports to outgoing connections
BLOCK = 100  # so 120 runs can begin at once; one of 300 proxies, as a search has them, takes four
BLOCKS = 40  # for one process, which then gives those again that it gave first
TRIES = 200


class Ports:
    """What one process gives of 127.0.0.1, out of at most BLOCKS blocks of a range."""

    def __init__(self, within: range = range(FIRST, LAST)) -> None:
        self._within = within
        self._claims: list[int] = []  # a socket's descriptor in each block that is ours, bound and never listening
        self._order: deque[int] = deque()  # of all our blocks, the next one first
        self._fresh = 0  # so many of them were never given
        self._giving = threading.Lock()

    def give(self) -> int:
        """A port that was free a moment ago; whoever binds it must be ready to try another."""
        with self._giving:
            for _ in range(TRIES):
                if self._fresh == 0:
                    self._claim()
                port = self._order.popleft()
                self._order.append(port)
                self._fresh = max(0, self._fresh - 1)
                with socket.socket() as probe:
                    try:
                        probe.bind((HOST, port))
                    except OSError:
                        continue
                return port
        raise HarnessError(f"{TRIES} ports of {HOST}, {self._place()}, are all taken")

    def _claim(self) -> None:
        """Take a block more, unless we have enough; HarnessError where there is none and we have none at all."""
        if len(self._claims) == BLOCKS:
            return
        starts = list(self._within[::BLOCK])
        secrets.SystemRandom().shuffle(starts)
        for start in starts:
            claim = socket.socket()
            try:
                claim.bind((HOST, start))
            except OSError:
                claim.close()
                continue
            self._claims.append(claim.detach())
            ports = list(range(start + 1, start + BLOCK))
            secrets.SystemRandom().shuffle(ports)
            self._order.extendleft(ports)
            self._fresh = len(ports)
            return
        if not self._claims:
            raise HarnessError(f"every block of {BLOCK} ports of {HOST}, {self._place()}, is in use: end other runs")

    def _place(self) -> str:
        return f"{self._within.start} to {self._within.stop - 1}"

    def close(self) -> None:
        """Leave the blocks to others."""
        for claim in self._claims:
            socket.close(claim)


_ours = Ports()


def free_port() -> int:
    """A random port of 127.0.0.1 that was free a moment ago; whoever binds it must be ready to try another."""
    return _ours.give()
