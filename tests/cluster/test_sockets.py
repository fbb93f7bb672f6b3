"""Cases on real sockets, played by workers with a session each; and what becomes of what ends workers."""

import asyncio
import contextlib
import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import KilledWorker

from generate.contracts import CONTRACTS, drawn
from roomcheck.cli.files import REFERENCE
from roomcheck.cli.targets import open_target
from roomcheck.cluster import on_sockets
from roomcheck.cluster.desk import Desk, Held, Order, content_of
from roomcheck.cluster.player import Played
from roomcheck.cluster.sockets import ALONE, Sockets
from roomcheck.cluster.workers import Workers
from roomcheck.errors import UsageError
from roomcheck.faults import Provisioned
from roomcheck.judge.result import result_of
from roomcheck.model.verdict import Blame, CaseResult
from roomcheck.report.traces import TraceFolder
from roomcheck.run.install import provide
from roomcheck.run.session import Plan, Session
from roomcheck.simulate import Virtual
from roomcheck.spec.schedule_file import case_of
from roomcheck.spread import here
from support.runs import Running, run, sure

ZEGO = CONTRACTS["zego-100"]
CASES = [case_of(f"random/{i}", schedule) for i, schedule in enumerate(drawn("zego-100", 12))]
DEADLY, UNLUCKY = "random/3", "random/7"  # ends its workers; was twice where one ended
LASTS = 0.1  # seconds that any other takes, so that something is under way when those have ended
SEARCH = ["fuzz", "-q", "--unpicked", "--workers", "2", "--database", "db"]
WORKER = "spawn_main"  # in a worker's command line


def plan(folder: Path) -> Plan:
    return Plan(
        ZEGO, (), provide(open_target(REFERENCE)), Provisioned(None, "http://none", "", ""), TraceFolder(folder)
    )


@dataclass
class Future:
    """What becomes of an order, in virtual time."""

    outcome: Callable[[], Played]

    def result(self) -> Played:
        return self.outcome()

    def cancel(self, **_: object) -> None:
        """Too late."""


@dataclass
class Client:
    """A Dask client whose workers die of some cases; `sent` counts how often each was sent."""

    sent: Counter[str] = field(default_factory=Counter)
    beside: list[str] = field(default_factory=list)  # what was under way when one was sent for the second time
    flying: set[str] = field(default_factory=set)

    def submit(self, _work: object, _name: str, order: Order, **_: object) -> Future:
        case = order.case
        self.sent[case.id] += 1
        if self.sent[case.id] > 1:
            self.beside += self.flying
        self.flying.add(case.id)

        def outcome() -> Played:
            if case.id not in {DEADLY, UNLUCKY}:
                threading.Event().wait(LASTS)
            self.flying.discard(case.id)
            if case.id == DEADLY or (case.id == UNLUCKY and self.sent[case.id] == 1):
                raise KilledWorker(case.id, None, 1)
            return Played(Virtual(ZEGO).one(case), frozenset(), None)

        return Future(outcome)


def test_what_ends_workers_is_played_alone_and_named(tmp_path: Path) -> None:
    """Each case has one final result; one that was only there when a worker died has the room's."""
    client = Client()
    workers = Workers(client, 2, 4)
    heard: list[CaseResult] = []
    player = Sockets(plan(tmp_path), workers, on_case=heard.append)

    results = asyncio.run(player.play(CASES, over=lambda case: case.id == "random/5"))

    assert results == heard
    ends = {result.case.removeprefix(f"{ZEGO.spec}/"): result for result in results}
    assert sorted(ends) == sorted(case.id for case in CASES if case.id != "random/5")
    assert len(results) == len(ends)
    assert ends.pop(DEADLY).message == f"{2 * ALONE} workers died while they played this alone"
    assert {result.blame for result in ends.values()} == {None}
    assert (client.sent.pop(DEADLY), client.sent.pop(UNLUCKY), {*client.sent.values()}) == (1 + ALONE, 2, {1})
    assert client.beside == []


def test_what_was_in_doubt_or_broken_is_sent_again(tmp_path: Path) -> None:
    """With what its traces met told before its result, all of them."""

    class Broken(Client):
        def submit(self, _work: object, _name: str, order: Order, **_: object) -> Future:
            self.sent[order.case.id] += 1
            done = Virtual(ZEGO).one(order.case)
            if order.attempt == 1:
                done = result_of(ZEGO, order.case, None, failure=(Blame.ADAPTER, "it died"))
            return Future(lambda: Played(done, frozenset(), None))

    told: list[Any] = []
    workers = Workers(Broken(), 2, 4)
    player = Sockets(
        plan(tmp_path), workers, on_case=told.append, on_met=lambda triples, _verdict: told.append(triples)
    )

    (result,) = asyncio.run(player.play(CASES[:1]))

    assert told == [frozenset(), result]
    assert result.blame is None
    assert workers.client.sent == {CASES[0].id: 2}


def test_one_process_plays_as_ever(tmp_path: Path) -> None:
    """And an adapter that dials in by itself can only be that one's."""
    assert isinstance(on_sockets(plan(tmp_path), here), Session)


def test_a_worker_with_another_content_of_the_target_is_refused(tmp_path: Path) -> None:
    """In one line that names both; what was installed or written there does not count."""
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder in (mine, theirs):
        (folder / "node_modules").mkdir(parents=True)
        (folder / "target.yaml").write_text("target: x\n", encoding="utf-8")
        (folder / "node_modules" / "x").write_text(folder.name, encoding="utf-8")
    assert content_of(mine) == content_of(theirs)
    (theirs / "target.yaml").write_text("target: y\n", encoding="utf-8")
    assert content_of(mine) != content_of(theirs)

    ours = plan(tmp_path)
    desk = Desk(Plan(ZEGO, (), ours.target, ours.toxiproxy, Held(tmp_path)))
    desk.content = "other"

    class Worker:
        address = "tcp://there"

    async def opened() -> None:
        desk.setup(Worker())
        await desk.opened()

    with pytest.raises(
        UsageError, match=r"^the worker at tcp://there, in .*, has reference with .*, here is .* other:"
    ):
        asyncio.run(opened())


def test_a_run_on_workers(tmp_path: Path) -> None:
    """Its stream, its traces and its exit code are those of one process."""
    words = [
        "run",
        "-q",
        "-k",
        "blink",
        "-k",
        "back-after",
        "-k",
        "[k]ick",
        "--scale",
        "50",
        "--defect",
        "never-reconnected",
    ]
    streams = []
    for more in ([], ["--workers", "2"]):
        done = sure(partial(run, [*words, *more], tmp_path))
        assert done.code == 1, done.out + done.err
        streams.append(
            {case: (r.outcome, r.repeat, Path(r.trace_file).name) for case, r in done.reports.results.items()}
        )
        assert all(Path(tmp_path, r.trace_file).is_file() for r in done.reports.results.values())
    assert streams[0] == streams[1]


def workers_of(running: Running) -> list[psutil.Process]:
    found = []
    for process in running.processes():
        with contextlib.suppress(psutil.Error):
            if WORKER in " ".join(process.cmdline()):
                found.append(process)
    return found


def ports_of(running: Running) -> set[int]:
    """Where its processes listen."""
    ports: set[int] = set()
    for process in running.processes():
        with contextlib.suppress(psutil.Error):
            ports |= listening(process.net_connections("tcp"))
    return ports


def listening(connections: Sequence[Any]) -> set[int]:
    return {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.night)])
def test_what_a_lost_worker_played_is_played_by_another(tmp_path: Path, how: signal.Signals) -> None:
    """Each schedule has one final result, a line says what happened, and its programs died with it."""
    with Running.start([*SEARCH, "--schedules", "30"], tmp_path) as running:
        running.until_results(1)
        worker = workers_of(running)[0]
        kin = worker.children(recursive=True)
        worker.send_signal(how)
        done = running.end()
        assert not running.left()

    assert kin
    assert not [process for process in kin if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert done.code in (0, 2), done.out + done.err
    header, results, footer = done.reports.stream()
    assert len({result.case for result in results}) == len(results) == max(header.cases, 30)
    assert footer is not None
    assert footer.complete
    assert "1 of 2 workers died or stood still" in done.err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_search_that_is_ended(tmp_path: Path, how: signal.Signals) -> None:
    """No process and no port, also where the search itself is killed."""
    with Running.start([*SEARCH, "--schedules", "500"], tmp_path) as running:
        running.until_results(1)
        ports = ports_of(running)
        assert len(ports) > len(workers_of(running)) == 2
        if how is signal.SIGINT:
            running.signal(how)  # as a terminal does it: to all
        else:
            psutil.Process(running.process.pid).send_signal(how)
        if how is not signal.SIGKILL:
            done = running.end()
            assert done.code == 130
            assert "Traceback" not in done.err
        assert not running.left()
        lines = running.reports.ndjson.read_text(encoding="utf-8").splitlines()
    assert how is signal.SIGKILL or json.loads(lines[-1])["record"] == "end"
    assert not ports & listening(psutil.net_connections("tcp"))
