"""`roomcheck run` with a list of known failures, in virtual time."""

from pathlib import Path

import pytest
from junitparser import JUnitXml

from roomcheck.cli import main
from roomcheck.errors import HarnessError
from roomcheck.simulate import Virtual
from support.runs import Reports

DEFECT = "kick-wrong-code"
ENTRY = """\
# Told to the vendor.
- case: {case}
  requirement: {requirement}
  seen: "{seen}"
  reason: the server sends the code of a double login
  owner: the room team
  expires: {expires}
"""
SEEN = "told with {'errorCode': 1002050}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as e:
        main(["run", "--simulate", "-q", *words])
    assert isinstance(e.value.code, int)
    return e.value.code


def write(
    case: str = "kick*", requirement: str = "ZX-KICK-1", seen: str = SEEN, expires: str = "9999-12-31"
) -> list[str]:
    """The options that name a file with this entry."""
    Path("k.yaml").write_text(
        ENTRY.format(case=case, requirement=requirement, seen=seen, expires=expires), encoding="utf-8"
    )
    return ["--known", "k.yaml"]


def test_a_known_failure_lets_the_run_end_as_expected(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """It is played and reported: skipped with a message in JUnit, marked in the stream and on the page."""
    code = run("--defect", DEFECT, "-k", "kic?", "-k", "login-alone", *write())

    out = capsys.readouterr().out
    assert (code, "1 conforms, 1 expected failure" in out) == (0, True), out
    assert "as expected (exit code 0)" in out
    reports = Reports(folder / "roomcheck-report")
    junit = JUnitXml.fromfile(str(reports.folder / "junit.xml"))
    assert (junit.tests, junit.failures, junit.errors, junit.skipped) == (2, 0, 0, 1)
    assert reports.results["kick"].known.startswith("the server sends the code of a double login")
    assert "expected failure" in (reports.folder / "report.html").read_text(encoding="utf-8")


def test_another_failure_of_the_same_case_is_a_violation(capsys: pytest.CaptureFixture[str]) -> None:
    """The signature decides."""
    assert run("--defect", DEFECT, "-k", "kic?", *write(seen="did not come")) == 1
    assert "the room violates its contract" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "entry", "line"),
    [
        (["-k", "kic?"], {}, "kick passed, although kick* is a known failure: remove the entry"),
        (["-k", "kic?"], {"expires": "2020-01-31"}, "the entry for kick* expired on 2020-01-31"),
        ([], {"case": "kik"}, "has no case 'kik'; did you mean 'kick'?: mend or remove the entry"),
        (["-k", "kic?"], {"requirement": "ZX-KIK-1"}, "has no requirement 'ZX-KIK-1'; did you mean 'ZX-KICK-1'?"),
    ],
    ids=["passed", "expired", "no such case", "no such requirement"],
)
def test_an_entry_that_does_not_hold_fails_the_run(
    words: list[str], entry: dict[str, str], line: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """Exit 1 with a line that says which, and JUnit says so too."""
    assert run(*words, *write(**entry)) == 1

    out = capsys.readouterr().out
    assert line in out
    assert "k.yaml:2" in out
    assert "the list of known failures does not hold (exit code 1)" in out
    assert "blame: known failures 1" in out
    assert [e.type for e in Reports(folder / "roomcheck-report").errors()] == ["known failures"]


def test_an_entry_that_meets_nothing_is_no_matter_of_a_partial_run() -> None:
    """-k left its case out."""
    assert run("-k", "login-alone", *write()) == 0


def test_the_file_beside_the_target_is_found(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Without --known; a mistake in it has its place."""
    target = Path(__file__).parents[2] / "fixtures" / "targets" / "reference" / "target.yaml"
    (folder / "target.yaml").write_text(target.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "known_failures.yaml").write_text(Path(write()[1]).read_text(encoding="utf-8"), encoding="utf-8")
    words = ["--target", str(folder), "--defect", DEFECT, "-k", "kic?"]

    assert run(*words) == 0
    (folder / "known_failures.yaml").write_text("- case: kick\n", encoding="utf-8")
    capsys.readouterr()
    assert run(*words) == 4
    assert "known_failures.yaml:1:3: 'expires' is missing here" in capsys.readouterr().err


def test_the_file_can_be_written_by_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Entries that still hold stay as they are, what is new is added, the next run ends as expected."""
    words = write(case="kick")
    entry = Path("k.yaml").read_text(encoding="utf-8")
    assert run("--defect", DEFECT, *words, "--update-known") == 1

    assert "k.yaml: 1 kept, 9 new, 0 gone" in capsys.readouterr().err
    assert Path("k.yaml").read_text(encoding="utf-8").startswith(entry)
    assert run("--defect", DEFECT, *words) == 0
    assert run(*words, "--update-known") == 0
    assert Path("k.yaml").read_text(encoding="utf-8") == "[]\n"


def test_a_file_can_be_begun_by_a_run() -> None:
    """--known names it; without --update-known a file that is named must be there."""
    assert run("-k", "login-alone", "--known", "new.yaml") == 4
    assert run("--defect", DEFECT, "--known", "new.yaml", "--update-known") == 1
    assert run("--defect", DEFECT, "--known", "new.yaml") == 0


@pytest.mark.parametrize("words", [["-k", "kick"], ["--level", "must"]])
def test_a_part_of_a_run_writes_no_file(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It would lose the entries of what was left out."""
    named = write()
    before = Path("k.yaml").read_text(encoding="utf-8")

    assert run(*words, *named, "--update-known") == 4
    assert "needs the whole run" in capsys.readouterr().err
    assert Path("k.yaml").read_text(encoding="utf-8") == before


def test_a_run_that_failed_writes_no_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It would lose the entries of what was not played any more."""

    async def fail(*_: object, **__: object) -> None:
        raise HarnessError("the disk is full")

    named = write()
    before = Path("k.yaml").read_text(encoding="utf-8")
    monkeypatch.setattr(Virtual, "play", fail)

    assert run(*named, "--update-known") == HarnessError.exit_code
    assert "k.yaml is not updated: the run was not complete" in capsys.readouterr().err
    assert Path("k.yaml").read_text(encoding="utf-8") == before
