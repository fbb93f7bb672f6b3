"""The ZEGO contract, as the reference target binds it."""

from functools import cache

from roomcheck.resources import root
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import Spec, load_spec

FOLDER = root() / "specs" / "zego-express"


@cache
def spec(name: str = "room-status") -> Spec:
    """One of the vendor's contracts."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return load_spec(text, f"{name}.yaml", lambda other: (FOLDER / other).read_text(encoding="utf-8"))


@cache
def contract(scale: float = 1.0) -> Contract:
    return spec().bind(scale=scale)


def case(name: str, scale: float = 1.0) -> Case:
    return next(c for c in contract(scale).cases if c.id == name)
