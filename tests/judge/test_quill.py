"""A vendor that closes the first device of a user when a second one joins: what the two are told may cross."""

import pytest

from support.tape import Tape
from support.vendors import CONFORMS, Act, contract, judged, played

QUILL = contract("quill")
REPLACED = 6


class Quill(Tape):
    """A has joined at 1 s; A2, its second device, joins at 10 s."""

    def __init__(self) -> None:
        super().__init__("A", "A2", users={"A2": "A"})
        self.joins(1_000, "A")
        self.me(1_200, "A", "joined")
        self.joins(10_000, "A2")

    def me(self, at: float, member: str, status: str, reason: int = 0) -> None:
        self.event(at, member, "onStatus", channel="r", status=status, reason=reason)

    def joins(self, at: float, member: str) -> None:
        self.call(at, member, "join", channel="R", role="member", token="good")
        self.me(at + 50, member, "joining")

    def closed(self, at: float, member: str = "A") -> None:
        self.me(at, member, "closed", REPLACED)


TRACES: dict[str, tuple[list[Act], str]] = {
    "A2 is told, then A": ([("me", 10_200, "A2", "joined"), ("closed", 10_300)], CONFORMS),
    "A is told first": ([("closed", 10_200), ("me", 10_300, "A2", "joined")], CONFORMS),
    "A is told first, by more than news may take": (
        [("closed", 10_050), ("me", 11_150, "A2", "joined")], "violates Q-STATUS"),
    "A is told, and A2 never is": ([("closed", 10_200)], "violates Q-STATUS"),
    "A is told twice": ([("closed", 10_200), ("me", 10_300, "A2", "joined"), ("closed", 10_400)], "violates Q-STATUS"),
    "A is told in the moment before, without a reason": (
        [("me", 10_200, "A", "closed"), ("me", 10_300, "A2", "joined")], "violates Q-REPLACED"),
    "A2 itself is closed, as A was in the channel before": (
        [("me", 10_200, "A2", "joined"), ("closed", 10_300, "A2")], "violates Q-STATUS"),
    "A is never told": ([("me", 10_200, "A2", "joined")], "violates Q-REPLACED"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(QUILL, played(Quill(), acts), 20_000) == expected
