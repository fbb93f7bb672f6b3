"""Many schedules from one strategy and one seed, and the memory of those that failed.

Hypothesis draws without anything being played: playing takes seconds, drawing a millisecond, and a schedule that is
known beforehand can be chosen. What a run finds to fail is remembered by walking the same seed again with the verdicts
at hand, so that the example database holds Hypothesis' own example, which the next run meets first.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from importlib import import_module
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase, ReadOnlyDatabase

from roomcheck.generate.strategies import schedules
from roomcheck.model.schedule import Schedule
from roomcheck.spec.contract import Contract

Memory = ExampleDatabase
# Five of six schedules of a long walk are one that it had, a little varied: of 250 distinct ones, 120 to 170 begin
# differently in walks of 250, and 230 in walks of 12, which take half the time.
WALK = 12
MOST_WALKS = 1_000
REPEATS = 3  # walks for each that would do if nothing were drawn twice; a third is
REMEMBERED = 1_000  # of a database a tenth of this is read again at most


class _FailsError(Exception):
    """Raised to Hypothesis for a schedule that is known to fail."""


def open_memory(place: str, spec: str) -> ExampleDatabase:
    """The database of a spec in a folder, or in a Redis that several machines share (redis://HOST:PORT/N).

    ValueError for an address that is none; ImportError without the package `redis`.
    """
    if not place.startswith("redis://"):
        return DirectoryBasedExampleDatabase(f"{place}/{spec}")
    redis = import_module("redis")
    shared = import_module("hypothesis.extra.redis")
    prefix = f"roomcheck:{spec}:".encode()
    made: ExampleDatabase = shared.RedisExampleDatabase(redis.Redis.from_url(place), key_prefix=prefix)
    return made


def collect(strategy: st.SearchStrategy[Schedule], *, number: int, count: int) -> list[Schedule]:
    """So many different schedules, if the strategy has them, the same for the same seed (`number`)."""
    return distinct((drawn_in(strategy, walk) for walk in walks(number, count)), count)


class Source:
    """What schedules are drawn from. A strategy takes as long to make as twelve schedules, and cannot be sent."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def __reduce__(self) -> tuple[type["Source"], tuple[Contract]]:
        return Source, (self.contract,)

    @cached_property
    def strategy(self) -> st.SearchStrategy[Schedule]:
        """Made once in each process."""
        return schedules(self.contract)

    def walk(self, number: int) -> list[Schedule]:
        """What this walk draws."""
        return drawn_in(self.strategy, number)


def drawn_in(strategy: st.SearchStrategy[Schedule], walk: int) -> list[Schedule]:
    """What one of Hypothesis' walks draws, which hangs on nothing but its seed."""
    drawn: list[Schedule] = []
    _walk(strategy, drawn.append, walk, WALK, None, Phase.generate)
    return drawn


def distinct(walked: Iterable[Iterable[Schedule]], count: int) -> list[Schedule]:
    """So many different schedules of these walks, if there are; no walk is asked for that is not needed."""
    drawn: dict[str, Schedule] = {}
    for walk in walked:
        for schedule in walk:
            drawn.setdefault(repr(schedule), schedule)
        if len(drawn) >= count:
            break
    return list(drawn.values())[:count]


def known(strategy: st.SearchStrategy[Schedule], database: ExampleDatabase) -> list[Schedule]:
    """What the database remembers of schedules that failed; nothing is forgotten by asking."""
    drawn: list[Schedule] = []
    _walk(strategy, drawn.append, 0, REMEMBERED, ReadOnlyDatabase(database), Phase.reuse)
    return drawn


def remember(
    strategy: st.SearchStrategy[Schedule],
    failing: Iterable[Schedule],
    database: ExampleDatabase,
    *,
    number: int,
    count: int,
) -> None:
    """Keep these in the database; each must be among what `collect` gave for the same seed and count."""
    for schedule in failing:

        def body(drawn: Schedule, wanted: Schedule = schedule) -> None:
            if drawn == wanted:
                raise _FailsError

        for walk in walks(number, count):
            try:
                _walk(strategy, body, walk, WALK, database, Phase.generate)
            except _FailsError:
                break


def walks(number: int, count: int) -> range:
    """The seeds of Hypothesis' own walks: several short ones differ more than a long one, which varies what it had."""
    return range(number * MOST_WALKS, number * MOST_WALKS + min(-(-count // WALK) * REPEATS, MOST_WALKS))


def _walk(
    strategy: st.SearchStrategy[Schedule],
    body: Callable[[Schedule], object],
    number: int,
    count: int,
    database: ExampleDatabase | None,
    phase: Phase,
) -> None:
    # the seed below the settings: above them it would switch the database off
    @settings(
        max_examples=count,
        phases=[phase],
        database=database,
        deadline=None,
        derandomize=False,  # the seed decides, also where Hypothesis sees a CI
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @seed(number)
    @given(strategy)
    def walk(schedule: Schedule) -> None:
        body(schedule)

    try:
        walk()
    except SkipTest:  # the database remembers nothing
        return
