"""What is a difference between rooms, and what is none."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from report import samples
from report.played import some, zego
from roomcheck.model.schedule import Member
from roomcheck.model.time import Instant
from roomcheck.model.trace import Told, Trace
from roomcheck.model.verdict import Blame, CaseResult, Outcome
from roomcheck.reference import defects
from roomcheck.report.compare import NO_MORE, Cell, Comparison, Ending, Row, Said, Side, lines, marked, telling
from roomcheck.report.compare_page import as_html
from roomcheck.simulate import simulate

CASE = "back-after-heartbeat-timeout/cut"
STATE, USERS = "onRoomStateChanged", "onRoomUserUpdate"


def state(value: str, code: int = 0, *, at: int = 1, **more: Any) -> tuple[str, str, Mapping[str, Any], int]:
    return "A", STATE, {"roomID": "r-1", "reason": value, "errorCode": code, **more}, at


def users(kind: str, *names: str, observer: str = "A", at: int = 1) -> tuple[str, str, Mapping[str, Any], int]:
    return observer, USERS, {"roomID": "r-1", "updateType": kind, "users": [{"userID": n} for n in names]}, at


def trace(*told: tuple[str, str, Mapping[str, Any], int]) -> Trace:
    """A trace in which these were told, numbered for each member."""
    count: dict[str, int] = {}
    records = []
    for member, callback, fields, at in told:
        count[member] = count.get(member, 0) + 1
        records.append(Told(member, count[member], callback, fields, Instant(at, at)))
    people = {"A": "a-1", "B": "b-1", "C": "c-1"}
    members = tuple(Member(name, name) for name in people)
    return Trace("s", "c", None, members, people, {"R": "r-1"}, tuple(records), 99)


def told(*events: tuple[str, str, Mapping[str, Any], int]) -> dict[str, tuple[str, ...]]:
    return {place: tuple(map(str, said)) for place, said in telling(zego(), trace(*events)).items()}


def test_what_was_told_is_read_by_views() -> None:
    """About itself in a room, and about each user in a room, with the other fields."""
    assert told(state("LOGINING"), users("ADD", "b-1", "c-1"), state("LOGINED", 7)) == {
        "A about B in R": ("ADD",),
        "A about C in R": ("ADD",),
        "A in R": ("LOGINING errorCode 0", "LOGINED errorCode 7"),
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((state("LOGINED", at=1),), (state("LOGINED", at=90),)),
        ((users("ADD", "b-1", "c-1"),), (users("ADD", "c-1", "b-1"),)),
        ((users("ADD", "b-1", "c-1"),), (users("ADD", "c-1"), users("ADD", "b-1"))),
        ((state("LOGINED"), users("ADD", "b-1")), (users("ADD", "b-1"), state("LOGINED"))),
        ((users("ADD", "a-1", observer="B"), state("LOGINED")), (state("LOGINED"), users("ADD", "a-1", observer="B"))),
        ((state("LOGINED", extendedData={"ms": 1}),), (state("LOGINED", extendedData={"ms": 2}),)),
        ((state("LOGINED"),), (state("LOGINED"), ("A", "onDebug", {"x": 1}, 1))),
        ((users("ADD"),), ()),
    ],
    ids=["time", "order of a list", "one callback or two", "about itself and others", "of two members", "any",
         "not in the spec", "an empty list"],
)  # fmt: skip
def test_what_is_no_difference(one: Iterable[Any], other: Iterable[Any]) -> None:
    """Time, the order of what has none, and what the spec does not say."""
    assert told(*one) == told(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((state("LOGINED"),), (state("LOGINED", 1),)),
        ((state("LOGINED"),), (state("LOGINED"), state("LOGINED"))),
        ((state("LOGINING"), state("LOGINED")), (state("LOGINED"), state("LOGINING"))),
        ((users("ADD", "b-1"),), (users("DELETE", "b-1"),)),
        ((users("ADD", "b-1"),), (users("ADD", "c-1"),)),
        ((users("ADD", "b-1"),), (users("ADD", "x-9"),)),
        ((state("LOGINED"),), (state("LOGINED", roomID="elsewhere"),)),
        ((state("LOGINED"),), (state("nonsense"),)),
        ((state("LOGINED"),), ()),
    ],
    ids=["code", "twice", "order", "value", "user", "a stranger", "room", "unknown value", "nothing"],
)  # fmt: skip
def test_what_is_a_difference(one: Iterable[Any], other: Iterable[Any]) -> None:
    """Another value, order or number of what is told about one thing."""
    assert told(*one) != told(*other)


def result(outcome: Outcome | None = Outcome.CONFORMS, blame: Blame | None = None, message: str = "") -> CaseResult:
    return samples.result(outcome=outcome, blame=blame, message=message)


def cell(*plays: tuple[str, ...], outcome: Outcome | None = Outcome.CONFORMS) -> Cell:
    return Cell(result(outcome), "", [{"A in R": tuple(map(Said, play))} for play in plays])


def row(*cells: Cell) -> Row:
    one = Row("back/cut", "A title", list(cells))
    one.settle()
    return one


def comparison(*rows: Row, names: tuple[str, ...] = ("one", "other")) -> Comparison:
    return Comparison("vendor/status", "1", [Side(n, f"room {n}", 100) for n in names], list(rows), "2.12.0")


def test_a_field_that_holds_nothing_is_seen() -> None:
    """Not two blanks between a name and the comma after it."""
    member, callback, fields, at = state("LOGINED")

    assert told((member, callback, {**fields, "errorCode": ""}, at)) == {"A in R": ('LOGINED errorCode ""',)}


def test_a_race_is_no_difference() -> None:
    """If one of several plays on the one is like one of several on the other, it varies."""
    one = row(cell(("a", "b"), ("a",)), cell(("a", "b")))

    assert (one.ending, one.varies) == (Ending.VARIES, ["A in R"])
    assert comparison(one).exit_code() == 0
    assert "varies from one time to the next: A in R" in "\n".join(lines(comparison(one)))


def test_what_was_never_alike_differs() -> None:
    """However often it was played."""
    one = row(cell(("a", "b"), ("a",)), cell(("b",), ("c",)))

    assert one.ending is Ending.DIFFERS
    assert comparison(one).exit_code() == 1


def session(*plays: str) -> Cell:
    """In each play so many callbacks, each with this session's id."""
    told = [tuple(Said("in", (("session", each), ("code", "0"))) for each in play.split()) for play in plays]
    return Cell(result(), "", [{"A in R": one} for one in told])


@pytest.mark.parametrize(
    ("one", "other", "ending"),
    [
        (["k3 k3 x9", "p1 p1 q2"], ["8 8 9", "7 7 5"], Ending.ALIKE),
        (["k3 k3 x9", "p1 p1 q2"], ["8 9 9", "7 5 5"], Ending.DIFFERS),
        (["k3 k3", "p1 p1"], ["8 9", "7 7"], Ending.VARIES),
        (["k3"], ["8"], Ending.DIFFERS),
        (["k3", "p1"], ["8"], Ending.DIFFERS),
        (["k3", "p1"], ["8", "8"], Ending.DIFFERS),
        (["- k3", "- p1"], ["- 8", "- 7"], Ending.ALIKE),
        (["- k3", "- p1"], ["0 8", "0 7"], Ending.DIFFERS),
    ],
    ids=["new each time", "another one again", "a race", "once", "once there", "not made up there", "none yet", "none"],
)
def test_what_each_play_makes_up_is_compared_by_sameness(one: list[str], other: list[str], ending: Ending) -> None:
    """An id of each connection is no difference, but whether it is the same one again."""
    assert row(session(*one), session(*other)).ending is ending


def test_what_a_play_made_up_has_a_number() -> None:
    """So that the first difference is the one that counts."""
    one = row(session("k3 k3", "p1 p1"), session("8 9", "7 5"))

    assert "    one    in session #1 code 0, >> in session #1 code 0" in list(lines(comparison(one)))
    assert "    other  in session #1 code 0, >> in session #2 code 0" in list(lines(comparison(one)))


def test_a_place_of_one_target_alone_differs() -> None:
    """Where the other was told nothing."""
    one, two = cell(("a",)), cell(("a",))
    two.tellings = [{"A in R": (Said("a"),), "A about B in R": (Said("ADD"),)}]
    text = list(lines(comparison(row(one, two))))

    assert text[:2] == ["one    room one", "other  room other"]
    assert text[3:6] == ["  A about B in R", f"    one    >> {NO_MORE}", "    other  >> ADD"]


@pytest.mark.parametrize(
    ("outcome", "blame", "code"),
    [(Outcome.INCONCLUSIVE, Blame.MACHINE, 2), (None, Blame.ADAPTER, 3), (None, Blame.TARGET, 4), (None, None, 5)],
)
def test_a_case_without_a_verdict_is_not_compared(outcome: Outcome | None, blame: Blame | None, code: int) -> None:
    """It is said on which target and why, it is no difference, and the exit code is not that of a success."""
    doubtful = Cell(result(outcome, blame, "it was late"))
    one = row(cell(("a",)), doubtful)
    text = "\n".join(lines(comparison(one)))

    assert one.ending is Ending.UNCOMPARED
    assert "back/cut: not compared on other: " in text
    assert "it was late" in text
    assert comparison(one, row(cell(("a",)), cell(("a",)))).exit_code() == code


def test_a_difference_counts_before_a_doubt() -> None:
    """Of three targets one differs and one is in doubt."""
    one = row(cell(("a",)), cell(("b",)), Cell(result(Outcome.INCONCLUSIVE)))

    assert one.ending is Ending.DIFFERS
    assert comparison(one, names=("one", "other", "third")).exit_code() == 1


def test_what_a_target_lacks_is_said_and_is_no_mistake() -> None:
    """As long as something else is compared."""
    lacking = row(cell(("a",)), Cell(absent="the room does not have kick"))

    assert "not compared on other: the room does not have kick" in "\n".join(lines(comparison(lacking)))
    assert comparison(lacking).exit_code() == 4
    assert comparison(lacking, row(cell(("a",)), cell(("a",)))).exit_code() == 0


def test_told_alike_but_judged_differently_is_said() -> None:
    """What was too late is no difference in what was told; that nobody must think the rooms are the same."""
    one = row(cell(("a",)), cell(("a",), outcome=Outcome.VIOLATES))

    assert one.ending is Ending.ALIKE
    (said,) = [line for line in lines(comparison(one)) if "judged differently" in line]
    assert said.endswith("one conforms, other violates")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("ab", "ac", ["a", ">b"]),
        ("a", "ab", ["a", f">{NO_MORE}"]),
        ("ab", "a", ["a", ">b"]),
        ("", "a", [f">{NO_MORE}"]),
        ("abcd", "axcd", ["a", ">b", "c", "d"]),
    ],
)
def test_the_first_that_differs_is_marked(one: str, other: str, expected: list[str]) -> None:
    """Or the end, where nothing more came."""
    assert [f">{text}" if here else text for text, here in marked(tuple(one), tuple(other))] == expected


def played(defect: str | None) -> Cell:
    """A case in virtual time."""
    (case,) = some(CASE)
    bound = zego()
    one = simulate(bound, case, clients=defects.client(defect), server=defects.server(defect))
    return Cell(result(), "", [telling(bound, one)])


def test_a_room_differs_from_one_with_a_defect() -> None:
    """Where its defect shows, and nowhere else: A is not told that it is back, so B is told."""
    one = row(played(None), played("never-reconnected"))
    text = list(lines(comparison(one)))[2:]

    assert text[0] == "back/cut: differs"
    assert "    one    (2 alike), RECONNECTING errorCode 1002051, >> RECONNECTED errorCode 0" in text
    assert f"    other  (2 alike), RECONNECTING errorCode 1002051, >> {NO_MORE}" in text
    assert row(played(None), played(None)).ending is Ending.ALIKE


Page = Callable[[], str]


def hostile() -> str:
    """A page of names and values that try to be mark-up."""
    text = "<img src=x onerror='window.hacked=1'></title><script>window.hacked=1</script>"
    one, two = cell((text,)), cell(("a",))
    one.result = replace(result(Outcome.VIOLATES), message=text)
    differing = row(one, two)
    differing.case = differing.title = text
    return as_html(comparison(differing, row(cell(("a",)), Cell(absent=text)), names=(text, "other")))


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_texts_of_a_hostile_room_are_visible(text: str) -> None:
    """On the page and on the console."""
    differing = row(cell((text,)), cell((f"{text}!",)))
    both = comparison(differing, names=(text, "other"))

    assert all(c.isprintable() or c == "\n" for c in as_html(both))
    assert "\x1b" not in "\n".join(lines(comparison(differing)))


def test_the_page_opens_without_an_error(browser: webdriver.Chrome, page: Path) -> None:
    """It shows the matrix and marks what differs; nothing of a room's text runs."""
    same = row(cell(("a",)), cell(("a",)))
    page.write_text(as_html(comparison(row(played(None), played("never-reconnected")), same)), encoding="utf-8")
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium does not type it
    browser.get(page.as_uri())

    assert "2 cases: 1 told differently, 1 told alike" in browser.find_element(By.CSS_SELECTOR, ".verdict").text
    assert [e.text for e in browser.find_elements(By.CSS_SELECTOR, ".apart")][-2:] == [
        "RECONNECTED errorCode 0", NO_MORE,
    ]  # fmt: skip
    page.write_text(hostile(), encoding="utf-8")
    browser.get(page.as_uri())
    assert browser.execute_script("return window.hacked") is None
    assert not browser.find_elements(By.CSS_SELECTOR, "img, script")
    assert list(browser.get_log("browser")) == []  # type: ignore[no-untyped-call]


def test_the_page_is_as_wide_as_a_phone(browser: webdriver.Chrome, page: Path) -> None:
    """400 pixels are enough; a wide table scrolls by itself."""
    page.write_text(as_html(comparison(row(played(None), played("never-reconnected")))), encoding="utf-8")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        browser.get(page.as_uri())
        wide = browser.execute_script("return document.documentElement.scrollWidth")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 400
