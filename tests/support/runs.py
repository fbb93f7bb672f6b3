"""`roomcheck` as its user runs it: a process of its own, its reports, and every process that it started.

All that a run starts inherits its environment, so a mark in there tells the processes of one run from those of any
other, however they were started and whoever adopted them.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

import psutil
from junitparser import Error, Failure, JUnitXml, TestCase

from roomcheck.model.verdict import CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.ndjson import read_stream
from support.forked import Forked
from support.processes import PATIENCE

MARK = "ROOMCHECK_TEST_RUN"
LIMIT = PATIENCE
TRIES = 5  # of a run that a busy machine left in doubt
LOOK = 0.01  # seconds between two looks at another process, at first; one at all processes takes 6 ms of a processor
SELDOM = 0.1  # and after a second

T = TypeVar("T")


def until(what: Callable[[], T | None], limit: float = LIMIT) -> T:
    """What the function returns as soon as that is true; AssertionError after `limit` seconds."""
    began = time.monotonic()
    deadline = began + limit
    pause = threading.Event()
    while not (seen := what()):
        assert time.monotonic() < deadline, f"{what} did not come true within {limit:g} s"
        pause.wait(LOOK if time.monotonic() < began + 1 else SELDOM)
    return seen


@dataclass(frozen=True, slots=True)
class Reports:
    """The folder that a run wrote."""

    folder: Path

    @property
    def ndjson(self) -> Path:
        return self.folder / "run.ndjson"

    @property
    def traces(self) -> list[Path]:
        return sorted((self.folder / "traces").glob("*.jsonl"))

    def stream(self, path: Path | None = None) -> tuple[RunHeader, list[CaseResult], RunFooter | None]:
        with (path or self.ndjson).open(encoding="utf-8") as lines:
            return read_stream(lines)

    @property
    def header(self) -> RunHeader:
        return self.stream()[0]

    @property
    def results(self) -> dict[str, CaseResult]:
        """Case id without the spec's -> result."""
        return {r.case.split("/", 2)[2]: r for r in self.stream()[1]}

    @property
    def footer(self) -> RunFooter:
        footer = self.stream()[2]
        assert footer is not None
        return footer

    def junit(self, path: Path | None = None) -> JUnitXml:
        return JUnitXml.fromfile(str(path or self.folder / "junit.xml"))

    def failures(self) -> dict[str, str]:
        """Case -> the text of its failure in the JUnit file."""
        return {case.name: str(r.text) for case in self.cases() for r in case.result if isinstance(r, Failure)}

    def errors(self) -> list[Error]:
        """The errors in the JUnit file: what has no verdict, and what is wrong with the run itself."""
        return [r for case in self.cases() for r in case.result if isinstance(r, Error)]

    def cases(self, path: Path | None = None) -> list[TestCase]:
        return [case for suite in self.junit(path) for case in suite]


@dataclass(frozen=True, slots=True)
class Done:
    """A run that has ended."""

    code: int
    out: str
    err: str
    reports: Reports

    @property
    def doubtful(self) -> bool:
        """Whether this machine was too late to tell of some case how the room behaved."""
        words = (
            "finding   machine: time",
            "machine was too slow to tell",
            ": inconclusive: ",
        )  # the doctor's, compare's
        if any(word in self.out for word in words):
            return True
        if not self.reports.ndjson.exists():
            return False
        return any(r.outcome is Outcome.INCONCLUSIVE for r in self.reports.stream()[1])


@dataclass(slots=True)
class Running:
    """A run under way; leaving the `with` ends it and all that it started."""

    process: subprocess.Popen[str] | Forked
    mark: str
    reports: Reports
    _out: list[str] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def start(
        cls, words: Sequence[str], cwd: Path, env: Mapping[str, str | None] | None = None, before: str = ""
    ) -> Self:
        """`roomcheck WORDS` in this folder; None in `env` takes a variable away. `before`: what Python is told first.

        Variables that Python itself reads as it starts are not seen, see `Forked`.
        """
        reports = Reports(cwd / "roomcheck-report")
        if words[0] == "run":  # not `judge`, which reads what a run wrote
            shutil.rmtree(reports.folder, ignore_errors=True)
        mark = secrets.token_hex(8)
        ours = {
            name: os.environ.get(name) for name in list(os.environ)
        }  # pytest changes it meanwhile, in its own thread
        whole = {**ours, MARK: mark, **(env or {})}
        clean = {name: value for name, value in whole.items() if value is not None}
        return cls(Forked(words, cwd, clean, before), mark, reports)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        for left in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()

    def processes(self) -> list[psutil.Process]:
        """Every living process of this run, its own included; one that only waits to be reaped has ended."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = process.pid == self.process.pid or process.environ().get(MARK) == self.mark
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def the(self, program: str) -> psutil.Process:
        """The one process that was started with this text in its command line."""

        def named() -> psutil.Process | None:
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    if program in " ".join(process.cmdline()):
                        return process
            return None

        return until(named)

    def until_started(self) -> None:
        """The room has answered: its server, the adapter and Toxiproxy run."""
        self._until(b'{"record": "room"', 1)

    def until_results(self, count: int) -> None:
        """The stream has the results of so many cases."""
        self._until(b'{"record": "case"', count)

    def _until(self, record: bytes, count: int) -> None:
        def there() -> bool:
            assert self.process.poll() is None, self.process.communicate()
            path = self.reports.ndjson
            return path.exists() and path.read_bytes().count(record) >= count

        until(there)

    def until_calls(self) -> None:
        """Cases are being played: a member is connected to the room through its proxy."""

        def calling() -> bool:
            with contextlib.suppress(
                psutil.NoSuchProcess
            ):  # its cases are in doubt, and are played again by another one
                found = self.the("adapter").net_connections("tcp")
                return any(c.status == psutil.CONN_ESTABLISHED for c in found)
            return False

        until(calling)

    def signal(self, number: signal.Signals) -> None:
        """To the run's whole process group, as a terminal does it."""
        os.killpg(self.process.pid, number)

    def end(self) -> Done:
        """Wait until it ends by itself."""
        out, err = self.process.communicate(timeout=LIMIT)
        return Done(self.process.wait(), out, err, self.reports)

    def left(self) -> list[psutil.Process]:
        """What still runs of it after some seconds: nothing, or a defect."""
        with contextlib.suppress(AssertionError):
            until(lambda: not self.processes(), LIMIT)
        return self.processes()


def run(words: Sequence[str], cwd: Path, env: Mapping[str, str | None] | None = None, before: str = "") -> Done:
    """`roomcheck WORDS`, to its end; AssertionError if anything that it started outlives it."""
    with Running.start(words, cwd, env, before) as running:
        done = running.end()
        assert not running.left()
    return done


def sure(play: Callable[[], Done], shown: Callable[[Done], bool] | None = None) -> Done:
    """A run without doubt, or one that shows what is claimed all the same, if there is one among a few.

    Being late is this machine's doing, and nothing is claimed of it.
    """
    for _ in range(TRIES - 1):
        done = play()
        if not done.doubtful or (shown and shown(done)):
            return done
    return play()


def exactly(case: str) -> str:
    """A pattern for -k that fits this case and no other."""
    return case[:-1] + "?"


def patterns(*cases: str) -> Iterator[str]:
    """-k for each of these cases."""
    for case in cases:
        yield from ("-k", exactly(case))


TARGET = """\
target: {name}
spec: zego-express/room-status
adapter:
  command: {adapter}
server:
  command: {server}
  ready within: {ready}
endpoints:
  room: "127.0.0.1:{{room}}"
scale: {scale}
{more}"""
ADAPTER = '["{python}", -m, roomcheck.reference.adapter]'
SERVER = '["{python}", -m, roomcheck.reference.server, --port, "{room}"]'


def write_target(
    folder: Path, *, name: str = "room", adapter: str = ADAPTER, server: str = SERVER, ready: str = "20s",
    scale: int = 100, more: str = "",
) -> Path:  # fmt: skip
    """A target.yaml in this folder: the reference room, but for what is said."""
    path = folder / f"{name}.yaml"
    text = TARGET.format(name=name, adapter=adapter, server=server, ready=ready, scale=scale, more=more)
    path.write_text(text, encoding="utf-8")
    return path
