"""Schedules on which a lawful model room was accused once: of a vendor with tokens, and of one that holds seats."""

from pathlib import Path

import pytest

from roomcheck.model.verdict import Outcome
from roomcheck.prove import Proof
from roomcheck.spec.load import load_spec
from support.vendors import FOLDER

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("vendor", "case"),
    [
        ("eddy", "random/0-00338"),  # a token runs out on one of two devices
        ("eddy", "random/3-00071"),  # the same
        ("eddy", "random/0-00405"),  # what may come by itself in half a minute, and a goodbye that is due before
        ("eddy", "random/1-01384"),  # the same, with an act of the backend
        ("eddy", "random/1-00685"),  # a state that is told where a token runs out, told for another reason
        ("eddy", "random/1-01875"),  # who left while it was mute comes back, and leaves again
        ("eddy", "random/51-00013"),  # a device is back as the other one is given up
        ("lido", "random/1-00110"),  # a device is back as the other one leaves
        ("socketio/connection", "random/1414-00889"),  # news of before a list was due, told after it
        ("zego-express/room-status", "random/72-00634"),  # an answer that its own goodbye has overtaken
        ("conference", "random/1414-00069"),  # what was called off too late does not outlast another callback
        ("xmpp-muc/occupants", "random/1-00276"),  # an answer to a request whose session ended with another room's
        ("zego-express/room-status", "random/1-00402"),  # the same
        ("quay", "story-away-long/cut"),  # a seat is given away untold, while its owner is on its way back
    ],
)
def test_a_lawful_room_is_not_accused(vendor: str, case: str) -> None:
    file = (ROOT / "specs" if "/" in vendor else FOLDER) / f"{vendor}.yaml"
    proof = Proof(load_spec(file.read_text(encoding="utf-8"), file.name).bind())

    assert proof.only(case).outcome is Outcome.CONFORMS
