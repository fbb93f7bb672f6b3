"""A vendor that tells of the others only by whole lists, and one that has both: hand-made traces are judged."""

import pytest

from roomcheck.judge import judge
from roomcheck.judge.sequence import received
from roomcheck.model.fault import FaultKind
from roomcheck.model.trace import Told
from roomcheck.model.verdict import Outcome
from roomcheck.spec.case import Expectation
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import CONFORMS, FOLDER, Act, contract, judged, played

ROSTER = contract("roster")
TEXT = (FOLDER / "roster.yaml").read_text(encoding="utf-8")
CALLBACKS = """  onCame: {room: name, about: id, fields: {name: str, id: str}}
  onWent: {room: name, about: id, fields: {name: str, id: str}}
"""
BOTH = (
    TEXT.replace("operations:\n", f"{CALLBACKS}operations:\n")
    .replace("{onRoster: {oneself: included}}\n", "onRoster\n  joined: {onCame: {}}\n  left: {onWent: {}}\n")
    .replace("[joined, {left:", "[onCame, {onWent:")
)


class Roster(Tape):
    """B and then A are inside; A at 10 s."""

    def __init__(self, blur: float = 0) -> None:
        super().__init__("A", "B", "C", blur=blur)
        self.enters(5000, "B")
        self.lists(5100, "B", "B")
        self.enters(10_000, "A")
        self.lists(10_100, "A", "A", "B")
        self.lists(10_100, "B", "A", "B")

    def me(self, at: float, member: str, state: str) -> None:
        self.event(at, member, "onRoom", name="r", state=state)

    def enters(self, at: float, member: str = "A") -> None:
        self.call(at - 100, member, "enter", name="R")
        self.me(at, member, "inside")

    def anew(self, at: float) -> None:
        """A enters, and has its list."""
        self.enters(at)
        self.lists(at + 50, "A", "A", "B")

    def leaves(self, at: float, member: str = "A") -> None:
        self.call(at, member, "leave", name="R")
        self.me(at + 100, member, "outside")

    def lists(self, at: float, observer: str, *users: str) -> None:
        self.event(at, observer, "onRoster", name="r", members=[{"id": u.lower()} for u in users])

    def evicted(self, at: float) -> None:
        self.admin(at, "evict", id="A", name="R")
        self.me(at + 200, "A", "outside")

    def nonsense(self, at: float) -> None:
        self.event(at, "B", "onRoster", name="r")

    def lost(self, at: float, member: str = "A") -> None:
        self.fault(at, member, FaultKind.GHOST)
        self.me(at + 2000, member, "lost")

    def back(self, at: float, member: str = "A") -> None:
        self.heal(at, member)
        self.me(at + 500, member, "inside")


TRACES: dict[str, tuple[list[Act], str]] = {
    "nothing happens": ([("heal", 20_000, "A")], CONFORMS),
    "the same list once more": ([("lists", 20_000, "B", "A", "B")], CONFORMS),
    "A leaves": ([("leaves", 20_000), ("lists", 20_200, "B", "B")], CONFORMS),
    "A leaves, and stays in the list": ([("leaves", 20_000), ("lists", 20_200, "B", "A", "B")], "violates R-LIST"),
    "A leaves, and no list comes": ([("leaves", 20_000)], "violates R-LIST"),
    "A leaves, and the list comes too late": ([("leaves", 20_000), ("lists", 21_300, "B", "B")], "violates R-LIST"),
    "the list of just before": ([("leaves", 20_000), ("lists", 20_200, "B", "A", "B"), ("lists", 20_900, "B", "B")], CONFORMS),
    "A is missing in a list": ([("lists", 20_000, "B", "B")], "violates R-LIST"),
    "A is missing for a moment": ([("lists", 20_000, "B", "B"), ("lists", 20_100, "B", "A", "B")], "violates R-LIST"),
    "the observer is missing": ([("lists", 20_000, "B", "A")], "violates R-LIST"),
    "a stranger": ([("lists", 20_000, "B", "A", "B", "X")], "violates R-LIST"),
    "who never came": ([("lists", 20_000, "B", "A", "B", "C")], "violates R-LIST"),
    "a callback without a list": ([("nonsense", 20_000)], "violates R-LIST"),
    "A goes and comes, and both are told": (
        [("leaves", 20_000), ("lists", 20_200, "B", "B"), ("anew", 22_000), ("lists", 22_100, "B", "A", "B")], CONFORMS),
    "A goes and comes before a list had to tell it": ([("leaves", 20_000), ("anew", 20_600)], CONFORMS),
    "A goes and comes, too late to be one": ([("leaves", 20_000), ("anew", 21_900)], "violates R-LIST"),
    "A goes, comes and goes": (
        [("leaves", 20_000), ("anew", 20_300), ("leaves", 20_600), ("lists", 21_500, "B", "B")], CONFORMS),
    "A goes, comes and goes, and stays in the list": (
        [("leaves", 20_000), ("anew", 20_300), ("leaves", 20_600)], "violates R-LIST"),
    "A enters anew, and has no list": (
        [("leaves", 20_000), ("lists", 20_200, "B", "B"), ("enters", 30_000), ("lists", 30_100, "B", "A", "B")],
        "violates R-LIST"),
    "A enters anew, and has its list before it is told to be in": (
        [("leaves", 20_000), ("lists", 20_200, "B", "B"), ("enters", 30_000), ("lists", 30_100, "B", "A", "B"),
         ("lists", 29_950, "A", "B")], CONFORMS),
    "A's goodbye, and a list once more": (
        [("leaves", 20_000), ("lists", 20_200, "B", "B"), ("lists", 24_000, "A", "A", "B")], "violates R-LIST"),
    "A is evicted": ([("evicted", 20_000), ("lists", 20_500, "B", "B")], CONFORMS),
    "A is evicted, and no list comes": ([("evicted", 20_000)], "violates R-LIST"),
    "A is evicted, and in again before a list had to tell it": ([("evicted", 20_000), ("anew", 20_600)], CONFORMS),
    "A is evicted and in again, and a list still tells the first half": (
        [("evicted", 20_000), ("anew", 20_600), ("lists", 20_900, "B", "B"), ("lists", 21_200, "B", "A", "B")], CONFORMS),
    "A is evicted and in again, and a list tells the first half too late": (
        [("evicted", 20_000), ("anew", 20_600), ("lists", 21_200, "B", "B"), ("lists", 21_300, "B", "A", "B")],
        "violates R-LIST"),
    "A is evicted and in again, and a list tells no more than the first half": (
        [("evicted", 20_000), ("anew", 20_600), ("lists", 20_900, "B", "B")], "violates R-LIST"),
    "A is lost": ([("lost", 20_000), ("lists", 30_000, "B", "B")], CONFORMS),
    "A is lost, and taken off the list at once": ([("lost", 20_000), ("lists", 20_200, "B", "B")], "violates R-GONE"),
    "A is lost, and stays in the list": ([("lost", 20_000), ("lists", 34_000, "B", "A", "B")], "violates R-GONE"),
    "B is away while A leaves": (
        [("lost", 20_000, "B"), ("leaves", 21_000), ("back", 25_000, "B"), ("lists", 26_000, "B", "B")], CONFORMS),
    "B is away while A leaves, and its list stays as it was": (
        [("lost", 20_000, "B"), ("leaves", 21_000), ("back", 25_000, "B"), ("lists", 26_000, "B", "A", "B")], "violates R-LIST"),
    "B is told while its list is not due": (
        [("lost", 20_000, "B"), ("back", 25_000, "B"), ("lists", 25_600, "B", "B"), ("lists", 25_700, "B", "A", "B")], CONFORMS),
    "who is outside has a list": ([("lists", 20_000, "C", "A", "B", "C")], "violates R-LIST"),
    "who is outside has an empty list": ([("lists", 20_000, "C")], CONFORMS),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(ROSTER, played(Roster(), acts), 50_000) == expected


def bound(text: str) -> Contract:
    return load_spec(text, "roster.yaml").bind()


@pytest.mark.parametrize(
    ("oneself", "users", "expected"),
    [
        ("left out", "AB", "violates R-LIST"),
        ("left out", "A", CONFORMS),
        ("either", "A", CONFORMS),
        ("either", "AB", CONFORMS),
    ],
)
def test_whether_the_observer_stands_in_its_own_list(oneself: str, users: str, expected: str) -> None:
    tape = Roster()
    tape.records = [r for r in tape.records if getattr(r, "callback", "") != "onRoster"]
    tape.lists(10_100, "B", *users)
    tape.lists(10_100, "A", *users.replace("A", "B")[-1:])

    assert judged(bound(TEXT.replace("oneself: included", f"oneself: {oneself}")), tape, 40_000) == expected


class Both(Roster):
    """Each change is told by a callback, too."""

    def came(self, at: float, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onCame", name="r", id=user.lower())

    def went(self, at: float, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onWent", name="r", id=user.lower())


BOTH_TRACES: dict[str, tuple[list[Act], str]] = {
    "a list after the callback": ([("leaves", 20_000), ("went", 20_200), ("lists", 20_300, "B", "B")], CONFORMS),
    "a list before the callback": ([("leaves", 20_000), ("lists", 20_150, "B", "B"), ("went", 20_200)], CONFORMS),
    "no list": ([("leaves", 20_000), ("went", 20_200)], CONFORMS),
    "a list alone": ([("leaves", 20_000), ("lists", 20_200, "B", "B")], "violates R-LIST"),
    "a list that is older than the callback": (
        [("leaves", 20_000), ("went", 20_200), ("lists", 20_300, "B", "A", "B")],
        "violates R-LIST",
    ),
    "a list without a cause": ([("lists", 20_300, "B", "B")], "violates R-LIST"),
}


@pytest.mark.parametrize("name", BOTH_TRACES)
def test_a_trace_with_both_is_judged(name: str) -> None:
    """Callbacks are owed, and a list must be right."""
    acts, expected = BOTH_TRACES[name]
    tape = Both()
    tape.came(10_200)

    assert judged(bound(BOTH), played(tape, acts), 40_000) == expected


def test_a_first_list_and_the_callback_that_was_on_its_way() -> None:
    """While an observer's first list is told, the callback may say what the list has said."""
    tape = Both()
    tape.enters(20_000, "C")
    for observer in "AB":
        tape.came(20_100, observer, "C")
    tape.lists(20_100, "C", "A", "B", "C")
    tape.came(20_200, "C", "A")
    tape.came(10_200)

    assert judged(bound(BOTH), tape, 40_000) == CONFORMS


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([("leaves", 20_000), ("lists", 20_200, "B", "B")], Outcome.CONFORMS),
        ([("leaves", 20_000), ("lists", 20_050, "B", "A", "B"), ("lists", 20_200, "B", "B")], Outcome.CONFORMS),
        ([("leaves", 20_000), ("anew", 20_500)], Outcome.VIOLATES),
    ],
)
def test_a_line_names_what_the_lists_differ_by(acts: list[Act], expected: Outcome) -> None:
    """`joined` and `left`; a list that says nothing new is no entry."""
    case = next(c for c in ROSTER.cases if c.id == "come-and-go")
    tape = Roster()
    tape.mark(20_000, "T1")

    assert judge(ROSTER, played(tape, acts).trace(40_000, rooms=("R",)), case).outcome is expected


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([("leaves", 20_000), ("went", 20_200)], Outcome.CONFORMS),
        ([("leaves", 20_000), ("lists", 20_150, "B", "B"), ("went", 20_200)], Outcome.CONFORMS),
        ([("leaves", 20_000), ("went", 20_150), ("lists", 20_200, "B", "B")], Outcome.CONFORMS),
        ([("leaves", 20_000), ("went", 20_150), ("came", 20_200)], Outcome.VIOLATES),
    ],
)
def test_a_line_names_once_what_both_tell(acts: list[Act], expected: Outcome) -> None:
    """Whichever comes first."""
    both = bound(BOTH)
    case = next(c for c in both.cases if c.id == "come-and-go")
    tape = Both()
    tape.came(10_200)
    tape.mark(20_000, "T1")

    assert judge(both, played(tape, acts).trace(40_000, rooms=("R",)), case).outcome is expected


def test_who_is_in_again_learns_of_all_anew() -> None:
    """What an observer knew is over when it leaves."""
    tape = played(Roster(), [("leaves", 20_000, "B"), ("enters", 25_000, "B"), ("lists", 25_100, "B", "A", "B")])

    told = received(ROSTER, tape.trace(30_000, rooms=("R",)), Expectation("B", "A", ()))

    assert [one.value for one in told] == ["joined", "joined"]


@pytest.mark.parametrize(
    ("at", "blur", "expected"),
    [
        (12_000, 0, CONFORMS),
        (12_000.001, 0, "violates R-LIST"),
        (11_990, 3, CONFORMS),
        (12_001, 3, "inconclusive R-LIST"),
        (12_020, 3, "violates R-LIST"),
    ],
)
def test_a_first_list_in_the_last_moment(at: float, blur: float, expected: str) -> None:
    """What comes in the very microsecond in which the list is due is in time; where instants are uncertain, it may be."""
    tape = Roster(blur)
    tape.records = [
        r for r in tape.records if not (isinstance(r, Told) and (r.member, r.callback) == ("A", "onRoster"))
    ]
    tape.lists(at, "A", "A", "B")

    assert judged(ROSTER, tape, 40_000) == expected


@pytest.mark.parametrize(("again", "expected"), [(True, CONFORMS), (False, "violates R-LIST")])
def test_a_member_that_is_in_may_ask_once_more(again: object, expected: str) -> None:
    """Its session was another device's, and ended with that; whether a second request opens one nobody says."""
    tape = Tape("A", "A2", "B", users={"A2": "A"})
    for at, member in ((1000, "A"), (5000, "B"), (9000, "A2")):
        tape.call(at, member, "enter", name="R")
        tape.event(at + 100, member, "onRoom", name="r", state="inside")
        names = [{"id": "b"}, {"id": "a"}] if member != "A" else [{"id": "a"}]
        tape.event(at + 200, member, "onRoster", name="r", members=names)
    tape.event(5200, "A", "onRoster", name="r", members=[{"id": "b"}, {"id": "a"}])
    tape.fault(20_000, "A2")
    tape.event(21_000, "A2", "onRoom", name="r", state="lost")
    tape.event(30_000, "B", "onRoster", name="r", members=[{"id": "b"}])
    if again:
        tape.call(35_000, "A", "enter", name="R")
    tape.event(35_500, "B", "onRoster", name="r", members=[{"id": "b"}, {"id": "a"}])

    assert judged(ROSTER, tape, 50_000) == expected
