"""Files that are named on the command line, or by other files: what they are, and what they hold."""

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from roomcheck.cli import main
from roomcheck.cli.files import MAX_BYTES
from roomcheck.report.exitcode import NOTHING
from roomcheck.resources import root

SPEC = "zego-express/room-status"
TRACE = root() / "fixtures" / "traces" / "kick.jsonl"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def huge(path: Path) -> None:
    """It takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + (1 << 20))


def zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def ended(words: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(words)
    return int(end.value.code or 0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (fifo, "it is no regular file"),
        (zero, "it is no regular file"),
        (huge, "it has 9 MiB, more than 8"),
        (Path.mkdir, "it is no regular file"),
        (no_text, "can't decode byte 0xff"),
        (lambda _path: None, "No such file or directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
)
def test_what_a_spec_extends_is_a_file_of_sensible_size(
    make: Callable[[Path], None], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything else is one line with the place that names it, at once."""
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\nspec: my/own\n", encoding="utf-8")
    make(tmp_path / "base.yaml")

    assert ended(["lint", str(tmp_path / "mine.yaml")]) == NOTHING

    out, err = capsys.readouterr()
    line = next(line for line in (out + err).splitlines() if says in line)
    assert line.startswith(f"{tmp_path / 'mine.yaml'}:1:10: cannot read ") or "mine.yaml:1:10: cannot read " in line
    assert "Traceback" not in out + err


def test_a_trace_may_come_from_another_program(tmp_path: Path) -> None:
    """A pipe is read to its end."""
    pipe = tmp_path / "pipe"
    fifo(pipe)
    text = TRACE.read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=[text])
    writer.start()

    assert ended(["judge", SPEC, str(pipe)]) == 0

    writer.join()


@pytest.mark.parametrize("words", [["judge", SPEC, "/dev/zero"], ["report", "/dev/zero"]])
def test_a_line_without_an_end_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before it fills the memory."""
    assert ended(words) == NOTHING

    assert "line 1 has more than 16 million characters" in capsys.readouterr().err


def test_a_damaged_trace_and_stream_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the file, the line in it and the field."""
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(TRACE.read_text(encoding="utf-8").replace('"n": 1,', '"n": "one",', 1), encoding="utf-8")

    assert ended(["judge", SPEC, str(damaged)]) == NOTHING
    assert ended(["report", str(damaged)]) == NOTHING

    one, two = capsys.readouterr().err.splitlines()
    assert re.search(re.escape(str(damaged)) + r":\d+: n: Input should be a valid integer, not 'one'$", one)
    assert f"{damaged} is no stream of a run: line 1 is not a record of a run: the first line must be" in two
