"""Ports of this machine that nobody has and that no outgoing connection will take."""

import secrets
import socket

from roomcheck.errors import HarnessError

FIRST, LAST = 20_000, 32_000  # below 32768, where Linux begins to give ports to outgoing connections
TRIES = 50


def free_port(host: str = "127.0.0.1") -> int:
    """A random port of `host` that was free a moment ago; whoever binds it must be ready to try another."""
    for _ in range(TRIES):
        port = FIRST + secrets.randbelow(LAST - FIRST)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise HarnessError(f"{TRIES} random ports of {host} between {FIRST} and {LAST} are all taken")
