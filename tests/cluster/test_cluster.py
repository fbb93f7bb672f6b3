"""A search on the workers of a Dask scheduler that somebody else has started: `dask scheduler`, `dask worker`."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import PATIENCE
from support.runs import Running, run, until

pytestmark = pytest.mark.night

SEARCH = ["fuzz", "--simulate", "-q", "--database", "db"]


@contextlib.contextmanager
def program(folder: Path, *words: str, path: str = "") -> Iterator[subprocess.Popen[str]]:
    """`dask WORDS`, until it is left."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (path, os.environ.get("PYTHONPATH"))))}
    with subprocess.Popen([sys.executable, "-m", "dask", *words], cwd=folder, env=env, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextlib.contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Its address."""
    file = folder / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    with program(folder, "scheduler", *words, "--scheduler-file", str(file)) as process:
        until(file.exists)
        yield json.loads(file.read_text())["address"], process


def worker(folder: Path, address: str, path: str = "") -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    return program(folder, "worker", address, "--nthreads", "1", "--nworkers", "2", "--no-dashboard", path=path)


def test_a_search_on_workers_elsewhere(tmp_path: Path) -> None:
    """The same findings as here; without a scheduler, and without a worker, it is exit 4 and one line."""
    words = [*SEARCH, "--defect", "never-reconnected", "--schedules", "10"]
    alone, there = tmp_path / "alone", tmp_path / "there"
    for folder in (alone, there):
        folder.mkdir()
    with scheduler(tmp_path) as (address, _):
        early = run([*words, "--cluster", address], there)
        with worker(tmp_path, address):
            until(lambda: run([*words, "--cluster", address], there).code == 1)
            assert run(words, alone).code == 1
    late = run([*words, "--cluster", address], there)

    streams = [[json.loads(line) | {"seconds": 0, "started": ""} for line in (folder / "roomcheck-report" / "run.ndjson")
                .read_text(encoding="utf-8").splitlines()] for folder in (alone, there)]  # fmt: skip
    assert streams[0] == streams[1]
    assert (early.code, late.code) == (4, 4)
    assert "has no worker" in early.err
    assert "no Dask scheduler answers" in late.err
    assert late.err.count("\n") == early.err.count("\n") == 1


def test_a_worker_of_another_version_is_refused(tmp_path: Path) -> None:
    """One line that names both; exit 4."""
    other = tmp_path / "other" / "roomcheck-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: roomcheck\nVersion: 9.9\n", encoding="utf-8")
    with scheduler(tmp_path) as (address, _), worker(tmp_path, address, str(other.parent)):
        done = None

        def refused() -> bool:
            nonlocal done
            done = run([*SEARCH, "--schedules", "10", "--cluster", address], tmp_path)
            return "has no worker" not in done.err

        until(refused)
    assert done is not None
    assert done.code == 4
    assert done.err.count("\n") == 1
    assert "roomcheck 9.9 on Python" in done.err
    assert "here is roomcheck 0." in done.err
    assert done.err.count(" with Dask ") == 2


def test_where_the_scheduler_is_lost_what_was_done_is_reported(tmp_path: Path) -> None:
    """Exit 5 and one line; the stream ends, and is not complete."""
    with scheduler(tmp_path) as (address, process), worker(tmp_path, address):
        until(lambda: run([*SEARCH, "--schedules", "1", "--unpicked", "--cluster", address], tmp_path).code == 0)
        with Running.start(
            [*SEARCH, "--schedules", "5000", "--cluster", address, "--report-dir", "."], tmp_path
        ) as running:
            stream = tmp_path / "run.ndjson"
            until(lambda: stream.exists() and b'{"record": "case"' in stream.read_bytes())
            process.kill()
            done = running.end()
            assert not running.left()

    *_, footer = map(json.loads, (tmp_path / "run.ndjson").read_text(encoding="utf-8").splitlines())
    assert done.code == 5, done.out + done.err
    assert (footer["exit_code"], footer["complete"]) == (5, False)
    assert "Dask's scheduler is lost" in done.err
    assert "Traceback" not in done.err
