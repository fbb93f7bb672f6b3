"""Which of two stories may be dropped: the one that allows nothing that the other does not allow."""

from dataclasses import replace

import pytest

from roomcheck.judge.view import Flying, Hypothesis, Promise, covers
from roomcheck.model.time import Instant
from roomcheck.spec.contract import Rule
from support.lobby import lobby

EARLY, LATE = Instant(100, 110), Instant(200, 210)
ACROSS = Instant(50, 250)  # begins before either, ends after both
RULE, OTHER = next(view for view in lobby().views).rules[:2]


def promise(rule: Rule = RULE, base: Instant = EARLY, call: int = 7) -> Promise:
    return Promise(rule, EARLY, base, {"ticket": "good"}, call)


STORY = Hypothesis("in", EARLY, {"ticket": "good"}, (promise(),))


@pytest.mark.parametrize(
    "patient",
    [STORY, replace(STORY, entry=LATE), replace(STORY, armed=(promise(base=LATE),))],
    ids=["the same", "entered later", "promised later"],
)
def test_what_waits_longer_covers_what_does_not(patient: Hypothesis) -> None:
    """And not the other way round, unless they are the same."""
    assert covers(patient, STORY)
    assert covers(STORY, patient) is (patient == STORY)


@pytest.mark.parametrize(
    "other",
    [
        replace(STORY, entry=ACROSS),
        replace(STORY, args={"ticket": "bad"}),
        replace(STORY, armed=(promise(base=ACROSS),)),
        replace(STORY, armed=(promise(call=8),)),
        replace(STORY, armed=(promise(OTHER),)),
        replace(STORY, armed=(replace(promise(), cause=LATE),)),
        replace(STORY, armed=(replace(promise(), args={"ticket": "bad"}),)),
        replace(STORY, flying=(Flying(promise(), "out"),)),
        replace(STORY, choices=((1, 100, True),)),
        replace(STORY, called_off=((promise(), 300),)),
    ],
    ids=["entry", "args", "base", "call", "rule", "cause", "its args", "flying", "choices", "called off"],
)
def test_stories_that_differ_in_anything_else_are_both_kept(other: Hypothesis) -> None:
    """Neither covers the other."""
    assert not covers(STORY, other)
    assert not covers(other, STORY)


def test_equal_rules_are_told_apart() -> None:
    """Two rules of a spec may read the same."""
    assert not covers(STORY, replace(STORY, armed=(promise(replace(RULE)),)))
