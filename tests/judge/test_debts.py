"""What a scenario expects without a window is due when the rules say so, and theirs is the requirement that it breaks."""

from dataclasses import replace

import pytest

from roomcheck.judge import judge
from roomcheck.model.schedule import Schedule
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.spec.case import Entry, Expectation, Item
from support.lobby import case, line, lobby
from support.tape import MS, Tape

INCONCLUSIVE, VIOLATES = Outcome.INCONCLUSIVE, Outcome.VIOLATES


def own(value: str) -> Entry:
    return Entry("own", value, {}, "R", text=value)


def other(value: str) -> Entry:
    return Entry("presence", value, {}, "R", text=value)


def verdict(tape: Tape, end: float, *lines: Expectation, watch: float = 5000) -> Verdict:
    """`watch`: milliseconds for which the scenario wants to be watched after its last act."""
    scene = replace(case(*lines), schedule=Schedule((), (), (), round(watch * MS)))
    return judge(lobby(), tape.trace(end), scene)


def by_lines(found: Verdict, view: str) -> set[str | None]:
    """The requirements that a line about this was found to break."""
    return {f.requirement for f in found.findings if f.view == view and "never came" in f.seen}


def joins() -> Tape:
    """A calls at 0, and is told nothing."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="good")
    return tape


@pytest.mark.parametrize(("end", "outcome"), [(30, INCONCLUSIVE), (70, VIOLATES)])
@pytest.mark.parametrize(
    "expected",
    [line("A", own("joining"), own("in")), line("A", own("in"), open_=True)],
    ids=["closed", "open"],
)
def test_what_a_rule_still_owes_is_not_missing_yet(end: float, outcome: Outcome, expected: Expectation) -> None:
    """`joining` is due at 50; what comes after it, later."""
    assert verdict(joins(), end, expected).outcome is outcome


def test_what_was_watched_to_the_end_is_missing() -> None:
    """The scenario says how long it takes at most."""
    assert verdict(joins(), 30, line("A", own("joining"), own("in")), watch=30).outcome is VIOLATES


def test_what_no_rule_owes_is_missing_at_once() -> None:
    """Nothing leads there."""
    found = verdict(joins(), 30, line("A", own("failed")))

    assert (found.outcome, by_lines(found, "A")) == (VIOLATES, {"L-CASE"})


def test_what_waits_for_a_link_that_is_down_is_not_due() -> None:
    tape = Tape("A")
    tape.join(0, "A")
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    items = (own("joining"), own("in"), own("lost"), own("back"))

    assert verdict(tape, 1000, line("A", *items)).outcome is INCONCLUSIVE
    tape.heal(1000, "A")
    found = verdict(tape, 1300, line("A", *items))
    assert (found.outcome, by_lines(found, "A")) == (VIOLATES, {"L-BACK"})


def comes(*, told: bool) -> Tape:
    """B is there, and A comes at 400."""
    tape = Tape("A", "B")
    tape.join(0, "B")
    tape.join(400, "A", *(["B"] if told else []))
    if not told:
        tape.heard(421, "A", "+", "B")
    return tape


@pytest.mark.parametrize(("end", "outcome"), [(450, INCONCLUSIVE), (700, VIOLATES)])
def test_news_that_is_on_its_way_is_not_missing_yet(end: float, outcome: Outcome) -> None:
    """It is due 60 ms after A was told that it is in."""
    found = verdict(comes(told=False), end, line("B", other("+"), about="A"))

    assert found.outcome is outcome
    assert by_lines(found, "B about A") == {"L-ADD"}


def test_what_may_follow_news_on_its_way_is_not_missing_yet() -> None:
    """That A has come is on its way, and an open line is only about its leaving."""
    assert verdict(comes(told=False), 450, line("B", other("-"), about="A", open_=True)).outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("end", "items"),
    [(1500, (other("+"), other("-"))), (1500, (other("-"),)), (1500, (other("+"), other("-"), other("+")))],
    ids=["closed", "open", "more to come"],
)
def test_what_will_be_news_is_not_missing_yet(end: float, items: tuple[Item, ...]) -> None:
    """A is lost at 600, and given up from 1400 to 1560 on."""
    tape = comes(told=True)
    tape.fault(600, "A")
    tape.told(610, "A", "lost", 51)
    about = line("B", *items, about="A", open_=len(items) != 2)

    assert verdict(tape, end, about).outcome is INCONCLUSIVE
    assert verdict(tape, 1900, about).outcome is VIOLATES


def test_an_observer_whose_list_is_not_due_is_owed_nothing() -> None:
    """Its own link is down."""
    tape = comes(told=True)
    tape.fault(700, "B")
    tape.told(710, "B", "lost", 51)
    tape.call(800, "A", "leave", room="R")
    tape.told(810, "A", "out")

    assert verdict(tape, 1600, line("B", other("+"), other("-"), about="A")).outcome is INCONCLUSIVE


def test_a_lacking_goodbye_is_charged_to_the_rule_that_owes_it() -> None:
    """Not to what the scenario is played for."""
    tape = comes(told=True)
    tape.call(800, "A", "leave", room="R")
    tape.told(810, "A", "out")
    found = verdict(tape, 1600, line("B", other("+"), other("-"), about="A"))

    assert {f.requirement for f in found.findings} == {"L-GONE"}
