"""Runs side by side: most of a run is waiting for the room, so the tests of a file start theirs together."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

AT_ONCE = 4  # each takes about a second of processor to start, and two cores are shared


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Where runs go on while the tests wait for theirs."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield threads
