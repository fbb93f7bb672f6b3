"""Whom a verdict points at, and with which words."""

import pytest

from roomcheck.judge.result import weigh
from roomcheck.model.verdict import Blame, Check, Finding, Outcome, Verdict

FIRST = Finding("X-1", "A in R", 5, "GONE", "BACK came where nothing more was expected")
SECOND = Finding("X-2", "B in R", 9, "ADD", "ADD never came")
UNASKED = Check("X-1", "A in R: BACK", Outcome.NOT_APPLICABLE, "no case of it was met")


@pytest.mark.parametrize(
    ("verdict", "blame", "text"),
    [
        (Verdict(Outcome.VIOLATES, (FIRST, SECOND)), Blame.ROOM, f"A in R: {FIRST.seen}"),
        (Verdict(Outcome.INCONCLUSIVE, (SECOND,)), Blame.MACHINE, f"B in R: {SECOND.seen}"),
        (Verdict(Outcome.INCONCLUSIVE), Blame.MACHINE, ""),
        (Verdict(Outcome.CONFORMS, (), (UNASKED,)), None, ""),
        (Verdict(Outcome.NOT_APPLICABLE, (), (UNASKED,)), None, UNASKED.reason),
        (Verdict(Outcome.NOT_APPLICABLE), None, ""),
    ],
)
def test_a_verdict_points_at_the_room_or_at_the_machine(verdict: Verdict, blame: Blame | None, text: str) -> None:
    """With its first finding in one line; what does not apply has its reason."""
    assert weigh(verdict) == (blame, text)
