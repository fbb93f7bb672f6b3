"""Drawing many schedules, and remembering those that failed."""

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

from generate.contracts import CONTRACTS, drawn
from roomcheck.generate.collect import Source, collect, distinct, known, open_memory, remember, walks
from roomcheck.model.schedule import Heal, Member, Schedule, Step, When

PLANS = st.lists(st.integers(0, 1000), min_size=1, max_size=5).map(
    lambda offsets: Schedule(
        (Member("A", "A"),), ("R",), tuple(Step(Heal("A"), When(None, offset)) for offset in offsets), 0
    )
)


def test_the_same_seed_gives_the_same_schedules() -> None:
    """All different from each other, and another seed gives others."""
    first, second, other = (collect(PLANS, number=n, count=50) for n in (7, 7, 8))
    assert first == second != other
    assert len({repr(s) for s in first}) == len(first) > 40


def test_an_empty_database_knows_nothing() -> None:
    """A first run begins with what chance gives."""
    assert known(PLANS, InMemoryExampleDatabase()) == []


def test_what_failed_is_known_to_the_next_run() -> None:
    """Every one of them, however often it is asked."""
    database = InMemoryExampleDatabase()
    drawn = collect(PLANS, number=7, count=50)
    remember(PLANS, [drawn[11], drawn[30]], database, number=7, count=50)
    assert sorted(map(repr, known(PLANS, database))) == sorted(map(repr, [drawn[11], drawn[30]]))
    assert len(known(PLANS, database)) == 2


def test_a_schedule_that_was_not_drawn_is_not_remembered() -> None:
    """There are no choices of Hypothesis' that lead to it."""
    database = InMemoryExampleDatabase()
    remember(PLANS, [Schedule((), (), (), 1)], database, number=7, count=50)
    assert known(PLANS, database) == []


def test_a_folder_is_a_memory_for_each_spec(tmp_path: Path) -> None:
    """What failed by one spec is not asked of another."""
    memory = open_memory(str(tmp_path), "vendor/one")
    memory.save(b"key", b"value")
    assert isinstance(memory, DirectoryBasedExampleDatabase)
    assert list(open_memory(str(tmp_path), "vendor/one").fetch(b"key")) == [b"value"]
    assert list(open_memory(str(tmp_path), "vendor/two").fetch(b"key")) == []


def test_a_redis_address_is_given_to_hypothesis_own_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys of its own for each spec."""
    asked: list[Any] = []
    modules = {
        "redis": SimpleNamespace(Redis=SimpleNamespace(from_url=lambda url: ("redis at", url))),
        "hypothesis.extra.redis": SimpleNamespace(
            RedisExampleDatabase=lambda redis, key_prefix: asked.append((redis, key_prefix)) or "memory"  # type: ignore[func-returns-value] # append gives None
        ),
    }
    monkeypatch.setattr("roomcheck.generate.collect.import_module", modules.__getitem__)
    assert str(open_memory("redis://here:1/0", "v/s")) == "memory"
    assert asked == [(("redis at", "redis://here:1/0"), b"roomcheck:v/s:")]


def test_a_strategy_with_few_schedules_gives_those() -> None:
    """And ends."""
    few = st.sampled_from([Schedule((), (), (), watch) for watch in (1, 2, 3)])
    assert {s.watch for s in collect(few, number=7, count=50)} == {1, 2, 3}


def test_walks_can_be_walked_in_other_processes() -> None:
    """From a source that was sent there; together they give what one process collects, and no walk too many is asked."""
    sent = pickle.loads(pickle.dumps(Source(CONTRACTS["zego-100"])))  # noqa: S301  it is ours
    asked = iter(walks(20, 30))

    assert distinct(map(sent.walk, asked), 30) == list(drawn("zego-100", 30))
    assert list(asked)
