"""What Dask's workers are given and give back, on real ones."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generate.contracts import CONTRACTS, drawn
from roomcheck.cli import fuzz as command
from roomcheck.cli import main
from roomcheck.cli.hunt import hunted
from roomcheck.cluster import workers as module
from roomcheck.cluster.player import Simulated
from roomcheck.cluster.workers import Killed, Workers, started
from roomcheck.errors import HarnessError, UsageError
from roomcheck.judge.coverage import Coverage, met
from roomcheck.model.verdict import CaseResult
from roomcheck.prove import Proof
from roomcheck.reference import defects
from roomcheck.reference.defects import DEFECTS
from roomcheck.report.matrix import Ending
from roomcheck.report.traces import TraceFolder
from roomcheck.run import fuzz as search
from roomcheck.run.choosing import draw
from roomcheck.simulate import Virtual
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec
from roomcheck.spec.schedule_file import case_of
from roomcheck.spread import Spread, here
from support.processes import children
from support.work import DEADLY, divided, halved

ZEGO = CONTRACTS["zego-100"]
DEFECT = "never-reconnected"
WORDS = ("fuzz", "--simulate", "-q", "--defect", DEFECT, "--schedules", "8")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Two; what kills one is tried on no other."""
    before = children()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "AGAIN", 0)
        with started(2) as both:
            yield both
    left = [process for process in children() if process not in before and process.is_running()]
    assert [" ".join(process.cmdline()) for process in left if "tracker" not in " ".join(process.cmdline())] == []


def test_results_come_in_the_order_of_the_items(workers: Workers) -> None:
    """However the batches are cut, and whoever does them; what is shared is there for each."""
    assert list(workers(halved, 7, range(500))) == [(7, n // 2) for n in range(500)]
    assert list(workers(halved, 8, iter(range(50)))) == [(8, n // 2) for n in range(50)]


def test_an_error_of_the_work_is_raised_here(workers: Workers) -> None:
    """As if it had been done here."""
    with pytest.raises(ZeroDivisionError):
        list(workers(divided, 1, [1, 2, 0, 3]))


def test_a_worker_of_another_version_that_comes_later_does_nothing(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which one it has, and which one is wanted."""
    monkeypatch.setattr(module, "version_here", lambda: "roomcheck 9.9")
    with pytest.raises(UsageError, match=r"has roomcheck 0.* on Python 3.* with Dask 2.*, here is roomcheck 9.9"):
        list(workers(halved, 999, range(3)))


def test_what_is_chosen_does_not_hang_on_who_draws(workers: Workers) -> None:
    """The same schedules in the same order, and the same is expected of them."""
    alone: Counter[object] = Counter()
    spread: Counter[object] = Counter()

    assert draw(ZEGO, 5, 8, alone) == draw(ZEGO, 5, 8, spread, spread=workers)
    assert alone == spread


class Heard:
    """What a player told of results and coverage."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.coverage = Coverage(contract)
        self.results: list[dict[str, Any]] = []

    def result(self, result: CaseResult) -> None:
        fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
        self.results.append({**fields, "seconds": 0, "trace_file": Path(result.trace_file).name})


def test_workers_play_as_one_process_does(workers: Workers, tmp_path: Path) -> None:
    """Results in the cases' order, what traces met, and which traces are kept with what in them."""
    cases = [case_of(f"random/{i}", schedule) for i, (schedule, _) in enumerate(draw(ZEGO, 20, 30, None))]
    here, there = Heard(ZEGO), Heard(ZEGO)
    folders = [TraceFolder(tmp_path / name, every=False) for name in ("here", "there")]
    for folder in folders:
        folder.folder.mkdir()
    room = defects.client(DEFECT), defects.server(DEFECT)
    alone = Virtual(ZEGO, *room, keep=folders[0].keep, on_case=here.result)
    alone.on_trace = lambda _case, trace, verdict: here.coverage.add(met(ZEGO, trace), verdict)
    virtual = Virtual(ZEGO, *room, keep=folders[1].keep)
    spread = Simulated(virtual, workers, lambda: False, there.coverage.add, there.result)

    for player in (alone, spread):
        asyncio.run(player.play(cases, over=lambda case: case.id == "random/3"))

    assert here.results == there.results
    assert 0 < len({result["outcome"] for result in there.results}) < len(there.results) == len(cases) - 1
    for what in ("triples", "rules", "requirements"):
        assert getattr(here.coverage, what) == getattr(there.coverage, what)
    kept = [{path.name: path.read_text() for path in folder.folder.iterdir()} for folder in folders]
    assert kept[0] == kept[1] != {}


def test_a_search_finds_the_same_and_calls_it_the_same(
    workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line of the stream but times of day and of the clock."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(search, "SHRINK_ROUNDS", 1)
    streams = []
    for words in ([], ["--workers", "2"]):
        with monkeypatch.context() as patch:
            if words:
                patch.setattr(command, "spreading", lambda number, _address, **_jobs: nullcontext({2: workers}[number]))
            with pytest.raises(SystemExit) as e:
                main([*WORDS, *words, "--database", f"db{len(words)}"])
        assert e.value.code == 1
        lines = (tmp_path / "roomcheck-report" / "run.ndjson").read_text(encoding="utf-8").splitlines()
        streams.append([json.loads(line) | {"seconds": 0, "started": ""} for line in lines])
    assert streams[0] == streams[1]


def proven(spread: Spread) -> tuple[object, ...]:
    """All that a proof tells of a small contract."""
    text = (Path(__file__).parents[1] / "prove" / "contract.yaml").read_text(encoding="utf-8")
    proof = Proof(load_spec(text, "contract.yaml").bind(), spread)
    results = [*proof.scenarios(), *proof.chance(3, lambda played: played == 9)]
    played = list(proof.broken())
    results += proof.requirements()
    looked = proof.looked
    return (
        [replace(result, seconds=0) for result in results], played, proof.matrix, proof.schedules, looked.plays,
        looked.cases, looked.passed, looked.kept, looked.news, looked.otherwise, looked.stricter,
    )  # fmt: skip


def test_a_proof_does_not_hang_on_who_plays(workers: Workers) -> None:
    """The same results in the same order, and the same broken rooms are caught in the same cases."""
    assert proven(workers) == proven(here)


def test_defects_are_caught_in_the_same_cases(workers: Workers) -> None:
    """Also what the conforming room is played through, and which schedules show each."""
    chosen = [DEFECTS[name] for name in (DEFECT, "logined-twice")]
    cases = [case_of(f"random/{i}", schedule) for i, schedule in enumerate(drawn("zego-100", 20))]

    alone, spread = (list(hunted(ZEGO, chosen, cases, who)) for who in (here, workers))

    assert alone == spread
    assert [quarry.row.ending for quarry in alone] == [Ending.CLEAN, Ending.CAUGHT, Ending.CAUGHT]


def test_what_kills_workers_takes_no_other_along(workers: Workers) -> None:
    """It is named, all others have their results, and other workers are there afterwards."""
    items = [*range(5), DEADLY, *range(20)]
    results = []
    batches = workers.batches(halved, 7, items)
    while (batch := batches.take()) is not None:
        results += batch

    assert results == [Killed(n, 1) if n == DEADLY else (7, n // 2) for n in items]
    with pytest.raises(HarnessError, match=r"1 workers died while they did this alone: -1"):
        list(workers(halved, 9, [DEADLY]))
    assert list(workers(halved, 9, [4])) == [(9, 2)]
