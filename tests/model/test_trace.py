"""A trace as JSON lines, there and back."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomcheck.model.fault import FaultKind
from roomcheck.model.trace import Trace, read_trace, write_trace
from support.spoiling import spoilt
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
CALL, END = REST[0], REST[-1]


def record(data: dict[str, object], changed: dict[str, object]) -> str:
    return json.dumps({key: value for key, value in {**data, **changed}.items() if value is not ...})


def line(**changed: object) -> str:
    """An event with some of its fields changed."""
    event = {"record": "event", "member": "A", "n": 1, "callback": "onX", "fields": {}, "at": [1, 2]}
    return record(event, changed)


def answer(**changed: object) -> str:
    return record({"record": "answer", "call": 1, "member": "A", "status": "ok", "fields": {}, "at": [1, 2]}, changed)


def fault(**changed: object) -> str:
    return record({"record": "fault", "member": "A", "kind": "cut", "at": [1, 2]}, changed)


def head(**changed: object) -> str:
    return json.dumps({**json.loads(HEAD), **changed})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no header line"),
        ([HEAD], "the trace was cut short"),
        ([line(), HEAD], r"line 1 .*: the first line must be"),
        ([HEAD, "{"], "line 2 is not a record"),
        ([HEAD, "[" * 100_000], "line 2 .*: it is nested too deep"),
        ([HEAD, "[]"], "line 2 .*: it has no 'record'"),
        ([HEAD, "{}"], "line 2 .*: it has no 'record'"),
        ([HEAD, line(record="dream")], "line 2 .*: unknown record 'dream'; known: answer, call, end, event, fault"),
        ([HEAD, line(record="evnt")], "line 2 .*: unknown record 'evnt'; did you mean 'event'"),
        ([HEAD, HEAD], "line 2 .*: a second header"),
        ([HEAD, END, line()], "line 3 .*: it comes after the end"),
        ([HEAD, line(at=[11_000, 11_000]), END], "line 2 .*: it comes after the end, which is at 10000"),
        ([HEAD, line(feilds={})], "line 2 .*: 'feilds' is none of its fields: "),
        ([HEAD, line(feilds={}, fields=...)], "line 2 .*: 'feilds' is none of its fields; did you mean 'fields'"),
        ([HEAD, line(), line(), END], "line 3 .*: n: A was told another callback with the number 1"),
        ([HEAD, line(), line(n=3), END], "line 3 .*: n: A was told no callback with the number 2, but 3"),
        ([HEAD, line(n=2), line(member="A2"), END], "line 2 .*: n: A was told no callback with the number 1, but 2"),
        ([HEAD, CALL, CALL], "line 3 .*: id: another call has the number 1"),
        ([HEAD, CALL, CALL.replace('"id": 1', '"id": 2')], "line 3 .*: another record has the label 'T0'"),
        ([HEAD, CALL, answer(call=2)], "line 3 .*: call: no call before it has the id 2"),
        ([HEAD, CALL, answer(member="A2")], "line 3 .*: member: call 1 is one of 'A', not of 'A2'"),
        ([HEAD, CALL, answer(status="okay")], "line 3 .*: unknown status 'okay'; did you mean 'ok'"),
        ([HEAD, fault(kind="server-restart")], "line 2 .*: server-restart is no fault of a member"),
        ([HEAD, fault(member=None)], "line 2 .*: cut is no fault of the server"),
        ([HEAD, fault(kind="gost")], "line 2 .*: unknown fault 'gost'; did you mean 'ghost'"),
        ([HEAD, fault(kind=...)], "line 2 .*: there is no 'kind'"),
        ([HEAD, line(record=[])], r"line 2 .*: unknown record \[\]"),
        ([HEAD, line(n=...)], "line 2 .*: there is no 'n'"),
        ([HEAD, line(mood=1)], "line 2 .*: 'mood' is none of its fields: member, n, callback, fields, at"),
        ([HEAD, line(n="1")], "line 2 .*: n: Input should be a valid integer, not '1'"),
        ([HEAD, line(n=True)], "line 2 .*: n: "),
        ([HEAD, line(fields=[])], "line 2 .*: fields: "),
        ([HEAD, line(member="Z")], "line 2 .*: there is no member 'Z'; known: A, A2, B"),
        ([HEAD, line(at=5)], "line 2 .*: at: 5 is no interval of microseconds"),
        ([HEAD, line(at=...)], "line 2 .*: there is no 'at'"),
        ([HEAD, line(at=None)], "line 2 .*: at: None is no interval"),
        ([HEAD, line(at=[2, 1])], r"line 2 .*: at: \[2, 1\] is no interval"),
        ([HEAD, line(at=[1, 2, 3])], r"line 2 .*: at: \[1, 2, 3\] is no interval"),
        ([HEAD, line(at=[True, 2])], r"line 2 .*: at: \[True, 2\] is no interval"),
        ([HEAD, line(at=[0, 10**30])], "line 2 .*: at: .* is no interval"),
        ([HEAD, '{"record": "end", "at": "late"}'], "line 2 .*: at: "),
        ([head(version=9)], "version 9 is not 1"),
        ([head(mood=1), *REST], "'mood' is none of its fields"),
        ([head(members=["A"]), *REST], r"members: \['A'\] is no map of names to users"),
        ([head(members={"A": 1}), *REST], "members.0.user: "),
        ([head(users={}), *REST], "users has no 'A'"),
        ([head(users={"A": "a", "B": "a"}), *REST], "users: two of them have the same real name"),
        ([head(rooms={"R": "r", "Q": "r"}), *REST], "rooms: two of them have the same real name"),
        ([head(lateness=-1), *REST], "lateness or starved is less than 0"),
        ([head(starved=-1), *REST], "lateness or starved is less than 0"),
        ([head(users={"A": {}}), *REST], "users.A: "),
        ([head(rooms={}), *REST], "rooms are empty, or the scale is not over 0"),
        ([head(scale=0), *REST], "rooms are empty, or the scale is not over 0"),
        ([head(scale=float("nan")), *REST], "rooms are empty, or the scale is not over 0"),
        ([head(constants={"beat": "4s"}), *REST], "constants.beat: Input should be a valid integer, not '4s'"),
    ],
)  # fmt: skip
def test_what_is_no_trace_is_refused_with_the_line(lines: list[str], message: str) -> None:
    """The message names the line and what is wrong with it."""
    with pytest.raises(ValueError, match=message):
        read_trace(lines)


@given(spoilt([HEAD, *REST]))
def test_a_damaged_trace_is_read_or_refused(lines: list[str]) -> None:
    """Nothing but a trace, or a ValueError that names a line or what is missing."""
    try:
        assert isinstance(read_trace(lines), Trace)
    except ValueError as e:
        assert re.match(r"line \d+ is not a record of a trace: .|no (header|last) line", str(e))  # noqa: PT017


@given(st.lists(st.text()))
def test_arbitrary_text_is_refused_and_never_crashes(lines: list[str]) -> None:
    """Only ValueError."""
    with pytest.raises(ValueError, match="."):
        read_trace(lines)
