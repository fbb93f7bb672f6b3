"""A real Toxiproxy for every test that wants one, and the proof that none is left behind."""

from collections.abc import Iterator

import psutil
import pytest

from roomcheck.faults import Provisioned, provision


@pytest.fixture(scope="session")
def toxiproxy() -> Provisioned:
    """Whatever Toxiproxy a run on this machine would use; built if there is none."""
    return provision()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every process that a test started is gone when it ends."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p not in before]
    _, alive = psutil.wait_procs(left, timeout=2)
    assert not alive
