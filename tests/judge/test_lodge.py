"""A vendor that promises exactly one DISCONNECTED, immediately before onRoomLeft: hand-made traces are judged."""

import pytest

from roomcheck.judge import judge
from support.tape import Tape
from support.vendors import CONFORMS, Act, contract, judged, played

LODGE = contract("lodge")


class Lodge(Tape):
    """B and then A have joined; A at 20 s."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.joins(5000, "B")
        self.joins(20_000, "A")
        self.member(20_100, 1)
        self.member(20_100, 1, "A", "B")

    def status(self, at: float, status: str, member: str = "A") -> None:
        self.event(at, member, "onStatus", lodge="r", status=status)

    def left(self, at: float, member: str = "A") -> None:
        self.event(at, member, "onRoomLeft", lodge="r")

    def member(self, at: float, inside: int, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onMember", lodge="r", members=[user.lower()], **{"in": inside})

    def joins(self, at: float, member: str) -> None:
        self.call(at - 500, member, "join", lodge="R")
        self.status(at - 400, "CONNECTING", member)
        self.status(at, "CONNECTED", member)

    def calls(self, at: float) -> None:
        self.call(at, "A", "join", lodge="R")

    def leaves(self, at: float) -> None:
        self.call(at, "A", "leave", lodge="R")

    def gone(self, at: float) -> None:
        """B is told in time."""
        self.member(at, 0)

    def lost(self, at: float) -> None:
        self.fault(at, "A")
        self.status(at + 1000, "RECONNECTING")


TRACES: dict[str, tuple[list[Act], str]] = {
    "both, in order": ([("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("left", 30_150), ("gone", 30_200)], CONFORMS),
    "in the wrong order": (
        [("leaves", 30_000), ("left", 30_100), ("status", 30_150, "DISCONNECTED"), ("gone", 30_200)], "violates L-STATUS"),
    "DISCONNECTED twice": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("status", 30_120, "DISCONNECTED"), ("left", 30_150),
         ("gone", 30_200)], "violates L-LEFT"),
    "DISCONNECTED once more at the end": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("left", 30_150), ("status", 30_160, "DISCONNECTED"),
         ("gone", 30_200)], "violates L-STATUS"),
    "onRoomLeft twice": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("left", 30_150), ("left", 30_160), ("gone", 30_200)],
        "violates L-STATUS"),
    "no DISCONNECTED": ([("leaves", 30_000), ("left", 30_150), ("gone", 30_200)], "violates L-STATUS"),
    "no onRoomLeft": ([("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("gone", 30_200)], "violates L-LEFT"),
    "neither": ([("leaves", 30_000), ("gone", 30_200)], "violates L-ONE"),
    "onRoomLeft not at once": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("left", 30_400), ("gone", 30_200)], "violates L-LEFT"),
    "something between": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("status", 30_120, "CONNECTED"), ("left", 30_150),
         ("gone", 30_200)], "violates L-LEFT"),
    "news of others between": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("member", 30_120, 0, "A", "B"), ("left", 30_150),
         ("gone", 30_200)], "violates L-LEFT"),
    "joins again before onRoomLeft": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("gone", 30_110), ("calls", 30_120), ("left", 30_150),
         ("status", 30_200, "CONNECTING"), ("status", 30_300, "CONNECTED"), ("member", 30_350, 1),
         ("member", 30_400, 1, "A", "B")], CONFORMS),
    "news of others between, joining again": (
        [("leaves", 30_000), ("status", 30_100, "DISCONNECTED"), ("gone", 30_110), ("calls", 30_120),
         ("member", 30_130, 0, "A", "B"), ("left", 30_150)], "violates L-LEFT"),
    "left without a cause": ([("left", 30_000)], "violates L-STATUS"),
    "given up": (
        [("lost", 30_000), ("gone", 44_000), ("status", 51_500, "DISCONNECTED"), ("left", 51_600)], CONFORMS),
    "given up a little early": (
        [("lost", 30_000), ("gone", 44_000), ("status", 50_600, "DISCONNECTED"), ("left", 50_700)], CONFORMS),
    "given up exactly then": (
        [("lost", 30_000), ("gone", 44_000), ("status", 51_000, "DISCONNECTED"), ("left", 51_100)], CONFORMS),
    "given up too late": (
        [("lost", 30_000), ("gone", 44_000), ("status", 51_600, "DISCONNECTED"), ("left", 51_700)], "violates L-GIVEN-UP"),
    "given up too early": (
        [("lost", 30_000), ("gone", 44_000), ("status", 49_500, "DISCONNECTED"), ("left", 49_600)], "violates L-GIVEN-UP"),
    "given up, and no onRoomLeft": (
        [("lost", 30_000), ("gone", 44_000), ("status", 51_500, "DISCONNECTED")], "violates L-LEFT"),
    "tried for ever": ([("lost", 30_000), ("gone", 44_000)], "violates L-GIVEN-UP"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(LODGE, played(Lodge(), acts), 60_000) == expected


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        (50_400, "came 19.400 s after its cause, 100 ms too early; it comes about 20 s (19.5 s to 20.5 s) after its cause"),
        (51_700, "came 200 ms too late; it was due about 20 s (19.5 s to 20.5 s)"),
    ],
)  # fmt: skip
def test_about_a_time_is_explained_with_its_edges(at: float, seen: str) -> None:
    tape = played(Lodge(), [("lost", 30_000), ("gone", 44_000), ("status", at, "DISCONNECTED")])

    assert judge(LODGE, tape.trace(60_000, rooms=("R",))).findings[0].seen.endswith(seen)
