"""Vendors that are a YAML file and nothing else, and hand-made traces of their rooms."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from roomcheck.judge import judge
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec
from support.tape import Tape

FOLDER = Path(__file__).parents[1] / "specs"
CONFORMS = "conforms"
Act = tuple[Any, ...]  # a method of a tape, and its arguments
Tape_ = TypeVar("Tape_", bound=Tape)


class Places(Tape):
    """A vendor whose members enter a place and leave it, and are told `onMe` of themselves and `onOther` of others."""

    def enters(self, at: float, member: str = "A") -> None:
        self.call(at - 100, member, "enter", place="R")
        self.me(at, member, "online")

    def leaves(self, at: float, member: str = "A") -> None:
        self.call(at, member, "leave", place="R")
        self.me(at + 100, member, "offline")

    def me(self, at: float, member: str, status: str) -> None:
        self.event(at, member, "onMe", place="r", status=status)

    def other(self, at: float, status: str, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onOther", place="r", who=user.lower(), status=status)


def contract(name: str) -> Contract:
    """The contract of this vendor."""
    file = FOLDER / f"{name}.yaml"
    return load_spec(file.read_text(encoding="utf-8"), file.name).bind()


def played(tape: Tape_, acts: Iterable[Act]) -> Tape_:
    """The tape, with these acts on it."""
    for name, *args in acts:
        getattr(tape, name)(*args)
    return tape


def judged(contract: Contract, tape: Tape, end: float) -> str:
    """The outcome by the rules alone, and the requirement that the first finding names; `end` in milliseconds."""
    verdict = judge(contract, tape.trace(end, rooms=("R",)))
    return " ".join([verdict.outcome.value, *(f.requirement or "nothing" for f in verdict.findings[:1])])
