"""Which processes a test has started."""

import contextlib
from collections.abc import Set as AbstractSet

import psutil

from support.forked import servers

# Seconds for anything that is to come, be it an event or the end of a process: a test that passes does not wait for them.
# What takes five on a quiet machine took 150 beside the work of seven others on two cores.
PATIENCE = 600.0


def children() -> list[psutil.Process]:
    """Ours, and theirs, but for the servers of `support.forked`."""
    return [process for process in psutil.Process().children(recursive=True) if process.pid not in servers()]


def started_since(before: AbstractSet[psutil.Process]) -> list[psutil.Process]:
    """Those that were not there before, nor were started by one that was: a browser that tests share starts some later."""
    out = []
    for process in children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process not in before and before.isdisjoint(process.parents()):
                out.append(process)
    return out
