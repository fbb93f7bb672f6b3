"""How a search keeps to its time, on a player that only pretends to play."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from threading import Event
from typing import Any

import pytest

from generate.contracts import CONTRACTS
from roomcheck.errors import UsageError
from roomcheck.model.verdict import CaseResult, Outcome, Verdict
from roomcheck.run import choosing
from roomcheck.run import fuzz as fuzz_module
from roomcheck.run.choosing import draw
from roomcheck.run.fuzz import Fuzz
from roomcheck.run.queue import duration
from roomcheck.spec.case import Case
from roomcheck.spec.schedule_file import case_of

REAL = CONTRACTS["zego"]
MINUTE = 60_000_000
IN_TIME = Fuzz._in_time


class Instant:
    """Whatever is asked for conforms at once; notes what was begun."""

    def __init__(self) -> None:
        self.begun: list[Case] = []
        self.hear: Callable[[CaseResult], None] = lambda _result: None

    async def play(
        self, cases: Iterable[Case], attempts: int = 1, over: Callable[[Case], bool] | None = None
    ) -> list[CaseResult]:
        assert over is not None
        for case in cases:
            await asyncio.sleep(0)
            if not over(case):
                self.begun.append(case)
                self.hear(CaseResult(f"{REAL.spec}/{case.id}", case.scenario, "", None, Outcome.CONFORMS, None, "",
                                     Verdict(Outcome.CONFORMS, ()), seconds=0, attempts=attempts))  # fmt: skip
        return []


@pytest.fixture(autouse=True)
def _clock_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long drawing takes on this machine is none of these tests' business."""
    monkeypatch.setattr(fuzz_module, "now", lambda: 0)
    monkeypatch.setattr(Fuzz, "_in_time", lambda *_: nullcontext())


def searched(micros: float, *, waits: bool = True, stop_after: int = 8) -> Instant:
    """What a search of so many microseconds begins, up to so many schedules."""
    player = Instant()
    fuzzing = Fuzz(REAL, player, 0, until=micros, waits=waits)

    def hear(result: CaseResult) -> None:
        fuzzing.hear(result)
        if fuzzing.played == stop_after:
            raise asyncio.CancelledError

    player.hear = hear
    with suppress(asyncio.CancelledError):
        asyncio.run(fuzzing.run())
    return player


def test_nothing_is_begun_that_cannot_end_in_time() -> None:
    """And of what chance gives those are chosen that can, however few they are."""
    begun = searched(2 * MINUTE).begun

    assert len(begun) == 8
    assert max(map(duration, begun)) <= 2 * MINUTE


def test_in_virtual_time_any_may_be_begun() -> None:
    """There a schedule takes milliseconds, however long it says."""
    assert max(map(duration, searched(2 * MINUTE, waits=False).begun)) > 2 * MINUTE


def test_a_time_for_which_every_schedule_is_too_long_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time that the shortest takes."""
    for module in (choosing, fuzz_module):
        monkeypatch.setattr(module, "DRAWN", 50)
    with pytest.raises(UsageError, match=r"no schedule ended in this time, and the shortest of 50 takes \d+"):
        searched(MINUTE / 60)


def test_the_first_of_a_search_by_time_are_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing takes longer than playing them on a machine that is busy; those after them are."""
    some = draw(REAL, 0, 2, None)
    chosen: list[bool] = []

    def drawing(*args: Any) -> Any:
        chosen.append(args[3] is not None)
        return [some[len(chosen) - 1]]

    monkeypatch.setattr(fuzz_module, "draw", drawing)
    assert len(searched(1_000 * MINUTE, stop_after=2).begun) == 2
    assert chosen == [False, True]


def test_drawing_ends_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it takes for ever, be it of the first schedules or of more; that none was drawn is said."""
    monkeypatch.setattr(Fuzz, "_in_time", IN_TIME)
    monkeypatch.setattr(fuzz_module, "draw", lambda *_: Event().wait())
    with pytest.raises(UsageError, match="the time was up before any schedule was drawn"):
        searched(MINUTE / 6_000)

    first = [draw(REAL, 0, 2, None)]
    monkeypatch.setattr(fuzz_module, "draw", lambda *_: first.pop() if first else Event().wait())
    monkeypatch.setattr(Fuzz, "_in_time", lambda fuzzing, *_: asyncio.timeout(0.01 if fuzzing.played else None))
    assert len(searched(1_000 * MINUTE).begun) == 2


def test_where_few_are_short_enough_more_are_drawn() -> None:
    """Those that fit stay in their order, and others come behind them."""
    any_length = [schedule for schedule, _ in draw(REAL, 0, 16, None)]
    short = [schedule for schedule, _ in draw(REAL, 0, 16, None, most=2 * MINUTE)]
    fitting = [schedule for schedule in any_length if duration(case_of("", schedule)) <= 2 * MINUTE]

    assert 0 < len(fitting) < len(short) == 16
    assert short[: len(fitting)] == fitting
