"""A room that obliges a scenario takes the course that it tells of wherever the contract leaves a choice."""

from dataclasses import replace

import pytest

from room.parlour import CAST, S, case, contract, cut, enter
from room.test_corners import told
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Heal
from roomcheck.model.trace import Told
from roomcheck.model.verdict import Outcome
from roomcheck.room import Policy, Timing, perform
from roomcheck.room.wishes import NEVER, Wishes
from roomcheck.spec.case import ANYONE, AnyOf, Case, Entry, Expectation, Item, Unordered

SELF = ("A", None)


def entry(value: str, of: str | None = None, within: int = 60 * S, **pattern: object) -> Entry:
    return Entry("connection", value, pattern, "R", of, 0, within if of else None)


def wishes(*items: Item, about: str | None = None, others: bool = False) -> Wishes:
    return Wishes([Expectation("A", about, items, others)])


def test_what_is_expected_is_wanted_as_often_as_it_is_expected() -> None:
    """Of alternatives the one that has it most often counts; what nothing is said of is nobody's wish."""
    some = wishes(
        entry("IN"),
        AnyOf(((entry("LOST"), entry("IN")), (entry("IN"), entry("IN")))),
        Unordered((entry("OUT"), entry("LOST"))),
    )
    seen = []
    for value in ("IN", "IN", "IN", "IN", "LOST", "LOST", "LOST", "OUT", "OUT", "BACK"):
        seen.append(some.wanted(SELF, ("R", "connection", value), {}))
        some.told(SELF, ("R", "connection", value))

    assert seen == [True, True, True, False, True, True, False, True, False, False]
    assert some.wanted(("B", None), ("R", "connection", "IN"), {}) is None
    assert some.wanted(SELF, ("R2", "connection", "LOST"), {}) is False


def test_what_is_told_with_other_fields_is_not_wanted() -> None:
    """Fields that the scenario says nothing of may be any."""
    some = wishes(entry("OUT", code=7))

    assert [some.wanted(SELF, ("R", "connection", "OUT"), p) for p in ({"code": 7}, {"code": 9}, {"extra": 1})] == [
        True, False, True,
    ]  # fmt: skip
    assert some.fields(SELF, ("R", "connection", "OUT"), {"extra": 1}) == [{"code": 7}]
    assert some.fields(SELF, ("R", "connection", "OUT"), {"code": 9}) == []


def test_what_is_expected_next_is_told_first() -> None:
    """The same callback may be expected several times, each time with other fields."""
    some = wishes(entry("OUT", code=7), entry("IN"), entry("OUT", code=9))
    event = ("R", "connection", "OUT")
    seen = []
    for _ in range(3):
        seen.append([p["code"] for p in some.fields(SELF, event, {})])
        some.told(SELF, event)

    assert seen == [[7, 9], [9, 7], [7, 9]]


def test_a_prompt_room_waits_for_the_scenario_with_what_it_owes() -> None:
    """Where the scenario allows a part of the rule's window only; other rooms show that it is narrower."""
    line = Expectation("A", None, (entry("ENTERING"), replace(entry("IN", "S1"), after=4 * S)))
    played = replace(case(enter("A"), members=CAST[:1]), lines=(line,))
    moments = {}
    for timing in Timing:
        trace = perform(contract(), played, Policy(timing, obliging=True)).trace
        moments[timing] = next(
            r.at.lo - trace.records[0].at.lo
            for r in trace.records
            if isinstance(r, Told) and r.fields.get("state") == "IN"
        )

    assert moments[Timing.EARLY] == 0
    assert 4 * S <= moments[Timing.PROMPT] < 5 * S


def test_a_line_that_allows_others_forbids_nothing() -> None:
    """What it names is wanted."""
    some = wishes(entry("IN"), others=True)

    assert some.wanted(SELF, ("R", "connection", "IN"), {}) is True
    assert some.wanted(SELF, ("R", "connection", "OUT"), {}) is None


def test_fields_of_news_stand_in_a_line_about_anyone_too() -> None:
    """Where there is none about the user itself."""
    some = Wishes([Expectation("A", ANYONE, (Entry("presence", "WENT", {"code": 7}, "R"),))])

    assert some.fields(("A", "B"), ("R", "presence", "WENT"), {}) == [{"code": 7}]


def test_what_counts_from_a_step_comes_after_it() -> None:
    """Each time from its own; of what counts from another callback it is known when that came."""
    after = replace(entry("LOST", "T2"), after=5)
    some = wishes(replace(entry("LOST", "T1"), label="L"), entry("LOST", "T3"), after, entry("LOST"))
    event = ("R", "connection", "LOST")
    labels = {"T2": 10}
    seen = [(some.earliest(SELF, event, labels), some.told(SELF, event)) for _ in range(5)]

    assert seen == [(NEVER, "L"), (NEVER, None), (15, None), (0, None), (0, None)]
    assert some.earliest(SELF, ("R", "connection", "IN"), labels) == 0


def scenario(*values: str) -> Case:
    """A enters, loses its link for a moment, and must be told this."""
    acts = (enter("A"), cut("A", FaultKind.STALL), S // 2, Heal("A"))
    line = Expectation("A", None, tuple(Entry("connection", value, {}, "R") for value in values))
    return replace(case(*acts, members=CAST[:1]), lines=(line,))


@pytest.mark.parametrize("values", [("ENTERING", "IN"), ("ENTERING", "IN", "LOST", "BACK")])
@pytest.mark.parametrize("timing", list(Timing))
def test_of_two_lawful_courses_the_expected_one_is_taken(values: tuple[str, ...], timing: Timing) -> None:
    """A loss so short that it need not be noticed is told if the scenario says so, and else not."""
    for seed in range(5):
        played = scenario(*values)
        trace = perform(contract(), played, Policy(timing, seed, 1.0, obliging=True)).trace
        assert judge(contract(), trace).outcome is Outcome.CONFORMS
        if len(values) == 2:
            assert told(trace) == list(values)
    performances = [perform(contract(), scenario(*values), Policy(timing, n, 1.0, obliging=True)) for n in range(40)]
    assert any(told(p.trace) == list(values) for p in performances)


def test_a_field_that_the_contract_leaves_open_is_told_as_expected() -> None:
    """And may be anything in a room that does not oblige."""
    line = Expectation(
        "A", None, (Entry("connection", "ENTERING", {"code": 7}, "R"), Entry("connection", "IN", {}, "R"))
    )
    played = replace(case(enter("A"), members=CAST[:1]), lines=(line,))

    codes = [
        next(
            r.fields["code"]
            for r in perform(contract(), played, Policy(obliging=o)).trace.records
            if isinstance(r, Told)
        )
        for o in (True, False)
    ]

    assert codes[0] == 7
    assert codes[1] != 7
