"""`roomcheck fuzz` in virtual time: its reports."""

from pathlib import Path

import pytest

from roomcheck.cli import main
from roomcheck.model.verdict import Outcome
from roomcheck.run import fuzz as search
from support.runs import Reports


def test_no_two_schedules_of_a_search_have_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an earlier search left some to begin with; so each has its own picture on the page."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(search, "SHRINK_ROUNDS", 1)
    words = ["fuzz", "--simulate", "-q", "--defect", "never-reconnected", "--schedules", "8", "--database", "db"]
    for _ in range(2):
        with pytest.raises(SystemExit) as e:
            main(words)
        assert e.value.code == 1

    reports = Reports(tmp_path / "roomcheck-report")
    results = reports.stream()[1]
    names = [r.case for r in results]
    assert len(set(names)) == len(names)
    assert any(r.outcome is Outcome.VIOLATES and "/known-" in r.case for r in results)
    page = (reports.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == len(names)


def test_a_database_is_named_without_its_password(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Where it cannot be used, exit 4 and its address."""
    with pytest.raises(SystemExit) as e:
        main(["fuzz", "--simulate", "--report-dir", str(tmp_path), "--database", "redis://ci:planted@127.0.0.1:no/0"])

    err = capsys.readouterr().err
    assert e.value.code == 4
    assert "redis://127.0.0.1:no/0" in err
    assert "planted" not in err


def test_a_log_counts_the_schedules_and_says_what_is_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is played to confirm and to shrink a finding is none of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(search, "SHRINK_ROUNDS", 1)
    with pytest.raises(SystemExit) as e:
        main(["fuzz", "--simulate", "--defect", "never-reconnected", "--schedules", "20", "--database", "db"])

    assert e.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.endswith("violated, played again and made shorter now") for line in lines)
    counts = [int(line.partition("/")[0]) for line in lines if line.partition("/")[2].startswith("20 cases, ")]
    assert counts == sorted(counts)
    assert max(counts) == 20
