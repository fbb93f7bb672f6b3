"""A vendor whose server ends a session by itself, when a ticket runs out: hand-made traces are judged."""

import pytest

from roomcheck.model.fault import FaultKind
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import CONFORMS, FOLDER, Act, contract, judged, played

LIDO = contract("lido")
GONE = 110_000  # A's ticket has run out: it asked at 20 s, and was told inside 100 ms later
END = 160_000


class Lido(Tape):
    """A has entered at 20 s, and B at 60 s."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.enters(20_000)
        self.enters(60_000, "B")
        self.guest(60_200)
        self.guest(60_200, observer="B", user="A")

    def me(self, at: float, me: str, member: str = "A") -> None:
        self.event(at, member, "onMe", pool="r", me=me)

    def guest(self, at: float, here: int = 1, observer: str = "A", user: str = "B", why: int = 0) -> None:
        self.event(at, observer, "onGuest", pool="r", guest=user.lower(), here=here, why=why)

    def enters(self, at: float, member: str = "A") -> None:
        self.call(at, member, "enter", pool="R")
        self.me(at + 100, "inside", member)

    def gone(self, at: float, why: int = 3) -> None:
        """B is told that A has gone."""
        self.guest(at, 0, "B", "A", why)

    def leaves(self, at: float, member: str = "A") -> None:
        self.call(at, member, "leave", pool="R")

    def ends(self) -> None:
        """B's ticket runs out in its turn."""
        self.me(150_200, "expired", "B")

    def again(self, at: float) -> None:
        """A comes again, and both are told of each other, until B's ticket runs out."""
        self.enters(at)
        self.guest(at + 200)
        self.guest(150_300, 0, why=3)


TRACES: dict[str, tuple[list[Act], str]] = {
    "A is told, then B": ([("me", GONE + 300, "expired"), ("gone", GONE + 600)], CONFORMS),
    "A loses its link as it is told": (
        [("fault", GONE + 295, "A"), ("me", GONE + 300, "expired"), ("gone", GONE + 600)], CONFORMS),
    "B is told first": ([("gone", GONE + 300), ("me", GONE + 900, "expired")], CONFORMS),
    "B is told by another reason": ([("me", GONE + 300, "expired"), ("gone", GONE + 600, 2)], "violates LI-TICKET"),
    "B is told late": ([("me", GONE + 300, "expired"), ("gone", GONE + 1500)], "violates LI-TICKET"),
    "B is not told": ([("me", GONE + 300, "expired")], "violates LI-TICKET"),
    "A is not told": ([("gone", GONE + 300)], "violates LI-GUESTS"),
    "nobody is told": ([], "violates LI-TICKET"),
    "B is told before it can be, and A is told in time": (
        [("gone", GONE - 5000), ("me", GONE + 500, "expired")], "violates LI-GUESTS"),
    "B is told twice": (
        [("gone", GONE + 200), ("me", GONE + 300, "expired"), ("gone", GONE + 900)], "violates LI-GUESTS"),
    "A comes again": (
        [("me", GONE + 300, "expired"), ("gone", GONE + 400), ("again", GONE + 500), ("guest", GONE + 700, 1, "B", "A")],
        CONFORMS,
    ),
    "A comes again before B hears that it had gone": (
        [("me", GONE + 300, "expired"), ("again", GONE + 350), ("gone", GONE + 400), ("guest", GONE + 700, 1, "B", "A")],
        CONFORMS,
    ),
    "A comes again, and B is told of neither": (
        [("me", GONE + 300, "expired"), ("again", GONE + 350)],
        "violates LI-TICKET",
    ),
    "A leaves just before": ([("leaves", GONE - 500), ("gone", GONE - 400, 1)], CONFORMS),
    "A leaves in the same moment, and its ticket has run out": (
        [("gone", GONE), ("leaves", GONE + 100), ("me", GONE + 150, "expired")], CONFORMS),
    "A's link is lost before, and B is told when the ticket has run out": (
        [("fault", GONE - 3000, "A"), ("me", GONE - 500, "away"), ("gone", GONE + 300)], CONFORMS),
    "A's link is lost, and B is told too early by that reason": (
        [("fault", GONE - 9000, "A"), ("me", GONE - 6000, "away"), ("gone", GONE - 4000)], "violates LI-GONE"),
    "A's link was stalled, and it is told when it is whole again": (
        [("fault", GONE - 1000, "A", FaultKind.STALL), ("gone", GONE + 300), ("heal", GONE + 2000, "A"),
         ("me", GONE + 2500, "expired")], CONFORMS),
    "A's link was stalled, it is told so, and B hears by its silence": (
        [("fault", GONE - 9500, "A", FaultKind.STALL), ("me", GONE - 9000, "away"), ("me", GONE - 8000, "expired"),
         ("gone", GONE + 3000, 2)], "violates LI-ME"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]
    tape = Lido()
    tape.ends()

    assert judged(LIDO, played(tape, acts), END) == expected


TEXT = (FOLDER / "lido.yaml").read_text(encoding="utf-8")
ENDING = "      - {expiry: {told: expired, after: ticket}, with: {why: over}, for: LI-TICKET}\n"
RULE = "    - {from: inside, cause: entered, to: expired,"
IDLE = (f"{ENDING}      - {{expiry: idle, with: {{why: asked}}, for: LI-TICKET}}\n",
        f"    - {{from: inside, cause: entered, to: idle, within: notice, optional: whenever}}\n{RULE}")  # fmt: skip


def with_idle(told_by: str = "server") -> Contract:
    """A guest may also be sent away at any time, as it is idle."""
    text = TEXT.replace("[out, expired], cause: enter", "[out, expired, idle], cause: enter")
    for old, new in zip((ENDING, RULE), IDLE, strict=True):
        assert old in text
        text = text.replace(old, new)
    return load_spec(text.replace("  delivered within", f"  told by: {told_by}\n  delivered within"), "f").bind()


@pytest.mark.parametrize(
    ("told", "why", "expected"),
    [("expired", 3, CONFORMS), ("idle", 1, CONFORMS), ("expired", 1, "LI-TICKET"), ("idle", 3, "LI-TICKET")],
)
def test_a_session_may_end_by_itself_in_two_ways(told: str, why: int, expected: str) -> None:
    """What the others are told fits what the member was told."""
    tape = Lido()
    tape.ends()
    acts = [("me", GONE + 300, told), ("gone", GONE + 600, why)]

    assert judged(with_idle(), played(tape, acts), END).removeprefix("violates ") == expected


@pytest.mark.parametrize(("told_by", "expected"), [("member", CONFORMS), ("server", "violates LI-GUESTS")])
def test_whose_session_ends_at_once_may_have_no_time_to_say_that_it_has_come(told_by: str, expected: str) -> None:
    tape = Lido()
    tape.ends()
    tape.me(GONE - 20_000, "idle")
    tape.gone(GONE - 19_500, 1)
    tape.enters(GONE)
    tape.guest(GONE + 200)
    tape.me(GONE + 250, "idle")

    assert judged(with_idle(told_by), tape, END) == expected


class Alone(Lido):
    """A was mute for longer than its ticket lasts, and leaves as soon as its link is whole; B enters later."""

    def __init__(self) -> None:
        Tape.__init__(self, "A", "B")
        self.enters(1_000)
        self.fault(7_000, "A", FaultKind.MUTE_BLACKHOLE)
        self.heal(97_000, "A")
        self.leaves(97_000)
        self.enters(103_000, "B")


def test_who_left_before_its_ticket_ran_out_for_sure_hears_of_nobody() -> None:
    """Whether A was expired when it left is open for as long as it may still be told so, and not for longer."""
    assert judged(LIDO, Alone(), END) == CONFORMS


def test_who_is_back_as_its_other_device_leaves_may_have_no_session() -> None:
    """That one had taken it over; nobody need be told that who was cut off is inside again."""
    tape = Tape("A", "B", "A2", users={"A2": "A"})
    acts = [(0, "A", "enter"), (6200, "B", "enter"), (20_100, "A2", "enter"), (28_400, "A2", "leave")]
    for at, member, operation in acts:
        tape.call(at, member, operation, pool="R")
    told = [(164, "A", "inside"), (8100, "B", "inside"), (14_150, "A", "away"), (21_400, "A2", "inside")]
    for at, member, me in [*told, (29_100, "A", "inside")]:
        tape.event(at, member, "onMe", pool="r", me=me)
    tape.fault(14_100, "A")
    tape.heal(27_400, "A")
    for at, observer, guest, here in (
        (8150, "B", "a", 1),
        (8800, "A", "b", 1),
        (22_400, "A2", "b", 1),
        (29_200, "B", "a", 0),
    ):
        tape.event(at, observer, "onGuest", pool="r", guest=guest, here=here, why=1)

    assert judged(LIDO, tape, 40_000) == CONFORMS
