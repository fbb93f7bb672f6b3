"""What observers are told of a user, judged by the session that the server must have had."""

from dataclasses import replace
from pathlib import Path

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.verdict import Outcome
from roomcheck.spec.contract import Contract, End
from roomcheck.spec.load import load_spec
from support.tape import Tape

FILE = Path(__file__).parent.parent / "specs" / "hall.yaml"
HALL = load_spec(FILE.read_text(encoding="utf-8"), FILE.name).bind()

assert HALL.views[1].presence is not None
HEARING = HALL.views[1].presence.observers
CONFORMS = "conforms"


def presence(**said: object) -> Contract:
    """The hall, with something else said of presence."""
    own, others = HALL.views
    assert others.presence is not None
    return replace(HALL, views=(own, replace(others, presence=replace(others.presence, **said))))  # type: ignore[arg-type]


class Hall(Tape):
    """A and B (and whoever else is named) are in the room R; A came last, at 1000 ms."""

    def __init__(
        self, *others: str, blur: float = 0, farewell: str = "kept", users: dict[str, str] | None = None
    ) -> None:
        super().__init__("A", "B", *others, blur=blur, users=users)
        self.enter(0, "B")
        self.farewell = farewell

    def enter(self, at: float, member: str, room: str = "r", ticket: str = "good", farewell: str = "kept") -> None:
        self.call(at, member, "join", room=room.upper(), ticket=ticket, farewell=farewell)
        self.told(at + 1, member, "joining", room=room)
        self.told(at + 20, member, "in", room=room)

    def a_is_in(self) -> None:
        """B hears of it, and A that B is there."""
        self.enter(1000, "A", farewell=self.farewell)
        self.heard(1021, "A", "+", "B")
        self.heard(1025, "B", "+", "A")

    def leave(self, at: float, member: str = "A", after: float = 1) -> None:
        self.call(at, member, "leave", room="R")
        self.told(at + after, member, "out")

    def left(self, at: float, observer: str = "B", user: str = "A", code: int = 0) -> None:
        self.event(at, observer, "people", room="r", change="-", code=code, who=[{"id": user.lower()}])


def inside(*others: str, blur: float = 0, farewell: str = "kept", users: dict[str, str] | None = None) -> Hall:
    hall = Hall(*others, blur=blur, farewell=farewell, users=users)
    hall.a_is_in()
    return hall


def judged(hall: Hall, end: float = 5000, contract: Contract = HALL, lateness: float = 0) -> str:
    """The outcome, and the requirement that the first finding names."""
    verdict = judge(contract, hall.trace(end, lateness))
    return " ".join([verdict.outcome.value, *(f.requirement or "nothing" for f in verdict.findings[:1])])


def seen(hall: Hall, end: float = 5000) -> str:
    return judge(HALL, hall.trace(end)).findings[0].seen


# --- coming ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"),
    [(1000.5, "violates H-OTHERS"), (1002, CONFORMS), (1049, CONFORMS), (1051, "violates H-JOIN")],
    ids=["before it asked", "before it is told itself", "in time", "too late"],
)
def test_the_others_are_told_from_the_request_on(at: float, expected: str) -> None:
    """A request may be accepted at once; what counts for the latest is what the member is told."""
    hall = Hall()
    hall.enter(1000, "A")
    hall.heard(1021, "A", "+", "B")
    hall.heard(at, "B", "+", "A")

    assert judged(hall) == expected


def test_who_comes_and_is_never_told_of() -> None:
    """The words name the cause and the limit."""
    hall = Hall()
    hall.enter(1000, "A")
    hall.heard(1021, "A", "+", "B")

    assert judged(hall) == "violates H-JOIN"
    assert seen(hall) == "+ within 30 ms of in at A: never came"


def test_a_bad_ticket_opens_nothing() -> None:
    """The others are told of nobody who could not come in."""
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="bad", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1010, "B", "+", "A")

    assert judged(hall) == "violates H-OTHERS"
    assert seen(hall) == "+ has no cause while A is not there"
    assert judge(HALL, hall.trace(5000)).findings[0].expected == "no news without a cause"


def test_a_request_may_be_a_call() -> None:
    """Where nothing is told before the answer, the call is what one knows."""
    hall = Hall()
    hall.call(1000, "A", "knock", room="R")
    hall.heard(1005, "B", "+", "A")
    hall.told(1020, "A", "in")
    hall.heard(1021, "A", "+", "B")

    assert judged(hall) == CONFORMS


def test_a_state_that_requests_is_one_in_which_its_member_is_not_outside() -> None:
    """Also where it is said neither to be inside nor to be cut off."""
    requesting = presence(observers=replace(HEARING, away=HEARING.away - {"joining"}))
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1005, "B", "+", "A")
    hall.told(1020, "A", "in")
    hall.heard(1021, "A", "+", "B")

    assert judged(hall, contract=requesting) == CONFORMS


def test_how_a_member_came_in_is_said_by_the_call_that_led_there() -> None:
    """Not by a later one, such as to leave when it is outside: the answer of the call before is under way."""
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.call(1001, "A", "leave", room="R")
    hall.told(1010, "A", "joining")
    hall.told(1020, "A", "in")
    hall.heard(1021, "A", "+", "B")
    hall.heard(1025, "B", "+", "A")
    hall.fault(2000, "A", FaultKind.GHOST)
    hall.told(2100, "A", "lost")
    assert judged(hall) == "violates H-GONE"
    hall.left(2425)
    assert judged(hall) == CONFORMS


@pytest.mark.parametrize("somebody", [False, True])
def test_a_right_list_is_checked_where_somebody_stands_in_it(*, somebody: bool) -> None:
    lists = presence(first_list_requirement="H-ANEW")
    hall = inside() if somebody else Hall()

    checked = [c for c in judge(lists, hall.trace(3000)).checks if c.requirement == "H-ANEW" and "list" in c.what]

    assert [(c.what, c.outcome) for c in checked] == [
        (f"{who}: a right list of who is there", Outcome.CONFORMS) for who in ["A about B in R"] if somebody
    ]


def test_told_twice() -> None:
    """Changes alternate."""
    hall = inside()
    hall.heard(1100, "B", "+", "A")

    assert judged(hall) == "violates H-OTHERS"
    assert seen(hall) == "+ came, and A was there already"


def test_a_value_that_is_no_news() -> None:
    hall = inside()
    hall.heard(1100, "B", "?", "A")

    assert seen(hall) == "? is neither + nor -"


def test_news_that_is_neither_is_told_by_what_it_says() -> None:
    """Not by a field in which it is like one of them."""
    text = FILE.read_text(encoding="utf-8").replace('joined: {people: {change: "+"}}', CAME)
    both = load_spec(text.replace('left: {people: {change: "-"}}', WENT), FILE.name).bind()
    hall = Hall()
    hall.enter(1000, "A")
    hall.event(1025, "B", "people", room="r", change="-", code=0, who=[{"id": "a"}])

    assert judge(both, hall.trace(5000)).findings[0].seen == "code 0, change - is neither joined nor left"


CAME, WENT = 'joined: {people: {change: "+", code: [fine, 7]}}', 'left: {people: {change: "-", code: thrown}}'


def test_news_may_have_one_of_several_values() -> None:
    text = FILE.read_text(encoding="utf-8").replace('joined: {people: {change: "+"}}', CAME)
    several = load_spec(text, FILE.name).bind()
    hall = Hall()
    hall.enter(1000, "A")
    hall.heard(1021, "A", "+", "B")
    hall.event(1025, "B", "people", room="r", change="+", code=7, who=[{"id": "a"}])
    assert judged(hall, contract=several) == CONFORMS
    hall.records.pop()
    hall.event(1025, "B", "people", room="r", change="+", code=9, who=[{"id": "a"}])
    assert judged(hall, contract=several) == "violates H-JOIN"


TWO_WORDS = 'left: {people: {change: ["-", "idle"]}}'


@pytest.mark.parametrize(
    ("came", "text"),
    [
        ([], "- or idle within 30 ms of A leaving: never came"),
        (["away"], "away is neither + nor - or idle"),
        (["idle", "idle"], "idle came, and A had gone already"),
        (["idle", "enters", "idle"], "idle came as one more - or idle, and no + between"),
    ],
)
def test_news_is_called_by_the_value_that_came(came: list[str], text: str) -> None:
    """And what never came by each that might have."""
    spec = FILE.read_text(encoding="utf-8").replace('left: {people: {change: "-"}}', TWO_WORDS)
    several = load_spec(spec, FILE.name).bind()
    hall = inside()
    hall.leave(1500)
    for n, word in enumerate(came):
        if word == "enters":
            hall.enter(1512, "A")
        else:
            hall.event(1505 + 28 * n, "B", "people", room="r", change=word, code=0, who=[{"id": "a"}])

    assert text in judge(several, hall.trace(5000)).findings[0].seen


def test_news_that_comes_long_after_it_was_due_came_too_late() -> None:
    """Also where something else shows before that it is overdue."""
    hall = inside()
    hall.leave(1500)
    hall.call(2000, "B", "leave", room="X")
    assert "A leaving: never came" in seen(hall)
    hall.left(2500)

    assert "A leaving: came 969 ms too late" in seen(hall)


def test_a_request_that_was_given_up_may_arrive_when_a_stall_ends() -> None:
    """What the stall held comes: the session opens, and is given up later."""
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.fault(1002, "A", FaultKind.STALL)
    hall.leave(1100)
    hall.heal(2000, "A")
    hall.heard(2010, "B", "+", "A")

    assert judged(hall, 2100) == CONFORMS
    assert judged(hall, 5000) == "violates H-UNHEARD"
    hall.left(2300)
    assert judged(hall, 5000) == CONFORMS


def test_a_request_that_a_reset_lost_never_arrives() -> None:
    hall = Hall()
    hall.fault(900, "A", FaultKind.RESET)
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1500, "B", "+", "A")

    assert judged(hall, 2000) == "violates H-OTHERS"


def test_who_is_told_that_it_is_in_was_let_in_whatever_its_ticket() -> None:
    """The own view judges the ticket; the others are told of who is in."""
    hall = Hall()
    hall.enter(1000, "A", ticket="bad")
    hall.heard(1021, "A", "+", "B")

    assert judged(hall) == "violates H-JOIN"


# --- leaving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "heard", "expected"),
    [(1, 2003, CONFORMS), (40, 2010, CONFORMS), (1, 2032, "violates H-LEAVE"), (1, 1999, "violates H-OTHERS")],
    ids=["at once", "acknowledged", "too late", "before"],
)
def test_leaving(told: float, heard: float, expected: str) -> None:
    """A client may tell its member at once or when the server has answered; the others may hear before."""
    hall = inside()
    hall.leave(2000, after=told)
    hall.left(heard)

    assert judged(hall) == expected


def test_one_observer_is_told_and_another_is_not() -> None:
    """Both hear of one session: who hears first bounds when the other one must have heard."""
    hall = Hall("C")
    hall.enter(100, "C")
    hall.heard(121, "C", "+", "B")
    hall.heard(122, "B", "+", "C")
    hall.a_is_in()
    hall.heard(1022, "A", "+", "C")
    hall.heard(1026, "C", "+", "A")
    hall.fault(1500, "A", FaultKind.GHOST)
    hall.told(1550, "A", "lost")
    hall.left(1800)

    assert judged(hall, 1825) == CONFORMS
    assert judged(hall, 1835) == "violates H-GONE"
    hall.left(1829, "C")
    assert judged(hall, 1835) == CONFORMS


def test_a_goodbye_over_a_dead_link_is_found_out_by_silence() -> None:
    """The latest is the patience after the last that the server can have heard."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.leave(2010)

    assert judged(hall, 2400) == CONFORMS
    assert judged(hall, 2450) == "violates H-UNHEARD"
    hall.left(2425)
    assert judged(hall, 2450) == CONFORMS


@pytest.mark.parametrize(
    ("kind", "at", "expected"),
    [
        (FaultKind.GHOST, 2100, "violates H-EARLY"),
        (FaultKind.GHOST, 2280, CONFORMS),
        (FaultKind.MUTE_STALL, 2100, "violates H-EARLY"),
        (FaultKind.DEAF_STALL, 2100, CONFORMS),
    ],
)
def test_a_goodbye_over_a_dead_link_is_not_heard(kind: FaultKind, at: float, expected: str) -> None:
    """However it is told to the member; over a link that is only deaf it is heard."""
    hall = inside()
    hall.fault(2000, "A", kind)
    hall.leave(2010)
    hall.left(at)

    assert judged(hall, 2300) == expected


def test_a_goodbye_may_be_heard_once_the_link_is_whole() -> None:
    """The client may still have it to send."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.GHOST)
    hall.leave(2010)
    hall.heal(2100, "A")
    hall.left(2105)

    assert judged(hall, 2300) == CONFORMS


def test_a_goodbye_right_after_a_loss_that_nobody_noticed_may_be_lost() -> None:
    """The connection broke and a new one could be made; whether the goodbye went over the old one nobody knows."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.TRUNCATE)
    hall.leave(2010)

    assert judged(hall, 2100) == CONFORMS
    assert judged(hall, 2450) == "violates H-UNHEARD"


@pytest.mark.parametrize("after", [-3, 1, 6, 8])
def test_who_notices_a_reset_at_once_and_is_back_is_heard(after: float) -> None:
    """It is told of its loss before the fault has surely taken effect: the goodbye over its new connection arrives."""
    hall = inside(blur=5)
    hall.fault(2000, "A", FaultKind.RESET)
    hall.told(2000 + after, "A", "lost")
    hall.heal(2020, "A")
    hall.told(2040, "A", "again")
    hall.leave(2600)

    assert judged(hall, 2800) == "violates H-LEAVE"
    hall.left(2620)
    assert judged(hall, 2800) == CONFORMS


def test_who_has_come_back_is_heard() -> None:
    """The loss was noticed and a new connection made, so the goodbye is heard."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2010, "A", "lost")
    hall.heal(2050, "A")
    hall.told(2060, "A", "again")
    hall.leave(2100)

    assert judged(hall, 2140) == "violates H-LEAVE"


def test_a_second_goodbye_is_none() -> None:
    """A call without a stay is no request."""
    hall = inside()
    hall.leave(2000)
    hall.left(2010)
    hall.call(2100, "A", "leave", room="R")
    hall.left(2110)

    assert judged(hall) == "violates H-OTHERS"


# --- being lost -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"),
    [(2260, "violates H-EARLY"), (2280, CONFORMS), (2425, CONFORMS), (2440, "violates H-GONE")],
    ids=["too early", "since the last heartbeat", "since the loss", "too late"],
)
def test_silence(at: float, expected: str) -> None:
    """400 ms from the last message, which was sent at most 100 ms before the loss, and 30 ms under way."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.GHOST)
    hall.told(2100, "A", "lost")
    hall.left(at)

    assert judged(hall) == expected


def test_too_early_is_said_in_the_words_of_its_cause() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.GHOST)
    hall.left(2260)

    assert seen(hall) == "- came 260 ms after A's link was lost, 10 ms before the server may give it up"


def test_a_member_that_is_back_in_time_is_not_given_up() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2010, "A", "lost")
    hall.heal(2200, "A")
    hall.told(2210, "A", "again")
    assert judged(hall) == CONFORMS
    hall.left(2290)
    assert judged(hall) == "violates H-OTHERS"


def test_a_race_of_return_and_patience_may_end_both_ways() -> None:
    """Given up and back at the same time: nothing, or gone and back."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2010, "A", "lost")
    hall.heal(2280, "A")
    hall.told(2300, "A", "again")
    assert judged(hall) == CONFORMS
    hall.left(2310)
    assert judged(hall, 2315) == CONFORMS
    assert judged(hall) == "violates H-BACK"
    hall.heard(2320, "B", "+", "A")
    assert judged(hall) == CONFORMS


def test_flapping_is_no_return() -> None:
    """A link that breaks again before the member can be back has not been back."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2010, "A", "lost")
    hall.heal(2100, "A")
    hall.fault(2150, "A", FaultKind.CUT)
    hall.left(2290)
    assert judged(hall, 3000) == CONFORMS


def test_who_was_given_up_and_is_back_is_told_of_again() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.STALL)
    hall.left(2400)
    hall.heal(3000, "A")
    hall.told(3010, "A", "lost")
    hall.told(3020, "A", "again")
    assert judged(hall, 3100) == "violates H-BACK"
    hall.heard(3040, "B", "+", "A")
    assert judged(hall, 3100) == CONFORMS


def test_the_others_may_hear_of_a_return_before_the_member() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2010, "A", "lost")
    hall.left(2400)
    hall.heal(3000, "A")
    hall.heard(3010, "B", "+", "A")
    hall.told(3020, "A", "again")

    assert judged(hall) == CONFORMS


def test_nobody_returns_over_a_link_that_is_down() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.left(2400)
    hall.heard(2500, "B", "+", "A")

    assert judged(hall, 2600) == "violates H-OTHERS"


def test_what_a_race_has_not_decided_in_time_is_not_told_later() -> None:
    """The link was whole again, and the server heard its member in time or gave it up before that."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.heal(2280, "A")
    hall.left(2365)
    assert judged(hall, 2400) == CONFORMS
    later = inside()
    later.fault(2000, "A", FaultKind.CUT)
    later.heal(2280, "A")
    later.left(2380)
    assert judged(later, 2400) == "violates H-GONE"
    assert seen(later, 2400) == "- upon the loss of A's link: came 10 ms too late"


def test_a_link_that_is_whole_in_time_ends_nothing() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.heal(2200, "A")
    hall.left(2290)

    assert judged(hall) == "violates H-OTHERS"
    assert seen(hall) == "- has no cause while A is there"


def test_a_connection_that_broke_before_or_during_a_request() -> None:
    """The request goes over a new one; what follows at once may be lost with it."""
    hall = Hall()
    hall.fault(900, "A", FaultKind.TRUNCATE)
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1002, "B", "+", "A")
    hall.fault(1005, "A", FaultKind.CUT)
    hall.heal(1010, "A")
    hall.told(1020, "A", "in")
    hall.heard(1021, "A", "+", "B")
    hall.leave(1050)

    assert judged(hall, 1100) == CONFORMS


def test_a_member_that_is_only_deaf_need_not_be_given_up() -> None:
    """The server still hears it; it may be given up, as its client may close the connection."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.DEAF_STALL)
    assert judged(hall) == CONFORMS
    hall.left(2400)
    assert judged(hall) == CONFORMS


def test_a_member_that_is_mute_is_given_up() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.DEAF_STALL)
    hall.fault(2100, "A", FaultKind.MUTE_STALL)
    assert judged(hall, 2520) == CONFORMS
    assert judged(hall, 2540) == "violates H-GONE"


def test_a_slow_link_ends_nothing() -> None:
    hall = inside()
    hall.fault(2000, "A", FaultKind.LATENCY)
    hall.heal(2100, "A")
    hall.left(2400)

    assert judged(hall) == "violates H-OTHERS"


def test_a_loss_that_is_noticed_at_once() -> None:
    """`loss` counts from the loss itself, and the news has the fields that its ending says."""
    hall = inside(farewell="at once")
    hall.fault(2000, "A", FaultKind.CUT)
    assert judged(hall, 2079) == CONFORMS
    assert judged(hall, 2090) == "violates H-GONE"
    hall.left(2010)
    assert judged(hall, 2090) == CONFORMS


def test_the_news_has_the_fields_of_its_cause() -> None:
    hall = inside(farewell="at once")
    hall.fault(2000, "A", FaultKind.CUT)
    hall.left(2010, code=9)

    assert judged(hall, 2090) == "violates H-GONE"
    assert "told with {'code': 9}, required {'code': 0}" in seen(hall, 2090)


def test_the_news_of_a_loss_may_follow_a_goodbye() -> None:
    """The goodbye reached the others, and what came after it was lost with the link."""
    hall = inside(farewell="at once")
    hall.leave(2000)
    hall.left(2005)
    hall.fault(2010, "A", FaultKind.CUT)
    hall.left(2040)

    assert judged(hall) == CONFORMS


def test_only_a_loss_after_the_goodbye_is_told_once_more() -> None:
    hall = inside(farewell="at once")
    hall.fault(1900, "A", FaultKind.TRUNCATE)
    hall.leave(2100)
    hall.left(2105)
    hall.left(2110)

    assert judged(hall) == "violates H-OTHERS"


# --- acts of the backend --------------------------------------------------------------------------------------------


def test_an_act_is_heard_at_once() -> None:
    hall = inside()
    hall.admin(2000, "kick", user="A", room="R")
    hall.told(2010, "A", "kicked", 9)
    assert judged(hall) == "violates H-KICK"
    hall.left(2020, code=9)
    assert judged(hall) == CONFORMS


def test_an_act_on_who_is_cut_off_is_heard_at_once() -> None:
    """That it may have a new session by then, or its loss ends the session later, excuses nothing."""
    anew = presence(renewed_by=frozenset({"in", "again"}))
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2005, "A", "lost")
    hall.admin(2010, "kick", user="A", room="R")
    assert judged(hall, 2200, anew) == "violates H-KICK"
    hall.left(2020, code=9)
    assert judged(hall, 2200, anew) == CONFORMS


def test_an_act_that_need_not_be_told() -> None:
    hall = inside()
    hall.admin(2000, "close", user="A", room="R")
    assert judged(hall) == CONFORMS
    hall.left(2020)
    assert judged(hall) == CONFORMS


def test_an_act_that_was_refused_is_no_cause() -> None:
    hall = inside()
    hall.admin(2000, "kick", user="A", room="R")
    hall.answer(2001, len(hall.records), "", "refused")
    assert judged(hall) == CONFORMS
    hall.left(2020, code=9)
    assert judged(hall) == "violates H-OTHERS"


def test_who_was_thrown_out_does_not_return_by_itself() -> None:
    """It needs a new request; being told that it is back opens nothing."""
    hall = inside()
    hall.admin(2000, "kick", user="A", room="R")
    hall.left(2020, code=9)
    hall.fault(2100, "A", FaultKind.CUT)
    hall.told(2110, "A", "lost")
    hall.heal(2200, "A")
    hall.told(2210, "A", "again")
    assert judged(hall) == CONFORMS
    hall.heard(2220, "B", "+", "A")
    assert judged(hall) == "violates H-OTHERS"


def test_an_act_may_meet_a_request_that_is_under_way() -> None:
    """Let in and thrown out before it was told, or let in afterwards."""
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.admin(1005, "kick", user="A", room="R")
    hall.told(1020, "A", "in")
    hall.heard(1021, "A", "+", "B")
    hall.heard(1025, "B", "+", "A")
    assert judged(hall, 1200) == CONFORMS
    hall.told(1030, "A", "kicked", 9)
    hall.left(1031, code=9)
    assert judged(hall, 1200) == CONFORMS


def test_an_act_on_a_room_that_no_member_names() -> None:
    hall = inside()
    hall.admin(2000, "kick", user="A", room="Elsewhere")

    assert judged(hall) == CONFORMS


def test_an_act_that_ends_nothing() -> None:
    hall = inside()
    hall.admin(2000, "wave", user="A", room="R")

    assert judged(hall) == CONFORMS


def test_an_act_on_somebody_who_is_alone() -> None:
    """Nobody else can hear of it, in a room of the case or in another one."""
    hall = Tape("A")
    hall.admin(1000, "kick", user="A", room="R")
    hall.admin(2000, "kick", user="A", room="Elsewhere")

    assert judge(HALL, hall.trace(3000)).outcome is Outcome.CONFORMS


def test_the_news_of_an_act_has_its_fields() -> None:
    hall = inside()
    hall.admin(2000, "kick", user="A", room="R")
    hall.left(2020, code=0)

    assert judged(hall) == "violates H-KICK"
    assert seen(hall) == "- upon kick: told with {'code': 0}, required {'code': 9}"


def test_a_goodbye_may_follow_the_end() -> None:
    """Some clients tell of their end in two steps."""
    hall = inside()
    hall.admin(2000, "kick", user="A", room="R")
    hall.left(2010, code=9)
    hall.told(2020, "A", "kicked", 9)
    hall.leave(2100)

    assert judged(hall) == CONFORMS


# --- the server -----------------------------------------------------------------------------------------------------


def test_a_server_that_restarts_may_have_forgotten_everybody() -> None:
    """It may say so, or not; who is back is told of again, or was never gone."""
    hall = inside("C")
    hall.fault(2000, None, FaultKind.SERVER_RESTART)
    for member in ("A", "B"):
        hall.told(2010, member, "lost")
    hall.heal(2100, None)
    hall.told(2110, "B", "again")
    assert judged(hall, 2150) == CONFORMS
    hall.told(2160, "A", "again")
    hall.heard(2165, "A", "+", "B")
    hall.heard(2170, "B", "+", "A")

    assert judged(hall, 2300) == CONFORMS


def test_news_of_a_restart_may_come_late() -> None:
    hall = inside()
    hall.fault(2000, None, FaultKind.SERVER_RESTART)
    hall.heal(2100, None)
    hall.told(2110, "B", "lost")
    hall.told(2120, "B", "again")
    hall.left(2400)

    assert judged(hall, 2500) == CONFORMS


@pytest.mark.parametrize("told", [True, False])
def test_who_leaves_in_the_moment_of_its_call_has_left(told: bool) -> None:  # noqa: FBT001
    """That it is out is received before its call has surely begun: the intervals of the two overlap."""
    hall = inside(blur=3)
    hall.call(2001, "A", "leave", room="R")
    hall.told(2000, "A", "out")
    if told:
        hall.left(2010)

    assert judged(hall) == (CONFORMS if told else "violates H-LEAVE")


def test_who_was_cut_off_while_it_left_may_come_and_go_once_more() -> None:
    """It does not know that it was heard."""
    hall = inside()
    hall.fault(1900, "A", FaultKind.MUTE_STALL)
    hall.heal(2000, "A")
    hall.call(2002, "A", "leave", room="R")
    hall.told(2003, "A", "lost")
    hall.told(2010, "A", "again")
    hall.left(2012)
    hall.told(2030, "A", "out")
    hall.heard(2032, "B", "+", "A")
    hall.left(2040)

    assert judged(hall) == CONFORMS


# --- two devices ----------------------------------------------------------------------------------------------------

TWINS = {"A2": "A"}


@pytest.mark.parametrize("told", ["nothing", "left then joined", "joined only", "left only"])
def test_a_second_device_takes_the_place(told: str) -> None:
    hall = inside("A2", users=TWINS)
    hall.enter(2000, "A2")
    hall.heard(2021, "A2", "+", "B")
    hall.told(2022, "A", "kicked")
    if told.startswith("left"):
        hall.left(2025)
    if told.endswith(("joined", "joined only")):
        hall.heard(2027, "B", "+", "A")

    expected = {"joined only": "violates H-ANEW", "left only": "violates H-ANEW"}
    assert judged(hall, 2200) == expected.get(told, CONFORMS)


def test_half_of_what_a_second_device_leads_to_is_told_as_such() -> None:
    hall = inside("A2", users=TWINS)
    hall.enter(2000, "A2")
    hall.heard(2021, "A2", "+", "B")
    hall.told(2022, "A", "kicked")
    hall.left(2025)
    assert seen(hall) == "+ within 30 ms of in at A2: never came, though - had"
    hall.left(2028)
    assert judged(hall) == "violates H-OTHERS"
    assert seen(hall) == "- came twice, and no + between"


def test_who_is_back_may_take_the_place_of_a_device_that_was_never_told_that_it_had_it() -> None:
    hall = inside("A2", users=TWINS)
    hall.call(1500, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(1501, "A2", "joining")
    hall.fault(1550, "A2", FaultKind.CUT)
    hall.fault(2000, "A", FaultKind.RESET)
    hall.told(2005, "A", "lost")
    hall.heal(2190, "A")
    hall.told(2200, "A", "again")
    hall.left(2205)
    hall.heard(2207, "B", "+", "A")

    assert judged(hall, 2250) == CONFORMS


def test_an_act_may_have_ended_what_two_devices_had_that_are_told_so_afterwards() -> None:
    """The answers of both, and the end of both, were under way; B had just come."""
    hall = Hall("A2", users=TWINS)
    for at, member in ((30, "A"), (35, "A2")):
        hall.call(at, member, "join", room="R", ticket="good", farewell="kept")
        hall.told(at + 1, member, "joining")
    hall.admin(60, "kick", user="A", room="R")
    for at, member in ((90, "A2"), (95, "A")):
        hall.told(at, member, "in")
        hall.told(at + 1, member, "kicked", 9)

    assert judged(hall, 1000) == CONFORMS


def test_the_others_may_hear_of_a_second_device_before_it_does() -> None:
    """The old session is dropped, the new one made, and then the newcomer is answered."""
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A2", "joining")
    hall.left(2005)
    hall.heard(2006, "B", "+", "A")
    hall.told(2020, "A2", "in")
    hall.heard(2021, "A2", "+", "B")
    hall.told(2022, "A", "kicked")

    assert judged(hall, 2200) == CONFORMS


def test_a_second_device_that_took_the_place_may_be_the_one_that_leaves() -> None:
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A2", "joining")
    hall.leave(2005, "A2")
    hall.left(2010)

    assert judged(hall, 2020) == CONFORMS


@pytest.mark.parametrize(
    ("after", "end", "expected"),
    [
        ("nothing", 2100, CONFORMS),
        ("nothing", 2300, "violates H-OTHERS"),
        ("kicked", 2400, CONFORMS),
        ("cut", 2400, CONFORMS),
        ("leaves", 2300, CONFORMS),
        ("leaves for good", 2400, CONFORMS),
    ],
)
@pytest.mark.parametrize("aloud", [False, True])
def test_a_session_does_not_end_with_a_device_that_was_turned_away(
    after: str, end: float, expected: str, *, aloud: bool
) -> None:
    """Its request may have taken the place, but then the older device is out of it, and told so in time."""
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A2", "joining")
    if aloud:
        hall.left(2005)
        hall.heard(2006, "B", "+", "A")
    hall.told(2010, "A2", "refused")
    hall.left(2015)
    match after:
        case "kicked":
            hall.told(2030, "A", "kicked")
        case "cut":
            hall.fault(2030, "A", FaultKind.CUT)
        case "leaves":
            hall.call(2030, "A", "leave", room="R")
        case "leaves for good":
            hall.leave(2030, "A")
        case _:
            pass

    assert judged(hall, end) == expected


@pytest.mark.parametrize("told", [True, False])
def test_the_older_device_may_keep_what_a_newer_one_had_that_was_turned_away(*, told: bool) -> None:
    """The others were told of the newer one's; what the older one does later ends it."""
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A2", "joining")
    hall.left(2005)
    hall.heard(2006, "B", "+", "A")
    if told:
        hall.told(2008, "A2", "in")
        hall.heard(2009, "A2", "+", "B")
    else:
        hall.told(2010, "A2", "refused")
    hall.leave(2500)
    hall.left(2510)

    assert judged(hall, 2600) == ("violates H-OTHERS" if told else CONFORMS)


@pytest.mark.parametrize("ends", ["leaves", "is given up", "is kicked"])
def test_who_comes_back_and_is_turned_away_does_not_end_what_the_newer_device_has(ends: str) -> None:
    hall = inside("A2", users=TWINS)
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2050, "A", "lost")
    hall.enter(2100, "A2")
    hall.heard(2121, "A2", "+", "B")
    hall.left(2125)
    hall.heard(2127, "B", "+", "A")
    hall.heal(2300, "A")
    if ends == "leaves":
        hall.leave(2310, "A")
    if ends == "is kicked":
        hall.told(2310, "A", "kicked")
    if ends == "is given up":
        hall.fault(2310, "A", FaultKind.CUT)
    left = 2730 if ends == "is given up" else 2320
    hall.left(left)

    assert judged(hall, left + 60) == CONFORMS
    assert judged(hall, left + 700) == "violates H-OTHERS"
    assert "- came, and A2 is there all the same" in seen(hall, left + 700)


def test_a_device_that_was_given_up_long_ago_keeps_no_session() -> None:
    """Where devices are counted the goodbye of the last one that is heard is told."""
    hall = inside("A2", users=TWINS)
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2050, "A", "lost")
    hall.left(2400)
    hall.enter(3000, "A2")
    hall.heard(3021, "A2", "+", "B")
    hall.heard(3025, "B", "+", "A")
    hall.leave(4000, "A2")
    assert judged(hall, 4200, presence(counted=True)).startswith("violates H-")

    hall.left(4020)
    assert judged(hall, 4200, presence(counted=True)) == CONFORMS


def test_who_was_told_to_be_in_right_after_it_asked_is_not_away() -> None:
    """Though it cannot be said at which instant it was told what."""
    lasting = presence(counted=True, counted_requirement="H-ELSEWHERE")
    hall = inside("A2", users=TWINS)
    hall.blur = 30_000
    hall.enter(2000, "A2")
    hall.blur = 0
    hall.heard(2051, "A2", "+", "B")
    hall.leave(2300)
    hall.left(2310)

    assert judged(hall, contract=lasting) == "violates H-ELSEWHERE"


@pytest.mark.parametrize("told", [True, False])
def test_one_more_device_is_no_news_where_devices_are_counted(*, told: bool) -> None:
    """Though a new session of the same device may be told aloud."""
    hall = inside("A2", users=TWINS)
    hall.enter(2000, "A2")
    hall.heard(2021, "A2", "+", "B")
    if told:
        hall.left(2025)
        hall.heard(2027, "B", "+", "A")

    assert judged(hall, 2200, presence(counted=True)).startswith("violates H-" if told else CONFORMS)


def test_the_link_of_the_new_device_counts() -> None:
    hall = inside("A2", users=TWINS)
    hall.enter(2000, "A2")
    hall.heard(2021, "A2", "+", "B")
    hall.fault(2030, "A", FaultKind.CUT)
    hall.told(2031, "A", "kicked")
    assert judged(hall, 3000) == CONFORMS
    hall.fault(3000, "A2", FaultKind.CUT)
    assert judged(hall, 3440) == "violates H-GONE"


def test_the_old_device_is_out_and_the_new_one_never_told_that_it_is_in() -> None:
    """Its request may have taken the place: then nothing ended."""
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A2", "joining")
    hall.told(2005, "A", "kicked")

    assert judged(hall, 3000) == CONFORMS


@pytest.mark.parametrize(
    ("broken", "after", "expected"),
    [
        (None, 59, CONFORMS),
        (None, 61, "violates H-OTHERS"),
        (500, 61, "violates H-OTHERS"),
        (950, 61, CONFORMS),
        (1010, 99, CONFORMS),
        (950, 101, "violates H-OTHERS"),
    ],
)
def test_who_is_there_is_news_for_a_newcomer(broken: float | None, after: float, expected: str) -> None:
    """It is told in twice the time of any news, unless its link broke meanwhile or just before."""
    hall = Hall()
    if broken is not None:
        hall.fault(broken, "A", FaultKind.TRUNCATE)
    hall.enter(1000, "A")
    hall.heard(1025, "B", "+", "A")
    hall.heard(1020 + after, "A", "+", "B")

    assert judged(hall, 1500) == expected


def test_a_newcomer_need_not_be_told_of_who_had_gone_when_its_list_was_made() -> None:
    """The others hear later that somebody came and went, as that was under way to them."""
    hall = Hall("C")
    hall.enter(1000, "C")
    hall.heard(1025, "B", "+", "C")
    hall.heard(1021, "C", "+", "B")
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.leave(1023)
    hall.heard(1052, "B", "+", "A")
    hall.left(1053)

    assert judged(hall) == CONFORMS


@pytest.mark.parametrize("told", [False, True])
def test_a_device_may_be_told_of_its_session_when_another_one_has_taken_it(*, told: bool) -> None:
    """It asked first, and is told last: which of them the session is now is not to be seen."""
    hall = Hall("A2", users=TWINS)
    hall.call(1000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A2", "joining")
    hall.enter(1010, "A")
    hall.told(1031, "A2", "in")
    hall.heard(1035, "B", "+", "A")
    hall.heard(1036, "A", "+", "B")
    hall.heard(1037, "A2", "+", "B")
    hall.leave(1500, "A")
    if told:
        hall.left(1510)

    assert judged(hall) == CONFORMS


def test_the_next_request_of_the_same_member_may_have_taken_the_place_of_a_lost_session() -> None:
    """It went unheard, and asks anew before it is given up: the others need not be told, also if it never gets in."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.leave(2100)
    hall.heal(2200, "A")
    assert judged(hall, 4000) == "violates H-UNHEARD"
    hall.call(2210, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(2211, "A", "joining")
    assert judged(hall, 4000) == CONFORMS


@pytest.mark.parametrize(
    ("cut", "back", "expected"),
    [(1010, 1140, CONFORMS), (1010, 1005, "violates H-EARLY"), (1030, 1140, "violates H-EARLY")],
    ids=["sent anew", "before the link is whole", "its answer came"],
)
def test_a_request_whose_answer_was_lost_may_open_a_new_session(cut: float, back: float, expected: str) -> None:
    """It is sent anew once the link is whole, and what it opens may take the place of what the first one did."""
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1003, "B", "+", "A")
    if cut > 1020:
        hall.told(1020, "A", "in")
        hall.heard(1021, "A", "+", "B")
    hall.fault(cut, "A")
    hall.heal(1100, "A")
    hall.left(max(back, cut + 1))
    hall.heard(max(back, cut + 1) + 1, "B", "+", "A")
    if cut < 1020:
        hall.told(1150, "A", "in")
        hall.heard(1151, "A", "+", "B")

    assert judged(hall, 1160) == expected


@pytest.mark.parametrize(
    ("kind", "expected"), [(FaultKind.DEAF_STALL, CONFORMS), (FaultKind.STALL, "violates H-EARLY")]
)
def test_a_deaf_member_may_send_its_request_anew(kind: FaultKind, expected: str) -> None:
    """It hears no answer, and the server hears it all the time."""
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1003, "B", "+", "A")
    hall.fault(1010, "A", kind)
    hall.left(1140)
    hall.heard(1141, "B", "+", "A")

    assert judged(hall, 1160) == expected


def saying_so() -> Contract:
    """A vendor whose members say so when they leave, and are told of as lost without that."""
    own, others = HALL.views
    assert others.presence is not None
    endings = tuple(
        replace(e, pattern={"code": 5}) if e.kind is End.REQUEST else replace(e, pattern={"code": 0})
        for e in others.presence.endings
    )
    return replace(HALL, views=(own, replace(others, presence=replace(others.presence, endings=endings))))


@pytest.mark.parametrize(("code", "expected"), [(0, CONFORMS), (5, CONFORMS), (9, "violates H-LEAVE")])
def test_who_asked_to_leave_and_is_told_another_end_may_not_have_said_so(code: int, expected: str) -> None:
    """Whether its goodbye or the end of its connection came first is not to be seen."""
    hall = inside("A2", farewell="at once", users=TWINS)
    hall.call(1100, "A2", "join", room="R", ticket="bad", farewell="kept")
    hall.told(1101, "A2", "joining")
    hall.call(1110, "A", "leave", room="R")
    hall.told(1111, "A", "kicked")
    hall.left(1130, code=code)

    assert judged(hall, 1500, saying_so()) == expected


@pytest.mark.parametrize(("code", "expected"), [(0, CONFORMS), (5, CONFORMS), (9, "violates H-UNHEARD")])
def test_the_goodbye_of_the_next_request_may_end_the_session_of_the_last(code: int, expected: str) -> None:
    """The server may not have missed the member in between."""
    hall = inside("A2", farewell="at once", users=TWINS)
    hall.call(1100, "A2", "join", room="R", ticket="bad", farewell="kept")
    hall.told(1101, "A2", "joining")
    hall.told(1111, "A", "kicked")
    hall.call(1115, "A", "join", room="R", ticket="bad", farewell="kept")
    hall.told(1116, "A", "joining")
    hall.leave(1120)
    hall.left(1140, code=code)

    assert judged(hall, 1500, saying_so()) == expected


@pytest.mark.parametrize("leaves", [False, True])
def test_who_leaves_before_it_is_in_and_comes_anew_may_be_told_the_list_again(*, leaves: bool) -> None:
    """Also where nothing tells it that it has left."""
    own, others = HALL.views
    silent = tuple(replace(r, silent=r.to == "out" and r.cause.name == "leave") for r in own.rules)
    contract = replace(HALL, views=(replace(own, rules=silent), others))
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1002, "A", "+", "B")
    if leaves:
        hall.call(1003, "A", "leave", room="R")
        hall.enter(1004, "A")
    else:
        hall.told(1024, "A", "in")
    hall.heard(1025, "A", "+", "B")
    hall.heard(1026, "B", "+", "A")

    assert judged(hall, 1500, contract) == (CONFORMS if leaves else "violates H-OTHERS")


@pytest.mark.parametrize("again", [False, True])
def test_a_device_that_is_back_may_throw_out_one_of_which_nobody_has_heard(*, again: bool) -> None:
    """The others are told of both, one after the other."""
    hall = Hall("A2", users=TWINS)
    hall.enter(1000, "A2")
    hall.heard(1025, "B", "+", "A")
    hall.heard(1026, "A2", "+", "B")
    hall.fault(1100, "A2")
    hall.told(1110, "A2", "lost")
    hall.heal(1200, "A2")
    hall.call(1201, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1202, "A", "joining")
    hall.told(1204, "A2", "again")
    for at in (1206, 1208) if again else (1206,):
        hall.left(at)
        hall.heard(at + 1, "B", "+", "A")
    hall.told(1220, "A", "in")
    hall.heard(1221, "A", "+", "B")
    hall.told(1230, "A2", "kicked")

    assert judged(hall, 1700, HALL) == CONFORMS


@pytest.mark.parametrize("at", [500, 650], ids=["before the server is down", "while it is"])
@pytest.mark.parametrize(
    ("kind", "expected"), [(FaultKind.DEAF_STALL, CONFORMS), (FaultKind.MUTE_STALL, "violates H-OTHERS")]
)
def test_who_is_deaf_is_heard_again_when_the_server_is_back(kind: FaultKind, expected: str, at: float) -> None:
    """Its own link is still lost; who is mute is not heard."""
    hall = Hall()
    hall.fault(at, "A", kind)
    hall.fault(600, None, FaultKind.SERVER_RESTART)
    hall.heal(700, None)
    hall.told(760, "B", "lost")
    hall.told(800, "B", "again")
    hall.call(2000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A", "joining")
    hall.heard(2010, "B", "+", "A")

    assert judged(hall, 2100) == expected


@pytest.mark.parametrize("quietly", [False, True])
def test_a_vendor_may_say_what_a_second_device_does(*, quietly: bool) -> None:
    aloud = not quietly
    contract = presence(replaced_quietly=quietly, replaced_aloud=aloud)
    hall = inside("A2", users=TWINS)
    hall.enter(2000, "A2")
    hall.heard(2021, "A2", "+", "B")
    hall.told(2022, "A", "kicked")
    assert judged(hall, 2200, contract) == (CONFORMS if quietly else "violates H-ANEW")
    hall.left(2025)
    hall.heard(2027, "B", "+", "A")
    assert judged(hall, 2200, contract) == (CONFORMS if aloud else "violates H-OTHERS")
    if aloud:
        hall.leave(2300, "A2")
        hall.left(2310)
        assert judged(hall, 2400, contract) == CONFORMS


@pytest.mark.parametrize("out_first", [False, True])
def test_that_a_device_took_over_is_told_as_a_whole(*, out_first: bool) -> None:
    """The older device is out in the moment in which it is replaced, but it is not its session that the newer one has."""
    contract = presence(replaced_quietly=False, replaced_aloud=True)
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A2", "joining")
    if out_first:
        hall.told(2010, "A", "kicked")
    hall.left(2015)
    hall.told(2020, "A2", "in")
    hall.heard(2021, "A2", "+", "B")
    if not out_first:
        hall.told(2022, "A", "kicked")
    assert judged(hall, 2400, contract).startswith("violates H-")
    hall.heard(2026, "B", "+", "A")
    assert judged(hall, 2400, contract) == CONFORMS


def test_who_was_thrown_out_is_gone_though_it_leaves_what_is_over() -> None:
    """Its goodbye does not get out, and need not: its session ended when it was told that it is outside."""
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="bad", farewell="kept")
    hall.told(2001, "A2", "joining")
    hall.told(2005, "A", "kicked")
    hall.fault(2010, "A", FaultKind.CUT)
    hall.leave(2020)
    hall.left(2030)
    hall.told(2040, "A2", "refused")

    assert judged(hall, 2400) == CONFORMS


@pytest.mark.parametrize(("code", "expected"), [(9, CONFORMS), (0, "violates H-KICK")])
def test_the_backend_may_end_the_session_of_a_device_that_has_just_come(code: int, expected: str) -> None:
    """The others are told of all of it: that it took over, and how its session ended."""
    contract = presence(replaced_quietly=False, replaced_aloud=True)
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2001, "A2", "joining")
    hall.admin(2010, "kick", room="R", user="A")
    hall.told(2011, "A", "kicked")
    hall.left(2015)
    hall.heard(2016, "B", "+", "A")
    hall.left(2017, code=code)
    assert judged(hall, 2020, contract) == expected


@pytest.mark.parametrize(("back", "named"), [(False, "H-FIRST"), (True, "H-BACK")])
def test_a_list_that_is_wrong_is_charged_to_how_its_observer_came(*, back: bool, named: str) -> None:
    """Who comes in is told who is there; who was away is told what has changed."""
    contract = presence(first_list_requirement="H-FIRST", list_requirement="H-BACK")
    hall = Hall()
    hall.enter(1000, "A")
    hall.heard(1025, "B", "+", "A")
    if back:
        hall.heard(1026, "A", "+", "B")
        hall.fault(1400, "A", FaultKind.RESET)
        hall.told(1401, "A", "lost")
        hall.heal(1405, "A")
        hall.leave(1410, "B")
        hall.told(1420, "A", "again")
    assert judged(hall, 1700, contract) == f"violates {named}"


def test_a_list_may_know_half_of_a_change() -> None:
    """The old session has ended and the new one is not told yet."""
    hall = inside("A2", users=TWINS)
    hall.fault(2000, "B", FaultKind.CUT)
    hall.told(2010, "B", "lost")
    hall.heal(2100, "B")
    hall.told(2110, "B", "again")
    hall.call(2190, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(2191, "A2", "joining")
    hall.left(2200)
    hall.heard(2215, "B", "+", "A")

    assert judged(hall, 2230) == CONFORMS


def test_a_list_may_know_nothing_yet_of_a_change_that_nobody_else_hears_of() -> None:
    """Its observer, the only one, is told both halves after its list was due."""
    hall = Hall("A2", users=TWINS)
    hall.enter(1000, "A")
    hall.heard(1021, "A", "+", "B")
    hall.heard(1025, "B", "+", "A")
    hall.fault(2000, "B", FaultKind.CUT)
    hall.told(2010, "B", "lost")
    hall.heal(2100, "B")
    hall.told(2110, "B", "again")
    hall.enter(2175, "A2")
    hall.heard(2196, "A2", "+", "B")
    hall.told(2197, "A", "kicked")
    hall.left(2215)
    hall.heard(2217, "B", "+", "A")

    assert judged(hall, 2300) == CONFORMS


def test_a_request_elsewhere_that_cannot_succeed_ends_nothing() -> None:
    hall = inside("A2", users=TWINS)
    hall.call(2000, "A2", "join", room="Q", ticket="bad", farewell="kept")
    hall.told(2001, "A2", "joining", room="q")
    hall.told(2010, "A2", "refused", room="q")
    hall.left(2015)

    assert judged(hall, 2200) == "violates H-OTHERS"


def test_the_news_of_a_loss_after_a_goodbye_has_one_member_of_the_user_as_its_cause() -> None:
    """A second device that was never there is none."""
    hall = inside("A2", users=TWINS)
    hall.leave(2000)
    hall.left(2005)
    hall.left(2010)

    assert judged(hall) == "violates H-OTHERS"


def test_a_call_in_a_room_that_is_none_of_the_case() -> None:
    hall = inside()
    hall.call(2000, "A", "join", room="Attic", ticket="good", farewell="kept")

    assert judged(hall, 2100) == CONFORMS


def test_a_session_elsewhere_ends_this_one() -> None:
    hall = inside("A2", users=TWINS)
    hall.enter(2000, "A2", room="q")
    hall.told(2022, "A", "kicked")
    hall.left(2025)

    assert judged(hall, 2200) == CONFORMS


def test_two_devices_that_throw_each_other_out_stay_few_histories() -> None:
    hall = inside("A2", users=TWINS)
    at = 2000.0
    for _ in range(60):
        for member, other in (("A2", "A"), ("A", "A2")):
            hall.enter(at, member)
            hall.heard(at + 21, member, "+", "B")
            hall.told(at + 22, other, "kicked")
            hall.left(at + 25)
            hall.heard(at + 26, "B", "+", "A")
            at += 500

    assert judged(hall, at + 100) == CONFORMS


# --- observers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "broken", "expected"),
    [(29, None, CONFORMS), (31, None, "violates H-OTHERS"), (90, None, "violates H-OTHERS"), (90, 1990, CONFORMS),
     (90, 1800, "violates H-OTHERS"), (101, 1990, "violates H-OTHERS")],
)  # fmt: skip
def test_who_has_left_is_told_no_more_than_what_was_under_way(
    after: float, broken: float | None, expected: str
) -> None:
    """Over a link that was not whole it may be as late as a list."""
    hall = inside()
    if broken:
        hall.fault(broken, "B", FaultKind.CUT)
        hall.heal(broken + 5, "B")
    hall.leave(2000, "B")
    if not broken:
        hall.left(2020, "A", "B")
    hall.leave(2000 + after - 5)
    hall.left(2001 + after)

    assert judged(hall, 2200) == expected


def test_who_is_cut_off_may_hear_anything_and_is_right_again_later() -> None:
    hall = inside()
    hall.fault(2000, "B", FaultKind.CUT)
    hall.told(2010, "B", "lost")
    hall.leave(2100)
    hall.heal(2200, "B")
    hall.told(2210, "B", "again")
    assert judged(hall, 2300) == CONFORMS
    assert judged(hall, 2330) == "violates H-OTHERS"
    hall.left(2250)
    assert judged(hall, 2330) == CONFORMS


def test_a_list_that_is_due_may_not_know_yet_what_has_just_happened() -> None:
    hall = inside()
    hall.fault(2000, "B", FaultKind.CUT)
    hall.told(2010, "B", "lost")
    hall.heal(2200, "B")
    hall.told(2210, "B", "again")
    hall.leave(2305)
    assert judged(hall, 2320) == CONFORMS
    hall.left(2330)
    assert judged(hall, 2400) == CONFORMS


def test_a_list_that_is_due_may_know_what_nobody_else_knows() -> None:
    hall = inside()
    hall.fault(2000, "B", FaultKind.CUT)
    hall.told(2010, "B", "lost")
    hall.heal(2100, "B")
    hall.told(2110, "B", "again")
    hall.fault(2050, "A", FaultKind.TRUNCATE)
    hall.call(2150, "A", "leave", room="R")
    hall.left(2180)

    assert judged(hall, 2230) == CONFORMS


def test_a_list_cannot_know_what_others_should_have_heard_long_before() -> None:
    """C's list lacks A, whose connection broke for a moment; had A been given up for it, B would have been told."""
    hall = inside("C", farewell="at once")
    hall.fault(2000, "A", FaultKind.TRUNCATE)
    hall.enter(2400, "C")
    hall.heard(2421, "C", "+", "B")
    for observer in ("A", "B"):
        hall.heard(2422, observer, "+", "C")

    assert judged(hall) == "violates H-OTHERS"
    assert seen(hall) == "the list that C knows lacks A, who is there"


def test_nobody_outside_hears_anything() -> None:
    hall = inside()
    hall.leave(2000, "B")
    hall.left(2010, "A", "B")
    hall.left(2300)

    assert judged(hall) == "violates H-OTHERS"
    assert seen(hall) == "- came while the observer is not in the room"


def test_a_list_is_told_once() -> None:
    hall = Hall()
    hall.call(1000, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1001, "A", "joining")
    hall.heard(1010, "A", "+", "B")
    hall.heard(1011, "A", "+", "B")

    assert seen(hall) == "+ came twice, before the list of A was due"
    (case,) = HALL.cases
    assert case.requirements[0] == "H-JOIN"
    assert judge(HALL, hall.trace(5000), case).findings[0].requirement == "H-OTHERS"  # whatever was played


def test_news_of_a_room_that_is_none_of_the_case() -> None:
    hall = inside()
    hall.heard(2000, "B", "+", "A", room="attic")

    assert judged(hall) == "violates H-OTHERS"


# --- uncertainty ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"),
    [(2420, CONFORMS), (2431, "inconclusive H-GONE"), (2450, "violates H-GONE")],
)
def test_an_edge_within_the_uncertainty_is_inconclusive(at: float, expected: str) -> None:
    hall = inside(blur=3)
    hall.fault(2000, "A", FaultKind.GHOST)
    hall.told(2100, "A", "lost")
    hall.left(at)

    assert judged(hall, 4000) == expected


def test_a_late_machine_excuses_what_is_late() -> None:
    hall = inside()
    hall.leave(2000)
    hall.left(2040)

    assert judged(hall) == "violates H-LEAVE"
    assert judged(hall, lateness=20) == "inconclusive H-LEAVE"


def test_a_very_late_machine_excuses_what_a_timeout_may_lead_to() -> None:
    """A loss may be told at once here, so a machine that is later than the narrowest window proves nothing."""
    hall = inside()
    hall.heard(1100, "B", "+", "A")

    assert judged(hall, lateness=20) == "violates H-OTHERS"
    assert judged(hall, lateness=40) == "inconclusive H-OTHERS"


def test_too_many_histories_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said then."""
    monkeypatch.setattr("roomcheck.judge.session.MAX_HYPOTHESES", 1)
    hall = inside()
    hall.fault(2000, None, FaultKind.SERVER_RESTART)
    hall.heal(2100, None)

    assert judge(HALL, hall.trace(3000)).outcome is Outcome.INCONCLUSIVE


# --- news that the member sends itself --------------------------------------------------------------------------------


def test_what_the_member_sends_itself_is_lost_with_its_link() -> None:
    own, others = HALL.views
    assert others.presence is not None
    contract = replace(HALL, views=(own, replace(others, presence=replace(others.presence, told_by_member=True))))
    hall = Hall()
    hall.enter(1000, "A")
    hall.heard(1021, "A", "+", "B")
    assert judged(hall, 1300, contract) == "violates H-JOIN"
    hall.fault(1040, "A", FaultKind.CUT)

    assert judged(hall, 1300, contract) == CONFORMS
    assert judged(hall, 1300) == "violates H-JOIN"


def test_a_list_need_not_hold_who_could_not_say_that_it_is_in() -> None:
    """It is the member's own word that is missing."""
    own, others = HALL.views
    assert others.presence is not None
    contract = replace(HALL, views=(own, replace(others, presence=replace(others.presence, told_by_member=True))))
    hall = Hall("C")
    hall.enter(1000, "A")
    hall.fault(1018, "A", FaultKind.MUTE_STALL)
    hall.enter(1050, "C")
    hall.heard(1080, "B", "+", "C")
    hall.heard(1075, "C", "+", "B")

    assert judged(hall, 1300, contract) == CONFORMS
    assert judged(hall, 1300) == "violates H-JOIN"


# --- back with a new session ----------------------------------------------------------------------------------------


def renewing() -> Contract:
    """A vendor whose members may be back with a new session."""
    own, others = HALL.views
    assert others.presence is not None
    return replace(
        HALL, views=(own, replace(others, presence=replace(others.presence, renewed_by=frozenset({"in", "again"}))))
    )


def back(hall: Hall, at: float) -> None:
    """A is cut off for a moment."""
    hall.fault(at, "A", FaultKind.CUT)
    hall.told(at + 10, "A", "lost")
    hall.heal(at + 100, "A")
    hall.told(at + 110, "A", "again")


def test_who_is_back_may_have_a_new_session_that_the_others_hear_of_later() -> None:
    """After each time that it was away, once, and whole; or nothing of it."""
    hall = inside()
    for at in (2000, 2400):
        back(hall, at)
        hall.left(at + 115)
        hall.heard(at + 120, "B", "+", "A")
    back(hall, 2800)

    assert judged(hall, 3100, renewing()) == CONFORMS
    assert judged(hall, 3100) == "violates H-OTHERS"

    hall.left(2990)
    assert judged(hall, 3100, renewing()) != CONFORMS


def test_who_was_removed_while_it_was_away_may_be_back_with_a_new_session() -> None:
    """The others hear of it; if it is not a new one they hear nothing."""
    hall = inside()
    hall.fault(2000, "A", FaultKind.CUT)
    hall.told(2010, "A", "lost")
    hall.admin(2020, "kick", user="A", room="R")
    hall.left(2030, code=9)
    hall.heal(2100, "A")
    hall.told(2110, "A", "again")

    assert judged(hall, 2200, renewing()) == CONFORMS
    hall.heard(2115, "B", "+", "A")
    assert judged(hall, 2200, renewing()) == CONFORMS
    assert judged(hall, 2200) == "violates H-OTHERS"


@pytest.mark.parametrize(
    ("at", "told", "expected"),
    [(0, True, CONFORMS), (0, False, CONFORMS), (1000, True, CONFORMS), (1000, False, "violates H-JOIN")],
)
def test_what_the_backend_ended_may_have_been_heard_of_by_newcomers_alone(
    at: int,
    told: bool,  # noqa: FBT001
    expected: str,
) -> None:
    """A is removed before it is told that it is in. Who comes in at the same time (0 ms) is told so, or not at all."""
    hall = Hall()
    hall.call(at, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(at + 1, "A", "joining")
    if told:
        hall.heard(at + 30, "B", "+", "A")
    hall.admin(at + 35, "kick", user="A", room="R")
    if told:
        hall.left(at + 40, code=9)
    hall.told(at + 90, "A", "in")
    hall.heard(at + 95, "A", "+", "B")

    assert judged(hall) == expected


@pytest.mark.parametrize("told", [True, False])
def test_who_came_and_went_may_be_known_before_the_others_hear_of_it(*, told: bool) -> None:
    """C hears of both with its first list, B later: C has heard of them, unless it was told nothing."""
    hall = Hall("C")
    hall.enter(1000, "C")
    hall.heard(1021, "C", "+", "B")
    hall.heard(1025, "B", "+", "C")
    hall.call(1040, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1041, "A", "joining")
    hall.call(1045, "A", "leave", room="R")
    if told:
        hall.heard(1050, "C", "+", "A")
        hall.left(1070, "C")
    hall.told(1068, "A", "out")
    hall.heard(1090, "B", "+", "A")
    hall.left(1091)

    assert (judged(hall) == CONFORMS) is told


def test_a_device_may_replace_one_of_which_nobody_but_a_newcomer_has_heard() -> None:
    """B is told of A in its first list; A is cut off, and A2 has come in its place by the time that it is in."""
    hall = Hall("A2", users=TWINS)
    hall.call(0, "A", "join", room="R", ticket="good", farewell="kept")
    hall.told(1, "A", "joining")
    hall.call(2, "A2", "join", room="R", ticket="good", farewell="kept")
    hall.told(3, "A2", "joining")
    hall.fault(5, "A", FaultKind.CUT)
    hall.heard(30, "B", "+", "A")
    hall.told(75, "A2", "in")
    hall.heard(76, "A2", "+", "B")
    hall.left(90)
    hall.heard(91, "B", "+", "A")

    assert judged(hall, 300) == CONFORMS
    hall.left(200)
    assert judged(hall, 300) != CONFORMS
