"""A trace as JSON lines, there and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomcheck.model.fault import FaultKind
from roomcheck.model.trace import Trace, read_trace, write_trace
from support.tape import Tape


def full() -> Trace:
    """One of every record."""
    tape = Tape("A", "A2", "B", blur=1, users={"A2": "A"})
    call = tape.call(0, "A", "join", label="T0", room="R", ticket="good")
    tape.answer(1, call, "A", "ok", code=0)
    tape.told(2, "A", "joining")
    tape.fault(3, "A", FaultKind.STALL, label="T3")
    tape.heal(4, "A")
    tape.gap(5, 6, "A")
    tape.mark(7, "W")
    return tape.trace(10)


def test_a_trace_survives_writing_and_reading() -> None:
    """Nothing is lost."""
    assert read_trace(write_trace(full())) == full()


def test_empty_lines_do_not_matter() -> None:
    """A trailing line end is no record."""
    assert read_trace([*write_trace(full()), "", "  \n"]) == full()


HEAD, *REST = write_trace(full())


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no header line"),
        ([HEAD], "the trace was cut short"),
        ([HEAD, "{"], "line 2 is not a record"),
        ([HEAD, "[]"], "line 2 is not a record"),
        ([HEAD, '{"record": "dream", "at": [1, 2]}'], "line 2 is not a record"),
        ([HEAD, '{"record": "event", "at": 5}'], "line 2 is not a record"),
        ([json.dumps({**json.loads(HEAD), "version": 9})], "version 9 is not 1"),
        ([json.dumps({**json.loads(HEAD), "mood": 1}), *REST], "the header does not fit"),
    ],
)
def test_what_is_no_trace_is_refused_with_the_line(lines: list[str], message: str) -> None:
    """The message names the line and what is wrong with it."""
    with pytest.raises(ValueError, match=message):
        read_trace(lines)


@given(st.lists(st.text()))
def test_arbitrary_text_is_refused_and_never_crashes(lines: list[str]) -> None:
    """Only ValueError."""
    with pytest.raises(ValueError, match="."):
        read_trace(lines)
