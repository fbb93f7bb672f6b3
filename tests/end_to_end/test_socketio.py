"""Rooms that their authors never saw are played for real: Socket.IO, through two clients, fetched by their targets alone.

Where Node.js, npm or a package registry is missing these tests are skipped and their reason says what is;
`ci/third-party`, which plays the whole contracts, fails there.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from roomcheck.cli.files import find_target
from roomcheck.cli.targets import open_target
from roomcheck.errors import TargetError
from roomcheck.faults import provision
from roomcheck.model.verdict import Blame, Outcome
from roomcheck.run.install import provide
from support.runs import Running, exactly, patterns, run, sure

CASES = ("three-in-a-room", "kick")
CLIENTS = {"socketio": "socket.io-client 4.", "python-socketio": "python-socketio 5."}


def needs(name: str) -> Path:
    """The target's folder, with all that it needs in the cache."""
    file = find_target(name)
    try:
        provide(open_target(name))
    except TargetError as e:
        pytest.skip(f"{name} is not played on this machine: {e}")
    return file.parent


@pytest.mark.parametrize("name", CLIENTS)
def test_a_contract_is_played_on_socketio(name: str, tmp_path: Path) -> None:
    """By name, through each client; the reports tell which server and which client it was."""
    needs(name)

    done = sure(lambda: run(["run", "--target", name, *patterns(*CASES)], tmp_path))

    assert done.code == 0, done.out + done.err
    assert {case: r.outcome for case, r in done.reports.results.items()} == dict.fromkeys(CASES, Outcome.CONFORMS)
    assert done.reports.header.room.startswith(CLIENTS[name])
    assert ", socket.io 4." in done.reports.header.room


def test_a_server_that_dies_is_no_finding(tmp_path: Path) -> None:
    """Whoever runs the server must act: exit 4, it is named, and its case is played again with a new one."""
    folder = needs("socketio")

    with Running.start(["run", "--target", str(folder), "-k", exactly("kick")], tmp_path) as running:
        running.until_calls()
        running.the("server.mjs").kill()
        done = running.end()
        assert not running.left()

    assert done.code == 4, done.out + done.err
    assert "the server of socketio" in done.out + done.err
    assert done.reports.results["kick"].blame is not Blame.ROOM


@pytest.mark.parametrize(
    ("programs", "env", "said"),
    [
        (("cp", "npm"), {}, "target socketio needs node, which is not on this machine: Node.js 20 or newer"),
        (("cp", "node"), {}, "target socketio needs npm, which is not on this machine: it comes with Node.js"),
        (
            ("cp", "env", "head", "node", "npm", "sh"),
            {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"},
            "reason: connect ECONNREFUSED 127.0.0.1:9",
        ),
    ],
    ids=["no-node", "no-npm", "no-registry"],
)
def test_what_is_missing_is_said_in_one_line(
    programs: tuple[str, ...], env: Mapping[str, str], said: str, tmp_path: Path
) -> None:
    """Exit 4, before anything is started; no network is needed for it."""
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        pytest.skip(f"there is no {' and no '.join(missing)} here")
    there = tmp_path / "bin"
    there.mkdir()
    for name in programs:
        (there / name).symlink_to(shutil.which(name) or "")
    clean = {"PATH": str(there), "ROOMCHECK_CACHE": str(tmp_path / "cache"), "npm_config_cache": str(tmp_path / "npm"),
             "ROOMCHECK_TOXIPROXY": str(provision().path)}  # fmt: skip

    done = run(["run", "--target", "socketio"], tmp_path, {**clean, **env})

    assert done.code == 4
    (line,) = [line for line in done.err.splitlines() if line.startswith("roomcheck: ")]
    assert said in line
