"""Real adapters in real processes, and the proof that none is left."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from support.gokit import good_go
from support.processes import PATIENCE, children, started_since

HERE = Path(__file__).parent


@pytest.fixture
def adapter() -> Callable[[str], Sequence[str]]:
    """The command of an adapter without a kit, by its name in hostile.py."""
    return lambda name: [sys.executable, str(HERE / "hostile.py"), name]


@pytest.fixture(params=["python", "node", "go"])
def good(request: pytest.FixtureRequest) -> Sequence[str]:
    """The command of the sound adapter, made with each kit."""
    if request.param == "go":
        return [good_go()]
    return with_a_loop(request.param)


@pytest.fixture(params=["python", "node"])
def looping(request: pytest.FixtureRequest) -> Sequence[str]:
    """The same, of the kits that run the SDK in one loop, which a call can block."""
    return with_a_loop(request.param)


def with_a_loop(kit: str) -> Sequence[str]:
    if kit == "python":
        return [sys.executable, str(HERE / "good.py")]
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no `node` on this machine: adapters of the Node kit are not tested")
    return [node, str(HERE / "good.mjs")]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every process that a test started is gone when it ends."""
    before = set(children())
    yield
    left = started_since(before)
    _, alive = psutil.wait_procs(left, timeout=PATIENCE)
    assert not alive
