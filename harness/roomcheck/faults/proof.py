"""Proofs, made once on each server, that a fault does to bytes what the catalogue says, on an echo of our own.

A room's link may not be sent a byte by us, so there a switched toxic can only be read back. Here the bytes themselves
are watched. Each proof demands only what a late machine cannot fake: that nothing came, that something took at least so
long, that a connection ended; and first, that the echo came before the fault.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from roomcheck.errors import HarnessError
from roomcheck.model.fault import HELD, FaultKind

LIMIT = 10.0  # seconds for a whole proof; 0.1 measured
SILENCE = 0.03  # seconds for what must not come
SOON = 0.01  # seconds that a degraded echo takes at least; a whole one takes 0.07 ms

NEEDS_PROOF = frozenset(FaultKind) - {FaultKind.CUT, FaultKind.RESET, FaultKind.REFUSE, FaultKind.SERVER_RESTART}

DEGRADED: dict[FaultKind, tuple[dict[str, int], int]] = {  # settings, and how many bytes show them
    FaultKind.LATENCY: ({"latency": 6_000}, 1),
    FaultKind.THROTTLE: ({"rate": 100}, 1_000),
    FaultKind.SLICE: ({"size": 2, "variation": 1, "delay": 1_000}, 40),
}


class Faultable(Protocol):
    """What a proof needs of a link."""

    @property
    def listen(self) -> str: ...
    async def apply(self, kind: FaultKind, settings: Mapping[str, Any] | None = None) -> object: ...
    async def heal(self) -> object: ...
    async def close(self) -> None: ...


class Echo:
    """A server that says what it hears; `told` is set when its first connection has ended, `heard` counts its bytes.

    On plain sockets: a server of asyncio that is closed in the moment of an accept leaves the new connection open.
    """

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.heard = 0
        self.news = asyncio.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._connections: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it has ended already
            return
        connection.setblocking(False)
        self._connections.append(connection)
        self._tasks.append(asyncio.create_task(self._serve(connection, first=len(self._connections) == 1)))

    async def _serve(self, connection: socket.socket, *, first: bool) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError), connection:
            while data := await loop.sock_recv(connection, 65536):
                if first:
                    self.heard += len(data)
                    self.news.set()
                await loop.sock_sendall(connection, data)
        if first:
            self.told.set()

    async def hears(self) -> None:
        """Wait until its first connection hears something from now on."""
        self.news.clear()
        await self.news.wait()

    async def say(self) -> None:
        """One byte on its first connection, unasked."""
        await asyncio.get_running_loop().sock_sendall(self._connections[0], b".")

    async def close(self) -> None:
        """End every connection, whatever waits to be written."""
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            connection.close()


@contextlib.asynccontextmanager
async def echo_server() -> AsyncIterator[Echo]:
    """A running echo on this machine."""
    echo = Echo()
    try:
        yield echo
    finally:
        await echo.close()


class Talk:
    """A client of the echo."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, size: int = 1) -> float:
        """The seconds that the echo of so many bytes takes."""
        began = time.monotonic()
        self._writer.write(b"." * size)
        await self._reader.readexactly(size)
        return time.monotonic() - began

    async def hears_nothing(self) -> bool:
        """Whether a byte that is sent now gets no echo for a while, and no end either."""
        self._writer.write(b".")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENCE):
                await self._reader.read(1)
                return False
        return True

    async def hears(self) -> None:
        """Wait for a byte. EOFError at the end."""
        await self._reader.readexactly(1)

    async def ended(self) -> None:
        """Wait for the end."""
        with contextlib.suppress(OSError):
            while await self._reader.read(65536):
                pass

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def talking(address: str) -> AsyncIterator[Talk]:
    """A connection that has had an echo."""
    host, _, port = address.rpartition(":")
    with contextlib.closing(Talk(*await asyncio.open_connection(host, int(port)))) as talk:
        await talk.ask()
        yield talk


async def prove(kind: FaultKind, make_link: Callable[[str], Awaitable[Faultable]]) -> None:
    """Apply the fault to a link to an echo, watch, heal, watch again. HarnessError if it does not do what it should."""
    try:
        async with echo_server() as echo, asyncio.timeout(LIMIT):
            link = await make_link(echo.address)
            try:
                async with talking(link.listen) as talk:  # the echo's first connection
                    settings, size = DEGRADED.get(kind, ({}, 0))
                    await link.apply(kind, settings)
                    if size:
                        _demand(await talk.ask(size) >= SOON, "it did not slow an echo down")
                    else:
                        await _BITES[kind](echo, talk)
                    await link.heal()
                    if size:
                        await talk.ask()  # the same connection goes on
                    elif kind in HELD:
                        await talk.hears()  # what was held, and the same connection goes on
                        await talk.ask()
                    else:
                        await talk.ended()
                async with talking(link.listen):
                    pass
            finally:
                await link.close()
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as e:
        raise HarnessError(f"{kind} did not do on an echo what it should: {e!r}") from e


def _demand(seen: bool, otherwise: str) -> None:  # noqa: FBT001
    if not seen:
        raise OSError(otherwise)


async def _silences(_echo: Echo, talk: Talk) -> None:
    _demand(await talk.hears_nothing(), "bytes passed")


async def _deafens(echo: Echo, talk: Talk) -> None:
    hearing = asyncio.ensure_future(echo.hears())
    await asyncio.sleep(0)
    _demand(await talk.hears_nothing(), "bytes passed to the client")
    await hearing  # and what the client sends passes


async def _mutes(echo: Echo, talk: Talk) -> None:
    before = echo.heard
    _demand(await talk.hears_nothing(), "bytes passed to the server, and back")
    await echo.say()
    await talk.hears()  # what the server sends passes
    _demand(echo.heard == before, "bytes passed to the server")


async def _tells_the_server(echo: Echo, talk: Talk) -> None:
    await echo.told.wait()
    _demand(await talk.hears_nothing(), "the client was told")


async def _tells_the_client(echo: Echo, talk: Talk) -> None:
    await talk.ended()
    _demand(not echo.told.is_set(), "the server was told")


async def _tells_both(echo: Echo, talk: Talk) -> None:
    await talk.ended()
    await echo.told.wait()


_BITES: dict[FaultKind, Callable[[Echo, Talk], Awaitable[None]]] = {
    FaultKind.STALL: _silences,
    FaultKind.GHOST: _silences,
    FaultKind.DEAF_STALL: _deafens,
    FaultKind.DEAF_BLACKHOLE: _deafens,
    FaultKind.MUTE_STALL: _mutes,
    FaultKind.MUTE_BLACKHOLE: _mutes,
    FaultKind.HALF_OPEN_SERVER_TOLD: _tells_the_server,
    FaultKind.HALF_OPEN_CLIENT_TOLD: _tells_the_client,
    FaultKind.TRUNCATE: _tells_both,
}
