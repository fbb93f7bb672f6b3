"""However a run is ended, nothing of it is left, and what it can still write holds what was done."""

import shutil
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from roomcheck.model.verdict import Outcome
from roomcheck.report.exitcode import HARNESS
from support.runs import Done, Reports, Running, patterns, sure, write_target

INTERRUPTED = 130
EARLY, LATE = "login-alone", "never-back/cut"  # 0.6 and 13 seconds
DEAF = "['{python}', -c, 'import threading; threading.Event().wait()']"  # a server that never listens

Runs = Mapping[str, Future[Done]]


def ended(by: signal.Signals, times: int, folder: Path) -> Done:
    """A run that gets a signal, as from a terminal, when one case is done and one is not."""
    with Running.start(["run", *patterns(EARLY, LATE)], folder) as running:
        running.until_results(1)
        for _ in range(times):
            running.signal(by)
        done = running.end()
        assert not running.left()
    return done


def ended_at_the_start(folder: Path) -> Done:
    """A run that is interrupted while it waits for the room's server."""
    target = write_target(folder, server=DEAF, ready="60s")
    with Running.start(["run", "--target", str(target), *patterns(EARLY)], folder) as running:
        running.the("threading.Event")
        running.signal(signal.SIGINT)
        done = running.end()
        assert not running.left()
    return done


def folder_removed(folder: Path) -> Done:
    """A run whose reports are removed while it is under way."""
    with Running.start(["run", *patterns(EARLY, "logout")], folder) as running:
        running.until_started()
        shutil.rmtree(running.reports.folder)
        return running.end()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> Runs:
    """Each end in a run of its own."""

    def start(play: Callable[[Path], Done], name: str) -> Future[Done]:
        folder = tmp_path_factory.mktemp(name)
        return pool.submit(sure, lambda: play(folder))

    return {
        "SIGINT": start(partial(ended, signal.SIGINT, 1), "sigint"),
        "SIGTERM": start(partial(ended, signal.SIGTERM, 1), "sigterm"),
        "SIGHUP": start(partial(ended, signal.SIGHUP, 1), "sighup"),
        "removed": start(folder_removed, "removed"),
        "twice": start(partial(ended, signal.SIGINT, 2), "twice"),
        "start": start(ended_at_the_start, "start"),
    }


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_run_keeps_what_was_done(how: str, runs: Runs) -> None:
    """Exit 130, no process left; the stream has the case that was done, and an end that says: not complete."""
    done = runs[how].result()

    assert done.code == INTERRUPTED, done.out + done.err
    assert {name: r.outcome for name, r in done.reports.results.items()} == {EARLY: Outcome.CONFORMS}
    assert (done.reports.footer.exit_code, done.reports.footer.complete) == (INTERRUPTED, False)
    assert "Traceback" not in done.err


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_run_is_no_success_in_junit(how: str, runs: Runs) -> None:
    """The case that was done passes, and an error says how many have no result."""
    reports = runs[how].result().reports

    done, itself = reports.cases()
    assert done.name.endswith(EARLY)
    assert done.is_passed
    assert itself.name.endswith("the run itself")
    assert [e.message for e in reports.errors()] == ["the run ended early: 1 of 2 cases have a result"]


def test_a_run_whose_reports_are_removed_says_so(runs: Runs) -> None:
    """Exit 5; what is written at the end is there."""
    done = runs["removed"].result()

    assert done.code == HARNESS, done.out + done.err
    assert "run.ndjson was removed while the run wrote it" in done.err
    assert "Traceback" not in done.err
    assert {case.name.rpartition("/")[2] for case in done.reports.cases()} >= {EARLY, "logout"}


def test_an_impatient_interrupt_leaves_nothing_either(runs: Runs) -> None:
    """Ctrl-C twice: exit 130, no process left, and the stream can be read."""
    done = runs["twice"].result()

    assert done.code == INTERRUPTED, done.out + done.err
    assert EARLY in done.reports.results


def test_a_run_that_is_interrupted_before_its_first_case_has_reports(runs: Runs) -> None:
    """Exit 130; stream and JUnit say that no case has a result."""
    done = runs["start"].result()

    assert done.code == INTERRUPTED, done.out + done.err
    assert not done.reports.results
    assert not done.reports.footer.complete
    assert [e.message for e in done.reports.errors()] == ["the run ended early: 0 of 1 cases have a result"]


def test_a_killed_run_takes_a_server_behind_a_shell_with_it(tmp_path: Path) -> None:
    """The kernel ends the shell alone; what it has started goes too."""
    shell = """["sh", "-c", "{python} -m roomcheck.reference.server --port {room}; true"]"""
    target = write_target(tmp_path, server=shell)
    with Running.start(["run", "--target", str(target), *patterns(LATE)], tmp_path) as running:
        running.until_started()
        programs = " ".join(" ".join(p.cmdline()) for p in running.processes())
        running.process.kill()
        running.process.wait()
        left = running.left()

    assert "sh -c" in programs
    assert not left


@pytest.mark.night
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_search_that_started_them(by: signal.Signals, tmp_path: Path) -> None:
    """From a terminal, whose Ctrl-C they hear as well: one line, the reports, exit 130, and no process left."""
    words = ["fuzz", "--simulate", "-q", "--schedules", "5000", "--database", "db", "--workers", "2"]
    with Running.start(words, tmp_path) as running:
        running.until_results(1)
        (running.process.kill if by is signal.SIGKILL else partial(running.signal, by))()
        done = running.end()
        assert not running.left()

    if by is not signal.SIGKILL:
        assert (done.code, done.reports.footer.complete) == (INTERRUPTED, False), done.out + done.err
        assert done.err == ""


def test_a_killed_run_takes_everything_with_it(tmp_path: Path) -> None:
    """After kill -9 of the harness its adapter, its server and its Toxiproxy are gone; the stream holds what was done."""
    with Running.start(["run", *patterns(EARLY, LATE)], tmp_path) as running:
        running.until_results(1)
        programs = " ".join(" ".join(p.cmdline()) for p in running.processes())
        running.process.kill()
        running.process.wait()
        left = running.left()

    assert all(name in programs for name in ("reference.adapter", "reference.server", "toxiproxy-server"))
    assert not left
    _, results, footer = Reports(tmp_path / "roomcheck-report").stream()
    assert [r.outcome for r in results] == [Outcome.CONFORMS]
    assert footer is None
