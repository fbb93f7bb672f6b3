"""`roomcheck run`: which cases are chosen, before any is played."""

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from roomcheck.cli import command, main
from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.playing import DEFAULT_SPEC
from roomcheck.cli.run import LEVELS, in_shard, lacking, selected
from roomcheck.judge.result import result_of
from roomcheck.model.verdict import Outcome
from roomcheck.prove import asked
from roomcheck.spec.contract import Contract
from support.runs import Reports, write_target


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The contract that a run plays when nothing else is said."""
    return read_spec(find_spec(DEFAULT_SPEC)).bind()


def ids(contract: Contract, *patterns: str, level: str | None = None) -> list[str]:
    return [case.id for case in selected(contract, contract.cases, patterns, level)]


def test_without_a_pattern_every_case_is_chosen(contract: Contract) -> None:
    """In the order of the spec."""
    assert ids(contract) == [case.id for case in contract.cases]


def test_a_pattern_is_a_part_of_the_id(contract: Contract) -> None:
    """Of the scenario or of the fault."""
    assert {i.split("/")[0] for i in ids(contract, "just-before")} == {
        "just-before-heartbeat-timeout", "just-before-retry-timeout",
    }  # fmt: skip
    assert all(i.endswith("/ghost") for i in ids(contract, "/ghost"))


@pytest.mark.parametrize("name", ["run", "list", "compare", "matrix"])
def test_the_help_says_how_one_case_is_chosen(name: str) -> None:
    """By the words that the test below proves."""
    help_ = " ".join(CliRunner().invoke(command, [name, "--help"]).output.split())

    assert "-k kick takes each that has kick in it, -k '[k]ick' the case kick alone." in help_


def test_a_pattern_with_a_wildcard_fits_the_whole_id(contract: Contract) -> None:
    """So one case can be chosen whose name is a part of others."""
    assert ids(contract, "kic?") == ids(contract, "[k]ick") == ["kick"]
    assert len(ids(contract, "kick")) > 1
    assert set(ids(contract, "kick*/cut")) == {"kicked-for-good/cut", "kick-while-cut-off/cut"}


def test_several_patterns_add_up(contract: Contract) -> None:
    """A case is chosen once, in the order of the spec."""
    assert ids(contract, "logout-twice", "login-alone", "alone") == ["login-alone", "logout-twice"]


def test_a_pattern_that_fits_nothing_chooses_nothing(contract: Contract) -> None:
    """Upper and lower case differ."""
    assert ids(contract, "Login-Alone") == []


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_keeps_the_cases_that_verify_one_so_strict(level: str, contract: Contract) -> None:
    """Must is stricter than should, and should than may."""
    allowed = LEVELS[: LEVELS.index(level) + 1]

    chosen = ids(contract, level=level)

    for case in contract.cases:
        levels = {contract.requirements[r].level for r in asked(contract, case)}
        assert (case.id in chosen) == bool(levels & set(allowed))


def test_level_and_pattern_both_hold(contract: Contract) -> None:
    """A case that verifies only what should be is not chosen with --level must, whatever its name."""
    assert ids(contract, "late-link", level="should") == ["late-link"]
    assert ids(contract, "late-link", level="must") == []


def test_a_case_that_cannot_be_asked_does_not_apply(contract: Contract) -> None:
    """It has the reason, and neither a verdict nor blame."""
    result = lacking(contract, "never-back/stall", "Case 3", "the target does not take the fault stall")

    assert (result.outcome, result.blame, result.verdict) == (Outcome.NOT_APPLICABLE, None, None)
    assert (result.case, result.scenario) == (f"{DEFAULT_SPEC}/never-back/stall", "never-back")
    assert result.message == "the target does not take the fault stall"


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_all_shards_together_are_the_whole(contract: Contract, number: int) -> None:
    """Each case is in exactly one, and none of a few is empty."""
    whole = [case.id for case in contract.cases]
    parts = [[i for i in whole if in_shard(i, (part, number))] for part in range(1, number + 1)]

    assert sorted(i for part in parts for i in part) == sorted(whole)
    assert all(parts)


def test_a_case_stays_in_its_shard() -> None:
    """Whatever other cases there are, on every machine and in every version: these two numbers are for ever."""
    assert [in_shard("kick", (i, 4)) for i in (1, 2, 3, 4)] == [False, True, False, False]
    assert [in_shard("back-after-heartbeat-timeout/cut", (i, 4)) for i in (1, 2, 3, 4)] == [False, False, True, False]


def test_a_shard_is_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two parts, in virtual time: what they played is the whole, also what does not apply to the target."""
    monkeypatch.chdir(tmp_path)
    target = write_target(tmp_path, name="reference", more="lacks: [switchRoom]\n")
    words = ["run", "--simulate", "-q", "--target", str(target)]

    def played(*more: str) -> set[str]:
        with pytest.raises(SystemExit) as e:
            main([*words, *more])
        assert e.value.code == 0
        return set(Reports(tmp_path / "roomcheck-report").results)

    one, two, whole = played("--shard", "1/2"), played("--shard", "2/2"), played()
    assert one | two == whole
    assert not one & two


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_what_is_no_shard_is_refused(shard: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4, and it says how to write one."""
    with pytest.raises(SystemExit) as e:
        main(["run", "--shard", shard])

    assert e.value.code == 4
    assert "write 1/4, 2/4, 3/4 or 4/4" in capsys.readouterr().err


def test_a_shard_without_a_case_checks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4: an empty run is no success."""
    with pytest.raises(SystemExit) as e:
        main(["run", "-k", "login-alone", "--shard", "1/9999"])

    assert e.value.code == 4
    assert "fits -k login-alone --shard 1/9999" in capsys.readouterr().err


def test_no_case_was_later_than_the_summary_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A room's server that was kept waiting makes a case late, and this process none the less on time."""
    monkeypatch.setattr("roomcheck.simulate.player.result_of", partial(result_of, lateness=3_179_000))
    with pytest.raises(SystemExit):
        main(["run", "--simulate", "-q", "-k", "login-alone", "--report-dir", str(tmp_path)])

    assert "lateness of this machine: 0 ms (99 %), 3.179 s at worst" in capsys.readouterr().out


def test_a_copy_of_a_spec_is_told_by_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has the id of the one that ships, by which the reports would be made again from that one."""
    copy = tmp_path / "mine.yaml"
    copy.write_bytes(find_spec(DEFAULT_SPEC).read_bytes())
    with pytest.raises(SystemExit):
        main(["run", str(copy), "--simulate", "-k", "login-alone", "--report-dir", str(tmp_path / "reports")])

    assert capsys.readouterr().out.startswith(f"{DEFAULT_SPEC} 2026-11 ({copy}) on ")
    head = json.loads((tmp_path / "reports" / "run.ndjson").read_text(encoding="utf-8").splitlines()[0])
    assert head["file"] == str(copy)
