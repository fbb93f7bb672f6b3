"""A run that is killed at any moment leaves a stream of which reports can be made, and they say what happened."""

import secrets
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from roomcheck.report.exitcode import NOTHING
from support.runs import Done, Reports, Running, patterns, run, sure, until

TIMES = 10
GATE = 4  # the others are killed at night
CUT_SHORT = 130
LATEST = 6_000  # milliseconds after the stream is there; the longest of these cases takes 13 s
CASES = ("login-alone", "logout", "back-before-heartbeat-timeout/cut", "several-outages/cut", "never-back/cut")


@dataclass(frozen=True)
class Killed:
    """A run that was killed so many milliseconds after it began its stream, and `roomcheck report` afterwards."""

    after: int
    left: list[str]
    done: Done


def kill(folder: Path) -> Killed:
    after = secrets.randbelow(LATEST)
    with Running.start(["run", *patterns(*CASES)], folder) as running:
        until(running.reports.ndjson.exists)
        with pytest.raises(TimeoutExpired):
            running.process.wait(after / 1000)
        running.process.kill()
        running.process.wait()
        left = [str(p) for p in running.left()]
    return Killed(after, left, run(["report", "roomcheck-report/run.ndjson"], folder))


@pytest.fixture(scope="module")
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor
) -> list[Future[Killed]]:
    """Runs, as many as the chosen tests ask for."""
    count = TIMES if any(item.get_closest_marker("night") for item in request.session.items) else GATE
    return [pool.submit(kill, tmp_path_factory.mktemp("killed")) for _ in range(count)]


@pytest.mark.parametrize("number", [pytest.param(n, marks=() if n < GATE else pytest.mark.night) for n in range(TIMES)])
def test_a_run_that_is_killed_leaves_reports_that_say_so(number: int, killed: list[Future[Killed]]) -> None:
    """Nothing runs any more; JUnit has an error beside what was done, and the page says it at its top."""
    one = killed[number].result()

    said = f"killed after {one.after} ms: {one.done.out}{one.done.err}"
    assert not one.left, said
    assert one.done.code == CUT_SHORT, said
    reports = one.done.reports
    _, results, footer = reports.stream()
    assert footer is None, said
    how = f"{len(results)} of {len(CASES)} cases have a result"
    (error,) = reports.errors()
    assert error.message == f"the run was cut short: its stream has no end: {how}", said
    assert {c.name for c in reports.cases() if c.is_passed} == {r.case for r in results}, said
    page = (reports.folder / "report.html").read_text(encoding="utf-8")
    assert f"The run was cut short: its stream has no end; {how}" in page, said
    assert page.count("<svg") == len(results), said


def test_a_stream_cut_in_the_middle_of_a_line_is_a_report(killed: list[Future[Killed]], tmp_path: Path) -> None:
    """The header is all that is left, and half a result: nothing of it is claimed."""
    folder = killed[0].result().done.reports.folder
    header = (folder / "run.ndjson").read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "half.ndjson").write_text(f'{header}\n{{"record": "case", "case": "zego', encoding="utf-8")
    done = run(["report", "half.ndjson", "--report-dir", "made"], tmp_path)

    assert done.code == CUT_SHORT
    assert [e.message for e in Reports(tmp_path / "made").errors()] == [
        f"the run was cut short: its stream has no end: 0 of {len(CASES)} cases have a result"
    ]


def test_the_reports_of_a_whole_run_are_made_again(tmp_path: Path) -> None:
    """From the folder alone, wherever it was moved to: the same JUnit, the same page, the run's exit code."""
    before = sure(lambda: run(["run", *patterns("login-alone", "back-before-heartbeat-timeout/cut")], tmp_path))
    moved = tmp_path / "artifact"
    shutil.move(before.reports.folder, moved)
    old = {name: (moved / name).read_text(encoding="utf-8") for name in ("junit.xml", "report.html")}
    for name in old:
        (moved / name).unlink()
    done = run(["report", "artifact/run.ndjson"], tmp_path)

    assert done.code == before.code, done.out + done.err
    new = {name: (moved / name).read_text(encoding="utf-8") for name in old}
    assert new["junit.xml"].replace("artifact/traces", "roomcheck-report/traces") == old["junit.xml"]
    assert new["report.html"].replace("artifact/traces", "roomcheck-report/traces") == old["report.html"]


@pytest.mark.parametrize("text", ["", "no JSON\n", '{"record": "case"}\n'])
def test_what_is_no_stream_is_refused(text: str, tmp_path: Path) -> None:
    """Exit 4, and the file is named."""
    (tmp_path / "x.ndjson").write_text(text, encoding="utf-8")
    done = run(["report", "x.ndjson"], tmp_path)

    assert done.code == NOTHING
    assert "x.ndjson is no stream of a run" in done.err
