"""The proof that no process is left, and targets made of small programs."""

from collections.abc import Iterator

import psutil
import pytest


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every process that a test started is gone when it ends."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p not in before]
    _, alive = psutil.wait_procs(left, timeout=5)
    assert not alive
