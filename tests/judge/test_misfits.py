"""What is said of a trace that somebody wrote or damaged."""

from dataclasses import replace
from typing import Any

import pytest

from roomcheck.judge.misfits import mistakes, slips
from roomcheck.model.schedule import Schedule
from roomcheck.model.trace import Trace
from roomcheck.spec.case import AnyOf, Case, Entry, Expectation, Unordered
from support.lobby import lobby
from support.tape import Tape

CONTRACT = lobby()


def wrong(tape: Tape) -> list[str]:
    return [text for _, text in mistakes(CONTRACT, tape.trace(100))]


def called(name: str, **args: Any) -> Tape:
    tape = Tape("A")
    tape.join(0, "A")
    tape.call(50, "A", name, **args)
    return tape


def test_a_trace_that_fits_has_no_mistakes() -> None:
    """Nor slips, whatever a room tells."""
    tape = Tape("A", "B")
    tape.join(0, "A")
    tape.join(50, "B", "A")
    tape.admin(80, "kick", user="A", room="R")
    tape.event(90, "A", "heartbeat", beat=5)
    tape.event(91, "A", "people", room=7, change="+", who=[{"id": None}])

    assert wrong(tape) == []
    assert list(slips(CONTRACT, tape.trace(100), None)) == []


@pytest.mark.parametrize(
    ("tape", "said"),
    [
        (called("joyn", room="R", ticket="good"), "unknown operation 'joyn'; did you mean 'join'?"),
        (called("kick", user="A", room="R"), "unknown operation 'kick'; "),
        (called("join", room="R", tickt="good"), "unknown argument 'tickt' of join; did you mean 'ticket'?"),
        (called("join", room="R"), "join lacks its argument 'ticket'"),
        (called("join", room="S", ticket="good"), "unknown value 'S' of room; known: Q, R"),
        (called("join", room=None, ticket="good"), "unknown value None of room; known: Q, R"),
        (called("join", room="R", ticket="god"), "unknown value 'god' of ticket; did you mean 'good'?"),
    ],
    ids=["operation", "an act of the backend", "argument", "no argument", "room", "no room", "value"],
)
def test_a_call_that_the_contract_does_not_know_is_a_mistake(tape: Tape, said: str) -> None:
    """The record is named, and what may have been meant."""
    [(number, text)] = mistakes(CONTRACT, tape.trace(100))

    assert number == len(tape.records) - 1
    assert text.startswith(said)


def test_an_act_of_the_backend_concerns_a_user_of_the_header() -> None:
    """By its name in the case."""
    tape = Tape("A")
    tape.admin(5, "kick", user="a", room="R")

    assert wrong(tape) == ["unknown value 'a' of user; known: A"]


def told(callback: str, **fields: Any) -> Trace:
    tape = Tape("A")
    tape.event(5, "A", callback, **fields)
    return tape.trace(100)


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (told("statas", room="r"), "statas is nobody's business; did you mean 'status'?"),
        (told("status", room="r", stat="in"), "status has no field 'stat'; did you mean 'state'?"),
        (
            replace(told("status", room="lobbi", state="in", code=0), rooms={"R": "lobby"}),
            "room 'lobbi' is none of the header's; did you mean 'lobby'?",
        ),
        (
            replace(told("people", room="r", change="+", who=[{"id": "anne"}, {"id": "ann"}]), users={"A": "ann"}),
            "user 'anne' is none of the header's; did you mean 'ann'?",
        ),
    ],
    ids=["callback", "field", "room", "user"],
)
def test_what_is_nearly_a_known_name_may_be_a_slip(trace: Trace, said: str) -> None:
    """It may be what the room told, so it is judged all the same."""
    assert list(slips(CONTRACT, trace, None)) == [(0, said)]
    assert list(mistakes(CONTRACT, trace)) == []


def test_a_label_from_which_a_sequence_counts_is_missed() -> None:
    """Also in a choice and where the order is left open; what an entry names itself is there."""

    def entry(of: str | None, label: str | None = None) -> Entry:
        return Entry("own", "in", {}, "R", of, label=label)

    items = (entry("T0", "T1"), AnyOf(((entry("T2"),), (entry("T1"),))), Unordered((entry("T3"), entry(None))))
    case = Case("c", "c", "C", None, Schedule((), (), (), 0), (Expectation("A", None, items),), ())
    tape = Tape("A")
    tape.call(0, "A", "join", label="T2", room="R", ticket="good")

    assert [text for _, text in slips(CONTRACT, tape.trace(9), case)] == [
        f"no record has the label '{missing}', from which a sequence of scene counts" for missing in ("T0", "T3")
    ]
