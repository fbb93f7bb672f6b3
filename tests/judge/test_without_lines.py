"""Scenarios without expected sequences: the rules decide, and what they were asked for is what is checked."""

from dataclasses import replace
from pathlib import Path

from roomcheck.judge import judge
from roomcheck.judge.result import result_of
from roomcheck.model.verdict import Outcome
from roomcheck.room import Policy, play
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

TEXT = (Path(__file__).parents[1] / "prove" / "contract.yaml").read_text(encoding="utf-8")
TEXT = TEXT.replace("for: L-GONE}", "for: L-GONE, earlier: L-OTHERS}").replace(
    "L-SELF: {must", 'L-QUIET: {must: A slow link is nobody\'s business., inferred: "7"}\n  L-SELF: {must'
)
CONTRACT: Contract = load_spec(f"{TEXT}\nstories: {{enter: enter, leave: leave}}\n", "contract.yaml").bind()
KEEPS = Policy(eagerness=0.0)


def case(name: str, *requirements: str) -> Case:
    """A story, played for these."""
    return replace(next(c for c in CONTRACT.cases if c.id == name), requirements=requirements)


def checks(played: Case) -> dict[str | None, tuple[Outcome, str]]:
    """Requirement -> how the check of it that was made last ended."""
    verdict = judge(CONTRACT, play(CONTRACT, played, KEEPS), played)
    assert verdict.outcome is Outcome.CONFORMS
    return {c.requirement: (c.outcome, c.reason) for c in verdict.checks}


def test_a_requirement_that_nothing_asked_for_is_not_met() -> None:
    """The case may be named after it all the same."""
    found = checks(case("story-leave", "L-LEAVE", "L-GONE"))

    assert found["L-LEAVE"] == (Outcome.CONFORMS, "")
    assert found["L-GONE"] == (Outcome.NOT_APPLICABLE, "nothing that happened asked for it")


def test_a_requirement_without_a_rule_is_met_where_the_rules_are() -> None:
    """That nothing is told of a slow link no rule can say."""
    assert checks(case("story-slow-link/slice", "L-QUIET"))["L-QUIET"] == (Outcome.CONFORMS, "")


def test_silence_about_an_outage_is_a_check() -> None:
    """That nobody is reported gone too early was asked, where somebody was lost."""
    outage, none = case("story-away-short/cut"), case("story-leave")
    quiet = [
        [c.what for c in judge(CONTRACT, play(CONTRACT, one, KEEPS), one).checks if "before it may be" in c.what]
        for one in (outage, none)
    ]

    assert quiet == [["B about A in R: not reported gone before it may be"], []]


def test_a_result_names_what_was_checked() -> None:
    """If the scenario does not say what it is for."""
    played = case("story-alone")
    verdict = judge(CONTRACT, play(CONTRACT, played, KEEPS), played)

    assert result_of(CONTRACT, played, verdict).requirements == ("L-ENTER", "L-SELF")
    assert result_of(CONTRACT, played, None).requirements == ()
