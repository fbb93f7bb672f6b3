"""What the person at the command line got wrong is one clear message and its exit code, before anything is played.

Nothing here may show a traceback, and nothing may be left running; both are checked for every run.
"""

import contextlib
import io
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from roomcheck.cli import main
from roomcheck.model.verdict import Outcome
from roomcheck.report.exitcode import HARNESS, NOTHING
from roomcheck.resources import root
from support.chosen import asked
from support.runs import Done, Reports, patterns, run, sure, write_target

SPEC = root() / "specs" / "zego-express" / "room-status.yaml"
MISTAKES = {  # a piece of the spec -> the mistake that it becomes; each stands on a line of its own
    "heartbeat_timeout: {value: 90s,": "heartbeat_timeout: {value: 90sec,",
    "settles: [LOGOUT, LOGOUT_FAILED]": "settles: [LOGOUT, LOGOUT_FALED]",
    "ZX-STATE-1: {must:": "ZX-STATE-1: {mast:",
    "  - id: login-alone\n": "  - ident: login-alone\n",
    "faults: [refuse, ghost]": "faults: [refuse, gost]",
}

Runs = Mapping[str, Future[Done]]


def broken_spec(folder: Path) -> list[str]:
    """A spec with five mistakes; `run FILE`."""
    text = SPEC.read_text(encoding="utf-8")
    for good, bad in MISTAKES.items():
        assert text.count(good) >= 1
        text = text.replace(good, bad, 1)
    (folder / "broken.yaml").write_text(text, encoding="utf-8")
    return ["run", "broken.yaml"]


def broken_target(folder: Path) -> list[str]:
    """A target with a key, an address and a constant that do not fit, each in the same file."""
    path = write_target(folder, name="broken", more="sever: {}\nconstants:\n  heartbeat_timeot: 90s\n")
    path.write_text(path.read_text().replace('"127.0.0.1:{room}"', '"127.0.0.1:{rom}"'), encoding="utf-8")
    return ["run", "--target", str(path)]


def server(words: str, ready: str) -> Callable[[Path], list[str]]:
    """A target whose server is this Python code."""

    def write(folder: Path) -> list[str]:
        command = f"['{{python}}', -uc, \"{words}\", '{{room}}']"
        return ["run", "--target", str(write_target(folder, server=command, ready=ready))]

    return write


def no_server(folder: Path) -> list[str]:
    """A target whose server is not installed."""
    return ["run", "--target", str(write_target(folder, server="[room-server-that-is-not-there]"))]


def no_adapter(folder: Path) -> list[str]:
    """A target whose adapter is not installed."""
    return ["run", "--target", str(write_target(folder, adapter="[adapter-that-is-not-there]"))]


def report_dir_in_a_file(folder: Path) -> list[str]:
    """A report folder that cannot be made, whoever asks."""
    (folder / "file").touch()
    return ["run", "--report-dir", "file/reports"]


USAGE: dict[str, tuple[Callable[[Path], list[str]] | list[str], int, tuple[str, ...]]] = {
    "unknown target": (["run", "--target", "nowhere"], 4, ("no target 'nowhere'", "reference")),
    "unknown spec": (["run", "vendor/nothing"], 4, ("no spec 'vendor/nothing'", "zego-express/room-status")),
    "nothing selected": (["run", "-k", "nothing-like-that"], 4, ("-k nothing-like-that", "roomcheck list")),
    "unknown option": (["run", "--targets", "reference"], 4, ("--targets",)),
    "two speeds": (["run", "--real-time", "--scale", "10"], 4, ("--real-time and --scale exclude each other",)),
    "slower than documented": (["run", "--scale", "0.5"], 4, ("--scale",)),
    "report folder": (report_dir_in_a_file, 4, ("file/reports", "choose another --report-dir")),
    "report folder of the kernel's": (["run", "--report-dir", "/proc/reports"], 4, ("/proc/reports", "--report-dir")),
    "stream in no folder": (["run", "--ndjson", "no/such/run.ndjson"], 4, ("no/such/run.ndjson",)),
    "unknown defect": (["run", "--defect", "clumsy"], 4, ("unknown defect 'clumsy'", "never-reconnected")),
    "five mistakes": (broken_spec, 4, ("broken.yaml:",)),
    "target's mistakes": (broken_target, 4, ("sever", "{rom}")),
    "server not there": (no_server, 4, ("room-server-that-is-not-there",)),
    "server ends": (
        server("print('no licence'); raise SystemExit(9)", "20s"), 4, ("status 9", "no licence"),
    ),
    "server does not listen": (
        server("import threading; print('loading'); threading.Event().wait()", "500ms"), 4,
        ("did not accept on 127.0.0.1:", "within 0.5 s", "loading"),
    ),
    "adapter not there": (no_adapter, 3, ("adapter-that-is-not-there", "target.yaml")),
}  # fmt: skip

STARTING = {"server not there", "server ends", "server does not listen", "adapter not there"}  # some program

TOXIPROXY: dict[str, tuple[dict[str, str | None], int, tuple[str, ...]]] = {
    "not there": ({"ROOMCHECK_TOXIPROXY": "/nowhere/toxiproxy"}, 4, ("ROOMCHECK_TOXIPROXY=/nowhere/toxiproxy",)),
    "no server": ({"ROOMCHECK_TOXIPROXY": "/bin/true"}, 4, ("ROOMCHECK_TOXIPROXY=/bin/true",)),
    "nobody": ({"ROOMCHECK_TOXIPROXY": "http://127.0.0.1:1"}, 4, ("ROOMCHECK_TOXIPROXY=http://127.0.0.1:1",)),
    "no way": (
        # an empty cache, nothing on PATH, and a pip that may not ask anybody
        {"ROOMCHECK_TOXIPROXY": None, "ROOMCHECK_CACHE": "cache", "PATH": "", "PIP_NO_INDEX": "1",
         "PIP_FIND_LINKS": ""},
        4, ("no Toxiproxy 2.12.0", "no Go on PATH", "What helps: set ROOMCHECK_TOXIPROXY"),
    ),
}  # fmt: skip

FULL = {  # a report on a full disk -> the other one
    "stream": ["--ndjson", "/dev/full"],
    "JUnit": ["--junit", "/dev/full"],
}


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> Runs:
    """Each mistake in a run of its own; what ends before a program is started needs no process, and a process a second."""

    def said(name: str) -> Future[Done]:
        """An exception that the command line does not catch is one of this fixture."""
        words, folder = USAGE[name][0], tmp_path_factory.mktemp("run")
        chosen = words(folder) if callable(words) else words
        done: Future[Done] = Future()
        with (
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as err,
            contextlib.chdir(folder),
            pytest.raises(SystemExit) as ended,
        ):
            main(chosen)
        done.set_result(
            Done(int(ended.value.code or 0), out.getvalue(), err.getvalue(), Reports(folder / "roomcheck-report"))
        )
        return done

    def start(words: Callable[[Path], list[str]] | list[str], env: Mapping[str, str | None]) -> Future[Done]:
        folder = tmp_path_factory.mktemp("run")
        chosen = words(folder) if callable(words) else words
        return pool.submit(sure, lambda: run(chosen, folder, env))

    short = ["run", *patterns("login-alone")]
    night = "no way" in asked(request, __file__)
    return {
        **({"no way": start(short, TOXIPROXY["no way"][0])} if night else {}),  # the longest: it makes a venv
        **{name: start(USAGE[name][0], {}) for name in STARTING},
        **{name: start(short, env) for name, (env, _, _) in TOXIPROXY.items() if name != "no way"},
        **{name: start([*short, *words], {}) for name, words in FULL.items()},
        **{name: said(name) for name in USAGE if name not in STARTING},
    }


@pytest.mark.parametrize("name", USAGE)
def test_a_mistake_is_one_message(name: str, runs: Runs) -> None:
    """It names what was wrong and what there is instead; the exit code says who must act."""
    done = runs[name].result()

    _, code, parts = USAGE[name]
    assert done.code == code, done.out + done.err
    assert all(part in done.err for part in parts), done.err
    assert "Traceback" not in done.err


def test_every_mistake_of_a_spec_is_listed(runs: Runs) -> None:
    """Five mistakes, five lines, each with file, line and column, in the order of the file."""
    done = runs["five mistakes"].result()

    said = [int(line) for line in re.findall(r"broken\.yaml:(\d+):\d+: ", done.err)]
    text = SPEC.read_text(encoding="utf-8")
    assert said == sorted(said)
    assert set(said) == {text[: text.index(good) + len(good) - 1].count("\n") + 1 for good in MISTAKES}, done.err


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.night if name == "no way" else ()) for name in TOXIPROXY]
)
def test_without_a_toxiproxy_a_run_says_how_to_get_one(name: str, runs: Runs) -> None:
    """What was asked for or tried, and for the last one every way there is."""
    done = runs[name].result()

    _, code, parts = TOXIPROXY[name]
    assert done.code == code, done.out + done.err
    assert all(part in done.err for part in parts), done.err
    assert "Traceback" not in done.err


def test_a_full_disk_under_the_stream_costs_the_stream_alone(runs: Runs) -> None:
    """Exit 5 and one message; the JUnit file has the result and the summary is shown."""
    done = runs["stream"].result()

    assert done.code == HARNESS, done.out + done.err
    assert done.err.count("roomcheck: cannot write /dev/full") == 1
    assert [case.is_passed for case in done.reports.cases()] == [True]
    assert "1 conforms" in done.out


def test_a_full_disk_under_junit_costs_junit_alone(runs: Runs) -> None:
    """Exit 5 and one message; the stream has the result and the summary is shown."""
    done = runs["JUnit"].result()

    assert done.code == HARNESS, done.out + done.err
    assert done.err.count("roomcheck: cannot write /dev/full") == 1
    assert {r.outcome for r in done.reports.results.values()} == {Outcome.CONFORMS}
    assert "1 conforms" in done.out


def test_a_target_that_cannot_run_leaves_reports_that_say_so(runs: Runs) -> None:
    """Not the JUnit file of an earlier run, and not an empty one."""
    done = runs["server ends"].result()

    assert (done.reports.footer.exit_code, done.reports.footer.complete) == (NOTHING, False)
    assert ["ended early" in str(error.message) for error in done.reports.errors()] == [True]
