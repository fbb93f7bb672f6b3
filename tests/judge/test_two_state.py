"""A vendor with two states and other numbers is a YAML file and nothing else: hand-made traces of it are judged."""

from pathlib import Path

import pytest

from roomcheck.judge import judge, judging
from roomcheck.model.fault import FaultKind
from roomcheck.model.time import UNITS
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.spec.load import load_spec
from support.tape import Tape

FILE = Path(__file__).parent.parent / "specs" / "two-state.yaml"
CONTRACT = load_spec(FILE.read_text(encoding="utf-8"), FILE.name).bind()
SECOND = UNITS["s"] // UNITS["ms"]  # tapes are in milliseconds


class Presence(Tape):
    """The callbacks of this vendor."""

    def myself(self, at: float, member: str, what: str, why: int = 0) -> None:
        self.event(at, member, "onSelf", place="r", what=what, why=why)

    def other(self, at: float, observer: str, what: str, user: str) -> None:
        self.event(at, observer, "onPresence", place="r", what=what, whom=[{"id": user.lower()}])


def both_here() -> Presence:
    tape = Presence("A", "B")
    tape.call(0, "B", "enter", place="R")
    tape.myself(10, "B", "here")
    tape.call(100, "A", "enter", place="R", label="T0")
    tape.myself(110, "A", "here")
    tape.other(115, "A", "here", "B")
    tape.other(120, "B", "here", "A")
    return tape


def verdict(tape: Tape, case: str, end: float) -> Verdict:
    chosen = next(c for c in CONTRACT.cases if c.id == case)
    return judge(CONTRACT, tape.trace(end, rooms=("R",)), chosen)


def come_and_go(told: float) -> Verdict:
    tape = both_here()
    tape.call(200, "A", "leave", label="T1", place="R")
    tape.myself(210, "A", "gone")
    tape.other(told, "B", "gone", "A")
    return verdict(tape, "come-and-go", 500)


def lost(told: float) -> Verdict:
    tape = both_here()
    tape.fault(1 * SECOND, "A", FaultKind.GHOST, label="T0")
    tape.myself(5 * SECOND, "A", "gone", 7)
    tape.other(told, "B", "gone", "A")
    return verdict(tape, "lost/ghost", 30 * SECOND)


def test_one_case_for_each_fault() -> None:
    """Scenarios without faults have one case."""
    assert [c.id for c in CONTRACT.cases] == ["come-and-go", "lost/cut", "lost/ghost"]


def test_a_lawful_trace_conforms() -> None:
    """Rules and expected sequences of this vendor are met."""
    for result in (come_and_go(220), lost(11 * SECOND)):
        assert result.outcome is Outcome.CONFORMS, result.findings


@pytest.mark.parametrize(("told", "requirement"), [(290, "TS-LEAVE"), (190, "TS-ENTER")])
def test_told_outside_its_window_violates(told: float, requirement: str) -> None:
    """80 ms late; or before it was gone."""
    result = come_and_go(told)
    assert result.outcome is Outcome.VIOLATES
    assert result.findings[0].requirement == requirement


@pytest.mark.parametrize("told", [4 * SECOND, 14 * SECOND])
def test_forgotten_too_early_or_too_late_violates(told: float) -> None:
    """The room's patience is 12 s after the last beat, which came up to 4 s before the loss."""
    result = lost(told)
    assert result.outcome is Outcome.VIOLATES
    assert result.findings[0].requirement == "TS-LOST"


def test_a_verdict_can_be_come_to_in_steps() -> None:
    """Whoever has other things to do does them in between; it is the same verdict."""
    trace = both_here().trace(500, rooms=("R",))
    steps = judging(CONTRACT, trace)
    assert next(steps) is None
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == judge(CONTRACT, trace)
