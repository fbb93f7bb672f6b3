"""A verdict as the result of a case."""

import pytest

from roomcheck.judge.result import result_of, weigh
from roomcheck.model.schedule import Schedule
from roomcheck.model.verdict import Blame, Check, Finding, Outcome, Verdict
from roomcheck.spec.case import Case
from support.lobby import lobby

FIRST = Finding("X-1", "A in R", 5, "GONE", "BACK came where nothing more was expected")
SECOND_FINDING = Finding("X-2", "B in R", 9, "ADD", "ADD never came")
UNASKED = Check("X-1", "A in R: BACK", Outcome.NOT_APPLICABLE, "no case of it was met")
CASE = Case("c/cut", "c", "C", "cut", Schedule((), (), (), 0), (), ("L-CASE",))


@pytest.mark.parametrize(
    ("verdict", "blame", "text"),
    [
        (Verdict(Outcome.VIOLATES, (FIRST, SECOND_FINDING)), Blame.ROOM, f"A in R: {FIRST.seen}"),
        (Verdict(Outcome.INCONCLUSIVE, (SECOND_FINDING,)), Blame.MACHINE, f"B in R: {SECOND_FINDING.seen}"),
        (Verdict(Outcome.INCONCLUSIVE), Blame.MACHINE, ""),
        (Verdict(Outcome.CONFORMS, (), (UNASKED,)), None, ""),
        (Verdict(Outcome.NOT_APPLICABLE, (), (UNASKED,)), None, UNASKED.reason),
        (Verdict(Outcome.NOT_APPLICABLE), None, ""),
    ],
)
def test_a_verdict_points_at_the_room_or_at_the_machine(verdict: Verdict, blame: Blame | None, text: str) -> None:
    """With its first finding in one line; what does not apply has its reason."""
    assert weigh(verdict) == (blame, text)


def test_a_result_has_the_name_of_its_spec_and_whom_the_verdict_points_at() -> None:
    """And what the case was played for."""
    result = result_of(lobby(), CASE, Verdict(Outcome.VIOLATES, (Finding("L-CASE", "A", 1, "x", "told y"),)), seconds=2)
    assert (result.case, result.outcome, result.blame) == ("lobby/c/cut", Outcome.VIOLATES, Blame.ROOM)
    assert (result.message, result.requirements, result.seconds) == ("A: told y", ("L-CASE",), 2)


def test_a_case_without_a_verdict_says_who_is_to_blame() -> None:
    """Or nothing, where nothing is known."""
    failed = result_of(lobby(), CASE, None, failure=(Blame.ADAPTER, "it hangs"))
    assert (failed.outcome, failed.blame, failed.message) == (None, Blame.ADAPTER, "it hangs")
    assert result_of(lobby(), CASE, None).blame is None
