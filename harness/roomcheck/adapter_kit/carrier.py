"""The two ways to reach the harness: the pipes that it started us with, or a TCP connection that we dial."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

LIMIT = 1 << 20  # bytes of one line, with its end


class Carrier:
    """Lines in, lines out. `send` may be called from any thread; its order is the order on the wire."""

    def __init__(self, lines: BinaryIO, out: BinaryIO) -> None:
        self._lines = lines
        self._out = out
        self.lock = threading.RLock()  # hold it to number and send in one go

    def receive(self) -> bytes:
        """The next line; empty at the end of the stream. Blocks."""
        try:
            return self._lines.readline(LIMIT + 1)
        except OSError:
            return b""

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one message as one line. ValueError: longer than a line may be; TypeError or ValueError: not JSON."""
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        if len(line) > LIMIT:
            raise ValueError(f"a message of {len(line)} bytes is longer than the {LIMIT} that a line may have")
        with self.lock, contextlib.suppress(OSError):  # a harness that is gone is seen as the end of its lines
            self._out.write(line)
            self._out.flush()


def standard_streams() -> Carrier:
    """Stdin and stdout, moved to private descriptors: what an SDK prints goes to stderr, what it reads is empty."""
    lines = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return Carrier(lines, out)


def dial(address: str, token: str) -> Carrier:
    """Connect to the harness at host:port and show the one-time token. OSError if nobody listens."""
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host.strip("[]"), int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    carrier = Carrier(connection.makefile("rb"), connection.makefile("wb"))
    carrier.send({"type": "dial", "token": token})
    return carrier
