"""Schedules by chance."""

import pytest
from hypothesis import given

from generate.checker import problems_of
from generate.contracts import CONTRACTS
from roomcheck.generate import schedules
from roomcheck.model.schedule import Schedule


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_schedule_is_sound(name: str) -> None:
    """By a checker that shares nothing with the generator."""

    @given(schedules(CONTRACTS[name]))
    def check(schedule: Schedule) -> None:
        assert problems_of(CONTRACTS[name], schedule) == []

    check()
