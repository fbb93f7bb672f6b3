"""However a command ends, there is one line and no exit code that accuses a room."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from roomcheck.cli import main
from roomcheck.cli.ending import as_ours, ending_signals, flushed
from roomcheck.errors import AdapterError, UsageError
from roomcheck.report.exitcode import HARNESS
from roomcheck.report.output import Output
from support.runs import exactly

ROOMCHECK = f"{sys.executable} -m roomcheck"
PLAY = f"run --simulate -k {exactly('login-alone')}"


def in_a_shell(line: str, folder: Path) -> tuple[int, str]:
    """The exit code of what a shell runs, and what was said on standard error."""
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", ["list", PLAY, "lint agora/channel"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{} >/dev/full", "No space left on device"),
        ("{} >&-", "standard output is closed"),
        ("mkdir gone && cd gone && rmdir ../gone && {}", "the working directory is gone"),
    ],
    ids=["full", "closed", "gone"],
)
def test_what_cannot_be_said_is_the_machines_failure(words: str, line: str, said: str, tmp_path: Path) -> None:
    """One line, and exit 5."""
    if "full" in line and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    code, err = in_a_shell(line.format(f"{ROOMCHECK} {words}"), tmp_path)

    assert (code, len(err.splitlines())) == (HARNESS, 1), err
    assert err.startswith("roomcheck: ")
    assert said in err


def test_a_run_that_cannot_speak_writes_its_reports(tmp_path: Path) -> None:
    """What was judged is not lost with what was to be said of it."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    in_a_shell(f"{ROOMCHECK} {PLAY} >/dev/full", tmp_path)

    assert (tmp_path / "roomcheck-report" / "junit.xml").read_text(encoding="utf-8").count("<testcase") == 1


@pytest.mark.parametrize("words", ["list", PLAY])
def test_a_reader_that_has_gone_is_no_failure(words: str, tmp_path: Path) -> None:
    """`| head` ends when it has seen enough."""
    code, err = in_a_shell(f"({ROOMCHECK} {words}; echo $? >code) | true", tmp_path)

    assert (code, err) == (0, "")
    assert (tmp_path / "code").read_text().strip() in ("0", "4")  # 4: click's answer


def test_an_exception_of_our_own_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 5, with the place, where Python would end with 1 and a traceback."""

    def broken(**_: object) -> int:
        raise TypeError("unhashable\ntype")

    monkeypatch.setattr("roomcheck.cli.command.main", broken)
    with pytest.raises(SystemExit) as ended:
        main(["list"])

    assert ended.value.code == HARNESS
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("roomcheck: roomcheck itself failed at test_ending.py:")
    assert "TypeError: unhashable type; please report this line" in line


def test_what_ends_a_task_ends_as_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that does not catch its cancellation ends with 130 all the same."""

    def cancelled(**_: object) -> int:
        raise asyncio.CancelledError

    monkeypatch.setattr("roomcheck.cli.command.main", cancelled)
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])

    assert (ended.value.code, capsys.readouterr().err) == (130, "roomcheck: interrupted\n")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (AdapterError("it hangs"), 3, "it hangs"),
        (ExceptionGroup("g", [ValueError("x"), ExceptionGroup("h", [UsageError("no such case")])]), 4, "no such case"),
        (OSError(28, "No space left on device"), 5, "this machine failed us: [Errno 28] No space left on device"),
        (MemoryError(), 5, "roomcheck itself failed: MemoryError: ; please report this line"),
    ],
    ids=["ours", "one of several", "machine", "memory"],
)
def test_every_error_becomes_one_of_ours(error: Exception, code: int, said: str) -> None:
    """Of several that ended together the first that is ours."""
    ours = as_ours(error)

    assert (ours.exit_code, str(ours)) == (code, said)


def test_a_signal_that_we_were_told_to_ignore_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """`nohup roomcheck run &` goes on when its terminal is closed."""
    assert ending_signals() == [signal.SIGTERM, signal.SIGHUP]
    monkeypatch.setattr(
        signal, "getsignal", lambda number: signal.SIG_IGN if number is signal.SIGHUP else signal.SIG_DFL
    )
    assert ending_signals() == [signal.SIGTERM]


class Broken(io.StringIO):
    """A stream that fails after its first text."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        if self.getvalue():
            raise self.error
        return super().write(text)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(5, "Input/output error"), "cannot write to standard output: Input/output error"),
        (BrokenPipeError(32, "Broken pipe"), ""),
    ],
    ids=["terminal", "reader"],
)
def test_output_that_fails_falls_silent(error: OSError, said: str) -> None:
    """What was written before stands; nobody who writes is disturbed."""
    file = Broken(error)
    out = Output(file)
    for text in ("one", "two", "three"):
        assert out.write(text) == len(text)
    out.flush()

    assert (file.getvalue(), out.lost, out.isatty()) == ("one", said, False)


def test_what_was_closed_meanwhile_is_said() -> None:
    """Not by an exception while the interpreter ends."""
    file = io.TextIOWrapper(io.BytesIO())
    file.close()

    assert flushed(file) == "standard output was closed"


def test_after_a_failed_flush_nothing_is_left_to_fail() -> None:
    """Python would end with 120, where it flushes once more."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", encoding="utf-8") as full:
        full.write("text")
        said = flushed(full)
    assert said == "cannot write to standard output: No space left on device"
