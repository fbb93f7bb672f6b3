"""How long programs wait for a processor, and a time limit that does not count that."""

import asyncio
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from roomcheck import queued
from roomcheck.adapters import AdapterHost
from roomcheck.errors import AdapterError
from roomcheck.queued import MOST, Queued, offspring, ready, waiting, within


def test_offspring_are_children_and_their_children() -> None:
    """Of a shell that starts a program; nothing is known of a process that is gone."""
    shell = subprocess.Popen(["sh", "-c", "sleep 20 & echo; wait"], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert shell.stdout is not None
        shell.stdout.readline()
        found = list(offspring(os.getpid()))
        assert shell.pid in found
        assert set(offspring(shell.pid)) < set(found)
        assert list(offspring(shell.pid))
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.communicate()
    assert list(offspring(shell.pid)) == []
    assert waiting(f"/proc/{shell.pid}/task/{shell.pid}") is None


@pytest.mark.parametrize("waits", [0, 3_000_000, 10**12])
def test_a_program_is_not_charged_for_what_it_waited(waits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit grows by that, up to some times itself; how long it was is told."""
    monkeypatch.setattr(Queued, "worst", property(lambda _: waits))
    limit = 0.1
    seconds: list[float] = []

    async def measure() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        with pytest.raises(TimeoutError) as late:
            await within(loop.create_future(), limit, os.getpid())
        assert late.value.args == (min(waits / 1e6, MOST * limit),)
        seconds.append(loop.time() - begin)

    asyncio.run(measure())
    assert seconds[0] >= limit + min(waits / 1e6, MOST * limit)


def test_an_answer_in_the_time_that_was_added_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program was kept waiting, and then it did what it should."""
    monkeypatch.setattr(Queued, "worst", property(lambda _: 10**12))

    async def ask() -> str:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        loop.call_later(0.2, answer.set_result, "hello")
        return await within(answer, 0.1, os.getpid())

    assert asyncio.run(ask()) == "hello"


def test_who_is_not_ours_has_its_limit() -> None:
    """Nobody counts what a program of somebody else waits for."""

    async def ask() -> None:
        await within(asyncio.get_running_loop().create_future(), 0.01, None)

    with pytest.raises(TimeoutError) as late:
        asyncio.run(ask())
    assert late.value.args == (0.0,)


def test_an_adapter_that_the_machine_kept_waiting_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had all its time and all that it waited, and did not say hello."""
    monkeypatch.setattr(queued.Queued, "worst", property(lambda _: 200_000))
    deaf = [sys.executable, "-c", "import signal; signal.pause()"]

    with pytest.raises(AdapterError, match=r"no answer to hello within 0\.2 s and the 0\.2 s for which this machine"):
        asyncio.run(AdapterHost.start(deaf, hello_limit=0.2))


@pytest.mark.parametrize("waits", [0, 10**12])
def test_a_blocking_look_lasts_as_long_as_the_program_was_kept_waiting(
    waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is there at the third look; each look lasts as long as it may."""
    monkeypatch.setattr(Queued, "worst", property(lambda _: waits))
    looks: list[float] = []
    monkeypatch.setattr(queued, "time", SimpleNamespace(monotonic=lambda: sum(looks)))

    def look(limit: float) -> bool:
        looks.append(limit)
        return len(looks) == 3

    assert ready(look, 0.25, os.getpid()) is bool(waits)
    assert looks[:2] == [0.2, pytest.approx(0.05)]


def test_a_quick_answer_is_seen_at_once() -> None:
    """Nobody looks how long the program has waited; nor, of one that is not ours, later."""
    looks: list[float] = []

    def second(limit: float) -> bool:
        looks.append(limit)
        return len(looks) == 2

    assert ready(lambda limit: limit == 0.2, 3, 1 << 30)
    assert ready(second, 3, None)
    assert not ready(lambda _: False, 0.01, None)
