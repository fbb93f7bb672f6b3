"""Who is played next, and what is played again."""

from dataclasses import replace

import pytest

from roomcheck.model.schedule import Schedule
from roomcheck.model.verdict import Blame, CaseResult, Outcome
from roomcheck.run.queue import ALONE, SERVERS, Queue, at_once, enough, may_run_again
from roomcheck.spec.case import Case


@pytest.mark.parametrize(
    ("asked", "bears", "attempt", "jobs"),
    [(256, None, 1, 256), (256, None, 2, 64), (256, 10, 1, 10), (4, 10, 1, 4), (256, 10, 2, 2), (256, 10, 3, 1)],
)
def test_no_more_cases_at_once_than_the_target_bears(asked: int, bears: int | None, attempt: int, jobs: int) -> None:
    """Whatever was asked for; a quarter of them where they are run again, one at least."""
    assert at_once(asked, bears, attempt) == jobs


RESULT = CaseResult(
    case="s/c", scenario="c", title="C", fault=None, outcome=Outcome.CONFORMS, blame=None, message="", verdict=None,
    seconds=1.0, attempts=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "blame", "again"),
    [
        (Outcome.CONFORMS, None, False),
        (Outcome.VIOLATES, Blame.ROOM, False),
        (Outcome.NOT_APPLICABLE, None, False),
        (Outcome.INCONCLUSIVE, Blame.MACHINE, True),
        (None, Blame.HARNESS, True),
        (None, Blame.ADAPTER, True),
        (None, Blame.TARGET, True),
    ],
)
def test_doubt_and_what_died_get_another_try(outcome: Outcome | None, blame: Blame | None, again: bool) -> None:  # noqa: FBT001
    """A verdict never does; a server that died is started again."""
    assert may_run_again(replace(RESULT, outcome=outcome, blame=blame)) is again


CONFORMS = RESULT
DOUBTFUL = replace(RESULT, outcome=Outcome.INCONCLUSIVE, blame=Blame.MACHINE)
BROKEN = replace(RESULT, outcome=None, blame=Blame.ADAPTER)


def cases(count: int) -> list[Case]:
    return [Case(f"c{i}", "c", "C", None, Schedule((), (), (), 0), (), ()) for i in range(count)]


def queue(given: list[Case], jobs: int, attempts: int = 3) -> Queue:
    return Queue(given, attempts, lambda attempt: at_once(jobs, None, attempt))


def test_a_doubtful_case_is_played_again_when_few_are_beside_it_and_not_after_all_of_them() -> None:
    """A quarter the second time, a sixteenth the third; fresh ones come first."""
    given = cases(17)
    waiting = queue(given, 16)
    for expected in given[:16]:
        assert waiting.begin() == (expected, 1)
    assert waiting.begin() is None
    assert waiting.end(given[0], 1, DOUBTFUL)
    assert waiting.begin() == (given[16], 1)
    for one in given[1:12]:
        assert not waiting.end(one, 1, CONFORMS)
        assert waiting.begin() is None
    waiting.end(given[12], 1, CONFORMS)
    assert waiting.running == 4
    assert waiting.begin() is None
    waiting.end(given[13], 1, CONFORMS)
    assert waiting.begin() == (given[0], 2)
    assert waiting.end(given[0], 2, DOUBTFUL)
    for one in given[14:]:
        assert waiting.begin() is None
        assert not waiting.over
        waiting.end(one, 1, CONFORMS)
    assert waiting.begin() == (given[0], 3)
    assert not waiting.end(given[0], 3, DOUBTFUL)
    assert waiting.begin() is None
    assert waiting.over


def test_what_has_broken_an_adapter_is_played_again_with_few_beside_it() -> None:
    """Each has an adapter process of its own then."""
    given = cases(ALONE + 1)
    waiting = queue(given, 1_000)
    for one in given:
        assert waiting.begin() == (one, 1)
    for one in given:
        assert waiting.end(one, 1, BROKEN)
    assert waiting.broken == {one.id for one in given}
    assert [waiting.begin() for _ in given] == [*((one, 2) for one in given[:ALONE]), None]
    assert not waiting.end(given[0], 2, CONFORMS)
    assert waiting.begin() == (given[ALONE], 2)


def test_few_have_a_server_of_their_own_at_once_and_the_others_need_not_wait_for_them() -> None:
    """Each of these starts twice, which takes a processor for a while; in doubt or not begun, they count as any."""
    own = [replace(case, id=f"own-{case.id}", own_server=True) for case in cases(SERVERS + 1)]
    shared = cases(2)
    waiting = queue([*own, *shared], 1_000)
    begun = [*own[:SERVERS], *shared]
    assert [waiting.begin() for _ in (*begun, None)] == [*((one, 1) for one in begun), None]
    assert waiting.end(own[0], 1, DOUBTFUL)
    assert waiting.begin() == (own[SERVERS], 1)
    assert not waiting.end(shared[0], 1, CONFORMS)
    assert waiting.begin() is None
    assert not waiting.end(own[1], 1, CONFORMS)
    assert waiting.begin() == (own[0], 2)
    waiting.drop(own[0])
    assert waiting.serving == SERVERS - 1


def test_what_is_dropped_is_not_played_but_what_is_in_doubt_is_played_to_its_end() -> None:
    """Only the case that was to begin is not; the next one may be."""
    given = cases(3)
    waiting = queue(given, 8)
    assert waiting.begin() == (given[0], 1)
    assert waiting.begin() == (given[1], 1)
    waiting.drop(given[1])
    assert waiting.begin() == (given[2], 1)
    waiting.drop(given[2])
    assert waiting.begin() is None
    assert waiting.end(given[0], 1, DOUBTFUL)
    assert waiting.begin() == (given[0], 2)
    assert not waiting.end(given[0], 2, CONFORMS)
    assert waiting.over


def test_a_known_failure_that_passes_is_played_again() -> None:
    """What it breaks may be a race; one that fails as it should is not, nor is another case that passes."""
    given = cases(3)
    waiting = Queue(given, 3, lambda _attempt: 8, listed=lambda case: case in {"c0", "c1"})
    assert [waiting.begin() for _ in given] == [(one, 1) for one in given]
    violates = replace(RESULT, outcome=Outcome.VIOLATES, blame=Blame.ROOM)
    assert not waiting.end(given[1], 1, violates)
    assert not waiting.end(given[2], 1, CONFORMS)
    assert waiting.end(given[0], 1, CONFORMS)
    assert waiting.begin() == (given[0], 2)
    assert waiting.end(given[0], 2, CONFORMS)
    assert waiting.begin() == (given[0], 3)
    assert not waiting.end(given[0], 3, CONFORMS)
    assert waiting.over


@pytest.mark.parametrize(
    ("lengths", "at_once"),
    [([], 16), ([0], 16), ([10] * 30, 45), ([100, *[10] * 30], 16), ([20] * 20 + [5] * 40, 45)],
    ids=["none", "instant", "alike", "one that is long", "of two lengths"],
)
def test_no_more_at_once_than_fill_the_time_of_the_longest(lengths: list[int], at_once: int) -> None:
    """And some more, as they do not pack without gaps; but never very few."""
    assert enough(lengths) == at_once
    ends = [0] * at_once
    for length in sorted(lengths, reverse=True):
        ends[ends.index(min(ends))] += length
    assert max(ends) == max(lengths, default=0)
