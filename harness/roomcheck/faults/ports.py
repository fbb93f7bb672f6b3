"""Ports of this machine that nobody has and that no outgoing connection will take.

A proxy that is disabled gives its port back until it is healed, and a member that retries meanwhile would reach whoever
took it: another member's proxy, and through it the room (seen in one of a thousand random schedules, where a member
came back over a link that was cut). So a port that was given is not given again for a long while.
"""

import secrets
import socket
import threading

from roomcheck.errors import HarnessError

FIRST, LAST = 20_000, 32_000  # below 32768, where Linux begins to give ports to outgoing connections
REMEMBERED = 8_000  # ports given last; a run has a few hundred proxies at once
TRIES = 200

_given: dict[int, None] = {}  # in the order in which they were given
_giving = threading.Lock()


def free_port(host: str = "127.0.0.1") -> int:
    """A random port of `host` that was free a moment ago; whoever binds it must be ready to try another."""
    with _giving:
        for _ in range(TRIES):
            port = FIRST + secrets.randbelow(LAST - FIRST)
            if port in _given:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind((host, port))
                except OSError:
                    continue
            _given[port] = None
            if len(_given) > REMEMBERED:
                del _given[next(iter(_given))]
            return port
    raise HarnessError(f"{TRIES} random ports of {host} between {FIRST} and {LAST} are all taken")
