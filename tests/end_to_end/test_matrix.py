"""`roomcheck matrix` on small parts: what one pair costs the others, and what is left of it when it is ended."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from roomcheck.cli import main
from roomcheck.report.exitcode import HARNESS, INCONCLUSIVE, NOTHING, VIOLATION
from support.parts import CLIENT, SERVER, write_part
from support.processes import PATIENCE
from support.runs import Done, Running, run, until

CONTRACT = "zego-express/room-status"
BROKEN = SERVER.replace("reference.server,", "reference.server, --defect, kick-wrong-code,")
STUCK = SERVER.replace('"{python}", -m, roomcheck.reference.server, --port, "{room}"', "sleep, '600'").replace(
    "30s", "600s"
)
MOMENTS = (0.3, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5)  # seconds; a call takes about ten on two idle cores


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two servers, one with a defect, and two clients."""
    for name, half in (("hall", SERVER), ("barn", BROKEN), ("stuck", STUCK), ("door", CLIENT), ("gate", CLIENT)):
        write_part(tmp_path, name, half)
    return tmp_path


def words(servers: str = "hall,barn", clients: str = "door,gate", *more: str) -> list[str]:
    return ["matrix", CONTRACT, "--servers", servers, "--clients", clients, "-kkick-of-nobody", "-kkic?", *more]


def pairs(folder: Path) -> dict[str, dict[str, Any]]:
    data = json.loads((folder / "roomcheck-matrix" / "matrix.json").read_text(encoding="utf-8"))
    return {f"{pair['server']}+{pair['client']}": pair for pair in data["pairs"]}


def streams(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Each whole stream, and when it was written."""
    files = (folder / "roomcheck-matrix").glob("*/run.ndjson")
    return {f: (f.stat().st_mtime_ns, f.read_bytes()) for f in files if b'"record": "end"' in f.read_bytes()}


def played(folder: Path, given: Sequence[str] = ()) -> Done:
    return run(given or words(), folder)


def test_every_pair_has_its_own_cell(folder: Path) -> None:
    """A defect shows in its own row, what cannot be installed in its own column; nothing is played twice."""
    write_part(folder, "gate", CLIENT, 'install: {steps: [[sh, -c, "echo no such package; exit 1"]]}')
    done = played(folder)

    assert done.code == VIOLATION, done.out + done.err
    found = pairs(folder)
    assert {name: pair["state"] for name, pair in found.items()} == {
        "hall+door": "played", "barn+door": "played", "hall+gate": "not installed", "barn+gate": "not installed"
    }  # fmt: skip
    assert found["hall+door"]["violates"] == 0
    assert found["barn+door"]["violated"].keys() <= {"ZX-KICK-1", "ZX-KICK-3"}
    assert "no such package" in found["hall+gate"]["message"]
    assert (folder / "roomcheck-matrix" / "matrix.txt").read_text(encoding="utf-8").splitlines()[0].split() == [
        "door", "gate"
    ]  # fmt: skip
    before = streams(folder)
    write_part(folder, "gate", CLIENT)
    again = played(folder)
    assert "4 pairs of zego-express/room-status, 2 to play" in again.err
    assert before.items() <= streams(folder).items()
    assert [pair["state"] for pair in pairs(folder).values()] == ["played"] * 4

    stuck = played(folder, words("hall,stuck", "door", "--limit", "0.1"))
    assert stuck.code == HARNESS, stuck.out + stuck.err
    assert "1 to play" in stuck.err
    assert [pair["state"] for pair in pairs(folder).values()] == ["played", "no end"]
    assert before.items() <= streams(folder).items()


def test_what_was_done_is_kept_when_it_is_ended(folder: Path) -> None:
    """Asked to end in the middle of a pair: its run is ended with all that it started, and the next call goes on."""
    with Running.start(words("hall,stuck", "door", "--at-once", "1"), folder) as running:
        until(lambda: "hall+door" in (pairs(folder) if streams(folder) else {}) and running.the("sleep"))
        running.signal(signal.SIGTERM)
        done = running.end()
        assert not running.left()

    assert done.code == 130, done.out + done.err
    assert [pair["state"] for pair in pairs(folder).values()] == ["played", "not played"]
    assert "hall   2 conform" in done.out
    assert "not played" in done.out


@pytest.mark.night
@pytest.mark.timeout(10 * PATIENCE)
def test_killed_at_ten_moments(folder: Path) -> None:
    """However it dies, what was whole stays as it was, and the last call plays the rest."""
    for i, moment in enumerate(MOMENTS):
        before = streams(folder)
        with Running.start(words(), folder) as running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(moment)
            with contextlib.suppress(ProcessLookupError):  # it has ended
                running.signal(signal.SIGKILL if i % 2 else signal.SIGTERM)
            running.process.wait(PATIENCE)
            until(lambda: not running.left())
        assert before.items() <= streams(folder).items()

    before = streams(folder)
    done = played(folder)

    assert done.code == VIOLATION, done.out + done.err
    assert f"{4 - len(before)} to play" in done.err
    assert before.items() <= streams(folder).items()
    assert [pair["state"] for pair in pairs(folder).values()] == ["played"] * 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (words("hall", "mosquitto"), "speaks mqtt/presence, and not this contract"),
        (words("hall,./hall", "door"), "two parts are called hall: hall and ./hall"),
        (words("door", "hall"), "door is the client part: write hall+door"),
        (["matrix", "zego-express/web"], "no server part speaks zego-express/web: name one with --servers"),
        (["matrix", "nowhere/contract"], "there is no spec 'nowhere/contract'"),
    ],
)
def test_what_makes_no_matrix(
    given: list[str], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One clear error, exit 4, before anything is installed."""
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(given)

    assert ended.value.code == NOTHING
    assert said in capsys.readouterr().err
    assert not (folder / "roomcheck-matrix").exists()


def test_other_cases_are_played_again(folder: Path) -> None:
    """A stream answers only what it was asked; and every listed version is a part of its own."""
    write_part(folder, "door", CLIENT, "pins: {door: ['1', '2']}")
    one = ["matrix", CONTRACT, "--servers", "hall", "--clients", "door"]
    played(folder, [*one, "-kkick-of-nobody"])
    before = streams(folder)
    done = played(folder, [*one, "-klogin-alone", "--versions"])

    assert done.code in (0, INCONCLUSIVE), done.out + done.err
    assert [*pairs(folder)] == ["hall+door", "hall+door@1"]
    assert not before.items() & streams(folder).items()


def test_what_was_edited_is_played_again(folder: Path) -> None:
    """A stream tells of the files that it was made with; that one is another is said."""
    written = ["-kkick-of-nobody", "--servers", "hall", "--clients", "door,gate"]
    played(folder, ["matrix", CONTRACT, *written])
    before = streams(folder)
    assert {file.parent.name for file in before} == {"hall+door", "hall+gate"}
    (folder / "door" / "README.md").write_text("no matter", encoding="utf-8")
    assert "2 pairs of zego-express/room-status, 0 to play" in played(folder, ["matrix", CONTRACT, *written]).err

    (folder / "door" / "helper.py").write_text("# what its adapter may import", encoding="utf-8")
    done = played(folder, ["matrix", CONTRACT, *written])

    assert "hall+door: its parts or its contract were edited, so it is played again" in done.err
    assert "2 pairs of zego-express/room-status, 1 to play" in done.err
    assert {file.parent.name for file, _ in before.items() - streams(folder).items()} == {"hall+door"}
