"""Which of two stories may be dropped: the one that allows nothing that the other does not allow."""

from dataclasses import replace

import pytest

from roomcheck.judge.hypothesis import Hypothesis, InFlight, Mode, Obligation, subsumes
from roomcheck.judge.rules import Rules
from roomcheck.judge.view import Simulation
from roomcheck.model.time import Instant
from roomcheck.spec.contract import Rule
from support.lobby import lobby

EARLY, LATE = Instant(100, 110), Instant(200, 210)
ACROSS = Instant(50, 250)  # begins before either, ends after both
RULE, OTHER = next(view for view in lobby().views).rules[:2]


def obligation(rule: Rule = RULE, base: Instant = EARLY, call: int = 7) -> Obligation:
    return Obligation(rule, EARLY, base, {"ticket": "good"}, call)


STORY = Hypothesis("in", EARLY, {"ticket": "good"}, (obligation(),))


@pytest.mark.parametrize(
    "patient",
    [STORY, replace(STORY, entry=LATE), replace(STORY, armed=(obligation(base=LATE),))],
    ids=["the same", "entered later", "promised later"],
)
def test_what_waits_longer_covers_what_does_not(patient: Hypothesis) -> None:
    """And not the other way round, unless they are the same."""
    assert subsumes(patient, STORY)
    assert subsumes(STORY, patient) is (patient == STORY)


@pytest.mark.parametrize(
    "other",
    [
        replace(STORY, entry=ACROSS),
        replace(STORY, args={"ticket": "bad"}),
        replace(STORY, armed=(obligation(base=ACROSS),)),
        replace(STORY, armed=(obligation(call=8),)),
        replace(STORY, armed=(obligation(OTHER),)),
        replace(STORY, armed=(replace(obligation(), cause=LATE),)),
        replace(STORY, armed=(replace(obligation(), args={"ticket": "bad"}),)),
        replace(STORY, in_flight=(InFlight(obligation(), "out"),)),
        replace(STORY, called_off=((obligation(), 300),)),
    ],
    ids=["entry", "args", "base", "call", "rule", "cause", "its args", "in_flight", "called off"],
)
def test_stories_that_differ_in_anything_else_are_both_kept(other: Hypothesis) -> None:
    """Neither subsumes the other."""
    assert not subsumes(STORY, other)
    assert not subsumes(other, STORY)


def test_equal_rules_are_told_apart() -> None:
    """Two rules of a spec may read the same."""
    assert not subsumes(STORY, replace(STORY, armed=(obligation(replace(RULE)),)))


@pytest.mark.parametrize("patient_first", [False, True])
def test_the_one_that_waits_longer_is_followed(*, patient_first: bool) -> None:
    """Whichever was thought of first."""
    patient = replace(STORY, entry=LATE)
    simulation = Simulation("A in R", Rules(lobby().views[0]), Mode.NARROW)
    simulation._keep([patient, STORY] if patient_first else [STORY, patient])

    assert simulation.hypotheses == [patient]
