"""What a run writes agrees with itself, and with what its traces say when they are judged again."""

import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from roomcheck.model.verdict import Outcome
from roomcheck.report.exitcode import AS_EXPECTED, VIOLATION
from support.runs import Done, Running, patterns, run, sure, write_target

DEFECT = "kick-wrong-code"
CASES = {  # what this defect makes of a case
    "login-alone": Outcome.CONFORMS,
    "kick-of-nobody": Outcome.CONFORMS,
    "kick": Outcome.VIOLATES,
    "kicked-for-good/cut": Outcome.VIOLATES,
    "kick-while-cut-off/ghost": Outcome.VIOLATES,
    "server-restart/server-restart": Outcome.CONFORMS,
}
JUDGED = {Outcome.CONFORMS: AS_EXPECTED, Outcome.VIOLATES: VIOLATION}
SPEC = "zego-express/room-status"
SHORT = {  # the documented times by a hundred
    "heartbeat_timeout": "900ms", "heartbeat_interval": "100ms", "loss_detection": "300ms", "retry_timeout": "12s",
    "retry_interval": "50ms", "retry_limit": "120ms", "retry_slack": "100ms", "call_limit": "40ms",
    "logout_limit": "60ms", "notice_limit": "60ms", "degraded_latency": "10ms",
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run with good and bad cases."""
    folder = tmp_path_factory.mktemp("mixed")
    return sure(lambda: run(["run", "--defect", DEFECT, *patterns(*CASES)], folder))


@pytest.fixture(scope="module")
def judged(done: Done, pool: ThreadPoolExecutor) -> dict[str, Future[Done]]:
    """Each trace of that run, judged again by `roomcheck judge`."""
    folder = done.reports.folder.parent
    traces = {name: r.trace_file for name, r in done.reports.results.items()}
    return {name: pool.submit(run, ["judge", SPEC, trace], folder) for name, trace in traces.items()}


def test_the_stream_has_a_header_every_case_and_an_end(done: Done) -> None:
    """What was run, on what, how each case ended, and the exit code."""
    header, footer = done.reports.header, done.reports.footer

    assert {name: r.outcome for name, r in done.reports.results.items()} == CASES, done.out
    assert (header.target, header.spec) == ("reference --defect kick-wrong-code", SPEC)
    assert (header.cases, header.scale) == (len(CASES), 100)
    assert header.room.startswith("roomcheck-reference ")
    assert header.toxiproxy == "2.12.0"
    assert (footer.exit_code, footer.complete) == (done.code, True) == (VIOLATION, True)
    assert footer.lateness_max >= footer.lateness_p99 > 0


def test_junit_counts_what_the_stream_has(done: Done) -> None:
    """The same cases and the same failures; nothing in error, nothing skipped."""
    junit = done.reports.junit()

    bad = {f"{SPEC}/{name}" for name, outcome in CASES.items() if outcome is Outcome.VIOLATES}
    assert (junit.tests, junit.failures, junit.errors, junit.skipped) == (len(CASES), len(bad), 0, 0)
    assert {case.name for case in done.reports.cases()} == {f"{SPEC}/{name}" for name in CASES}
    assert set(done.reports.failures()) == bad


def test_the_summary_counts_the_same(done: Done) -> None:
    """And ends with what the exit code means."""
    assert "6 cases in" in done.out
    assert "3 conforms, 3 violates" in done.out
    assert done.out.endswith("the room violates its contract (exit code 1)\n")
    assert not done.err


def test_a_failure_says_how_to_repeat_it(done: Done) -> None:
    """The command plays this case with this defect."""
    assert done.reports.results["kick"].repeat == f"roomcheck run --defect {DEFECT} -k kick"


def test_each_case_has_its_trace(done: Done) -> None:
    """One file for each, where the result says."""
    folder = done.reports.folder.parent
    named = {folder / r.trace_file for r in done.reports.results.values()}

    assert named == set(done.reports.traces)
    assert len(named) == len(CASES)


def test_the_page_has_a_picture_of_each_case(done: Done) -> None:
    """And a link to its trace that holds where the whole folder is moved."""
    page = (done.reports.folder / "report.html").read_text(encoding="utf-8")

    assert page.count("<svg") == len(CASES)
    for name in CASES:
        assert f"<b>{name}</b>" in page
        assert f'href="traces/{name.replace("/", ".")}.jsonl"' in page
    assert done.reports.header.room in page


@pytest.mark.parametrize("name", CASES)
def test_a_trace_judged_again_gets_the_same_verdict(name: str, done: Done, judged: dict[str, Future[Done]]) -> None:
    """From the files alone: the same outcome, as many checks, and the same explanation word for word."""
    again = judged[name].result()

    verdict = done.reports.results[name].verdict
    assert verdict is not None
    assert again.code == JUDGED[CASES[name]], again.out + again.err
    assert f"{CASES[name]}, {len(verdict.checks)} checks by rules and expected sequences" in again.out
    explained = done.reports.failures().get(f"{SPEC}/{name}", "")
    assert explained.split("\n  trace ")[0] in again.out
    assert again.out.count("  breaks ") == explained.count("  breaks ") == bool(verdict.findings)


def test_the_reports_may_lie_elsewhere(tmp_path: Path) -> None:
    """--report-dir, --junit and --html (in folders that are made) and --ndjson, quietly, and JUnit as the strictest want it."""
    words = [
        "--report-dir",
        "out/deep",
        "--junit",
        "ci/room.xml",
        "--html",
        "pages/room.html",
        "--junit-strict",
        "--ndjson",
        "room.ndjson",
        "-q",
    ]
    done = sure(lambda: run(["run", *words, *patterns("login-alone")], tmp_path))

    assert done.code == AS_EXPECTED, done.out + done.err
    assert not (tmp_path / "roomcheck-report").exists()
    assert {p.name for p in (tmp_path / "out" / "deep").iterdir()} == {"traces"}
    assert 'href="../out/deep/traces/login-alone.jsonl"' in (tmp_path / "pages" / "room.html").read_text(
        encoding="utf-8"
    )
    assert len(done.reports.stream(tmp_path / "room.ndjson")[1]) == 1
    junit = tmp_path / "ci" / "room.xml"
    assert done.reports.junit(junit).tests == 1
    assert "<properties" not in junit.read_text(encoding="utf-8").split("<testcase", 1)[1]
    assert "cases, " not in done.out
    assert "requirement" not in done.out
    assert "1 case in " in done.out


def test_a_room_with_short_times_of_its_own_runs_in_real_time(tmp_path: Path) -> None:
    """The target says its times, nothing is scaled, and the header and the trace say so."""
    times = "".join(f"  {name}: {value}\n" for name, value in SHORT.items())
    target = write_target(tmp_path, more=f"constants:\n{times}")
    words = ["run", "--target", str(target), "--real-time"]
    done = sure(lambda: run([*words, *patterns("login-alone", "back-before-heartbeat-timeout/cut")], tmp_path))

    assert done.code == AS_EXPECTED, done.out + done.err
    assert done.reports.header.scale == 1
    assert "2 cases, in real time" in done.out
    assert all('"clock": "real"' in trace.read_text(encoding="utf-8") for trace in done.reports.traces)


def test_a_reader_that_is_gone_costs_nothing_but_the_summary(tmp_path: Path) -> None:
    """`roomcheck run | head`: the run goes on, its reports are whole, and the exit code is the room's."""
    with Running.start(["run", *patterns("login-alone")], tmp_path) as running:
        assert running.process.stdout is not None
        running.process.stdout.close()
        err = running.process.stderr.read() if running.process.stderr else ""
        code = running.process.wait()

    assert (code, err) == (AS_EXPECTED, "")
    assert running.reports.footer.complete
    assert running.reports.junit().tests == 1


def test_what_a_target_lacks_is_skipped_and_said(tmp_path: Path) -> None:
    """Neither played nor hidden: stream and JUnit have each such case with its reason."""
    target = write_target(tmp_path, more="lacks: [switchRoom]\nfaults: [cut]\n")
    with Running.start(["run", "--target", str(target), "--level", "may", "--jobs", "1"], tmp_path) as running:
        running.until_results(1)  # these all come at once
        running.signal(signal.SIGINT)  # what was skipped is known; to play the rest shows nothing more
        reports = running.end().reports

    skipped = {name: r for name, r in reports.results.items() if r.outcome is Outcome.NOT_APPLICABLE}
    assert skipped["switch-room"].message == "the room does not have switchRoom"
    assert skipped["never-back/stall"].message == "the target does not take the fault stall"
    assert "never-back/cut" not in skipped
    assert reports.junit().skipped == len(skipped)
