"""Contracts of several sorts, and many schedules drawn from each once."""

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


CONTRACTS: dict[str, Contract] = {
    "zego": spec(ZEGO / "room-status.yaml").bind(),
    "zego-100": spec(ZEGO / "room-status.yaml").bind(scale=100),
    "web": spec(ZEGO / "web.yaml").bind(scale=100),
    "every-construct": spec(SPECS / "every-construct.yaml").bind(scale=7),
    "two-state": spec(SPECS / "two-state.yaml").bind(faults=["cut", "ghost"]),
    "without": spec(SPECS / "every-construct.yaml").bind(faults=["latency"], lacks=["kick", "logout"]),
    "lobby": lobby(),
}


@cache
def drawn(name: str, count: int = 300) -> tuple[Schedule, ...]:
    """So many schedules, the same ones each time."""
    return tuple(collect(schedules(CONTRACTS[name]), number=20, count=count))
