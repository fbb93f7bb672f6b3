"""Adapters that break the protocol: each is told in words that its author can act on, and none stays."""

import asyncio
import gc
import sys
from collections.abc import Callable, Sequence

import pytest

from roomcheck.adapters import AdapterHost, StampedCallback
from roomcheck.adapters.carrier import start_program
from roomcheck.errors import AdapterError, HarnessError
from roomcheck.run.session import died
from support.processes import PATIENCE

Command = Callable[[str], Sequence[str]]

# name: what the member is told. All of these leave the adapter unusable ...
FATAL = {
    "noisy": r"line \d+ of its output is not a message.*\n.*connecting to the room.*\n.*print to stderr",
    "half-line": r"not a message of the protocol: Invalid JSON",
    "not-utf8": r"not a message of the protocol: Invalid JSON",
    "empty-line": r"not a message of the protocol: Invalid JSON",
    "wrong-status": r"result\.status: Input should be 'ok', 'refused'",
    "unknown-member": r"member '99\.Z', which was never opened",
    "unknown-id": r"a result for id 4000, which is no open request",
    "oversize": r"longer than 1048576 bytes",
    "oversize-line": r"longer than 1048576 bytes",
    "flooding": r"member 1\.A was told more than 10000 callbacks",
    "crashing": r"ended with status 11 while it was asked to call login 1\.A[\s\S]*segmentation fault in the SDK",
    "closing": r"closed its output but still runs",
}
# ... and these only make what this one member was told worthless.
LOCAL = {
    "lying": r"callback 1 of member 1\.A is stamped (59\.\d+|60\.000) s in the future; stamp callbacks with",
    "early": r"callback 1 of 1\.A is stamped .* before it was opened",
    "gappy": r"callback 3 of member 1\.A came after callback 1: some are lost",
    "wrong-schema": r"not a message of the protocol: event\.callback: Input should be a valid string",
    "far-future": r"not a message of the protocol: event\.time: Input should be less than",
    "no-time": r"not a message of the protocol: event\.time: Input should be a valid integer",
    "nested": r"not a message of the protocol: it is nested too deeply",
    "repeating": r"callback 1 of member 1\.A came after callback 1",
}
# These do not get that far.
UNGREETED = {
    "late": r"no answer to hello within 0\.5 s",
    "exits": r"it ended with status 3 while it was asked to hello\n  its stderr ends with:\n    no licence file",
    "banner": r"line 1 of its output is not a message of the protocol.*\n.*welcome to the SDK",
    "other-version": r"its answer to hello does not fit: protocol: Input should be 1",
    "nameless": r"its answer to hello does not fit: implementation: .*'name' is missing",
    "unwilling": r"it answered hello with adapter-error: \{'error': 'no camera'\}",
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapters that will not end are not given two seconds each."""
    monkeypatch.setattr("roomcheck.adapters.host.BYE_LIMIT", 0.2)


async def login(
    host: AdapterHost, *, limit: float = 20
) -> tuple[list[StampedCallback], list[AdapterError], list[AdapterError]]:
    """Open A and B, let A log in: what A heard, how A failed, how B failed."""
    heard: list[StampedCallback] = []
    at_a: list[AdapterError] = []
    at_b: list[AdapterError] = []
    host.subscribe("1.A", heard.append, at_a.append)
    host.subscribe("1.B", lambda _: None, at_b.append)
    for member in ("1.A", "1.B"):
        await host.request("open", member=member, user=member, endpoints={})
    await host.request("call", timeout=limit, member="1.A", operation="login", arguments={})
    return heard, at_a, at_b


@pytest.mark.parametrize("name", FATAL)
def test_fatal(adapter: Command, name: str) -> None:
    """What cannot be pinned on one member fails the call and all members, in the same words, and ends the program."""

    async def play() -> None:
        failures: list[AdapterError] = []
        host = await AdapterHost.start(adapter(name))
        host.subscribe("9.X", lambda _: None, failures.append)
        try:
            with pytest.raises(AdapterError, match=FATAL[name]) as caught:
                await login(host)
            assert not host.alive
            assert [str(f) for f in failures] == [str(caught.value)]
            with pytest.raises(AdapterError, match=FATAL[name]):
                await host.request("barrier")
        finally:
            await host.stop()

    asyncio.run(play())


@pytest.mark.parametrize("name", LOCAL)
def test_local(adapter: Command, name: str) -> None:
    """What is wrong with one member's callbacks fails that member and its call; the others go on."""

    async def play() -> None:
        at_a: list[AdapterError] = []
        at_b: list[AdapterError] = []
        host = await AdapterHost.start(adapter(name))
        try:
            host.subscribe("1.B", lambda _: None, at_b.append)
            await host.request("open", member="1.B", user="b", endpoints={})
            await host.request("open", member="1.A", user="a", endpoints={})
            host.subscribe("1.A", lambda _: None, at_a.append)
            with pytest.raises(AdapterError, match=LOCAL[name]):
                await host.request("call", member="1.A", operation="login")
            await host.request("barrier", member="1.B")
            assert host.alive
        finally:
            await host.stop()

        assert len(at_a) == 1
        assert not [e for e in at_b if "1.A" in str(e)]

    asyncio.run(play())


def test_an_answer_that_is_none_fails_its_call_alone(adapter: Command) -> None:
    """Other members, and other calls, go on."""

    async def play() -> None:
        at_b: list[AdapterError] = []
        host = await AdapterHost.start(adapter("wrong-answer"))
        try:
            host.subscribe("1.B", lambda _: None, at_b.append)
            for member in ("1.A", "1.B"):
                await host.request("open", member=member, user=member, endpoints={})
            with pytest.raises(
                AdapterError, match=r"result\.status: Input should be [\s\S]*it answers call login 1\.A"
            ):
                await host.request("call", member="1.A", operation="login")
            await host.request("barrier", member="1.B")
            assert host.alive
        finally:
            await host.stop()

        assert not at_b[:-1]  # the last one is of the end

    asyncio.run(play())


def test_whoever_cannot_bear_a_callback_does_not_end_the_reading(adapter: Command) -> None:
    """It fails that member, and says what happened."""

    def cannot(_: StampedCallback) -> None:
        raise TypeError("unhashable type: 'list'")

    async def play() -> None:
        at_a: list[AdapterError] = []
        host = await AdapterHost.start(adapter("plain"))
        try:
            host.subscribe("1.A", cannot, at_a.append)
            for member in ("1.A", "1.B"):
                await host.request("open", member=member, user=member, endpoints={})
            with pytest.raises(AdapterError, match="callback 1 of 1.A cannot be read: TypeError: unhashable type"):
                await host.request("call", member="1.A", operation="login")
            assert (await host.request("call", member="1.B", operation="login")).status == "ok"
        finally:
            await host.stop()
        assert len(at_a) == 1

    asyncio.run(play())


def test_hanging_call(adapter: Command) -> None:
    """A call without an answer is named, and the pongs tell that the program is alive."""

    async def play() -> None:
        host = await AdapterHost.start(adapter("hanging"))
        try:
            with pytest.raises(
                AdapterError, match=r"no answer to call login 1\.A within 0\.3 s; it still answers pings"
            ):
                await login(host, limit=0.3)
        finally:
            await host.stop()

    asyncio.run(play())


def test_dead_program(adapter: Command) -> None:
    """When the pongs stop too, the message says that the whole program hangs."""

    async def play() -> None:
        host = await AdapterHost.start(adapter("dead"))
        try:
            with pytest.raises(
                AdapterError, match=r"within 1\.6 s; the last pong is \d+\.\d+ s old, so the whole program"
            ):
                await login(host, limit=1.6)
        finally:
            await host.stop()

    asyncio.run(play())


def test_deaf_to_pings(adapter: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that never answers a ping is given up after a while, although it answers all else.

    A busy machine may have silenced it, so that it is not charged for being replaced.
    """
    monkeypatch.setattr("roomcheck.adapters.host.DEAD", 300_000)

    async def play() -> None:
        host = await AdapterHost.start(adapter("deaf"))
        failed: asyncio.Future[AdapterError] = asyncio.get_running_loop().create_future()
        host.subscribe("1.A", lambda _: None, failed.set_result)
        async with asyncio.timeout(PATIENCE):
            error = await failed
        await host.stop()

        assert "no answer to a ping for 300 ms" in str(error)
        assert type(died(host)) is HarnessError

    asyncio.run(play())


def test_wrong_nonce(adapter: Command) -> None:
    """A pong of another ping proves no life."""

    async def play() -> None:
        host = await AdapterHost.start(adapter("wrong-nonce"))
        failed: asyncio.Future[AdapterError] = asyncio.get_running_loop().create_future()
        host.subscribe("1.A", lambda _: None, failed.set_result)
        async with asyncio.timeout(PATIENCE):
            error = await failed
        await host.stop()

        assert "ping 1 was answered with nonce '?'" in str(error)
        assert type(died(host)) is AdapterError

    asyncio.run(play())


@pytest.mark.parametrize("name", UNGREETED)
def test_no_hello(adapter: Command, name: str) -> None:
    """An adapter that does not get past hello says why, and is gone."""
    limit = 0.5 if name == "late" else 15

    async def play() -> None:
        with pytest.raises(AdapterError, match=UNGREETED[name]):
            await AdapterHost.start(adapter(name), hello_limit=limit)

    asyncio.run(play())


@pytest.mark.parametrize("command", [["no-such-program-anywhere", "--x"], ["/"], [""], ["bad\0name"], []])
def test_no_such_program(command: list[str]) -> None:
    """A command that cannot be started names itself and where it is written."""

    async def play() -> None:
        with pytest.raises(
            AdapterError, match=r"(cannot start the adapter `.*`: .*|there is no command .*); see `adapter: command`"
        ):
            await AdapterHost.start(command)

    asyncio.run(play())


@pytest.mark.parametrize(("name", "kind"), [("lazy", "call"), ("lazy-call", "call"), ("lazy-admin", "admin")])
def test_probe(adapter: Command, name: str, kind: str) -> None:
    """An adapter that says ok to a made-up operation is refused: its other answers mean nothing."""

    async def play() -> None:
        host = await AdapterHost.start(adapter(name))
        try:
            with pytest.raises(
                AdapterError, match=f"answered the made-up {kind} .* with 'ok' instead of 'unsupported'"
            ):
                await host.probe()
        finally:
            await host.stop()

    asyncio.run(play())


@pytest.mark.parametrize("name", ["plain", "text-id"])
def test_plain(adapter: Command, name: str) -> None:
    """An adapter without the kit works, also when it answers ids as strings."""

    async def play() -> None:
        host = await AdapterHost.start(adapter(name))
        await host.probe()
        heard, at_a, at_b = await login(host)
        await host.stop()

        assert [(e.n, e.callback) for e in heard] == [(1, "on")]
        assert not [e for e in [*at_a, *at_b] if "stopped" not in str(e)]

    asyncio.run(play())


@pytest.mark.parametrize("name", ["lingering", "parent"])
def test_what_will_not_end_is_killed(adapter: Command, name: str) -> None:
    """An adapter that ignores bye and SIGTERM is killed with everything that it started."""

    async def play() -> None:
        host = await AdapterHost.start(adapter(name))
        await host.stop()

    asyncio.run(play())


def test_unread_requests(adapter: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests do not pile up in memory for an adapter that stopped reading."""
    monkeypatch.setattr("roomcheck.adapters.host.UNSENT_LIMIT", 1 << 20)

    async def play() -> None:
        host = await AdapterHost.start(adapter("dead"))
        try:
            with pytest.raises(AdapterError, match=r"no answer"):
                await login(host, limit=0.1)
            with pytest.raises(AdapterError, match=r"left \d+ bytes of requests unread"):
                await host.request("call", member="1.A", operation="login", arguments={"x": "x" * (2 << 20)})
            assert type(died(host)) is HarnessError
        finally:
            await host.stop()

    asyncio.run(play())


def test_a_program_whose_output_nobody_reads_leaves_no_pipe() -> None:
    """It has filled its pipe when it is ended; a pipe that stays open is a warning, and warnings are errors here."""

    async def play() -> None:
        command = [sys.executable, "-c", "while True: print('x' * 10_000)"]
        carrier = await start_program(command, {})
        assert carrier.program is not None
        await asyncio.sleep(0.2)
        await carrier.program.end(0)
        await carrier.closed()

    asyncio.run(play())
    gc.collect()
