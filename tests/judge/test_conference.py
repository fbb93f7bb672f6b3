"""A vendor that tells by one callback who came, and by another who went and why: hand-made traces are judged."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.verdict import Outcome
from roomcheck.spec.load import load_spec
from support.tape import Tape
from support.vendors import CONFORMS, FOLDER, Act, contract, judged, played

CONFERENCE = contract("conference")
QUIT, DROPPED, BANNED = 0, 1, 2


class Conference(Tape):
    """A is in the conference from 10 s on, with B, and with C if it is named."""

    def __init__(self, *more: str) -> None:
        super().__init__("A", "B", *more)
        for n, member in enumerate([*more, "B", "A"]):
            self.joins(10_000 - 1000 * (len(more) + 1 - n), member, *[*more, "B"][:n])

    def joins(self, at: float, member: str, *there: str) -> None:
        self.call(at - 200, member, "join", channel="R", token="valid")
        self.me(at - 100, member, "CONNECTING")
        self.me(at, member, "CONNECTED")
        for other in there:
            self.joined(at + 50, other, member)
            self.joined(at + 50, member, other)

    def me(self, at: float, member: str, state: str, code: int = 0) -> None:
        self.event(at, member, "onStateChanged", channel="r", state=state, code=code)

    def leaves(self, at: float, member: str = "A") -> None:
        self.call(at, member, "leave", channel="R")
        self.me(at + 100, member, "DISCONNECTED")

    def joined(self, at: float, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onUserJoined", channel="r", uid=user.lower(), elapsed=7)

    def offline(self, at: float, reason: int, observer: str = "B", user: str = "A") -> None:
        self.event(at, observer, "onUserOffline", channel="r", uid=user.lower(), reason=reason)

    def bans(self, at: float) -> None:
        self.admin(at, "ban", uid="A", channel="R")

    def banned(self, at: float) -> None:
        self.bans(at)
        self.me(at + 200, "A", "FAILED", BANNED)

    def lost(self, at: float, kind: FaultKind = FaultKind.GHOST) -> None:
        self.fault(at, "A", kind)
        self.me(at + 3000, "A", "RECONNECTING")

    def still(self, at: float) -> None:
        self.event(at, "A", "onConnectionLost", channel="r")

    def back(self, at: float) -> None:
        self.heal(at, "A")
        self.me(at + 500, "A", "CONNECTED")


AWAY: list[Act] = [("lost", 30_000), ("still", 40_500)]
TRACES: dict[str, tuple[list[Act], str]] = {
    "nothing happens": ([("heal", 20_000, "A")], CONFORMS),
    "A quits": ([("leaves", 30_000), ("offline", 30_200, QUIT)], CONFORMS),
    "A quits, and nobody is told": ([("leaves", 30_000)], "violates C-QUIT"),
    "A quits, and is said to have dropped": ([("leaves", 30_000), ("offline", 30_200, DROPPED)], "violates C-QUIT"),
    "A quits, told too late": ([("leaves", 30_000), ("offline", 31_200, QUIT)], "violates C-QUIT"),
    "B is told twice that A came": ([("joined", 20_000)], "violates C-OTHERS"),
    "A went without a cause": ([("offline", 20_000, QUIT)], "violates C-OTHERS"),
    "what is ignored": ([("offline", 20_000, 3)], CONFORMS),
    "what is ignored of oneself": ([("me", 20_000, "A", "PROBING")], CONFORMS),
    "a state that the page does not have": ([("me", 20_000, "A", "PROBED")], "violates C-SELF"),
    "a reason that nothing has": ([("leaves", 30_000), ("offline", 30_200, 9)], "violates C-QUIT"),
    "A is banned": ([("banned", 30_000), ("offline", 30_100, BANNED)], CONFORMS),
    "A is banned, and said to have quit": ([("banned", 30_000), ("offline", 30_100, QUIT)], "violates C-BAN"),
    "A is banned when it has just quit": (
        [("leaves", 30_000), ("bans", 30_100), ("offline", 30_900, QUIT)], CONFORMS),
    "A is banned when it has just quit, and is said to have dropped": (
        [("leaves", 30_000), ("bans", 30_100), ("offline", 30_900, DROPPED)], "violates C-BAN"),
    "A drops out": ([*AWAY, ("offline", 48_000, DROPPED)], CONFORMS),
    "A drops out, told as quitting": ([*AWAY, ("offline", 48_000, QUIT)], "violates C-DROPPED"),
    "A drops out too early": ([*AWAY, ("offline", 46_900, DROPPED)], "violates C-DROPPED"),
    "A drops out too late": ([*AWAY, ("offline", 51_100, DROPPED)], "violates C-DROPPED"),
    "A drops out, and nobody is told": (AWAY, "violates C-DROPPED"),
    "A is told once more that it is lost": ([*AWAY, ("back", 44_000)], CONFORMS),
    "A is not told once more that it is lost": ([("lost", 30_000), ("back", 48_000)], "violates C-UNREACHABLE"),
    "A is told so too early": ([("lost", 30_000), ("still", 39_000), ("back", 44_000)], "violates C-UNREACHABLE"),
    "A is told so too late": ([("lost", 30_000), ("still", 44_500), ("back", 46_000)], "violates C-UNREACHABLE"),
    "A is told so twice": ([*AWAY, ("still", 41_000), ("back", 44_000)], "violates C-SELF"),
    "A is told so without a loss": ([("still", 30_000)], "violates C-SELF"),
    "A is told so when it is back": ([("lost", 30_000), ("back", 36_000), ("still", 40_500)], "violates C-SELF"),
    "A is told so, and nothing before": ([("fault", 30_000, "A"), ("still", 40_500), ("back", 44_000)], "violates C-LOST"),
    "A is back in time": ([("lost", 30_000), ("back", 40_000)], CONFORMS),
    "A is back after it was given up": (
        [*AWAY, ("offline", 48_000, DROPPED), ("back", 50_000), ("joined", 50_600)], CONFORMS),
    "A is back, and B is not told": (
        [*AWAY, ("offline", 48_000, DROPPED), ("back", 50_000)], "violates C-JOINED"),
    "A quits while it is cut off, and drops out": (
        [("lost", 30_000), ("leaves", 35_000), ("heal", 37_000, "A"), ("offline", 48_000, DROPPED)], CONFORMS),
    "A quits while it is cut off, and nobody is ever told": (
        [("lost", 30_000), ("leaves", 35_000)], "violates C-DROPPED"),
    "A quits while its link is stalled, heard when that ends": (
        [("lost", 30_000, FaultKind.STALL), ("leaves", 35_000), ("heal", 37_000, "A"), ("offline", 37_500, QUIT)],
        CONFORMS),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]
    tape = played(Conference(), acts)

    assert judged(CONFERENCE, tape, 70_000) == expected


def test_a_line_of_a_scenario_leaves_out_what_is_ignored() -> None:
    """And nothing else."""
    case = next(c for c in CONFERENCE.cases if c.id == "come-and-go")

    def outcome(reason: int) -> Outcome:
        tape = Conference()
        tape.offline(20_000, reason)
        tape.mark(30_000, "T1")
        tape.leaves(30_000)
        tape.offline(30_200, QUIT)
        return judge(CONFERENCE, tape.trace(40_000, rooms=("R",)), case).outcome

    assert (outcome(3), outcome(QUIT)) == (Outcome.CONFORMS, Outcome.VIOLATES)


@pytest.mark.parametrize("acts", [[("leaves", 30_000)], AWAY])
@pytest.mark.parametrize("told", ["always", "maybe"])
def test_an_ending_of_any_kind_may_be_one_that_need_not_be_told(acts: list[Act], told: str) -> None:
    """A goodbye and a loss."""
    text = (FOLDER / "conference.yaml").read_text(encoding="utf-8")
    text = text.replace("for: C-DROPPED}", f"told: {told}, for: C-DROPPED}}").replace(
        "for: C-QUIT, un", f"told: {told}, for: C-QUIT, un"
    )

    outcome = judged(load_spec(text, "conference.yaml").bind(), played(Conference(), acts), 70_000)

    assert (outcome == CONFORMS) is (told == "maybe")


def test_both_observers_are_told() -> None:
    """They hear of one session, and of one reason."""
    tape = Conference("C")
    tape.leaves(30_000)
    tape.offline(30_200, QUIT)
    tape.offline(30_300, QUIT, "C")
    assert judged(CONFERENCE, tape, 40_000) == CONFORMS

    tape = Conference("C")
    tape.leaves(30_000)
    tape.offline(30_200, QUIT)
    assert judged(CONFERENCE, tape, 40_000) == "violates C-QUIT"
