"""How often a part of a run is started again."""

import asyncio

import pytest

from roomcheck.errors import AdapterError, TargetError
from roomcheck.run.mending import FAILURES, RESTARTS, Mending


async def starts() -> str:
    return "started"


async def fails() -> str:
    raise TargetError("no licence")


def test_a_part_is_started_again_so_many_times() -> None:
    """Then it is given up, and the message says whose it is and how it ended last."""

    async def play() -> None:
        mending = Mending("the adapter", AdapterError)
        assert [await mending.again(starts, "crash") for _ in range(RESTARTS)] == ["started"] * RESTARTS
        for _ in range(2):
            with pytest.raises(AdapterError, match=f"the adapter died more than {RESTARTS} times; last: crash"):
                await mending.again(starts, "crash")

    asyncio.run(play())


def test_a_part_that_does_not_start_is_given_up_at_once() -> None:
    """Each try may take as long as the target allows, and a hundred cases wait for it; one success forgives."""
    tries = 0

    async def counted() -> str:
        nonlocal tries
        tries += 1
        return await fails()

    async def play() -> None:
        mending = Mending("the server", TargetError)
        with pytest.raises(TargetError):
            await mending.again(counted, "")
        await mending.again(starts, "")
        for _ in range(FAILURES):
            with pytest.raises(TargetError, match=r"^no licence"):
                await mending.again(counted, "")
        for _ in range(5):
            with pytest.raises(TargetError, match="the server cannot be started again: no licence"):
                await mending.again(counted, "")

    asyncio.run(play())
    assert tries == 1 + FAILURES
