"""A secret that a room's programs were given stands in nothing that a run or a search writes or prints."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from roomcheck.model.verdict import Outcome
from roomcheck.report.exitcode import ADAPTER, INCONCLUSIVE, NOTHING, VIOLATION
from support.runs import Done, patterns, run, write_target

LEAKY = Path(__file__).with_name("leaky.py")
SECRET = "kQ7-planted-Zx9/secret"
OPEN, SAFE = "ROOM_COLOUR", "ROOM_TOKEN"  # a name that says nothing, and one that says it
CASES = ("login-alone", "back-before-heartbeat-timeout/cut")
# many of these show it, so that one is found on a busy machine too, and no pinned one, of which nothing is remembered
SEARCH = ("fuzz", "--defect", "login-failed-wrong-code", "--schedules", "8", "--seed", "3")
ONCE = (
    "--scale",
    "100",
)  # what this machine was too late to decide is not played again more slowly: nothing is claimed of it
SHORT = (
    "import roomcheck.run.fuzz as f; f.SHRINK_ROUNDS, f.SURE = 1, 4; "  # what is found is written, however long it is
)
PLAY = ("run", "--defect", "never-reconnected", *patterns(*CASES))
FEW = ("run", "--defect", "never-reconnected", *patterns("login-alone", "logout"))


def play(folder: Path, words: tuple[str, ...], name: str, more: str = "", server: str = "server") -> Done:
    """On a room that has the secret from a variable of this name, and where that is safe from its command line too."""
    adapter = "talker" if words[0] == "fuzz" else "adapter"
    token, password = (f", --token, '{SECRET}'", f", '--password={SECRET}'") if name == SAFE else ("", "")
    target = write_target(
        folder,
        adapter=f"['{{python}}', '{LEAKY}', {adapter}{token}]",
        server=f"['{{python}}', '{LEAKY}', {server}, '{{room}}'{password}]",
        more=more,
    )
    before = SHORT if words[0] == "fuzz" else ""
    return run([*words, *ONCE, "--target", str(target)], folder, {"LEAKY_FROM": name, name: SECRET}, before)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> dict[str, Future[Done]]:
    """Runs and searches that know the secret, and one that does not know that it is one."""

    def start(*words: str, name: str = SAFE, more: str = "", server: str = "server") -> Future[Done]:
        folder = tmp_path_factory.mktemp(words[0])
        return pool.submit(play, folder, words, name, more, server)

    return {
        "run": start(*PLAY),
        "fuzz": start(*SEARCH),
        "listed": start(*FEW, name=OPEN, more=f"secrets: [{OPEN}]\n"),
        "start": start(*FEW, server="nothing"),
        "unknown": start(*FEW, name=OPEN),
    }


def holding(done: Done) -> Iterator[str]:
    """Where the secret stands, or a good part of it: names of files, and `screen`. The target's own file is not asked."""
    part = SECRET[2:14]
    if part in done.out + done.err:
        yield "screen"
    folder = done.reports.folder.parent
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / "room.yaml" and part.encode() in path.read_bytes():
            yield path.relative_to(folder).as_posix()


@pytest.mark.parametrize("how", ["run", "fuzz", "listed", "start"])
def test_a_secret_is_nowhere(how: str, done: dict[str, Future[Done]]) -> None:
    """Not in what was judged, not in what was blamed, not in what did not even start."""
    one = done[how].result()

    assert list(holding(one)) == []
    # a machine that is too busy to prove the violation has still seen the adapter fail, or has its doubts
    expected = (NOTHING,) if how == "start" else (VIOLATION, ADAPTER, INCONCLUSIVE)
    assert one.code in expected, one.out + one.err
    name = OPEN if how == "listed" else SAFE
    assert f"[hidden: {name}]" in one.out + one.err


def test_a_search_wrote_what_it_found(done: dict[str, Future[Done]]) -> None:
    """So the schedules' files and the database were looked at too."""
    one = done["fuzz"].result()
    folder = one.reports.folder

    assert list((folder / "schedules").iterdir()), one.out
    assert list((folder.parent / ".roomcheck").iterdir())


def test_what_nobody_calls_a_secret_is_shown(done: dict[str, Future[Done]]) -> None:
    """The same room, and a variable whose name says nothing: it is in everything, so the tests above look at something."""
    shown = set(holding(done["unknown"].result()))

    assert {"screen", *(f"roomcheck-report/{name}" for name in ("run.ndjson", "junit.xml", "report.html"))} <= shown
    assert any(name.startswith("roomcheck-report/traces/") for name in shown)


def test_the_verdict_is_the_same_from_the_cleaned_trace(done: dict[str, Future[Done]]) -> None:
    """A trace is cleaned before it is judged."""
    one = done["run"].result()
    result = one.reports.results["back-before-heartbeat-timeout/cut"]
    again = run(["judge", "zego-express/room-status", result.trace_file], one.reports.folder.parent)

    assert (
        again.code
        == {Outcome.VIOLATES: VIOLATION, Outcome.INCONCLUSIVE: INCONCLUSIVE}[result.outcome or Outcome.CONFORMS]
    )
    assert "[hidden:" in (one.reports.folder.parent / result.trace_file).read_text(encoding="utf-8")


def test_the_environment_of_the_tests_holds_no_such_secret() -> None:
    """Else the control above would be no control."""
    assert SECRET not in os.environ.values()
