"""`roomcheck finding`: from the stream of a real run to a text, and what it says where there is nothing to tell."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from roomcheck.cli import command
from roomcheck.cli.files import find_spec, read_spec
from roomcheck.errors import UsageError
from roomcheck.spec.schedule_file import read_schedule

CASE = "back-after-heartbeat-timeout/cut"
DEFECT = ["--simulate", "--defect", "never-reconnected", "-q"]


def call(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words], standalone_mode=False)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stream of a broken room."""
    folder = tmp_path_factory.mktemp("played")
    call("run", *DEFECT, "-k", CASE, "-k", "login-alone", "--report-dir", folder)
    return folder / "run.ndjson"


def test_a_case_becomes_a_text(played: Path) -> None:
    """With the callbacks of its trace, and the document's link."""
    found = call("finding", played, CASE)

    assert found.return_value == 0
    assert found.stdout.startswith("# Case 2 - away for longer than the heartbeat timeout")
    assert "| `A` | callback `onRoomStateChanged`: " in found.stdout
    assert re.search(r"Source: \[Room Connection Status\]\(<https://\S+>\)", found.stdout)
    assert "100 times faster than documented" in found.stdout


def test_a_part_of_its_name_is_enough(played: Path) -> None:
    """And without a name all are listed."""
    assert call("finding", played, "timeout/cut").stdout == call("finding", played, CASE).stdout
    assert f"{CASE}: " in call("finding", played).stdout


def test_what_was_found_by_chance_is_told_with_its_schedule(tmp_path: Path) -> None:
    """One that can be played again: there is no other way to repeat it."""
    call("fuzz", *DEFECT, "--schedules", "8", "--seed", "3", "--report-dir", tmp_path)
    listed = call("finding", tmp_path / "run.ndjson").stdout.splitlines()
    assert listed
    found = call("finding", tmp_path / "run.ndjson", listed[0].partition(": ")[0])

    assert "roomcheck replay steps.yaml" in found.stdout
    schedule = found.stdout.partition("```yaml\n")[2].partition("```")[0]
    contract = read_spec(find_spec("zego-express/room-status")).bind(scale=100)
    assert read_schedule(schedule, "steps.yaml", contract).steps


def test_a_name_that_fits_several_is_refused(tmp_path: Path, played: Path) -> None:
    """And one that fits nothing, or a case that conforms."""
    for words, said in (
        (["no-such-case"], "no case that violates its contract has 'no-such-case' in its name"),
        (["login-alone"], "login-alone proves nothing against the implementation: conforms"),
    ):
        found = call("finding", played, *words)
        assert isinstance(found.exception, UsageError)
        assert said in str(found.exception)
    lines = played.read_text().splitlines()
    bad = next(line for line in lines if '"violates"' in line)
    other = tmp_path / "run.ndjson"
    other.write_text("\n".join([*lines, bad.replace(CASE, f"{CASE}-again")]))
    found = call("finding", other, "timeout")
    assert f"is a part of {CASE}, {CASE}-again: name one of them" in str(found.exception)


def test_a_run_without_a_violation_has_nothing_to_tell(tmp_path: Path) -> None:
    """And a file that is no stream even less."""
    call("run", "--simulate", "-q", "-k", "login-alone", "--report-dir", tmp_path)
    assert "there is nothing to tell anybody" in str(call("finding", tmp_path / "run.ndjson").exception)
    (tmp_path / "run.ndjson").write_text("hello")
    assert "is no stream of a run" in str(call("finding", tmp_path / "run.ndjson").exception)


def test_without_its_trace_and_its_contract_there_is_still_a_text(tmp_path: Path, played: Path) -> None:
    """And a line for each that is missing."""
    folder = tmp_path / "alone"
    folder.mkdir()
    text = played.read_text().replace(str(played.parent), str(tmp_path / "gone"))
    (folder / "run.ndjson").write_text(text.replace("zego-express/room-status", "nobody/knows"))
    found = call("finding", folder / "run.ndjson", CASE)

    assert found.return_value == 0
    assert "there is no trace of it" in found.stderr
    assert "the contract is not here" in found.stderr
    assert "after the first step" in found.stdout


def test_a_known_failure_is_said_to_be_known(tmp_path: Path, played: Path) -> None:
    """Beside the text, as it may have been filed already."""
    shutil.copytree(played.parent, tmp_path / "copy")
    stream = tmp_path / "copy" / "run.ndjson"
    lines = [json.loads(line) for line in stream.read_text().splitlines()]
    known = [{**line, "known": "issue 7"} if line.get("outcome") == "violates" else line for line in lines]
    stream.write_text("\n".join(map(json.dumps, known)))

    assert "it is known: issue 7" in call("finding", stream, CASE).stderr
