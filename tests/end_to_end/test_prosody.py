"""A room that its authors never saw is played for real: Prosody, fetched and started by its target alone.

Where Prosody cannot be had (no apt-get and none on PATH, or no package registry) these tests are skipped and their
reason says what is missing; `ci/third-party`, which plays the whole contract, fails there.
"""

import shutil
from pathlib import Path

import pytest

from roomcheck.cli.files import find_target
from roomcheck.cli.targets import open_target
from roomcheck.errors import TargetError
from roomcheck.model.verdict import Blame, Outcome
from roomcheck.run.install import provide
from support.runs import Done, Running, exactly, patterns, run, sure

CASES = ("enter-and-leave-among-others", "kick-the-one-who-made-the-room")


@pytest.fixture(scope="module")
def prosody() -> Path:
    """The target's folder, with all that it needs in the cache."""
    file = find_target("prosody")
    try:
        provide(open_target("prosody"))
    except TargetError as e:
        pytest.skip(f"Prosody is not played on this machine: {e}")
    return file.parent


def test_a_contract_is_played_on_prosody(prosody: Path, tmp_path: Path) -> None:
    """By name; the reports tell which server and which client it was."""
    done = sure(lambda: run(["run", "--target", "prosody", *patterns(*CASES)], tmp_path))

    assert done.code == 0, done.out + done.err
    assert {case: r.outcome for case, r in done.reports.results.items()} == dict.fromkeys(CASES, Outcome.CONFORMS)
    assert done.reports.header.room.startswith("slixmpp 1.")
    assert ", prosody 0.12" in done.reports.header.room


def test_a_prosody_that_dies_is_no_finding(prosody: Path, tmp_path: Path) -> None:
    """Whoever runs the server must act: exit 4, it is named, and its case is played again with a new one."""

    def killed() -> Done:
        with Running.start(["run", "--target", str(prosody), "-k", exactly(CASES[1])], tmp_path) as running:
            running.until_calls()
            running.the("lua").kill()
            done = running.end()
            assert not running.left()
        return done

    done = killed()

    assert done.code == 4, done.out + done.err
    assert "the server of prosody" in done.out + done.err
    assert done.reports.results[CASES[1]].blame is not Blame.ROOM


def test_what_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    """No package client and no Prosody on PATH: exit 4, before anything is started."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "mkdir", "tail"):
        (programs / name).symlink_to(shutil.which(name) or "")

    done = run(
        ["run", "--target", "prosody"], tmp_path, {"PATH": str(programs), "ROOMCHECK_CACHE": str(tmp_path / "cache"),
        "ROOMCHECK_TOXIPROXY": _toxiproxy()},
    )  # fmt: skip

    assert done.code == 4
    (line,) = [line for line in done.err.splitlines() if line.startswith("roomcheck: ")]
    assert "target prosody cannot be installed" in line
    assert "it takes Debian 12's apt-get and dpkg-deb with a network, or a prosody 0.12 on PATH" in line


def _toxiproxy() -> str:
    from roomcheck.faults import provision

    return str(provision().path)
