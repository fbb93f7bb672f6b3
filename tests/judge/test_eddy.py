"""A vendor whose client may come back anew: hand-made traces are judged."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import FOLDER

SOON = "{from: [attached, disconnected, suspended], cause: revoke, to: failed, with: {code: revoked}, within: instant,"
LATER = SOON.replace("[attached, ", "[").replace("within: instant", "within: slow_retry + attempt + entry")
TEXT = (FOLDER / "eddy.yaml").read_text(encoding="utf-8")
EDDY = load_spec(TEXT.replace(SOON, LATER), "eddy.yaml").bind()
S = 1000


def away() -> Tape:
    """A is in, loses its link, and is told so; its token is revoked meanwhile, and its link is whole again at 84 s."""
    tape = Tape("A", blur=5)
    tape.call(1 * S, "A", "enter", channel="R", token="good", data="hello")
    for at, state in ((1.1 * S, "attaching"), (1.2 * S, "attached")):
        tape.event(at, "A", "onChannel", channel="r", state=state, code=0, resumed=False)
    tape.fault(24.2 * S, "A")
    tape.event(24.3 * S, "A", "onConnection", state="disconnected", code=80003)
    tape.admin(31.7 * S, "revoke", user="A")
    tape.heal(84.2 * S, "A")
    return tape


@pytest.mark.parametrize(
    ("state", "code", "outcome"), [("failed", 40141, Outcome.CONFORMS), ("attached", 0, Outcome.VIOLATES)]
)
def test_what_was_called_off_cannot_have_been_decided_over_a_dead_link(state: str, code: int, outcome: Outcome) -> None:
    """The loss of the link itself led to it, and only the server can tell it."""
    tape = away()
    tape.event(91.9 * S, "A", "onChannel", channel="r", state=state, code=code, resumed=False)

    assert SOON in TEXT
    assert judge(EDDY, tape.trace(200 * S)).outcome is outcome
