"""Two runs in one folder: the second one is refused, so that the first loses nothing."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from roomcheck.cli.folder import held
from roomcheck.errors import UsageError
from support.runs import Done, run

CASE = ["-k", "login-alon?", "--simulate"]


def test_a_folder_that_is_held_is_refused_until_it_is_free(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "reports"
    with held(folder), pytest.raises(UsageError, match="another command writes to .*reports"), held(folder):
        raise AssertionError
    with held(folder):
        pass


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="choose another --report-dir"), held(tmp_path / "file" / "reports"):
        raise AssertionError


def test_a_second_run_leaves_the_reports_of_the_first_alone(tmp_path: Path) -> None:
    stream = tmp_path / "reports" / "run.ndjson"
    with held(stream.parent):
        stream.write_text("of the first")
        for words in (["run", *CASE], ["fuzz", "--simulate", "--schedules", "1"]):
            second = run([*words, "--report-dir", "reports"], tmp_path)
            assert second.code == 4
            assert "another command writes to reports" in second.err
    assert stream.read_text() == "of the first"


def test_two_streams_make_one_report(tmp_path: Path) -> None:
    for shard in ("1", "2"):
        run(["run", "-k", "kick", "--simulate", "--shard", f"{shard}/2", "--report-dir", shard], tmp_path)
    done = run(["report", "1/run.ndjson", "2/run.ndjson", "--report-dir", "whole"], tmp_path)
    assert done.code == 0, done.err
    half = run(["report", "2/run.ndjson", "--report-dir", "half"], tmp_path)
    assert half.code == 130
    assert "not complete: nothing of part 1/2 of this run" in half.out
    whole = run(["run", "-k", "kick", "--simulate"], tmp_path)

    def names(file: Path) -> list[str]:
        return sorted(element.get("name", "") for element in ET.parse(file).iter("testcase"))  # noqa: S314 (our own file)

    assert names(tmp_path / "whole" / "junit.xml") == names(whole.reports.folder / "junit.xml") != []


def test_shards_in_one_folder_are_the_whole(tmp_path: Path) -> None:
    """However often each is played, and in whatever order; a part of another run is not mixed in, and that is said."""

    def play(folder: str, *words: str) -> Done:
        return run(["run", "-k", "kick", "--simulate", "--report-dir", folder, *words], tmp_path)

    def names(folder: str) -> list[str]:
        file = tmp_path / folder / "junit.xml"
        return sorted(element.get("name", "") for element in ET.parse(file).iter("testcase"))  # noqa: S314 (our own file)

    play("whole")
    for shard in ("2/3", "1/3", "2/3"):
        play("parts", "--shard", shard)
    assert 0 < len(names("parts")) < len(names("whole"))
    last = play("parts", "--shard", "3/3")
    assert last.code == 0, last.err
    assert names("parts") == names("whole")
    assert sorted(path.name for path in (tmp_path / "parts").glob("*.ndjson")) == [
        "run.1-of-3.ndjson", "run.2-of-3.ndjson", "run.ndjson",
    ]  # fmt: skip

    other = tmp_path / "parts" / "run.1-of-3.ndjson"
    other.write_text(other.read_text().replace('"target": "reference"', '"target": "other"'))
    again = play("parts", "--shard", "3/3")
    assert "the reports hold nothing of parts/run.1-of-3.ndjson: they differ in their target" in again.err
    assert len(names("parts")) < len(names("whole"))


def test_streams_of_different_targets_are_no_parts_of_one_run(tmp_path: Path) -> None:
    run(["run", *CASE], tmp_path)
    stream = tmp_path / "roomcheck-report" / "run.ndjson"
    (tmp_path / "b.ndjson").write_text(stream.read_text().replace('"target": "reference"', '"target": "other"'))
    done = run(["report", str(stream), "b.ndjson"], tmp_path)
    assert done.code == 4
    assert "differ in their target: reference, other" in done.err
