"""What a sound adapter can rely on, and what the harness can, over real processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import psutil
import pytest

from roomcheck.adapters import AdapterHost, StampedCallback
from roomcheck.adapters.pulse import now
from roomcheck.errors import AdapterError
from roomcheck.resources import node_kit
from support.processes import PATIENCE

Command = Callable[[str], Sequence[str]]


class Ear:
    """Hears what a member is told."""

    def __init__(self, host: AdapterHost, handle: str) -> None:
        self.events: list[StampedCallback] = []
        self.failures: list[AdapterError] = []
        host.subscribe(handle, self.events.append, self.failures.append)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - the host tells nobody about gaps, it is asked
            await asyncio.sleep(0.02)


async def opened(host: AdapterHost, handle: str = "1.A", **fields: Any) -> Ear:
    ear = Ear(host, handle)
    await host.request("open", member=handle, user="alice", endpoints={"room": "127.0.0.1:1"}, **fields)
    return ear


def test_hello_says_who_it_is(good: Sequence[str]) -> None:
    """Hello tells the implementation, what it can do, and the endpoints that a member needs."""

    async def play() -> None:
        host = await AdapterHost.start(good, constants={"beat": 5})
        assert host.alive
        await host.stop()

        assert host.info.implementation["name"] == "good"
        assert host.info.implementation["version"] == "1.0"
        assert {"tell", "refuse"} <= set(host.info.capabilities["operations"])
        assert host.info.capabilities["admin"] == ["counts", "kick", "release"]
        assert host.info.capabilities["rooms per member"] == 2
        assert host.info.endpoints == ["room", "media"]
        assert not host.alive

    asyncio.run(play())


def test_probe_passes_an_adapter_that_knows_its_limits(good: Sequence[str]) -> None:
    """An adapter that says `unsupported` to made-up names passes the probe."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        try:
            await host.probe()
        finally:
            await host.stop()

    asyncio.run(play())


def test_callbacks_before_the_answer(good: Sequence[str]) -> None:
    """Callbacks that a call told before it returned are heard before its answer, numbered, stamped by one clock."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        ear = await opened(host)
        before = now()
        answer = await host.request("call", member="1.A", operation="tell", arguments={"count": 3, "raw": [1]})
        heard = list(ear.events)
        await host.stop()

        assert answer.status == "ok"
        assert answer.fields == {"told": 3}
        assert [(e.member, e.n, e.callback, e.fields) for e in heard] == [
            ("1.A", n, "onTold", {"i": n - 1}) for n in (1, 2, 3)
        ]
        assert all(before <= e.time <= e.received <= answer.received for e in heard)
        assert before <= answer.sent <= answer.received

    asyncio.run(play())


@pytest.mark.parametrize(
    ("operation", "status", "fields"),
    [
        ("refuse", "refused", {"errorCode": 1002033}),
        ("waver", "indefinite", {"waited": 5}),
        ("lack", "unsupported", {"what": "not in this version"}),
        ("break", "adapter-error", {"error": "ZeroDivisionError: by the SDK"}),
        ("constants", "ok", {"beat": 5}),
    ],
)
def test_statuses(good: Sequence[str], operation: str, status: str, fields: dict[str, Any]) -> None:
    """Each status of a call arrives as it was given, with its fields."""

    async def play() -> None:
        host = await AdapterHost.start(good, constants={"beat": 5})
        await opened(host)
        answer = await host.request("call", member="1.A", operation=operation)
        await host.stop()

        assert (answer.status, answer.fields) == (status, fields)

    asyncio.run(play())


def test_admin_and_state(good: Sequence[str]) -> None:
    """Acts of the backend get the room's own addresses; the state is the SDK's."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        await opened(host)
        kick = await host.request("admin", operation="kick", arguments={"user": "bob"}, endpoints={"room": "h:1"})
        state = await host.request("state", member="1.A")
        await host.stop()

        assert kick.fields == {"kicked": "bob", "at": {"room": "h:1"}}
        assert state.fields == {"me": "1.A"}

    asyncio.run(play())


def test_open_that_fails_is_the_adapters_error(good: Sequence[str]) -> None:
    """A member that cannot be made is an error with the adapter's own words, and its close is harmless."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        try:
            with pytest.raises(AdapterError, match="there is no user nobody"):
                await host.request("open", member="1.A", user="nobody", endpoints={})
            await host.request("close", member="1.A")
        finally:
            await host.stop()

    asyncio.run(play())


def test_members_do_not_wait_for_each_other(good: Sequence[str]) -> None:
    """While one member's call takes long, another member's returns; a second call of the first waits its turn."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        slow = await opened(host, "1.A")
        await opened(host, "1.B")
        first = asyncio.create_task(host.request("call", member="1.A", operation="hold"))
        second = asyncio.create_task(host.request("call", member="1.A", operation="tell", arguments={"count": 1}))
        await host.request("call", member="1.B", operation="tell", arguments={"count": 1})
        heard = list(slow.events)
        await host.request("admin", operation="release")
        await asyncio.gather(first, second)
        await host.stop()

        assert heard == []
        assert [e.callback for e in slow.events] == ["onReleased", "onTold"]

    asyncio.run(play())


def test_barrier_comes_after_what_had_fired(good: Sequence[str]) -> None:
    """A callback that the SDK had only queued when the barrier was asked is heard before the barrier's answer."""
    in_goroutines = len(good) == 1

    async def play() -> None:
        host = await AdapterHost.start(good)
        ear = await opened(host)
        call = asyncio.create_task(host.request("call", member="1.A", operation="tellSoon"))
        await (call if in_goroutines else asyncio.sleep(0))  # there requests overtake each other, but not an answer
        await host.request("barrier", member=None)
        heard = len(ear.events)
        await call
        await host.stop()

        assert heard == 1

    asyncio.run(play())


@pytest.mark.parametrize("operation", ["tellObject", "tellHuge", "tellNan"])
def test_a_callback_that_cannot_be_told(good: Sequence[str], operation: str) -> None:
    """A callback that the kit could not write is the adapter's error at the next barrier, not the room's silence."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        await opened(host, "1.A")
        await opened(host, "1.B")
        await host.request("call", member="1.A", operation=operation)
        await host.request("barrier", member="1.B")
        for member in ("1.A", None):
            with pytest.raises(AdapterError, match=r"callback 'onTold' of 1\.A could not be written"):
                await host.request("barrier", member=member)
        await host.stop()

    asyncio.run(play())


def test_unsubscribed_members_are_closed(good: Sequence[str]) -> None:
    """Forgetting an open member closes it, and what it is told afterwards is nobody's error."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        ear = await opened(host, "1.A")
        await opened(host, "1.B")
        running = asyncio.create_task(host.request("call", member="1.A", operation="tell", arguments={"count": 50}))
        await asyncio.sleep(0)
        host.unsubscribe("1.A")
        await running
        await host.request("call", member="1.B", operation="tellOthersAfterClose")
        counts = await host.request("admin", operation="counts")
        alive = host.alive
        await host.stop()

        assert ear.events == []
        assert counts.fields == {"opened": ["1.A", "1.B"], "closed": ["1.A"]}
        assert alive

    asyncio.run(play())


def test_stopping_twice(good: Sequence[str]) -> None:
    """Stopping a stopped adapter does nothing, and asking it says that it was stopped."""

    async def play() -> None:
        host = await AdapterHost.start(good)
        await host.stop()
        await host.stop()

        with pytest.raises(AdapterError, match="stopped"):
            await host.request("ping", nonce=1)

    asyncio.run(play())


def test_a_busy_adapter_shows_a_gap(looping: Sequence[str]) -> None:
    """While the adapter's loop is stuck for more than a second, its silence proves nothing."""

    async def play() -> None:
        host = await AdapterHost.start(looping)
        await opened(host)
        answer = await host.request("call", member="1.A", operation="block", arguments={"seconds": 1.6})
        gaps = host.pulse.gaps(answer.sent)
        long_ago = host.pulse.gaps(0)
        later = host.pulse.gaps(now() + 60_000_000)
        await host.stop()

        assert gaps
        assert gaps == long_ago
        assert later == []
        assert min(g.lo for g in gaps) <= answer.sent + 300_000
        assert max(g.hi for g in gaps) >= answer.sent + 1_100_000

    asyncio.run(play())


def test_the_usual_lag_is_that_of_an_adapter_that_stays_late(looping: Sequence[str]) -> None:
    """It is seen while the adapter is, and gone when it answers in time again."""

    async def play() -> None:
        host = await AdapterHost.start(looping)
        assert host.pulse.usual_lag < 200_000
        await opened(host)
        await host.request("call", member="1.A", operation="block", arguments={"seconds": 2.0})
        stuck = host.pulse.usual_lag
        await until(lambda: host.pulse.usual_lag < 200_000)
        await host.stop()

        assert stuck > 400_000

    asyncio.run(play())


def test_a_stopped_process_shows_a_gap_at_once(adapter: Command) -> None:
    """A program that stands still is a gap while it still does, and after it goes on."""

    async def play() -> None:
        host = await AdapterHost.start(adapter("plain"))
        program = host._carrier.program
        assert program is not None
        program.signal(signal.SIGSTOP)
        since = now()
        try:
            await until(lambda: bool(host.pulse.gaps(since)))
        finally:
            program.signal(signal.SIGCONT)
        await host.request("barrier")
        await until(lambda: bool(host.pulse._gaps))
        await host.stop()

        assert host.pulse.gaps(since)[0].hi - host.pulse.gaps(since)[0].lo > 1_000_000

    asyncio.run(play())


def test_an_adapter_may_dial(good: Sequence[str]) -> None:
    """An adapter that is told where to dial shows its token there and serves the same protocol."""

    async def play() -> None:
        host = await AdapterHost.listen(good)
        ear = await opened(host)
        await host.request("call", member="1.A", operation="chat")
        await host.request("call", member="1.A", operation="tell", arguments={"count": 2})
        words = host.stderr_tail()
        await host.stop()

        assert len(ear.events) == 2
        assert "an SDK that prints" in words

    asyncio.run(play())


def test_an_adapter_of_someone_else_may_dial(good: Sequence[str]) -> None:
    """A program that the harness did not start may dial; a stranger without the token is turned away."""
    started: list[subprocess.Popen[bytes]] = []

    async def play() -> None:
        async def strange(address: str) -> None:
            reader, writer = await asyncio.open_connection(*address.split(":"))
            writer.write(b'{"type":"dial","token":"guess"}\n')
            assert await reader.read() == b""
            writer.close()

        strangers: list[asyncio.Task[None]] = []

        def announce(address: str, token: str) -> None:
            strangers.append(asyncio.create_task(strange(address)))
            dial = {"ROOMCHECK_DIAL": address, "ROOMCHECK_TOKEN": token, "ROOMCHECK_NODE_KIT": str(node_kit())}
            env = {**os.environ, **dial}
            started.append(subprocess.Popen(good, env=env))

        host = await AdapterHost.listen(announce=announce, dial_limit=20)
        await host.probe()
        await asyncio.gather(*strangers)
        words = host.stderr_tail()
        await host.stop()

        assert words == ""

    try:
        asyncio.run(play())
        assert started[0].wait(PATIENCE) == 0
    finally:
        started[0].kill()
        started[0].wait()


def test_a_program_that_does_not_dial(adapter: Command) -> None:
    """One that ends instead of dialling is told at once, with its last words; one that never dials, at the limit."""

    async def play() -> None:
        with pytest.raises(AdapterError, match=r"ended with status 7 before it dialled[\s\S]*cannot find"):
            await AdapterHost.listen(["{python}", "-c", "import sys; print('cannot find it'); sys.exit(7)"])
        with pytest.raises(AdapterError, match="ROOMCHECK_DIAL"):
            await AdapterHost.listen(
                ["{python}", "-c", "input(); import threading; threading.Event().wait()"], dial_limit=0
            )
        with pytest.raises(AdapterError, match="no adapter dialled"):
            await AdapterHost.listen(dial_limit=0)

    asyncio.run(play())


def test_a_connection_that_ends() -> None:
    """A dialled connection that is closed is an error for those who listen."""

    async def play() -> None:
        dialling: list[asyncio.Task[None]] = []
        leave = asyncio.Event()

        async def dial(address: str, token: str) -> None:
            reader, writer = await asyncio.open_connection(*address.split(":"))
            writer.write(json.dumps({"type": "dial", "token": token}).encode() + b"\n")
            hello = json.loads(await reader.readline())
            fields = {"protocol": 1, "implementation": {"name": "by hand"}}
            result = {"type": "result", "id": hello["id"], "status": "ok", "fields": fields}
            writer.write(json.dumps(result).encode() + b"\n")
            await leave.wait()
            writer.close()

        host = await AdapterHost.listen(announce=lambda a, t: dialling.append(asyncio.create_task(dial(a, t))))
        ear = Ear(host, "1.A")
        alive = host.alive
        leave.set()
        await until(lambda: bool(ear.failures))
        await asyncio.gather(*dialling)
        await host.stop()

        assert alive
        assert not host.alive
        assert "it closed the connection" in str(ear.failures[0])

    asyncio.run(play())


def test_the_adapter_dies_with_a_killed_harness(adapter: Command) -> None:
    """A kill -9 of the harness leaves neither the adapter nor what speaks through its pipes."""
    program = f"""
        import asyncio
        from roomcheck.adapters import AdapterHost
        async def play():
            host = await AdapterHost.start({list(adapter("lingering"))!r})
            print(host._carrier.program.process.pid, flush=True)
            await asyncio.Event().wait()
        asyncio.run(play())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        child = psutil.Process(int(harness.stdout.readline()))
        harness.kill()

        _, alive = psutil.wait_procs([child], timeout=PATIENCE)
        assert not alive
