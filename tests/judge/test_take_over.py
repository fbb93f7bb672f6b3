"""MQTT: who is taken over is told in time, unless its link was lost before."""

from pathlib import Path

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.spec.load import load_spec
from support.tape import Tape

FILE = Path(__file__).parents[2] / "specs" / "mqtt" / "presence.yaml"
MQTT = load_spec(FILE.read_text(encoding="utf-8"), FILE.name).bind()
S = 1000


@pytest.mark.parametrize(
    ("after", "outcome"), [(4 * S, Outcome.CONFORMS), (6 * S, Outcome.VIOLATES), (60 * S, Outcome.VIOLATES)]
)
def test_a_kick_is_told_in_time(after: int, outcome: Outcome) -> None:
    """Not whenever it likes after the client came in: its link has always been whole."""
    tape = Tape("A")
    tape.call(1 * S, "A", "connect", room="R", ticket="valid", session="kept", will="delayed")
    for at, state, reason in ((1.1 * S, "connecting", ""), (2 * S, "connected", "")):
        tape.event(at, "A", "onSelf", room="r", state=state, reason=reason)
    tape.admin(100 * S, "kick", room="R", user="A")
    tape.event(100 * S + after, "A", "onSelf", room="r", state="replaced", reason="Session taken over")

    assert judge(MQTT, tape.trace(300 * S)).outcome is outcome
