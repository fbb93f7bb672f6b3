"""Runs side by side: most of a run is waiting for the room, so the tests of a file start theirs together."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

AT_ONCE = 3  # in each of four processes of tests: where more are late, what is in doubt is played again and costs more
LONG = ("[hangs]", "[killed]", "[stopped]")  # tests of runs that wait for time limits, 10 to 22 seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of long runs come last: the runs begin with the others of their file, and go on beside those of the next."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.parent == here and item.name.endswith(LONG))


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Where runs go on while the tests wait for theirs."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield threads
