"""The proof that no process is left, and targets made of small programs."""

from collections.abc import Iterator

import psutil
import pytest

from support.processes import PATIENCE, children, started_since


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every process that a test started is gone when it ends."""
    before = set(children())
    yield
    left = started_since(before)
    _, alive = psutil.wait_procs(left, timeout=PATIENCE)
    assert not alive
