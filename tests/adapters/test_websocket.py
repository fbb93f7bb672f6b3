"""Adapters that dial over a WebSocket: a library's client, and a page in a real browser."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from roomcheck.adapters import AdapterHost, StampedCallback
from roomcheck.adapters.clock import OwnClock
from roomcheck.adapters.pulse import now
from roomcheck.errors import AdapterError
from roomcheck.model.time import Instant
from roomcheck.resources import root
from support.processes import PATIENCE

HELLO = {"protocol": 1, "implementation": {"name": "by hand"}, "clock": "own"}
BEHIND = 5_000_000_000  # microseconds: the clock of the adapter here is an hour and more behind ours

Serve = Callable[[ClientConnection], Awaitable[None]]


def own() -> int:
    return now() - BEHIND


def result(request: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "result", "id": request["id"], "status": "ok", "fields": fields, "time": own()}


async def answering(connection: ClientConnection) -> None:
    """An adapter by hand: it answers everything, and a call is told as a callback first."""
    async for text in connection:
        request = json.loads(text)
        match request["type"]:
            case "hello":
                await connection.send(json.dumps(result(request, **HELLO), indent=2))  # one message, several lines
            case "ping":
                await connection.send(json.dumps(result(request, nonce=request["nonce"])))
            case "call":
                event = {"type": "event", "member": request["member"], "n": 1, "time": own(), "callback": "on"}
                halves = json.dumps({**event, "fields": {"text": "é"}}, ensure_ascii=False)
                await connection.send([halves[:10], halves[10:]])  # one message in two frames
                await connection.send(json.dumps(result(request)).encode())  # a binary message
            case _:
                await connection.send(json.dumps(result(request)))


@asynccontextmanager
async def dialled(serve: Serve, token: str | None = None) -> AsyncIterator[AdapterHost]:
    """A greeted adapter that is this function; `token` is another one than it was given."""
    clients: list[asyncio.Task[None]] = []

    async def dial(address: str, given: str) -> None:
        async with connect(f"ws://{address}/any/path") as connection:
            await connection.send(json.dumps({"type": "dial", "token": token or given}))
            try:
                await serve(connection)
            except ConnectionClosed:
                return

    host = await AdapterHost.listen(
        announce=lambda address, given: clients.append(asyncio.create_task(dial(address, given))), dial_limit=2
    )
    try:
        yield host
    finally:
        await host.stop()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*clients)


async def told(host: AdapterHost) -> tuple[StampedCallback, int, int]:
    """What a call tells, and when it was asked for and answered."""
    heard: list[StampedCallback] = []
    host.subscribe("1.A", heard.append, lambda _error: None)
    await host.request("open", member="1.A", user="a", endpoints={"room": "127.0.0.1:1"})
    answer = await host.request("call", member="1.A", operation="loginRoom", arguments={"room": "r"})
    return heard[0], answer.sent, answer.received


def test_a_websocket_is_lines() -> None:
    """Messages in both directions arrive whole, however they were framed."""

    async def play() -> None:
        async with dialled(answering) as host:
            event, _, _ = await told(host)
            await host.request("barrier", member=None)

            assert host.info.implementation["name"] == "by hand"
            assert (event.n, event.callback, event.fields) == (1, "on", {"text": "é"})

    asyncio.run(play())


def test_a_clock_of_its_own() -> None:
    """A stamp becomes an interval of our time that holds the moment, and is no later than its arrival."""

    async def play() -> None:
        async with dialled(answering) as host:
            event, sent, received = await told(host)

            assert sent <= event.time <= event.received <= received
            assert event.time - event.spread <= received
            assert 0 < event.spread < 1_000_000

    asyncio.run(play())


def test_a_result_without_its_time() -> None:
    """With a clock of its own that is the adapter's error, since its stamps mean nothing."""

    async def forgetful(connection: ClientConnection) -> None:
        async for text in connection:
            request = json.loads(text)
            fields = HELLO if request["type"] == "hello" else {"nonce": request.get("nonce")}
            await connection.send(json.dumps({**result(request, **fields), "time": None}))

    async def play() -> None:
        with pytest.raises(AdapterError, match="a result does not tell its `time`"):
            async with dialled(forgetful):
                pass

    asyncio.run(play())


def test_a_wrong_token() -> None:
    """Whoever comes with another token is turned away and does not count."""

    async def play() -> None:
        async with dialled(answering, "guess"):
            pass

    with pytest.raises(AdapterError, match="no adapter dialled"):
        asyncio.run(play())


def test_a_visitor() -> None:
    """What asks for a page is told that this is none, and does not count."""

    async def play() -> bytes:
        visits: list[asyncio.Task[bytes]] = []

        async def visit(address: str) -> bytes:
            reader, writer = await asyncio.open_connection(*address.split(":"))
            writer.write(b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

        def announce(address: str, _token: str) -> None:
            visits.append(asyncio.create_task(visit(address)))

        with pytest.raises(AdapterError, match="no adapter dialled"):
            await AdapterHost.listen(announce=announce, dial_limit=1)
        return await visits[0]

    assert asyncio.run(play()).startswith(b"HTTP/1.1 426 ")


def test_a_connection_that_ends() -> None:
    """One that is closed, and a message that is too long, end the adapter in words."""

    async def leaving(connection: ClientConnection) -> None:
        request = json.loads(await connection.recv())
        await connection.send(json.dumps(result(request, **HELLO)))

    async def long(connection: ClientConnection) -> None:
        await connection.send("x" * (2 << 20))
        await connection.wait_closed()

    async def play(serve: Serve) -> None:
        async with dialled(serve) as host:
            await host.request("barrier", member=None)

    for serve in (leaving, long):
        with pytest.raises(AdapterError, match="it closed the connection"):
            asyncio.run(play(serve))


def test_what_a_clock_is_known_by() -> None:
    """Each result narrows it, one that contradicts begins anew, and before the first nothing is known."""
    clock = OwnClock()
    with pytest.raises(LookupError):
        clock.ours(0)
    clock.note(100, 10_000, 30_000)
    clock.note(200, 20_000, 40_000)
    narrowed = clock.ours(0)
    clock.note(0, 90_000, 90_500)

    assert narrowed == Instant(18_800, 30_900)
    assert clock.ours(7) == Instant(89_007, 91_507)


def test_a_page_in_a_browser(tmp_path: Path) -> None:
    """The example page serves the protocol, knows what it does not know, and its stamps lie within the calls."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on this machine: the page that is an adapter is not tested")
    page = root() / "fixtures" / "templates" / "dialling-page" / "adapter.html"
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}")
    started: list[subprocess.Popen[bytes]] = []

    def open_page(address: str, token: str) -> None:
        words = [str(chromium), *flags, "--remote-debugging-port=0", f"{page.as_uri()}#{address},{token}"]
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True))

    async def play() -> None:
        host = await AdapterHost.listen(announce=open_page, dial_limit=PATIENCE)
        try:
            await host.probe()
            event, sent, received = await told(host)
            await host.request("barrier", member="1.A")
        finally:
            await host.stop()

        assert host.info.implementation["name"] == "example-page"
        assert (event.callback, event.fields["reason"]) == ("onRoomStateChanged", "LOGINING")
        assert event.time >= sent
        assert event.time - event.spread <= received

    try:
        asyncio.run(play())
    finally:
        for process in started:
            process.terminate()
            process.wait(PATIENCE)
