from itertools import permutations

import pytest

from report.samples import absent, broken, doubtful, good, result, violating
from roomcheck.model.verdict import Blame, CaseResult, Check, Outcome, Verdict
from roomcheck.report.exitcode import checks, exit_code


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([good()], 0),
        ([good(), absent()], 0),
        ([good(), violating()], 1),
        ([good(), doubtful()], 2),
        ([good(), broken()], 3),
        ([good(), broken(blame=Blame.HARNESS)], 5),
        ([good(), broken(blame=Blame.MACHINE)], 5),
        ([good(), broken(blame=Blame.TARGET)], 4),
        ([], 4),
        ([absent()], 4),
    ],
)
def test_each_ending_has_its_code(results: list[CaseResult], code: int) -> None:
    """A CI job can tell who must act from the code alone."""
    assert exit_code(results) == code


def test_a_violation_is_reported_before_the_adapter_the_harness_and_doubt() -> None:
    """1 before 3 before 5 before 2, in whatever order the results came."""
    ranked = [violating(), broken(), broken(blame=Blame.HARNESS), doubtful()]

    for first, code in enumerate((1, 3, 5, 2)):
        assert {exit_code(order) for order in permutations(ranked[first:])} == {code}


def test_a_run_that_checked_nothing_is_no_success() -> None:
    """Cases that conformed without one check are a vacuous green."""
    empty = result(verdict=Verdict(Outcome.CONFORMS))
    moot = result(verdict=Verdict(Outcome.CONFORMS, checks=(Check("R-1", "x", Outcome.NOT_APPLICABLE, "called off"),)))

    assert exit_code([empty, moot]) == 4


def test_only_checks_with_a_verdict_count() -> None:
    """A check that did not apply is not a check that was made."""
    assert checks([violating(), absent(), broken()]) == 2
