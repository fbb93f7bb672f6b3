"""Many schedules from one strategy and one seed, and the memory of those that failed.

Hypothesis draws without anything being played: playing takes seconds, drawing a millisecond, and a schedule that is
known beforehand can be chosen. What a run finds to fail is remembered by walking the same seed again with the verdicts
at hand, so that the example database holds Hypothesis' own example, which the next run meets first.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase, ReadOnlyDatabase

from roomcheck.model.schedule import Schedule

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
    drawn: dict[str, Schedule] = {}
    for walk in _walks(number, count):
        _walk(strategy, lambda schedule: drawn.setdefault(repr(schedule), schedule), walk, WALK, None, Phase.generate)
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

        for walk in _walks(number, count):
            try:
                _walk(strategy, body, walk, WALK, database, Phase.generate)
            except _FailsError:
                break


def _walks(number: int, count: int) -> range:
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
    def schedules(schedule: Schedule) -> None:
        body(schedule)

    try:
        schedules()
    except SkipTest:  # the database remembers nothing
        return
