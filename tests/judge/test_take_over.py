"""MQTT: who is taken over is told in time, unless its link was lost before."""

from pathlib import Path

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
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


def test_a_device_that_was_taken_over_untold_need_not_be_told_later() -> None:
    """The session is the newer one's, which was in all the time by what it was told: also when it is given up again."""
    tape = Tape("A", "B", "A2", users={"A2": "A"})
    for member, at in (("A", 11 * S), ("B", 21 * S), ("A2", 71 * S)):
        tape.call(at, member, "connect", room="R", ticket="valid", session="kept", will="at once")
        for after, state in ((0.1 * S, "connecting"), (1.6 * S, "connected")):
            tape.event(at + after, member, "onSelf", room="r", state=state, reason="")
    news = [(22.7 * S, "A", "here", "b"), (22.7 * S, "B", "here", "a"), (72.7 * S, "A2", "here", "b")]
    tape.fault(210 * S, "A2", FaultKind.MUTE_BLACKHOLE)
    news += [(212 * S, "B", "gone", "a")]
    tape.heal(274 * S, "A2")
    news += [(278 * S, "B", "here", "a"), (3954 * S, "B", "gone", "a")]
    for when, member, change, user in news:
        reason = "will" if change == "gone" else ""
        tape.event(when, member, "onPresence", room="r", change=change, user=user, reason=reason)
    tape.fault(3952 * S, "A2", FaultKind.REFUSE)
    tape.event(3955 * S, "A2", "onSelf", room="r", state="lost", reason="")

    assert judge(MQTT, tape.trace(4300 * S)).outcome is Outcome.CONFORMS
