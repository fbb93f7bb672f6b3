"""The sound adapter of the Go kit, built once for all tests of a process."""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from roomcheck.resources import go_kit

SOURCE = Path(__file__).parents[1] / "adapters" / "good.go"
MODULE = "module good\n\ngo 1.22\n\nrequire roomcheck/kit v0.0.0\n\nreplace roomcheck/kit => ./kit\n"


def good_go() -> str:
    """The program's path; skips where there is nothing to build it with."""
    if shutil.which("go") is None:
        pytest.skip("there is no `go` on this machine: the Go kit is not tested")
    return str(_built())


@cache
def _built() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="roomcheck-good-go-"))
    shutil.copytree(go_kit(), folder / "kit")
    shutil.copy(SOURCE, folder / "main.go")
    (folder / "go.mod").write_text(MODULE)
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": ""}
    done = subprocess.run(["go", "build", "-o", "good", "."], cwd=folder, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return folder / "good"
