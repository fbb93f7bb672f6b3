"""The times worth trying."""

from dataclasses import replace

from generate.contracts import CONTRACTS
from roomcheck.generate.times import edges, limits, nice, times
from support.lobby import GIVE_UP, GONE_AFTER, LIST, SLACK, lobby


def test_limits_are_documented_whatever_the_scale() -> None:
    """In milliseconds, each once."""
    assert limits(CONTRACTS["zego"]) == limits(CONTRACTS["zego-100"])
    assert {90_000, 1_200_000, 120} <= set(limits(CONTRACTS["zego"]))


def test_windows_count_where_there_are_no_constants() -> None:
    """Both ends of each, and how long a list may be wrong."""
    assert {GIVE_UP, GIVE_UP + SLACK, GONE_AFTER, LIST} <= set(limits(lobby()))


def test_a_contract_without_any_time_has_gaps_too() -> None:
    """A second stands for what is not known."""
    silent = replace(lobby(), views=())

    assert limits(silent) == (1_000,)
    assert max(times(silent).gaps) >= 1_000_000


def test_nice_numbers_have_one_digit_and_nothing_else() -> None:
    """Up to the most, and none if there is none."""
    assert nice(60) == (1, 2, 5, 10, 20, 50)
    assert nice(0.5) == ()


def test_the_edges_of_a_limit_are_nice_steps_away() -> None:
    """By 1, 2 and 5 % or a little less; a limit of a millisecond has nothing before it."""
    assert edges(90_000) == {89_500, 90_500, 89_000, 91_000, 88_000, 92_000, 90_000}
    assert edges(1) == {1, 2}


def test_the_tables_are_sorted() -> None:
    """What stands first is what Hypothesis takes for simpler."""
    tables = times(CONTRACTS["web"])

    for table in (tables.gaps, tables.moments, tables.pauses, tables.watches):
        assert list(table) == sorted(table)
    assert tables.gaps[0] == 0
    assert tables.watches[0] > 0
