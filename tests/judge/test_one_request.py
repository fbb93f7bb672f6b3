"""One request opens one session: news that comes long after somebody has left has no cause."""

from pathlib import Path

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.verdict import Outcome
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec
from support.tape import Tape

SPECS = Path(__file__).parents[2] / "specs"
S = 1000


def contract(name: str) -> Contract:
    file = SPECS / name
    return load_spec(file.read_text(encoding="utf-8"), file.name).bind()


@pytest.mark.parametrize("again", [None, 9 * S, 16 * S, 30 * S])
def test_who_has_left_comes_no_more_by_the_same_request(again: int | None) -> None:
    """Though the list of who is told so is not due yet, as it came in shortly before."""
    tape = Tape("A", "B")
    for member, at in (("A", 5 * S), ("B", 7 * S)):
        tape.call(at, member, "connect", room="R", ticket="valid")
        for after, state in ((0.02 * S, "connecting"), (1.8 * S, "connected")):
            tape.event(at + after, member, "onRoom", room="r", state=state, reason="CLIENT_INITIATED")
    tape.event(8.75 * S, "A", "onParticipants", room="r", change="connected", users=["b"], reason="")
    tape.call(8.8 * S, "B", "disconnect", room="R")
    for when, state in ((8.82 * S, "DISCONNECTED"), (8.84 * S, "left")):
        tape.event(when, "B", "onRoom", room="r", state=state, reason="CLIENT_INITIATED")
    tape.event(8.9 * S, "A", "onParticipants", room="r", change="disconnected", users=["b"], reason="CLIENT_INITIATED")
    if again is not None:
        tape.event(again, "A", "onParticipants", room="r", change="connected", users=["b"], reason="")

    outcome = judge(contract("livekit/room.yaml"), tape.trace(100 * S)).outcome
    assert outcome is (Outcome.CONFORMS if again is None else Outcome.VIOLATES)


@pytest.mark.parametrize("told", ["C", "CD"])
def test_who_is_back_is_news_for_everybody(told: str) -> None:
    """Nothing of it reached the server while it was mute: so nobody was told before the lists were due."""
    tape = Tape("A", "C", "D")
    for member, at in (("A", 11 * S), ("C", 61.5 * S), ("D", 61.6 * S)):
        tape.call(at, member, "connect", room="R", ticket="valid", events="regular")
        for state in ("connecting", "connected"):
            tape.event(at, member, "onConnection", room="r", state=state, reason="")
    for at, member, *users in (
        (61.5 * S, "A", "c"), (61.5 * S, "C", "a"), (61.6 * S, "A", "d"), (61.6 * S, "C", "d"), (61.6 * S, "D", "a", "c"),
    ):  # fmt: skip
        tape.event(at, member, "onPresence", room="r", change="came", users=users, reason="")
    tape.fault(62.6 * S, "A", FaultKind.MUTE_BLACKHOLE)
    tape.event(62.6 * S, "A", "onConnection", room="r", state="lost", reason="")
    for member in ("C", "D"):
        tape.event(62.6 * S, member, "onPresence", room="r", change="went", users=["a"], reason="")
    tape.heal(452 * S, "A")
    tape.event(452 * S, "A", "onConnection", room="r", state="reconnected", reason="")
    for member in told:
        tape.event(452 * S, member, "onPresence", room="r", change="came", users=["a"], reason="")

    outcome = judge(contract("socketio/connection.yaml"), tape.trace(600 * S)).outcome
    assert outcome is (Outcome.CONFORMS if told == "CD" else Outcome.VIOLATES)
