"""LiveKit's target, as far as it goes without LiveKit: its server takes minutes to build, so `ci/third-party` plays it."""

import shutil
from pathlib import Path

import pytest

from roomcheck.faults import provision
from support.runs import run


@pytest.mark.parametrize(
    ("go", "said"),
    [
        ("", "target livekit-server needs go, which is not on this machine: Go 1.26 or newer, https://go.dev/dl"),
        ("echo 'no such host' >&2; exit 1", "target livekit-server cannot be installed"),
    ],
    ids=["no-go", "no-proxy"],
)
def test_what_is_missing_is_said_in_one_line(go: str, said: str, tmp_path: Path) -> None:
    """Exit 4, before anything is started."""
    there = tmp_path / "bin"
    there.mkdir()
    for name in ("sh", "mv", "tail"):
        (there / name).symlink_to(shutil.which(name) or "")
    if go:
        (there / "go").write_text(f"#!/bin/sh\n{go}\n", encoding="utf-8")
        (there / "go").chmod(0o755)
    env = {"PATH": str(there), "ROOMCHECK_CACHE": str(tmp_path / "cache"), "ROOMCHECK_TOXIPROXY": str(provision().path)}

    done = run(["run", "--target", "livekit"], tmp_path, env)

    assert done.code == 4
    (line,) = [line for line in done.err.splitlines() if line.startswith("roomcheck: ")]
    assert said in line
    assert not go or "no such host" in done.err
