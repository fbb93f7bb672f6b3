"""The package as a user gets it: built, and installed where no checkout is."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import PATIENCE

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command where nothing of the checkout can be found; its output is the message if it fails."""

    def command(*words: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
        done = subprocess.run(
            words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return command


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, run: Run) -> dict[str, Path]:
    """`sdist`, and the `wheel` that is made from it."""
    out = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return {"sdist": next(out.glob("*.tar.gz")), "wheel": next(out.glob("*.whl"))}


@pytest.fixture(scope="session")
def names(built: dict[str, Path]) -> set[str]:
    """What the wheel holds."""
    return set(zipfile.ZipFile(built["wheel"]).namelist())


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, run: Run, built: dict[str, Path]) -> Path:
    """The Python of a fresh environment that has the wheel and what it needs, in a folder of its own."""
    home = tmp_path_factory.mktemp("user")
    run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    quick = ("--quiet", "--disable-pip-version-check", "--no-compile")  # what is used is compiled then
    run(sys.executable, "-m", "pip", "--python", python, "install", *quick, built["wheel"], cwd=home)
    return python
