"""A vendor whose client never tries again: hand-made traces are judged."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import CONFORMS, FOLDER, Act, contract, judged, played

PHONE = contract("phone")
BYE, LOST, REMOVED = 1000, 1006, 4001


class Phone(Tape):
    """B and then A are on the line; A from 20 s on."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.dials(5000, "B")
        self.dials(20_000, "A")
        self.peer(20_100, "joined")
        self.peer(20_100, "joined", observer="A", user="B")

    def me(self, at: float, member: str, state: str, code: int = BYE) -> None:
        self.event(at, member, "onLine", line="r", state=state, code=code)

    def dials(self, at: float, member: str = "A") -> None:
        self.call(at - 500, member, "dial", line="R")
        self.me(at - 400, member, "opening")
        self.me(at, member, "open")

    def anew(self, at: float) -> None:
        """A dials, and is told of B."""
        self.dials(at)
        self.peer(at + 100, "joined", observer="A", user="B")

    def hangs_up(self, at: float, member: str = "A") -> None:
        self.call(at, member, "hang_up", line="R")
        self.me(at + 200, member, "closed")

    def peer(self, at: float, event: str, code: int = BYE, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onPeer", line="r", event=event, code=code, peer={"id": user.lower()})

    def lost(self, at: float, kind: FaultKind = FaultKind.CUT) -> None:
        self.fault(at, "A", kind)
        self.me(at + 3000, "A", "closed", LOST)

    def removed(self, at: float) -> None:
        self.admin(at, "remove", peer="A", line="R")
        self.me(at + 200, "A", "closed", REMOVED)


GONE: list[Act] = [("lost", 30_000), ("peer", 38_000, "left", LOST)]
TRACES: dict[str, tuple[list[Act], str]] = {
    "A hangs up": ([("hangs_up", 30_000), ("peer", 30_300, "left")], CONFORMS),
    "A hangs up, and B is not told": ([("hangs_up", 30_000)], "violates PH-PEERS"),
    "A hangs up, and is told another code": (
        [("call", 30_000, "A", "hang_up", None), ("me", 30_100, "A", "closed", LOST)], "violates PH-LINE"),
    "A is removed": ([("removed", 30_000), ("peer", 30_100, "left", REMOVED)], CONFORMS),
    "A is removed, and said to have left": ([("removed", 30_000), ("peer", 30_100, "left")], "violates PH-REMOVED"),
    "A is lost": (GONE, CONFORMS),
    "A is lost, and B is never told": ([("lost", 30_000)], "violates PH-GONE"),
    "A is lost, and B is told at once": ([("lost", 30_000), ("peer", 30_200, "left", LOST)], "violates PH-GONE"),
    "A is lost, and B is told too late": ([("lost", 30_000), ("peer", 41_200, "left", LOST)], "violates PH-GONE"),
    "A is lost, and is never told so": ([("fault", 30_000, "A"), ("peer", 38_000, "left", LOST)], "violates PH-LOST"),
    "the line comes back by itself": ([*GONE, ("heal", 40_000, "A"), ("me", 41_000, "A", "open")], "violates PH-LINE"),
    "B is told that A is there again": ([*GONE, ("heal", 40_000, "A"), ("peer", 41_000, "joined")], "violates PH-PEERS"),
    "A dials anew": ([*GONE, ("heal", 40_000, "A"), ("anew", 45_000), ("peer", 45_100, "joined")], CONFORMS),
    "A dials anew, and B is not told": ([*GONE, ("heal", 40_000, "A"), ("anew", 45_000)], "violates PH-PEERS"),
    "A dials anew before it was missed": (
        [("lost", 30_000), ("heal", 34_000, "A"), ("anew", 36_000)], CONFORMS),
    "A dials anew before it was missed, and B is told both": (
        [("lost", 30_000), ("heal", 34_000, "A"), ("anew", 36_000), ("peer", 36_100, "left"), ("peer", 36_100, "joined")],
        CONFORMS),
    "A dials anew, and B is told half": (
        [("lost", 30_000), ("heal", 34_000, "A"), ("anew", 36_000), ("peer", 36_100, "left")], "violates PH-PEERS"),
    "the link blinks, and nobody notices": ([("fault", 30_000, "A"), ("heal", 31_000, "A")], CONFORMS),
    "A's connection breaks in the moment in which it opens": (
        [("fault", 20_000, "A", FaultKind.TRUNCATE), ("me", 21_000, "A", "closed", LOST), ("peer", 28_000, "left", LOST)],
        CONFORMS),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(PHONE, played(Phone(), acts), 60_000) == expected


def test_about_when_the_server_gives_up_is_explained_with_its_edges() -> None:
    """It counts from the last message that the server saw, 3 s before the loss at the earliest."""
    text = (FOLDER / "phone.yaml").read_text(encoding="utf-8")
    text = text.replace("silence: patience", "silence: {about: patience}").replace("pace:", "tolerance: 2s\npace:", 1)
    about = load_spec(text, "phone.yaml").bind()
    lawful, early = (played(Phone(), [("lost", 30_000), ("peer", at, "left", LOST)]) for at in (36_000, 34_900))

    assert judged(about, lawful, 60_000) == CONFORMS
    assert judge(about, early.trace(60_000, rooms=("R",))).findings[0].seen == (
        "left came 4.900 s after A's link was lost, 100 ms before the server may give it up, "
        "about 10 s (5 s to 12 s) after that"
    )


def test_a_connection_may_break_in_the_moment_in_which_it_was_made() -> None:
    """Nobody knows which came first, so the server need not have heard of it that its client has closed."""
    tape = Phone()
    tape.records = tape.records[:3]
    tape.call(19_000, "A", "dial", line="R")
    for state in ("opening", "open"):
        tape.me(20_000, "A", state)
    tape.fault(20_000, "A", FaultKind.HALF_OPEN_CLIENT_TOLD)
    tape.me(20_500, "A", "closed", LOST)
    tape.peer(20_600, "joined")

    assert judged(PHONE, tape, 27_000) == CONFORMS
