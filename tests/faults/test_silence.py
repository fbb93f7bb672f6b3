"""How long Toxiproxy was silent."""

import asyncio

import psutil
import pytest

from roomcheck.faults import Provisioned, ToxiproxyServer
from roomcheck.faults import silence as silence_module
from roomcheck.faults.process import start_process
from roomcheck.faults.silence import LONG, Silence, now
from support.processes import PATIENCE


def test_silence_is_a_long_wait_in_which_nobody_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that goes on. A call that waits while others are answered waits for its turn."""
    clock = [0]
    monkeypatch.setattr(silence_module, "now", lambda: clock[0])
    silence = Silence()

    def at(moment: int, act: object) -> None:
        clock[0] = moment
        assert callable(act)
        act()

    at(LONG, silence.asked)  # nobody had asked before
    at(LONG + 1, silence.answered)
    assert silence.longest(0, clock[0]) == 0

    at(2 * LONG, silence.asked)
    at(2 * LONG, silence.asked)
    at(3 * LONG - 1, silence.answered)
    at(4 * LONG - 2, silence.answered)
    assert silence.longest(0, clock[0]) == 0

    at(5 * LONG, silence.asked)
    clock[0] = 7 * LONG
    assert silence.longest(6 * LONG, 6 * LONG) == 2 * LONG
    at(8 * LONG, silence.answered)
    clock[0] = 100 * LONG
    assert silence.longest(0, 4 * LONG) == 0
    assert silence.longest(0, 5 * LONG) == silence.longest(8 * LONG, 9 * LONG) == 3 * LONG
    assert silence.longest(9 * LONG, 10 * LONG) == 0


def test_a_server_that_stood_still_was_silent_though_nobody_needed_it(toxiproxy: Provisioned) -> None:
    """It is asked now and then, and it is alive afterwards."""
    if toxiproxy.path is None:
        pytest.skip("Toxiproxy was given by URL")
    process = start_process(toxiproxy.path)

    async def scene() -> bool:
        server = await ToxiproxyServer.start(Provisioned(None, process.url, "", toxiproxy.version))
        try:
            began = now()
            psutil.Process(process.pid).suspend()
            async with asyncio.timeout(PATIENCE):
                while server.silent(began, now()) < 2 * LONG:  # noqa: ASYNC110 (it is seen, not told)
                    await asyncio.sleep(0.01)
            psutil.Process(process.pid).resume()
            await server.do(lambda client: client.version())
            return server.alive
        finally:
            await server.stop()

    try:
        assert asyncio.run(scene())
    finally:
        process.kill()
        process.wait()
