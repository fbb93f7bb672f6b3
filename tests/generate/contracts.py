"""Contracts of several sorts, and many schedules drawn from each once."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from roomcheck.generate import schedules
from roomcheck.generate.collect import collect
from roomcheck.model.schedule import Schedule
from roomcheck.resources import root
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import Spec, load_spec
from support.lobby import lobby

SPECS = Path(__file__).parents[1] / "specs"
ZEGO = root() / "specs" / "zego-express"


@cache
def spec(file: Path) -> Spec:
    return load_spec(file.read_bytes(), file.name, lambda name: (file.parent / name).read_bytes())


MADE: dict[str, Callable[[], Contract]] = {
    "zego": lambda: spec(ZEGO / "room-status.yaml").bind(),
    "zego-100": lambda: spec(ZEGO / "room-status.yaml").bind(scale=100),
    "web": lambda: spec(ZEGO / "web.yaml").bind(scale=100),
    "every-construct": lambda: spec(SPECS / "every-construct.yaml").bind(scale=7),
    "two-state": lambda: spec(SPECS / "two-state.yaml").bind(faults=["cut", "ghost"]),
    "without": lambda: spec(SPECS / "every-construct.yaml").bind(faults=["latency"], lacks=["kick", "logout"]),
    "lobby": lobby,
}


class Contracts(Mapping[str, Contract]):
    """Each is made when it is asked for: every process of a test run imports this file, and few need them all."""

    def __init__(self) -> None:
        self._known: dict[str, Contract] = {}

    def __getitem__(self, name: str) -> Contract:
        if name not in self._known:
            self._known[name] = MADE[name]()
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MADE)

    def __len__(self) -> int:
        return len(MADE)


CONTRACTS = Contracts()


MANY = 400  # of the contract that most tests look at; drawing 100 takes half a second
FEW = 60


@cache
def _drawn(name: str, count: int) -> tuple[Schedule, ...]:
    return tuple(collect(schedules(CONTRACTS[name]), number=20, count=count))


def drawn(name: str, count: int = FEW) -> tuple[Schedule, ...]:
    """So many schedules, the same ones each time: fewer are the first of more."""
    return _drawn(name, MANY if name == "zego-100" and count >= FEW else count)[:count]
