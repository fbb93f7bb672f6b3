"""A vendor that closes the first device of a user when a second one joins: what the two are told may cross."""

import pytest

from roomcheck.judge import judge
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import CONFORMS, FOLDER, Act, contract, judged, played

QUILL = contract("quill")
REPLACED = 6


class Quill(Tape):
    """A has joined at 1 s; A2, its second device, joins at 10 s."""

    def __init__(self) -> None:
        super().__init__("A", "A2", users={"A2": "A"})
        self.joins(1_000, "A")
        self.me(1_200, "A", "joined")
        self.joins(10_000, "A2")

    def me(self, at: float, member: str, status: str, reason: int = 0, channel: str = "r") -> None:
        self.event(at, member, "onStatus", channel=channel, status=status, reason=reason)

    def joins(self, at: float, member: str, channel: str = "r") -> None:
        self.call(at, member, "join", channel=channel.upper(), role="member", token="good")
        self.me(at + 50, member, "joining", channel=channel)

    def leaves(self, at: float) -> None:
        self.call(at, "A", "leave", channel="R")

    def bans(self, at: float) -> None:
        self.admin(at, "ban", nick="A", channel="R")

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


def refusing(twin: str = "twin here") -> Contract:
    """Who is in already is refused on a second device."""
    text = (FOLDER / "quill.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("to: joined, with: {reason: OK}, within: call, unless: link down", f"to: joined, with: {{reason: OK}}, within: call, unless: {{link down: 0s, {twin} in joined: 0s}}"),
        ("{from: inside, cause: twin here joined, to: closed,", f"{{from: joining, cause: {twin} in joined, to: closed,"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    return load_spec(text, "quill.yaml").bind()


REFUSED: dict[str, tuple[list[Act], str]] = {
    "A2 is refused": ([("closed", 10_200, "A2")], CONFORMS),
    "A2 is let in": ([("me", 10_200, "A2", "joined")], "violates Q-STATUS"),
    "A2 is let in, as A has left before": (
        [("leaves", 9_990), ("me", 10_060, "A", "closed", 1), ("me", 10_200, "A2", "joined")], CONFORMS),
    "A2 is let in, as A leaves meanwhile": (
        [("leaves", 10_100), ("me", 10_150, "A", "closed", 1), ("me", 10_200, "A2", "joined")], CONFORMS),
    "A2 is let in, and A is told that it was out before": (
        [("leaves", 9_990), ("me", 10_200, "A2", "joined"), ("me", 10_250, "A", "closed", 1)], CONFORMS),
    "A2 is let in, as A was banned": (
        [("bans", 10_100), ("me", 10_150, "A", "closed", 3), ("me", 10_200, "A2", "joined")], "violates Q-BAN"),
    "A2 is let in, as A's link is lost": ([("fault", 10_010, "A"), ("me", 10_200, "A2", "joined")], CONFORMS),
    "A2 is let in long before A leaves": (
        [("me", 10_200, "A2", "joined"), ("leaves", 15_000), ("me", 15_050, "A", "closed", 1)], "violates Q-STATUS"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_another_device_has_been_all_the_time_calls_off_for_sure(name: str) -> None:
    acts, expected = REFUSED[name]

    assert judged(refusing(), played(Quill(), acts), 20_000) == expected


class Elsewhere(Quill):
    """A has joined the room S at 1 s, and A2 joins R at 10 s."""

    def __init__(self) -> None:
        Tape.__init__(self, "A", "A2", users={"A2": "A"})
        self.joins(1_000, "A", "s")
        self.me(1_200, "A", "joined", channel="s")
        self.joins(10_000, "A2")


@pytest.mark.parametrize(
    ("twin", "told", "expected"),
    [
        ("twin here", [("me", 10_200, "A2", "joined")], CONFORMS),
        ("twin here", [("closed", 10_200, "A2")], "violates"),
        ("twin", [("me", 10_200, "A2", "joined")], "violates"),
        ("twin", [("closed", 10_200, "A2")], CONFORMS),
    ],
)
def test_another_device_counts_in_any_room_or_in_this_one(twin: str, told: list[Act], expected: str) -> None:
    trace = played(Elsewhere(), told).trace(20_000, rooms=("R", "S"))

    assert judge(refusing(twin), trace).outcome == expected
