"""How fast a run is played."""

import pytest

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.model.verdict import Outcome
from roomcheck.run.pace import DOUBTS, LOOKED_AT, Pace
from roomcheck.spec.contract import Contract

DOUBT, FINE = Outcome.INCONCLUSIVE, Outcome.CONFORMS
MS = 1_000


@pytest.fixture(scope="module")
def contract() -> Contract:
    """Its narrowest window is 40 ms wide."""
    return read_spec(find_spec("zego-express/room-status")).bind(scale=100.0)


def test_a_case_in_doubt_is_played_again_more_slowly_until_it_is_decided(contract: Contract) -> None:
    pace = Pace.of(contract, fixed=False)
    played = []
    for outcome in (DOUBT, DOUBT, FINE):
        played.append(pace.of_case("c"))
        assert not pace.ended("c", played[-1], outcome)
    assert played == [100, 25, 6.25]
    assert pace.of_case("another") == 100


def test_doubt_at_the_documented_speed_is_the_end(contract: Contract) -> None:
    pace = Pace.of(contract, fixed=False)
    ends = [pace.ended("c", speed, DOUBT) for speed in pace.speeds]
    assert ends == [False, False, False, True]


def test_a_fixed_speed_stays(contract: Contract) -> None:
    """And whoever plays decides how often."""
    pace = Pace.of(contract, fixed=True)
    for _ in range(LOOKED_AT):
        assert not pace.ended("c", pace.of_case("c"), DOUBT)
    pace.bear(contract, 400 * MS)
    assert pace.of_case("c") == pace.now == 100


def test_a_case_that_the_adapter_broke_stays_at_its_speed(contract: Contract) -> None:
    pace = Pace.of(contract, fixed=False)
    assert not pace.ended("c", 100, None)
    assert pace.of_case("c") == 100


@pytest.mark.parametrize(("late", "speed"), [(0, 100), (13, 100), (14, 25), (50, 25), (200, 6.25), (2_000, 1)])
def test_a_run_begins_as_fast_as_the_machine_bears(contract: Contract, late: int, speed: float) -> None:
    pace = Pace.of(contract, fixed=False)
    pace.bear(contract, late * MS)
    assert pace.now == speed


def test_where_many_end_in_doubt_the_next_begin_at_a_slower_speed(contract: Contract) -> None:
    pace = Pace.of(contract, fixed=False)
    for n in range(DOUBTS):
        assert pace.now == 100
        pace.ended(f"c/{n}", 100, DOUBT)
    assert pace.now == 25
    pace.ended("late", 100, DOUBT)  # begun before
    assert pace.now == 25


def test_a_few_in_doubt_change_nothing(contract: Contract) -> None:
    pace = Pace.of(contract, fixed=False)
    for n in range(10 * LOOKED_AT):
        pace.ended(f"c/{n}", 100, DOUBT if n % 3 == 0 else FINE)
    assert pace.now == 100


def test_at_the_documented_speed_doubt_changes_nothing_more(contract: Contract) -> None:
    pace = Pace.of(contract, fixed=False)
    pace.bear(contract, 2_000 * MS)
    for n in range(2 * LOOKED_AT):
        pace.ended(f"c/{n}", 1, DOUBT)
    assert pace.now == 1
