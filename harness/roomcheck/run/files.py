"""Open files and ports: how many there are here, and how many cases at once they are enough for.

Each connection is a file and has a port, and where one cannot be opened a member looks as if the room had refused it.
Of all programs of a run Toxiproxy has most of them: a listener for each link, and two for each connection through it.
"""

import re
import resource
from collections.abc import Iterable
from pathlib import Path

from roomcheck.errors import HarnessError
from roomcheck.spec.case import Case

ENOUGH = 65_536  # more than any run needs; some programs walk through all that they may have
BASE = 48  # what a process has open before the first case: 12 to 30 counted
LINK = 8  # a member that reconnects has up to three connections through its proxy, the old ones dying
NEEDLESS = 1 << 20
PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")  # those of outgoing connections; Linux tells
_WANTS = (  # what a program says -> what it was not allowed to
    (re.compile("too many open files|EMFILE|ENFILE", re.IGNORECASE), "open more files: raise the limit, ulimit -n"),
    (
        re.compile("can't start new thread|failed to create new OS thread|pthread_create", re.IGNORECASE),
        "start more threads: raise the limit, ulimit -u or the container's",
    ),
)


def raise_limit() -> int:
    """Raise our own limit as far as we may, and that of what we start; returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft == resource.RLIM_INFINITY:
        return NEEDLESS
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS says infinite and means 10,240
            return soft
    return max(soft, wanted)


def none_starved(adapter: str, server: Iterable[str]) -> None:
    """HarnessError if the last words of a program say that this machine did not give it what it needs."""
    for name, words in (("adapter", adapter), ("server", "\n".join(server))):
        for said, what in _WANTS:
            if said.search(words):
                raise HarnessError(f"the {name} was not allowed to {what}")


def outgoing_ports(file: Path = PORTS) -> int:
    """How many outgoing connections to one address there may be."""
    try:
        first, last = (int(part) for part in file.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return NEEDLESS
    return last - first + 1


def bears(limit: int, ports: int, cases: Iterable[Case], endpoints: int) -> int:
    """How many of these so many files and ports let us play at once. HarnessError, with what to do, if that is none."""
    links = max((len(case.schedule.members) for case in cases), default=1) * max(1, endpoints)
    at_once = (limit - BASE) // (LINK * max(1, links))
    if at_once < 1:
        need = BASE + LINK * links
        raise HarnessError(f"a process may open {limit} files here and one case needs {need}: `ulimit -n 1024`")
    if ports < LINK * links:
        advice = "`sysctl net.ipv4.ip_local_port_range='32768 60999'`"
        raise HarnessError(
            f"there are {ports} ports for outgoing connections here and one case needs {LINK * links}: {advice}"
        )
    return min(at_once, ports // (LINK * max(1, links)))
