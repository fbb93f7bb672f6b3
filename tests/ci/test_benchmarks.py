"""`ci/bench --against REV`: the same benchmarks at two commits."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import PATIENCE

SCRIPT = Path(__file__).parents[2] / "ci" / "benchmarks.py"
BENCH = """
import roomcheck
print("speed of case-1: {speed} records/s, 3 rounds")
print(roomcheck.NAME, "is the package")
"""


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, timeout=PATIENCE)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two commits: the second is half as fast, and has one benchmark more."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    (tmp_path / "ci").mkdir()
    (tmp_path / "harness" / "roomcheck").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "ci" / "benchmarks.py")
    git(tmp_path, "init", "--quiet")
    for name, speed in (("old", "1,200"), ("new", "600")):
        (tmp_path / "ci" / "bench_one.py").write_text(BENCH.format(speed=speed), encoding="utf-8")
        (tmp_path / "harness" / "roomcheck" / "__init__.py").write_text(f"NAME = '{name}'\n", encoding="utf-8")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "--quiet", "-m", name)
    (tmp_path / "ci" / "bench_two.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    return tmp_path


def bench(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "ci/benchmarks.py", *words]
    return subprocess.run(program, cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_each_commit_is_measured_with_its_own_package(project: Path) -> None:
    """Numbers of a line that both print are shown side by side, with how many times as large they are here."""
    done = bench(project, "--against", "HEAD~1", "--rounds", "2", "one")

    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line]
    assert done.returncode == 0, done.stderr
    assert lines[0] == ["==", "bench_one.py"]
    assert lines[1:4] == [
        ["HEAD~1", "speed of case-1: 1,200 records/s, 3 rounds"],
        ["here", "speed of case-1: 600 records/s, 3 rounds"],
        ["times", "0.50 1.00"],
    ]
    assert ["new", "is the package"] in lines
    assert [first for first, rest in lines if "processor time" in rest] == ["HEAD~1", "here"]


def test_one_that_the_other_commit_does_not_have_is_run_alone(project: Path) -> None:
    """And its exit code is not lost."""
    done = bench(project, "--against", "HEAD~1", "two")

    assert done.stdout == "== bench_two.py\nHEAD~1 has no bench_two.py\n"
    assert done.returncode == 3


@pytest.mark.parametrize("words", [["three"], ["--against", "nothing"]])
def test_what_is_not_there_is_said(words: list[str], project: Path) -> None:
    """A benchmark or a commit."""
    done = bench(project, *words)

    assert done.returncode != 0
    assert words[-1] in done.stderr
    assert "Traceback" not in done.stderr
