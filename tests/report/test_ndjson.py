import errno
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.samples import ALL, FOOTER, HEADER, HOSTILE, hostile
from roomcheck.errors import HarnessError
from roomcheck.model.schedule import Schedule
from roomcheck.model.verdict import CaseResult, RunFooter, RunHeader
from roomcheck.report.ndjson import StreamWriter, read_stream
from support.spoiling import spoilt

FULL = Path("/dev/full")


def stream(results: tuple[CaseResult, ...] = ALL, footer: RunFooter | None = FOOTER) -> str:
    file = io.StringIO()
    writer = StreamWriter(file)
    writer.header(HEADER)
    for each in results:
        writer.result(each)
    if footer is not None:
        writer.footer(footer)
    return file.getvalue()


TEXTS = st.text(st.characters(), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(str, TEXTS)
st.register_type_strategy(float, FLOATS)
st.register_type_strategy(Schedule, st.sampled_from([r.schedule for r in ALL if r.schedule]))


@given(st.builds(RunHeader), st.lists(st.from_type(CaseResult), max_size=2), st.none() | st.builds(RunFooter))
def test_what_is_written_is_read(header: RunHeader, results: list[CaseResult], footer: RunFooter | None) -> None:
    """Any run comes back as the same values."""
    file = io.StringIO()
    writer = StreamWriter(file)
    writer.header(header)
    for each in results:
        writer.result(each)
    if footer is not None:
        writer.footer(footer)

    assert read_stream(file.getvalue().splitlines(keepends=True)) == (header, results, footer)


def test_the_room_is_told_when_it_answers() -> None:
    """The header is written before anything is started, and what it could not say is added later."""
    file = io.StringIO()
    writer = StreamWriter(file)
    writer.header(replace(HEADER, room="", toxiproxy=""))
    early = read_stream(file.getvalue().splitlines())[0]
    writer.room(HEADER.room, HEADER.toxiproxy)
    late = read_stream(file.getvalue().splitlines())[0]

    assert (early.room, early.cases) == ("", HEADER.cases)
    assert late == HEADER


def test_every_line_is_written_at_once() -> None:
    """A crash of the harness leaves whole lines of everything before it."""

    class Counting(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    file = Counting()
    writer = StreamWriter(file)
    writer.header(HEADER)
    writer.result(ALL[0])

    assert file.flushes == 2


@pytest.mark.parametrize("missing", [1, 2, 30, 200])
def test_a_cut_last_line_is_left_out(missing: int) -> None:
    """What was whole before the cut is read."""
    whole = stream(footer=None)
    header, results, footer = read_stream(whole[:-missing].splitlines())

    assert header == HEADER
    assert results == list(ALL if missing == 1 else ALL[:-1])
    assert footer is None


def test_a_broken_line_in_the_middle_is_an_error() -> None:
    """Only the end of a stream can be cut by a crash; anything else is named."""
    lines = stream().splitlines()
    lines[2] = lines[2][:50]

    with pytest.raises(ValueError, match="line 3 is not JSON"):
        read_stream(lines)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"record": "case"}', "line 1 is not a record of a run: the first line must be"),
        ('{"record": "room", "room": "x"}', "line 1 is not a record of a run: the first line must be"),
        ("[]", "line 1 is not a record of a run: it is no object"),
        ('{"record": "run", "version": 1}', "line 1 is not a record of a run: there is no 'target'"),
        ('{"record": "run", "version": 9}', "version 9 is not 1"),
        ("", "no line"),
    ],
)
def test_lines_that_do_not_fit_are_named(line: str, message: str) -> None:
    """A file that is no stream says so."""
    with pytest.raises(ValueError, match=message):
        read_stream([line])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"record": "what"}, "unknown record 'what'"),
        ({"outcome": "fine"}, "'fine' is not a valid Outcome"),
        ({"outcome": 5}, "'5' is not a valid Outcome"),
        ({"case": None}, "case: Input should be a valid string, not 'None'"),
        ({"mood": 1}, "'mood' is none of its fields"),
        ({"verdict": []}, "'\\[\\]' is no object"),
        ({"log": "text"}, "log: Input should be a valid tuple, not 'text'"),
        ({"schedule": {"members": 5}}, "there is no 'rooms'"),
        ({"schedule": {"members": [], "rooms": [], "watch": 1, "steps": [{"act": {"act": "dance"}}]}}, "act 'dance'"),
        ({"schedule": {"members": [], "rooms": [], "watch": 1, "steps": [{"act": {"act": []}}]}}, "unknown act"),
    ],
)
def test_a_case_that_does_not_fit_is_named(changed: dict[str, object], message: str) -> None:
    """With its line, and the field."""
    first, second, *_ = stream().splitlines()
    with pytest.raises(ValueError, match=f"line 2 is not a record of a run: .*{message}"):
        read_stream([first, json.dumps({**json.loads(second), **changed})])


@given(spoilt(stream().splitlines()))
def test_a_damaged_stream_is_read_or_refused(lines: list[str]) -> None:
    """Nothing but a run, or a ValueError that names a line or what is missing."""
    try:
        assert read_stream(lines)
    except ValueError as e:
        assert re.match(r"line \d+ is not |no line", str(e))  # noqa: PT017


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_plain_ascii_in_the_stream(text: str) -> None:
    """A terminal that shows the stream, and a reader that splits lines, see only JSON's own escapes."""
    lines = stream((hostile(text),)).split("\n")

    assert len(lines) == 4
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert json.loads(lines[1])["message"] == text


class FullDisk(io.StringIO):
    """Takes some lines and then no more, until somebody frees space."""

    name = "run.ndjson"

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.left = lines

    def write(self, text: str, /) -> int:
        self.left -= 1
        if self.left == -1:
            super().write(text[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


def test_a_full_disk_keeps_what_is_there_and_is_told_at_the_end() -> None:
    """The run goes on, nothing is written after a torn line, and the footer raises a HarnessError."""
    file = FullDisk(2)
    writer = StreamWriter(file)
    writer.header(HEADER)
    for each in ALL:
        writer.result(each)

    with pytest.raises(HarnessError, match=r"cannot write run\.ndjson: .*No space left"):
        writer.footer(FOOTER)

    assert read_stream(file.kept.splitlines()) == (HEADER, [ALL[0]], None)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
def test_a_full_disk_does_not_break_the_closing_of_the_file() -> None:
    """What could not be written is not tried again when the run closes the file."""
    with FULL.open("w", encoding="utf-8") as file:
        writer = StreamWriter(file)
        writer.header(HEADER)
        with pytest.raises(HarnessError, match="/dev/full"):
            writer.footer(FOOTER)
