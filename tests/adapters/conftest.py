"""Real adapters in real processes, and the proof that none is left."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent


@pytest.fixture
def adapter() -> Callable[[str], Sequence[str]]:
    """The command of an adapter: `good`, or the name of one in hostile.py."""

    def command(name: str) -> Sequence[str]:
        program = [str(HERE / "good.py")] if name == "good" else [str(HERE / "hostile.py"), name]
        return [sys.executable, *program]

    return command


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every process that a test started is gone when it ends."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p not in before]
    _, alive = psutil.wait_procs(left, timeout=2)
    assert not alive
