"""What a member is told about itself by several callbacks, with any fields."""

import pytest

from roomcheck.errors import SpecError
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.spec.lint import lint
from roomcheck.spec.load import load_spec
from support.tape import Tape

TEXT = """
spec: booth/connection
title: A vendor that tells by several callbacks
revision: "1"
callbacks:
  onState: {room: room, fields: {room: str, state: int, code: int}}
  onConnectionLost: {room: room, fields: {room: str}}
  onQuality: {room: room, fields: {room: str, level: int}, ignored: true}
operations:
  join: {rooms: [room]}
requirements:
  B-SELF: {must: Nothing is told without a cause., documented: "1"}
  B-JOIN: {must: Who joins is told 1., documented: "2"}
  B-LOST: {must: Who is lost is told so after ten seconds., documented: "3"}
  B-DOWN: {must: Who is lost is told 3 with code 7 at once., documented: "3"}
connection:
  told: {IN: {onState: {state: 1}}, DOWN: {onState: {state: 3, code: 7}}, LOST: {onConnectionLost: {}}}
  initial: OUT
  otherwise: B-SELF
  rules:
    - {from: OUT, cause: join, to: IN, within: 1s, for: B-JOIN}
    - {from: IN, cause: link down, to: DOWN, within: 1s, for: B-DOWN}
    - {from: DOWN, cause: entered, to: LOST, after: 9s, within: 2s, for: B-LOST}
scenarios:
  - id: lost
    title: A is lost
    for: B-DOWN
    members: [A]
    schedule: [{A: join}, {fault: A, kind: cut, as: T}]
    expect:
      A: [IN, {DOWN: {}, within: 1s, of: T}, {LOST: {}, within: 12s, of: T}]
"""
CONTRACT = load_spec(TEXT, "booth.yaml").bind()


class Booth(Tape):
    def __init__(self) -> None:
        super().__init__("A")
        self.call(0, "A", "join", room="R")

    def state(self, at: float, state: int, code: int = 0) -> None:
        self.event(at, "A", "onState", room="r", state=state, code=code)

    def lost(self, down: float, lost: float) -> None:
        self.state(10, 1)
        self.fault(1000, "A", FaultKind.CUT, label="T")
        self.state(down, 3, 7)
        self.event(lost, "A", "onConnectionLost", room="r")


def broken(tape: Tape, end: float = 20_000) -> list[str | None]:
    return [finding.requirement for finding in judge(CONTRACT, tape.trace(end), CONTRACT.cases[0]).findings]


@pytest.mark.parametrize(
    ("down", "lost", "expected"),
    [(1100, 11_100, []), (2100, 12_100, ["B-DOWN"]), (1100, 8000, ["B-LOST"]), (1100, 14_000, ["B-LOST"])],
    ids=["lawful", "down too late", "lost too early", "lost too late"],
)
def test_a_state_may_be_told_by_a_callback_of_its_own(down: float, lost: float, expected: list[str]) -> None:
    """Its rules are those of the other states, and a scenario names it like them."""
    tape = Booth()
    tape.lost(down, lost)

    assert broken(tape)[:1] == expected


@pytest.mark.parametrize("twice", ["onState", "onConnectionLost"])
def test_what_is_told_twice_has_no_cause(twice: str) -> None:
    tape = Booth()
    tape.lost(1100, 11_100)
    tape.event(11_200, "A", twice, room="r", state=3, code=7)

    assert "B-SELF" in {f.requirement for f in judge(CONTRACT, tape.trace(20_000)).findings}


@pytest.mark.parametrize("ignored", [False, True])
def test_a_pattern_that_no_state_has_is_a_finding_unless_it_is_ignored(*, ignored: bool) -> None:
    tape = Booth()
    tape.lost(1100, 11_100)
    if ignored:
        tape.event(500, "A", "onQuality", room="r", level=3)
    else:
        tape.state(500, 3, 8)

    assert [f.requirement for f in judge(CONTRACT, tape.trace(20_000)).findings] == [] if ignored else ["B-SELF"]


def test_a_sound_one_is_clean() -> None:
    """Two callbacks tell, and the third is ignored."""
    assert lint(load_spec(TEXT, "booth.yaml")) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("LOST: {onConnectionLost: {}}", "LOST: {onConectionLost: {}}", "unknown callback 'onConectionLost'"),
        ("LOST: {onConnectionLost: {}}", "LOST: {onConnectionLost: {rome: 1}}", "unknown field of onConnectionLost"),
        ("LOST: {onConnectionLost: {}}", "LOST: {onConnectionLost: 3}", "a value, or one callback with a pattern"),
        ("LOST: {onConnectionLost: {}}", "LOST: [1]", "expected one value, found a list"),
        (", LOST: {onConnectionLost: {}}", "", "no callback tells LOST: give `callback` and `state`"),
        ("  initial: OUT", "  initial: OUT\n  callback: onState", "`callback` needs `state`"),
        ("  initial: OUT", "  initial: OUT\n  state: state", "`state` needs `callback`"),
    ],
)
def test_a_mistake_is_said(old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(TEXT.replace(old, new), "booth.yaml")

    assert [p for p in caught.value.problems if message in p.message], [str(p) for p in caught.value.problems]


def test_two_states_that_are_told_alike_are_a_slip() -> None:
    same = TEXT.replace("LOST: {onConnectionLost: {}}", "LOST: {onState: {state: 1}}")

    assert "connection: IN and LOST are both told as LOST" in [p.message for p in lint(load_spec(same, "booth.yaml"))]
