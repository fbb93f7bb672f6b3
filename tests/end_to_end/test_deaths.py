"""What dies in the middle of a run is seen by the members as an outage; it is never the room's fault."""

import signal
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from roomcheck.model.verdict import Outcome
from roomcheck.report.exitcode import ADAPTER, AS_EXPECTED, NOTHING
from support.runs import Done, Running, exactly, patterns, sure, write_target

EARLY = "login-alone"
CASES = (EARLY, "logout", "kick-while-cut-off/cut", "several-outages/cut")

Runs = Mapping[str, Future[Done]]


def toxiproxy_gets(number: signal.Signals, folder: Path) -> Done:
    """A run whose Toxiproxy gets a signal while members are connected through it."""
    with Running.start(["run", *patterns(*CASES)], folder) as running:
        running.until_calls()
        victim = running.the("toxiproxy-server")
        victim.send_signal(number)
        done = running.end()
        assert not running.left()
    return done


def part_gets(part: str, number: signal.Signals, folder: Path) -> Done:
    """A run whose server or adapter gets a signal when the first case is done and others are being played."""
    with Running.start(["run", *patterns(*CASES)], folder) as running:
        running.until_results(1)
        running.the(f"reference.{part}").send_signal(number)
        done = running.end()
        assert not running.left()
    return done


def server_ends_by_itself(folder: Path) -> Done:
    """A run whose server has a few last words and ends, once members are connected."""
    go = folder / "go"
    go.unlink(missing_ok=True)
    script = folder / "server.py"
    script.write_text(
        "import asyncio, pathlib, sys\n"
        "from roomcheck.reference.server_machine import ServerMachine\n"
        "from roomcheck.reference.server import serve\n"
        "async def main():\n"
        "    room = asyncio.create_task(serve('127.0.0.1', int(sys.argv[1]), None))\n"
        f"    while not pathlib.Path({str(go)!r}).exists():\n"
        "        await asyncio.sleep(0.01)\n"
        "    print('out of licences')\n"
        "    sys.exit(7)\n"
        "asyncio.run(main())\n",
        encoding="utf-8",
    )
    target = write_target(folder, server=f"['{{python}}', '{script}', '{{room}}']")
    with Running.start(["run", "--target", str(target), "-k", exactly("several-outages/cut")], folder) as running:
        running.until_calls()
        go.touch()
        done = running.end()
        assert not running.left()
    return done


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> Runs:
    """Each death in a run of its own."""

    def start(play: Callable[[Path], Done], name: str) -> Future[Done]:
        folder = tmp_path_factory.mktemp(name)
        return pool.submit(sure, lambda: play(folder))

    return {
        "stopped": start(partial(toxiproxy_gets, signal.SIGSTOP), "stopped"),
        "killed": start(partial(toxiproxy_gets, signal.SIGKILL), "killed"),
        "server killed": start(partial(part_gets, "server", signal.SIGKILL), "server-killed"),
        "server stopped": start(partial(part_gets, "server", signal.SIGSTOP), "server-stopped"),
        "adapter killed": start(partial(part_gets, "adapter", signal.SIGKILL), "adapter-killed"),
        "ends": start(server_ends_by_itself, "ends"),
    }


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_toxiproxy_that_dies_or_hangs_is_replaced_and_its_cases_run_again(how: str, runs: Runs) -> None:
    """Every case conforms in the end, those that were under way at a later attempt; the run exits 0."""
    done = runs[how].result()

    assert done.code == AS_EXPECTED, done.out + done.err
    assert {name: r.outcome for name, r in done.reports.results.items()} == dict.fromkeys(CASES, Outcome.CONFORMS)
    assert any(r.attempts > 1 for r in done.reports.results.values())


@pytest.mark.parametrize(("how", "said"), [("killed", "ended with status -9"), ("stopped", "was stopped by a signal")])
def test_a_server_that_dies_or_stands_still_is_started_again_and_named(how: str, said: str, runs: Runs) -> None:
    """Every case has its verdict in the end; the run exits 4, since a room that dies is not as expected."""
    done = runs[f"server {how}"].result()

    assert done.code == NOTHING, done.out + done.err
    assert {name: r.outcome for name, r in done.reports.results.items()} == dict.fromkeys(CASES, Outcome.CONFORMS)
    assert done.reports.results[EARLY].attempts == 1
    assert any(r.attempts > 1 for r in done.reports.results.values())
    [line] = [line for line in done.err.splitlines() if "the server of reference" in line]
    assert said in line
    assert done.reports.footer.complete


def test_an_adapter_that_dies_is_started_again_and_told_of_in_every_report(runs: Runs) -> None:
    """Every case has its verdict in the end; the run exits 3, since what crashed is mostly the SDK under test."""
    done = runs["adapter killed"].result()

    assert done.code == ADAPTER, done.out + done.err
    assert {name: r.outcome for name, r in done.reports.results.items()} == dict.fromkeys(CASES, Outcome.CONFORMS)
    [line] = done.reports.footer.died
    assert "the adapter died" in line
    assert "SIGKILL" in line
    for report in ("report.html", "junit.xml"):
        assert "the adapter died" in (done.reports.folder / report).read_text(encoding="utf-8")


def test_the_last_words_of_a_server_that_ended_are_shown(runs: Runs) -> None:
    """With its exit status, in the case and on the screen, in one line."""
    done = runs["ends"].result()

    assert done.code == NOTHING, done.out + done.err
    message = done.reports.results["several-outages/cut"].message
    assert "ended with status 7" in message
    assert "out of licences" in message
    assert "out of licences" in done.out
