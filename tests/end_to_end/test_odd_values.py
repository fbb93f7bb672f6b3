"""Whatever value stands in whatever field: the room or the adapter is blamed for it, and every file can be read."""

import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from roomcheck.model.verdict import Blame, Outcome
from roomcheck.report.exitcode import ADAPTER, AS_EXPECTED, VIOLATION
from support.runs import Done, exactly, run, sure, write_target

CASE = "login-alone"
WRONG = (VIOLATION, Outcome.VIOLATES, Blame.ROOM)
ODD = {
    "room is a list": WRONG,
    "room is none": WRONG,
    "reason is a list": WRONG,
    "reason is no number": (ADAPTER, None, Blame.ADAPTER),  # the kit writes no NaN
    "code is a boolean": WRONG,
    "time is huge": (ADAPTER, None, Blame.ADAPTER),
    "unprintable": (AS_EXPECTED, Outcome.CONFORMS, None),
}
Runs = Mapping[str, Future[Done]]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> Runs:
    """One case with each."""

    def start(name: str) -> Future[Done]:
        folder = tmp_path_factory.mktemp("odd")
        odd = Path(__file__).with_name("odd_adapter.py")
        target = write_target(folder, adapter=f'["{{python}}", "{odd}", "{name}"]')
        return pool.submit(sure, lambda: run(["run", "--target", str(target), "-k", exactly(CASE)], folder))

    return {name: start(name) for name in ODD}


@pytest.mark.parametrize("name", ODD)
def test_whoever_is_at_fault_is_blamed(name: str, runs: Runs) -> None:
    """The room for what a member was told, the adapter for how it was told it; what harms nobody is no fault."""
    done = runs[name].result()

    result = done.reports.results[CASE]
    assert (done.code, result.outcome, result.blame) == ODD[name], done.out + done.err


def no_number(text: str) -> Any:
    raise ValueError(text)


@pytest.mark.parametrize("name", ODD)
def test_every_file_is_read_by_everybody(name: str, runs: Runs) -> None:
    """JSON has no NaN, UTF-8 no lone surrogate, and other readers no numbers of a thousand digits."""
    done = runs[name].result()

    for file in (done.reports.ndjson, *done.reports.traces):
        for line in file.read_text(encoding="utf-8").splitlines():
            found = json.loads(line, parse_constant=no_number)
            json.dumps(found, ensure_ascii=False).encode()
    assert done.reports.cases()
