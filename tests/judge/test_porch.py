"""A vendor whose client tells nothing of leaving: hand-made traces are judged."""

import pytest

from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import CONFORMS, FOLDER, Act, contract, judged, played

PORCH = contract("porch")


class Porch(Tape):
    """B and then A have stepped up; A at 20 s."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.ups(5000, "B")
        self.ups(20_000)
        self.guest(20_200)
        self.guest(20_200, 1, "A", "B")

    def me(self, at: float, me: str, member: str = "A") -> None:
        self.event(at, member, "onMe", porch="r", me=me)

    def guest(self, at: float, here: int = 1, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onGuest", porch="r", guest=user.lower(), here=here)

    def ups(self, at: float, member: str = "A") -> None:
        self.call(at, member, "step_up", porch="R")
        self.me(at + 100, "there", member)

    def down(self, at: float, member: str = "A") -> None:
        self.call(at, member, "step_down", porch="R")

    def calls(self, at: float, member: str = "A") -> None:
        self.call(at, member, "step_up", porch="R")

    def lost(self, at: float) -> None:
        self.fault(at, "A")
        self.me(at + 3000, "away")


TRACES: dict[str, tuple[list[Act], str]] = {
    "A leaves, and B is told": ([("down", 30_000), ("guest", 30_500, 0)], CONFORMS),
    "A leaves, and B is not told": ([("down", 30_000)], "violates PO-GUESTS"),
    "A leaves, and B is told too late": ([("down", 30_000), ("guest", 31_300, 0)], "violates PO-GUESTS"),
    "A leaves, and is told so": ([("down", 30_000), ("me", 30_100, "down"), ("guest", 30_500, 0)], "violates PO-ME"),
    "A leaves, and hears of B no more": (
        [("down", 30_000), ("guest", 30_500, 0), ("down", 40_000, "B")], CONFORMS),
    "A leaves, and hears of B all the same": (
        [("down", 30_000), ("guest", 30_500, 0), ("down", 40_000, "B"), ("guest", 45_000, 0, "A", "B")],
        "violates PO-GUESTS"),
    "A leaves, and is told there": ([("down", 30_000), ("guest", 30_500, 0), ("me", 35_000, "there")], "violates PO-ME"),
    "A leaves just after its link was lost, and what was on its way comes": (
        [("fault", 30_000, "A"), ("down", 30_040), ("me", 31_000, "away"), ("guest", 45_000, 0)], CONFORMS),
    "A leaves long after its link was lost, and is told so": (
        [("fault", 30_000, "A"), ("me", 31_000, "away"), ("down", 40_000), ("me", 41_000, "away")], "violates PO-ME"),
    "A's link blinks and A leaves in the same moment: its list is no more due": (
        [("fault", 30_000, "A"), ("heal", 30_000, "A"), ("down", 30_000), ("guest", 30_500, 0), ("down", 30_600, "B")], CONFORMS),
    "A leaves and comes again": (
        [("down", 30_000), ("guest", 30_500, 0), ("ups", 40_000), ("guest", 40_200), ("guest", 40_200, 1, "A", "B")],
        CONFORMS),
    "A comes again, and is not told of B": (
        [("down", 30_000), ("guest", 30_500, 0), ("ups", 40_000), ("guest", 40_200)], "violates PO-GUESTS"),
    "A comes again, and B is not told": (
        [("down", 30_000), ("guest", 30_500, 0), ("ups", 40_000), ("guest", 40_200, 1, "A", "B")], "violates PO-GUESTS"),
    "A leaves while it is cut off, and its silence is told": (
        [("lost", 30_000), ("down", 35_000), ("guest", 44_000, 0)], CONFORMS),
    "A leaves while it is cut off, and B is never told": ([("lost", 30_000), ("down", 35_000)], "violates PO-GONE"),
    "A leaves while it is cut off, and is told there when its link is back": (
        [("lost", 30_000), ("down", 35_000), ("guest", 44_000, 0), ("heal", 45_000, "A"), ("me", 45_500, "there")],
        "violates PO-ME"),
    "A leaves while the answer to its call is on its way": (
        [("down", 30_000), ("guest", 30_500, 0), ("calls", 40_000), ("me", 40_100, "there"), ("down", 40_100),
         ("guest", 40_200), ("guest", 40_300, 0)], CONFORMS),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(PORCH, played(Porch(), acts), 60_000) == expected


@pytest.mark.parametrize("name", TRACES)
def test_a_state_that_may_be_told_elsewhere_is_followed_all_the_same(name: str) -> None:
    """Here where the server ends, which it does not."""
    rule = "    - {from: there, cause: server down, to: down, within: noticing, optional: true}"
    text = (FOLDER / "porch.yaml").read_text(encoding="utf-8").replace("  rules:", f"  rules:\n{rule}", 1)
    acts, expected = TRACES[name]

    assert judged(load_spec(text, "porch.yaml").bind(), played(Porch(), acts), 60_000) == expected
