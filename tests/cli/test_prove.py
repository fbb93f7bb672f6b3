"""`roomcheck prove`: its exit codes and reports."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from roomcheck.cli import main

SOUND = Path(__file__).parents[1] / "prove" / "contract.yaml"


def prove(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as e:
        main(["prove", *words])
    assert isinstance(e.value.code, int)
    return e.value.code, capsys.readouterr().out


def test_a_sound_contract_is_proven(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit 0, the kill matrix, and every result in both files."""
    junit, ndjson = tmp_path / "junit.xml", tmp_path / "run.ndjson"

    code, out = prove(capsys, str(SOUND), "--schedules", "5", "--junit", str(junit), "--ndjson", str(ndjson))

    assert code == 0
    assert "made-up/lounge is sound" in out
    assert "0 of 10 requirements are vacuous" in out
    records = [json.loads(line) for line in ndjson.read_text(encoding="utf-8").splitlines()]
    assert records[0]["record"] == "run"
    assert records[-1]["exit_code"] == 0
    assert sum(r["record"] == "case" for r in records) == 4 + 5 + 10
    assert len(list(ET.parse(junit).getroot().iter("testcase"))) == 4 + 5 + 10  # noqa: S314


def too_narrow(folder: Path) -> Path:
    """The sound contract with a window in which nobody can be missed."""
    text, wide = SOUND.read_text(encoding="utf-8"), "after: patience - beat - notice, within: beat + 2 * notice"
    assert wide in text
    bad = folder / "bad.yaml"
    bad.write_text(text.replace(wide, "within: 3 * notice"), encoding="utf-8")
    return bad


def test_a_false_red_is_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit 1, with what was told and the line of the scenario."""
    bad = too_narrow(tmp_path)

    code, out = prove(capsys, str(bad), "--schedules", "1")

    assert code == 1
    assert "made-up/lounge is not sound" in out
    assert f"FALSE RED {bad}:" in out
    assert "WENT" in out


def test_one_case_is_played_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A scenario's or a random one by its name: it finds what it found among the others."""
    bad = too_narrow(tmp_path)

    code, out = prove(capsys, str(bad), "--only", "away-for-long/cut")

    assert code == 1
    assert "away-for-long/cut: no lawful room plays what the scenario expects" in out
    assert "away-for-long/cut on " in out
    assert "requirements" not in out
    code, out = prove(capsys, str(SOUND), "--only", "random/7-00012")
    assert "time" in out.splitlines()[0], out
    assert code == 0
    assert "random/7-00012 on 5 lawful rooms; nothing else was looked at" in out
    assert "random/7-00012 accuses no lawful room" in out
    assert prove(capsys, str(SOUND), "--only", "away-for-long")[0] == 4


def test_an_interrupted_proof_keeps_what_was_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit 130, and the results so far are in the files."""
    junit = tmp_path / "junit.xml"

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("roomcheck.prove.proof.by_chance", interrupt)

    code, out = prove(capsys, str(SOUND), "--junit", str(junit))

    assert code == 130
    assert "interrupted: this is what was found so far" in out
    assert len(list(ET.parse(junit).getroot().iter("testcase"))) >= 4  # noqa: S314


def test_reports_that_cannot_be_written_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit 4 before anything is played, exit 5 after."""
    assert prove(capsys, str(SOUND), "--ndjson", str(tmp_path / "no" / "x"))[0] == 4
    assert prove(capsys, str(SOUND), "-q", "--schedules", "1", "--junit", str(tmp_path / "no" / "x"))[0] == 5
