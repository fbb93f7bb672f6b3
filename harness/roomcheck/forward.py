"""A member's way to hosts that its SDK chooses by itself: an HTTP proxy that lets through only those that are listed.

`python -m roomcheck.forward --port 4000 '*.example.org' login.example.com:443`

A target that says `internet` runs it as its server, behind each member's Toxiproxy proxy: so names and TLS stay as they
are, and every fault bites. The proxying is proxy.py's. Each connection has a thread, since resolving a name blocks.
"""

import argparse
import logging
import math
import os
import resource
import sys
import time
from fnmatch import fnmatchcase
from multiprocessing.connection import wait

import proxy
from proxy.http import handler
from proxy.http.exception import HttpRequestRejected
from proxy.http.parser import HttpParser
from proxy.http.proxy import HttpProxyBasePlugin, server

VARIABLE = "ROOMCHECK_FORWARD"  # the hosts, for the process that accepts connections
LOOK = 1.0  # seconds between two looks at a silent connection; proxy.py's 25 ms cost a fifth of a processor for 300
PAUSE = 1.0  # seconds between two lines about hosts that could not be reached
UNABLE = "Unable to connect with upstream "
IDLE = 86_400  # seconds that a connection may be silent; proxy.py would end it after ten


def listed(host: str, port: int, patterns: list[str]) -> bool:
    """Whether a pattern fits: of the host's name, or of name and port."""
    name = host.lower().rstrip(".").strip("[]")
    return any(fnmatchcase(f"{name}:{port}" if ":" in p else name, p.lower()) for p in patterns)


class OutOfReach(logging.Handler):
    """Says which host could not be reached, once a second, until one was: then it is not the network that fails."""

    over = False
    _said = -math.inf

    def emit(self, record: logging.LogRecord) -> None:
        """Take it from proxy.py's own words."""
        now = time.monotonic()
        if self.over or now - self._said < PAUSE or not record.getMessage().startswith(UNABLE):
            return
        self._said = now
        host, _, why = record.getMessage().removeprefix(UNABLE).partition(" due to ")
        sys.stdout.write(f"out of reach: {host}, {why}\n")
        sys.stdout.flush()


out_of_reach = OutOfReach(logging.WARNING)
if __name__ != "__main__":  # proxy.py imports the plugin by its name
    _log = logging.getLogger(server.__name__)
    _log.setLevel(logging.WARNING)
    _log.propagate = False
    _log.addHandler(out_of_reach)


class Listed(HttpProxyBasePlugin):
    """Answers 403 where a host is not listed."""

    def handle_client_request(self, request: HttpParser) -> HttpParser | None:
        """Connected: nothing is out of reach."""
        out_of_reach.over = True
        return request

    def before_upstream_connection(self, request: HttpParser) -> HttpParser | None:
        host, port = (request.host or b"").decode(errors="replace"), request.port or 0
        if not listed(host, port, os.environ[VARIABLE].split()):
            reason = f"{host}:{port} is not listed under `internet` in target.yaml\n".encode()
            raise HttpRequestRejected(status_code=403, reason=b"Forbidden", body=reason)
        return request


def main() -> None:
    """Serve until killed, or until the process that accepts connections has ended: nobody may take it for a proxy."""
    parser = argparse.ArgumentParser(description="An HTTP proxy on this machine that lets through only these hosts.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("hosts", nargs="*")
    given = parser.parse_args()
    os.environ[VARIABLE] = " ".join(given.hosts)
    vars(handler)["DEFAULT_SELECTOR_SELECT_TIMEOUT"] = LOOK
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (most, most)
    )  # a connection takes five, and SDKs that retry open hundreds
    words = f"--hostname 127.0.0.1 --port {given.port} --timeout {IDLE} --num-acceptors 1 --threaded --log-level E"
    with proxy.Proxy(words.split(), plugins=[b"roomcheck.forward.Listed"]) as serving:
        assert serving.acceptors is not None
        wait([acceptor.sentinel for acceptor in serving.acceptors.acceptors])
        sys.stderr.write("the process that accepts connections has ended\n")
        os._exit(1)  # proxy.py's own end would wait for it


if __name__ == "__main__":
    main()
