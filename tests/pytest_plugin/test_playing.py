"""What becomes of the cases: all at once, each with pytest's outcome that fits, and nothing left whatever happens."""

import itertools
import re
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.processes import PATIENCE
from support.pytests import SPEC, Ended, pytests, start
from support.runs import ADAPTER, SERVER, TRIES, patterns, run, until, write_target

TESTS = Path(__file__).parents[1]
HURT, HEALTHY = "kick", "login-alone"
MANY = "just-before-heartbeat or just-after-heartbeat or exactly-at-heartbeat"
COUNT = 6  # of them, 3 to 4 seconds each
NOTING = """
import os
import roomcheck.run.session as session
from roomcheck.model.verdict import Check, Outcome, Verdict
from roomcheck.run.clock import now
from roomcheck.run.session import Session

play = Session._case
sound = Verdict(Outcome.CONFORMS, (), (Check("ZX-LOGIN-1", "that it was played", Outcome.CONFORMS),))
def judging(*_):
    yield
    return sound
session.judging = judging  # a busy machine is not in doubt here

async def noted(self, case, *rest, **more):
    begin = now()
    try:
        return await play(self, case, *rest, **more)
    finally:
        with open(f"{os.getpid()}.played", "a") as file:
            print(case.id, begin, now(), file=file)

Session._case = noted
"""
KNOWN = """\
- case: {case}
  requirement: ZX-KICK-1
  seen: {seen}
  reason: The vendor is told
  owner: us
  expires: 2999-12-31
"""


def room_with(defect: str) -> dict[str, str]:
    """The programs of a room that has it."""
    return {name: f"{command[:-1]}, --defect, {defect}]" for name, command in PROGRAMS.items()}


PROGRAMS = {"adapter": ADAPTER, "server": SERVER}
DEFECTIVE = room_with("kick-wrong-code")


def ids(*cases: str) -> list[str]:
    return [f"{SPEC}::{case}" for case in cases]


def play(folder: Path, *words: str, adapter: str = ADAPTER, server: str = SERVER, more: str = "") -> Ended:
    """These words on a room that is the reference room but for what is said; again where this machine was too late."""
    path = write_target(folder, adapter=adapter, server=server, more=more)
    for _ in range(TRIES - 1):
        done = pytests([f"--room-target={path}", *words], folder)
        if "inconclusive after" not in done.out:
            return done
    return pytests([f"--room-target={path}", *words], folder)


def problems(done: Ended) -> Mapping[str, list[str]]:
    """Each test's name -> what is not as it should be, as JUnit calls it."""
    return {name: [type(r).__name__ for r in case.result] for name, case in done.cases.items()}


def explained(text: str, case: str) -> dict[str, str]:
    """The explanation of a case in a console's text, what differs from run to run left out: label -> rest."""
    lines = text[text.index(f"{SPEC}/{case}: violates") :].splitlines()
    labels = ("breaks", "source", "expected", "schedule", "spec")
    return {line.split()[0]: line for line in lines[1:15] if line.strip() and line.split()[0] in labels}


def test_a_violation_fails_with_the_consoles_explanation(tmp_path: Path) -> None:
    """The same lines as `roomcheck run`, which it names to repeat the case; what conforms passes."""
    done = play(tmp_path, *ids(HURT, HEALTHY), **DEFECTIVE)
    console = run(["run", "-q", "--target", "room.yaml", *patterns(HURT)], tmp_path)

    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert problems(done) == {HURT: ["Failure"], HEALTHY: []}
    assert explained(done.out, HURT) == explained(console.out, HURT)
    assert explained(done.out, HURT)["breaks"].split()[1] == "ZX-KICK-1"
    assert f"roomcheck run --target {tmp_path / 'room.yaml'} -k {HURT}" in done.out
    (failure,) = done.cases[HURT].result
    assert "ZX-KICK-1" in str(failure.text)


@pytest.fixture
def noting(pytester: pytest.Pytester) -> Path:
    """A project whose runs note when each case is played, in files `*.played`, and that has eight tests of its own."""
    pytester.makeconftest(NOTING)
    pytester.makepyfile(test_mine="import pytest\n\n@pytest.mark.parametrize('n', range(8))\ndef test_mine(n): pass\n")
    return pytester.path


def flights(folder: Path) -> list[tuple[int, int]]:
    """For each process that played cases: how many, and how many at once when they were most."""
    counted = []
    for file in folder.glob("*.played"):
        spans = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
        moves = sorted([(int(begin), 1) for _, begin, _ in spans] + [(int(end), -1) for _, _, end in spans])
        counted.append((len({case for case, _, _ in spans}), max(itertools.accumulate(move for _, move in moves))))
    return counted


def test_the_cases_are_played_side_by_side(noting: Path) -> None:
    """So that the run takes about as long as the longest: most are in flight at once, however slowly they start."""
    done = pytests(["--room-target", "reference", "-k", MANY], noting)

    ((count, at_once),) = flights(noting)
    assert (done.code, done.outcomes["passed"]) == (pytest.ExitCode.OK, COUNT), done.out
    assert count == COUNT
    assert at_once > count / 2


@pytest.mark.parametrize(
    "dist",
    ["load", pytest.param("worksteal", marks=pytest.mark.night), pytest.param("loadfile", marks=pytest.mark.night)],
)
def test_with_xdist_each_worker_plays_its_part_at_once(dist: str, noting: Path) -> None:
    """Every case in one worker, and the tests beside them, however these are handed out."""
    words = ["--room-target", "reference", "-k", f"test_mine or {MANY}", "-n", "2", "--dist", dist]
    done = pytests(words, noting)

    cases = {name for name in done.cases if not name.startswith("test_mine")}
    counted = flights(noting)
    assert (done.code, done.outcomes) == (pytest.ExitCode.OK, {"passed": COUNT + 8}), done.out
    assert sum(count for count, _ in counted) == len(cases) == COUNT
    assert all(at_once > count / 2 for count, at_once in counted)


@pytest.mark.night
def test_with_xdist_cases_that_are_named_are_played_at_once_too(noting: Path) -> None:
    """Each in one worker."""
    named = [f"{moment}-heartbeat-timeout/cut" for moment in ("just-before", "just-after", "exactly-at")]
    done = pytests(["--room-target", "reference", "-n", "2", "test_mine.py", *ids(*named)], noting)

    assert (done.code, done.outcomes) == (pytest.ExitCode.OK, {"passed": 3 + 8}), done.out
    assert sum(count for count, _ in flights(noting)) == 3


def test_a_first_failure_ends_the_run_and_is_what_failed_last(tmp_path: Path) -> None:
    """-x does not wait for the cases in flight, and --lf plays the failed one alone."""
    first = play(tmp_path, "-x", *ids(HEALTHY, "never-back/cut"), **room_with("logined-twice"))
    again = play(tmp_path, "--lf", **room_with("logined-twice"))

    assert problems(first) == problems(again) == {HEALTHY: ["Failure"]}


def test_doubt_is_an_error_and_never_green(pytester: pytest.Pytester) -> None:
    """An inconclusive case has no verdict: neither passed nor a failure of the room."""
    pytester.makeconftest(
        "import roomcheck.run.session as session\n"
        "from roomcheck.model.verdict import Finding, Outcome, Verdict\n"
        "doubt = Verdict(Outcome.INCONCLUSIVE, (Finding('ZX-LOGIN-2', 'A in R', 0, 'LOGINED', 'came late'),))\n"
        "def judging(*_):\n"
        "    yield\n"
        "    return doubt\n"
        "session.judging = judging\n"
        "import roomcheck.run.pace as pace\n"
        "pace.speeds = lambda fastest: (fastest, fastest / 2)\n"  # documented time takes three minutes
    )

    done = pytests(["--room-target", "reference", *ids(HEALTHY)], pytester.path)

    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert problems(done) == {HEALTHY: ["Error"]}
    assert re.search(
        rf"{SPEC}/{HEALTHY}: inconclusive after \d+ tr(y|ies), not counted as a pass \(machine\)", done.out
    )


def test_a_broken_adapter_is_an_error_of_its_case_only(tmp_path: Path) -> None:
    """With the adapter's own words; the others keep their verdicts."""
    adapter = f"['{{python}}', '{TESTS / 'end_to_end' / 'broken_adapter.py'}', crashes]"
    done = play(tmp_path, *ids("logout", HEALTHY), adapter=adapter)

    assert problems(done) == {"logout": ["Error"], HEALTHY: []}
    assert f"{SPEC}/logout: no verdict (adapter)" in done.out
    assert "segmentation fault in the SDK" in done.out


def test_a_room_that_does_not_start_is_told_once(tmp_path: Path) -> None:
    """Every case is an error; the first says why, the others point at it."""
    server = "['{python}', -c, 'raise SystemExit(\"no licence\")']"
    done = play(tmp_path, *ids(HURT, HEALTHY), server=server)

    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert problems(done) == {HURT: ["Error"], HEALTHY: ["Error"]}
    first, other = (str(done.cases[name].result[0].text) for name in (HEALTHY, HURT))
    assert first.count("no licence") == 2  # the command, and what it printed
    assert "no licence" not in other
    assert "the run could not start; the first error says why" in other


def test_a_listed_failure_is_expected_and_a_list_goes_stale(tmp_path: Path) -> None:
    """xfailed; failed where the case passes, and where an entry fits no case."""
    known = tmp_path / "known_failures.yaml"
    known.write_text(KNOWN.format(case=HURT, seen="errorCode"), encoding="utf-8")
    expected = play(tmp_path, *ids(HURT), **DEFECTIVE)
    known.write_text(KNOWN.format(case=HEALTHY, seen="never") + KNOWN.format(case="kcik", seen="x"), encoding="utf-8")
    stale = play(tmp_path, *ids(HEALTHY, "known_failures.yaml:7"))

    assert expected.outcomes == {"xfailed": 1}, expected.out
    assert expected.code == pytest.ExitCode.OK
    assert problems(stale) == {HEALTHY: ["Failure"], "known_failures.yaml:7": ["Failure"]}
    assert f"{HEALTHY} passed, although {HEALTHY} is a known failure: remove the entry" in stale.out
    assert f"{SPEC} has no case 'kcik': mend or remove the entry" in stale.out


def test_a_known_failure_that_passes_is_played_three_times(noting: Path) -> None:
    """At least, as on the command line: what it breaks may be a race, and what is in doubt is played again too."""
    (noting / "known_failures.yaml").write_text(KNOWN.format(case=HEALTHY, seen="never"), encoding="utf-8")

    done = play(noting, *ids(HEALTHY, HURT))

    assert problems(done) == {HEALTHY: ["Failure"], HURT: []}
    played = Counter(line.split()[0] for line in next(noting.glob("*.played")).read_text().splitlines())
    assert played[HEALTHY] >= 3
    assert played[HURT] >= 1


def test_a_run_that_checked_nothing_is_no_success(tmp_path: Path) -> None:
    """All cases that were chosen cannot be asked of this room."""
    done = play(tmp_path, "-k", "never-back", more="faults: [latency]\n")

    assert set(done.outcomes) - {"deselected"} == {"skipped"}
    assert done.code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "nothing was checked: all" in done.out
    assert "the target does not take the fault" in str(next(iter(done.cases.values())).result[0].message)


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while cases are in flight: exit 2, no process left."""
    with start(["--room-target", "reference", *ids(HEALTHY, "never-back/cut")], tmp_path) as running:
        running.until_calls()
        running.signal(signal.SIGINT)
        out, _ = running.process.communicate(timeout=PATIENCE)
        assert not running.left()

    assert running.process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in out
    assert "INTERNALERROR" not in out


def test_a_killed_run_takes_everything_with_it(tmp_path: Path) -> None:
    """After kill -9 of pytest its adapter, its server and its Toxiproxy are gone."""
    with start(["--room-target", "reference", *ids("never-back/cut")], tmp_path) as running:
        running.until_calls()
        programs = until(lambda: " ".join(" ".join(p.cmdline()) for p in running.processes()))
        running.process.kill()
        running.process.wait()
        assert not running.left()

    assert all(name in programs for name in ("reference.adapter", "reference.server", "toxiproxy-server"))
