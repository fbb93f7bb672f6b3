"""A vendor that says READY immediately after ENTERED: hand-made traces are judged."""

import pytest

from support.tape import Tape
from support.vendors import CONFORMS, Act, contract, judged, played

FOYER = contract("foyer")


class Foyer(Tape):
    """B has entered; A calls at 20 s and is told ENTERED 100 ms later."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.enters(5000, "B")
        self.me(5100, "ENTERED", "B")
        self.me(5150, "READY", "B")
        self.enters(20_000)
        self.me(20_100, "ENTERED")

    def me(self, at: float, me: str, member: str = "A") -> None:
        self.event(at, member, "onMe", foyer="r", me=me)

    def guest(self, at: float, here: int = 1, observer: str = "A", user: str = "B") -> None:
        self.event(at, observer, "onGuest", foyer="r", guest=user.lower(), here=here)

    def told(self, at: float) -> None:  # type: ignore[override]
        """B is told that A is there, too."""
        self.guest(at, 1, "B", "A")

    def music(self, at: float) -> None:
        self.event(at, "A", "onMusic", foyer="r", tune="la")

    def enters(self, at: float, member: str = "A") -> None:
        self.call(at, member, "enter", foyer="R")

    def leaves(self, at: float) -> None:
        self.call(at, "A", "leave", foyer="R")

    def lost(self, at: float) -> None:
        self.fault(at, "A")

    def healed(self, at: float) -> None:
        self.heal(at, "A")


IN: list[Act] = [("me", 20_200, "READY"), ("guest", 20_250), ("told", 20_300)]
AWAY: list[Act] = [*IN, ("lost", 30_000), ("me", 33_000, "AWAY"), ("healed", 38_000), ("me", 39_000, "ENTERED")]
TRACES: dict[str, tuple[list[Act], str]] = {
    "READY, then the others": (IN, CONFORMS),
    "READY too late": ([("me", 20_500, "READY"), ("guest", 20_550), ("told", 20_300)], "violates F-READY"),
    "the others before READY": ([("guest", 20_150), ("me", 20_200, "READY"), ("told", 20_300)], "violates F-READY"),
    "the others at the same moment, before": (
        [("guest", 20_200), ("me", 20_200, "READY"), ("told", 20_300)], "violates F-READY"),
    "the others at the same moment, after": (
        [("me", 20_200, "READY"), ("guest", 20_200), ("told", 20_300)], CONFORMS),
    "ENTERED twice": ([("me", 20_150, "ENTERED"), *IN], "violates F-READY"),
    "READY twice": ([*IN, ("me", 20_400, "READY")], "violates F-ME"),
    "what is nobody's business": ([("music", 20_150), *IN], CONFORMS),
    "OUT before READY": (
        [("leaves", 20_120), ("me", 20_150, "OUT"), ("told", 20_200)], "violates F-READY"),
    "OUT after READY": (
        [("leaves", 20_120), ("me", 20_150, "READY"), ("me", 20_400, "OUT"), ("told", 20_200),
         ("guest", 21_000, 0, "B", "A")], CONFORMS),
    "OUT and back before READY was heard": (
        [("leaves", 20_120), ("enters", 20_130), ("me", 20_200, "READY"), ("me", 20_400, "OUT"),
         ("me", 20_500, "ENTERED"), ("me", 20_550, "READY"), ("guest", 20_600), ("told", 20_700)], CONFORMS),
    "lost before READY, which comes all the same": (
        [("lost", 20_120), ("me", 20_200, "READY"), ("told", 20_300), ("me", 24_000, "AWAY")], "violates F-GONE"),
    "back, and READY at once": ([*AWAY, ("me", 39_100, "READY")], CONFORMS),
    "back, and READY after news": (
        [*AWAY, ("guest", 39_050, 0), ("me", 39_100, "READY")], "violates F-READY"),
    "back, and no READY": (AWAY, "violates F-READY"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(FOYER, played(Foyer(), acts), 60_000) == expected


def test_another_room_is_not_this_one() -> None:
    """What comes of another room comes between, as the vendor speaks of each room by itself."""
    tape = Foyer()
    tape.event(20_150, "A", "onGuest", foyer="q", guest="b", here=0)
    played(tape, IN)

    assert judged(FOYER, tape, 60_000) == "violates F-GUESTS"
