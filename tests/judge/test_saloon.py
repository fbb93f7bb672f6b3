"""A vendor whose states have a callback each, whose spectators stand in no list, and whose host ends the room for all."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from support.tape import Tape
from support.vendors import CONFORMS, Act, contract, judged, played

SALOON = contract("saloon")
LODGE = contract("lodge")


class Saloon(Tape):
    """B and then A play; A from 10 s on. C is outside."""

    def __init__(self) -> None:
        super().__init__("A", "B", "C")
        self.enters(5000, "B")
        self.roster(5300, "B", "B")
        self.enters(10_000, "A")
        for observer in "AB":
            self.roster(10_300, observer, "A", "B")

    def me(self, at: float, member: str, callback: str, **fields: str) -> None:
        self.event(at, member, callback, lobby="r", **fields)

    def roster(self, at: float, observer: str, *users: str) -> None:
        self.event(at, observer, "onRoster", lobby="r", players=[user.lower() for user in users])

    def enters(self, at: float, member: str, role: str = "player", gate: str = "right") -> None:
        self.call(at - 100, member, "enter", lobby="R", role=role, **{"pass": gate})
        if gate == "right":
            self.me(at, member, "onEntered" if role == "player" else "onWatching")

    def watches(self, at: float) -> None:
        """C enters as a spectator, and has its list."""
        self.enters(at, "C", "spectator")
        self.roster(at + 200, "C", "A", "B")

    def rejected(self, at: float, error: str = "pass") -> None:
        self.enters(at, "C", gate="wrong")
        self.me(at, "C", "onRejected", error=error)

    def exits(self, at: float, member: str) -> None:
        self.call(at, member, "exit", lobby="R")
        self.me(at + 200, member, "onExited")

    def ended(self, at: float, *members: str, by: str = "host") -> None:
        self.admin(at, "end", lobby="R")
        for member in members:
            self.me(at + 200, member, "onEnded", by=by)

    def expelled(self, at: float) -> None:
        self.admin(at, "expel", player="A", lobby="R")
        self.me(at + 200, "A", "onEnded", by="moderator")

    def dropped(self, at: float) -> None:
        """A is cut off, and told so 6.5 s later."""
        self.fault(at, "A", FaultKind.GHOST)
        self.me(at + 6500, "A", "onDropped")


TRACES: dict[str, tuple[list[Act], str]] = {
    "nothing happens": ([], CONFORMS),
    "the host goes": ([("ended", 20_000, "A", "B")], CONFORMS),
    "the host goes, and one is not told": ([("ended", 20_000, "A")], "violates AR-END"),
    "the end without a cause": ([("me", 20_000, "A", "onEnded")], "violates AR-NOTHING"),
    "the host goes, and a new lobby lists who was there": (
        [("ended", 20_000, "A", "B"), ("enters", 30_000, "B"), ("roster", 30_200, "B", "A", "B")], "violates AR-ROSTER"),
    "the host goes, and a new lobby is empty": (
        [("ended", 20_000, "A", "B"), ("enters", 30_000, "B"), ("roster", 30_200, "B", "B")], CONFORMS),
    "A is expelled": ([("expelled", 20_000), ("roster", 20_400, "B", "B")], CONFORMS),
    "A is expelled, and stays in the list": (
        [("expelled", 20_000), ("roster", 20_400, "B", "A", "B")], "violates AR-ROSTER"),
    "A exits": ([("exits", 20_000, "A"), ("roster", 20_400, "B", "B")], CONFORMS),
    "A is dropped": ([("dropped", 20_000), ("roster", 28_000, "B", "B")], CONFORMS),
    "A is dropped, and comes back by itself": (
        [("dropped", 20_000), ("roster", 28_000, "B", "B"), ("heal", 30_000, "A"), ("me", 30_500, "A", "onEntered")],
        "violates AR-NOTHING"),
    "A is dropped, and taken off the list at once": (
        [("dropped", 20_000), ("roster", 21_000, "B", "B")], "violates AR-SILENT"),
    "A is dropped, and stays in the list": ([("dropped", 20_000)], "violates AR-SILENT"),
    "a spectator": ([("watches", 20_000), ("exits", 30_000, "C")], CONFORMS),
    "a spectator that is listed": (
        [("enters", 20_000, "C", "spectator"), *[("roster", 20_200, observer, "A", "B", "C") for observer in "ABC"]],
        "violates AR-ROSTER"),
    "a spectator that has no list": ([("enters", 20_000, "C", "spectator")], "violates AR-ROSTER"),
    "a spectator whose list stays as it was": (
        [("watches", 20_000), ("exits", 30_000, "A"), ("roster", 30_400, "B", "B")], "violates AR-ROSTER"),
    "a spectator that plays later": (
        [("watches", 20_000), ("exits", 30_000, "C"), ("enters", 40_000, "C"),
         *[("roster", 40_200, observer, "A", "B", "C") for observer in "ABC"]], CONFORMS),
    "a wrong pass": ([("rejected", 20_000)], CONFORMS),
    "a wrong pass that is let in": (
        [("enters", 20_000, "C", "player", "wrong"), ("me", 20_100, "C", "onEntered")], "violates AR-NOTHING"),
    "a wrong pass, and another error": ([("rejected", 20_000, "full")], "violates AR-PASS"),
    "a wrong pass, and nothing is told": ([("enters", 20_000, "C", "player", "wrong")], "violates AR-PASS"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(SALOON, played(Saloon(), acts), 60_000) == expected


def test_a_state_that_no_callback_names_is_told_with_what_stands_for_it() -> None:
    """Whoever knows the callback alone finds it in the text; where it says the state itself once is enough."""
    view = SALOON.connection
    assert view.made_of("expelled") == " (onEnded: by moderator)"
    assert view.made_of("playing") == " (onEntered)"
    assert LODGE.connection.made_of("CONNECTED") == ""
    saloon = Saloon()
    saloon.me(20_000, "A", "onEnded", by="moderator")
    findings = judge(SALOON, saloon.trace(40_000)).findings
    assert findings[0].seen == "expelled (onEnded: by moderator) has no cause while playing; nothing was due"
