"""A vendor that bans for a time, of whose end nothing is told: hand-made traces are judged."""

import pytest

from roomcheck.judge import judge
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import CONFORMS, FOLDER, Act, contract, judged, played

CELLAR = contract("cellar")
THROWN = 20_100  # A is told so
OVER = THROWN + 60_000  # its ban ends then, or up to a second later


class Cellar(Tape):
    """A has knocked at 10 s, was let in, and was thrown out at 20 s."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.knocks(10_000)
        self.me(10_100, "inside")
        self.admin(20_000, "throw_out", guest="A", cellar="R")
        self.me(THROWN, "thrown")

    def me(self, at: float, me: str, member: str = "A") -> None:
        self.event(at, member, "onMe", cellar="r", me=me)

    def knocks(self, at: float, member: str = "A") -> None:
        self.call(at, member, "knock", cellar="R")

    def guest(self, at: float, observer: str, user: str, here: int = 1) -> None:
        self.event(at, observer, "onGuest", cellar="r", guest=user.lower(), here=here)

    def asks(self, at: float, me: str) -> None:
        """A knocks, and is told that."""
        self.knocks(at)
        self.me(at + 100, me)

    def other(self, at: float) -> None:
        """B knocks and is let in."""
        self.knocks(at, "B")
        self.me(at + 100, "inside", "B")


TRACES: dict[str, tuple[list[Act], str]] = {
    "refused while the ban lasts": ([("asks", 50_000, "refused")], CONFORMS),
    "let in while the ban lasts": ([("asks", 50_000, "inside")], "violates CE-ME"),
    "let in when it is over": ([("asks", OVER + 2_000, "inside")], CONFORMS),
    "refused when it is over": ([("asks", OVER + 2_000, "refused")], "violates CE-ME"),
    "let in at the edge": ([("asks", OVER + 500, "inside")], CONFORMS),
    "refused at the edge": ([("asks", OVER + 500, "refused")], CONFORMS),
    "told that it is over": ([("me", OVER + 500, "out")], "violates CE-ME"),
    "a refusal does not begin it anew": ([("asks", 50_000, "refused"), ("asks", OVER + 2_000, "inside")], CONFORMS),
    "nor does it end it": ([("asks", 50_000, "refused"), ("asks", 60_000, "inside")], "violates CE-ME"),
    "in again, and told of the other one": (
        [("asks", OVER + 2_000, "inside"), ("other", OVER + 9_000), ("guest", OVER + 9_300, "A", "B"),
         ("guest", OVER + 9_300, "B", "A")], CONFORMS),
    "out again, and told of the other one": (
        [("other", OVER + 9_000), ("guest", OVER + 11_300, "A", "B")], "violates CE-GUESTS"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(CELLAR, played(Cellar(), acts), 200_000) == expected


def doubtful() -> Contract:
    """The ban may also go on for good."""
    text = (
        (FOLDER / "cellar.yaml")
        .read_text(encoding="utf-8")
        .replace("silent: true}\npresence", "silent: true, optional: true}\npresence")
    )
    return load_spec(text, "cellar.yaml").bind()


@pytest.mark.parametrize(("at", "told", "expected"), [
    (50_000, "refused", True), (50_000, "inside", False), (OVER + 500, "inside", True), (OVER + 500, "refused", True),
    (OVER + 5_000, "inside", True), (OVER + 5_000, "refused", True),
])  # fmt: skip
def test_a_state_may_end_by_itself_or_not(at: int, told: str, expected: bool) -> None:  # noqa: FBT001
    tape = played(Cellar(), [("asks", at, told)])

    assert (judged(doubtful(), tape, 200_000) == CONFORMS) is expected


def test_a_state_may_end_at_once_or_not() -> None:
    """Without a time it does so as soon as it is entered, or never."""
    text = (FOLDER / "cellar.yaml").read_text(encoding="utf-8")
    at_once = load_spec(
        text.replace("after: ban, within: notice, silent: true", "silent: true, optional: true"), "f"
    ).bind()

    for told in ("refused", "inside"):
        assert judged(at_once, played(Cellar(), [("asks", 50_000, told)]), 200_000) == CONFORMS


@pytest.mark.parametrize(("lateness", "outcome"), [(0, "violates"), (1_500, "inconclusive")])
def test_a_late_machine_may_have_seen_it_late(lateness: int, outcome: str) -> None:
    """Refused a second after it must be over."""
    trace = played(Cellar(), [("asks", OVER + 2_000, "refused")]).trace(200_000, lateness, rooms=("R",))

    assert judge(CELLAR, trace).outcome == outcome
