"""Several runs as one."""

from dataclasses import replace

import pytest

from report.samples import ALL, FOOTER, HEADER
from roomcheck.model.verdict import Blame, CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.exitcode import exit_code
from roomcheck.report.merge import Part, merged, missing_shards

CONFORMS = next(r for r in ALL if r.outcome is Outcome.CONFORMS)
VIOLATES = next(r for r in ALL if r.outcome is Outcome.VIOLATES and not r.known)


def part(*results: CaseResult, footer: RunFooter | None = FOOTER, header: RunHeader = HEADER) -> Part:
    ended = footer and replace(footer, exit_code=exit_code(results))
    return replace(header, cases=len(results)), list(results), ended


def test_the_shards_of_a_run_are_the_whole() -> None:
    header, results, footer = merged(
        [
            part(CONFORMS, header=replace(HEADER, started="2026-01-02")),
            part(VIOLATES, header=replace(HEADER, started="2026-01-01")),
        ]
    )
    assert (header.cases, header.started) == (2, "2026-01-01")
    assert results == [CONFORMS, VIOLATES]
    assert footer is not None
    assert (footer.exit_code, footer.complete) == (1, True)


@pytest.mark.parametrize(
    ("there", "missing"),
    [([""], []), (["1/2", "2/2"], []), (["3/3", "1/3", ""], ["2/3"]), (["1/2", "1/3", "2/3"], ["2/2", "3/3"])],
)
def test_a_shard_of_which_there_is_nothing_is_missing(there: list[str], missing: list[str]) -> None:
    assert missing_shards([replace(HEADER, shard=shard) for shard in there]) == missing


def test_what_died_in_any_of_them_died_in_the_whole() -> None:
    footers = [replace(FOOTER, died=died) for died in (("a",), (), ("b", "c"))]
    footer = merged([part(CONFORMS, footer=footer) for footer in footers])[2]
    assert footer is not None
    assert footer.died == ("a", "b", "c")


def test_one_is_itself() -> None:
    one = part(CONFORMS)
    assert merged([one]) == one


@pytest.mark.parametrize("turn", [1, -1])
def test_a_case_that_is_in_two_counts_by_its_worst_result(turn: int) -> None:
    worse = replace(CONFORMS, outcome=Outcome.INCONCLUSIVE, blame=Blame.MACHINE)
    _, results, footer = merged([part(r) for r in (CONFORMS, worse)[::turn]])
    assert results == [worse]
    assert footer is not None
    assert footer.exit_code == 2


def test_a_run_that_was_cut_short_leaves_the_whole_without_an_end() -> None:
    assert merged([part(CONFORMS), part(VIOLATES, footer=None)])[2] is None


def test_a_shard_that_had_nothing_to_check_is_no_failure() -> None:
    skipped = replace(CONFORMS, case="another", outcome=Outcome.NOT_APPLICABLE, verdict=None)
    assert exit_code([skipped]) == 4
    footer = merged([part(CONFORMS), part(skipped)])[2]
    assert footer is not None
    assert footer.exit_code == 0


@pytest.mark.parametrize(("code", "whole"), [(130, 130), (5, 5), (3, 3)])
def test_what_a_run_says_beyond_its_results_counts(code: int, whole: int) -> None:
    header, results, footer = part(CONFORMS)
    assert footer is not None
    broken = header, [replace(r, case="another") for r in results], replace(footer, exit_code=code, complete=False)
    footer = merged([part(CONFORMS), broken])[2]
    assert footer is not None
    assert (footer.exit_code, footer.complete) == (whole, False)


@pytest.mark.parametrize("name", ["spec", "revision", "target"])
def test_runs_of_different_things_are_not_merged(name: str) -> None:
    others = {
        "spec": replace(HEADER, spec="other"),
        "revision": replace(HEADER, revision="other"),
        "target": replace(HEADER, target="other"),
    }
    with pytest.raises(ValueError, match=f"they differ in their {name}: .*, other"):
        merged([part(CONFORMS), part(VIOLATES, header=others[name])])
