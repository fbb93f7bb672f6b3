"""What was under way when a member called again leads to states, and brings no older arguments back."""

from pathlib import Path
from typing import Any

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.spec.load import load_spec
from support.tape import Tape

FILE = Path(__file__).parents[2] / "specs" / "mqtt" / "presence.yaml"
MQTT = load_spec(FILE.read_text(encoding="utf-8"), FILE.name).bind()
S = 1000


def connect(tape: Tape, at: float, ticket: str) -> None:
    args: dict[str, Any] = {"room": "R", "ticket": ticket, "session": "kept", "will": "delayed"}
    tape.call(at, "A", "connect", **args)
    state(tape, at + 10, "connecting")


def state(tape: Tape, at: float, name: str) -> None:
    tape.event(at, "A", "onSelf", room="r", state=name, reason="")


@pytest.mark.parametrize(("told", "expected"), [("connected", Outcome.CONFORMS), ("refused", Outcome.VIOLATES)])
def test_an_attempt_is_answered_by_the_last_call(told: str, expected: Outcome) -> None:
    """The link was lost while the member was refused, and that an attempt failed is told after it had called again."""
    tape = Tape("A")
    connect(tape, 1 * S, "wrong")
    state(tape, 2 * S, "refused")
    tape.fault(10 * S, "A")
    connect(tape, 15 * S, "valid")
    state(tape, 16 * S, "failed")
    tape.heal(20 * S, "A")
    state(tape, 22 * S, told)

    assert judge(MQTT, tape.trace(40 * S)).outcome is expected
