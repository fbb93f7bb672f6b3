"""A real Toxiproxy for every test that wants one, and the proof that none is left behind."""

import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from roomcheck.faults import Provisioned, provision
from support.processes import PATIENCE, children, started_since


@pytest.fixture(scope="session")
def toxiproxy() -> Provisioned:
    """Whatever Toxiproxy a run on this machine would use; built if there is none."""
    return provision()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every process that a test started is gone when it ends."""
    before = set(children())
    yield
    left = started_since(before)
    _, alive = psutil.wait_procs(left, timeout=PATIENCE)
    assert not alive


@pytest.fixture
def ends() -> Callable[[int], bool]:
    """Whether a process ends within some seconds; one that only waits to be reaped by a slow init has ended."""

    def wait(pid: int) -> bool:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                    return True
            except psutil.NoSuchProcess:
                return True
            threading.Event().wait(0.01)
        return False

    return wait
