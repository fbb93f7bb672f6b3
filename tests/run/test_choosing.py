"""Which schedules a search plays."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from generate.contracts import CONTRACTS, drawn
from roomcheck.generate import schedules, under_other_faults
from roomcheck.generate.collect import collect
from roomcheck.judge.coverage import Triple, met
from roomcheck.model.schedule import Schedule
from roomcheck.model.trace import Trace
from roomcheck.room import USUAL, play
from roomcheck.run import choosing
from roomcheck.run.choosing import POOL, descendants, draw, foreseen
from roomcheck.spec.schedule_file import case_of

ZEGO = CONTRACTS["zego-100"]
COUNT = 24


def triples(played: list[Schedule]) -> set[Triple]:
    return {triple for schedule in played for triple in met(ZEGO, foreseen(ZEGO, schedule))}


def test_what_is_chosen_is_expected_to_meet_far_more_triples_than_what_is_drawn() -> None:
    """Each was drawn, or made from what was drawn, so that the example database can hold it."""
    pool = collect(schedules(ZEGO), number=0, count=COUNT * POOL)

    chosen = draw(ZEGO, 0, COUNT, Counter())

    assert len({repr(schedule) for schedule, _ in chosen}) == COUNT
    assert all(origin in pool for _, origin in chosen)
    assert sum(schedule is origin for schedule, origin in chosen) >= COUNT // 2
    assert 2 * len(triples([schedule for schedule, _ in chosen])) > 3 * len(triples(pool[:COUNT]))


def test_an_act_more_meets_what_no_story_is_expected_to_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of what is chosen is longer than what it was made from, and adds triples that nothing else would."""
    chosen = draw(ZEGO, 3, COUNT, Counter())
    longer = [schedule for schedule, origin in chosen if len(schedule.steps) > len(origin.steps)]
    pool = collect(schedules(ZEGO), number=3, count=COUNT * POOL)
    assert triples(longer) - triples(
        [kin for schedule in pool for kin in (schedule, *under_other_faults(ZEGO, schedule))]
    )

    monkeypatch.setattr(choosing, "MORE", 0)
    assert all(len(schedule.steps) <= len(origin.steps) for schedule, origin in draw(ZEGO, 3, COUNT, Counter()))


@pytest.mark.parametrize("name", ["zego-100", "every-construct"])
def test_under_faults_that_the_model_room_cannot_tell_apart_it_is_played_once(name: str) -> None:
    """And what is foreseen of each is what the model room tells when it is played under its own faults."""
    contract = CONTRACTS[name]
    played: dict[str, Trace] = {}
    count = 0
    for schedule in drawn(name, 10):
        for other in descendants(contract, schedule):
            assert foreseen(contract, other, played).records == play(contract, case_of("", other), USUAL).records
            count += 1
    assert len(played) < count


@pytest.mark.parametrize("name", ["zego-100", "every-construct", "web"])
def test_what_others_are_told_changes_nothing_of_what_a_schedule_meets(name: str) -> None:
    """So choosing plays no presence, which takes a third of the time."""
    contract = CONTRACTS[name]
    alone = replace(contract, views=(contract.connection,))
    for schedule in drawn(name, 20):
        assert met(alone, foreseen(alone, schedule)) == met(contract, foreseen(contract, schedule))


def test_without_choosing_they_come_as_they_were_drawn() -> None:
    """The first ones of the same seed."""
    chosen = draw(ZEGO, 20, COUNT, None)

    assert [schedule for schedule, _ in chosen] == list(drawn("zego-100", COUNT * POOL))[:COUNT]
    assert all(schedule is origin for schedule, origin in chosen)


class Worn(Counter[object]):
    """Everything was expected very often."""

    def __missing__(self, _key: object) -> int:
        return 100_000


def test_a_search_goes_on_when_nothing_adds_anything() -> None:
    """Then chance is all there is."""
    assert len(draw(ZEGO, 3, COUNT, Worn())) == COUNT


def test_the_same_seed_gives_the_same_schedules_however_python_hashes() -> None:
    """In another process, whose sets have another order."""
    program = (
        "from collections import Counter\n"
        "from generate.contracts import CONTRACTS\n"
        "from roomcheck.run.choosing import draw\n"
        "print(draw(CONTRACTS['zego-100'], 5, 10, Counter()))\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parents[1], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert said[0] == said[1]
