"""`roomcheck run`: which cases are chosen, before any is played."""

import pytest

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.playing import DEFAULT_SPEC
from roomcheck.cli.run import LEVELS, lacking, selected
from roomcheck.model.verdict import Outcome
from roomcheck.spec.contract import Contract


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


def test_a_pattern_with_a_wildcard_fits_the_whole_id(contract: Contract) -> None:
    """So one case can be chosen whose name is a part of others."""
    assert ids(contract, "kic?") == ["kick"]
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
        levels = {contract.requirements[r].level for r in case.requirements}
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
