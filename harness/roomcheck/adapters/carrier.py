"""How bytes reach an adapter: the pipes of a program that we start, or a TCP or WebSocket connection that it dials.

Whatever is started has its own process group, is killed as a group, and on Linux dies with the harness even when that
is killed; elsewhere the end of its input tells it.
"""

import asyncio
import contextlib
import json
import os
import shlex
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from secrets import compare_digest
from secrets import token_urlsafe as random_secret
from typing import Protocol, Self

from pydantic import ValidationError

from roomcheck.adapters.child import dying_with_us, surroundings
from roomcheck.adapters.guard import guard
from roomcheck.adapters.messages import Dial
from roomcheck.adapters.printed import Printed
from roomcheck.adapters.websocket import GREETING, upgrade
from roomcheck.errors import AdapterError
from roomcheck.model.secrets import Secrets

CHUNK = 16_384  # bytes of free text that are read at once
TAIL_LINES = 32
TOKEN_LIMIT = 5.0  # seconds that a connection gets to show its token
FLUSH_LIMIT = 0.5
REAP_LIMIT = 5.0  # seconds; a killed process is gone within milliseconds unless the kernel itself is stuck


class Program:
    """A started program, its process group, and the last words that it printed."""

    def __init__(self, command: Sequence[str], process: asyncio.subprocess.Process, secrets: Secrets) -> None:
        self.command = command
        self.process = process
        self.printed = Printed(secrets)
        text = process.stderr or process.stdout
        assert text is not None
        self._reading = asyncio.create_task(self._read(text))

    @classmethod
    async def start(cls, command: Sequence[str], env: Mapping[str, str], secrets: Secrets, *, piped: bool) -> Self:
        """Start it; `piped`: its stdin and stdout carry the protocol. AdapterError if it cannot be started."""
        if not command:
            raise AdapterError("there is no command that starts the adapter; see `adapter: command` in target.yaml")
        pipe = asyncio.subprocess.PIPE
        started, preexec = dying_with_us(command)
        try:
            process = await asyncio.create_subprocess_exec(
                *started,
                stdin=pipe if piped else asyncio.subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe if piped else asyncio.subprocess.STDOUT,
                env={**surroundings(), **env},
                start_new_session=True,
                preexec_fn=preexec,
            )
        except (OSError, ValueError) as e:
            shown = secrets.text(shlex.join(command))
            raise AdapterError(f"cannot start the adapter `{shown}`: {e}; see `adapter: command` in target.yaml") from e
        guard.watch(process.pid)
        return cls(command, process, secrets)

    async def _read(self, text: asyncio.StreamReader) -> None:
        while chunk := await text.read(CHUNK):
            self.printed.add(chunk)

    def tail(self) -> str:
        """The last lines of its free text, without secrets."""
        return "\n".join(self.printed.lines()[-TAIL_LINES:])

    def status(self) -> str:
        """How it ended, or that it runs."""
        code = self.process.returncode
        if code is None:
            return "closed its output but still runs"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    async def wait(self, limit: float) -> bool:
        """Whether it ended within so many seconds, its last words read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self.process.wait()
                await asyncio.shield(self._reading)
        return self.process.returncode is not None

    def signal(self, number: signal.Signals) -> None:
        """Send it to the whole group; nothing happens if that is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    async def end(self, patience: float) -> None:
        """Wait so long, then ask the group to end, then kill it. Afterwards nothing of it is left."""
        try:
            if not await self.wait(patience):
                self.signal(signal.SIGTERM)
                await self.wait(patience)
        finally:
            self.signal(signal.SIGKILL)
            await self.wait(REAP_LIMIT)
            guard.leave(self.process.pid)
            self._reading.cancel()
            # nothing else lets go of a pipe that nobody has read to its end
            self.process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001


class Writer(Protocol):
    """Where lines to the adapter go."""

    @property
    def transport(self) -> asyncio.WriteTransport: ...
    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...
    async def wait_closed(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Carrier:
    """A stream to the adapter and one from it, and the program behind them if we started it."""

    reader: asyncio.StreamReader
    writer: Writer
    program: Program | None
    name: str
    secrets: Secrets

    def close(self) -> None:
        """No more is sent: a waiting adapter sees the end of its input."""
        self.writer.close()

    async def closed(self) -> None:
        """Wait until what was sent has left; what nobody reads is dropped."""
        try:
            async with asyncio.timeout(FLUSH_LIMIT):
                await self.writer.wait_closed()
        except TimeoutError:
            self.writer.transport.abort()
        except OSError:
            return


Streams = tuple[asyncio.StreamReader, Writer]


async def start_program(command: Sequence[str], env: Mapping[str, str], names: Iterable[str] = ()) -> Carrier:
    """Start an adapter that speaks on stdin and stdout. AdapterError: there is no such program.

    `names`: variables of the environment whose values are secrets, beside those whose names say so.
    """
    secrets = secrets_of(command, env, names)
    program = await Program.start(command, env, secrets, piped=True)
    assert program.process.stdin is not None
    assert program.process.stdout is not None
    name = f"adapter `{secrets.text(shlex.join(command))}`"
    return Carrier(program.process.stdout, program.process.stdin, program, name, secrets)


def secrets_of(command: Sequence[str], env: Mapping[str, str], names: Iterable[str]) -> Secrets:
    """What a program that is started with our environment and this must not give away."""
    return Secrets.of({**os.environ, **env}, names=names, commands=[command])


async def wait_for_dial(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    address: tuple[str, int],
    limit: float,
    announce: Callable[[str, str], None] | None,
    names: Iterable[str] = (),
) -> Carrier:
    """Listen until an adapter dials and shows the token; `announce` hears address and token, `command` is started.

    It may dial by TCP, or as a WebSocket at any path, each message then being one line.
    A connection with another first line is closed and does not count. AdapterError: nobody came in time.
    """
    token = random_secret(24)
    env = {**env, "ROOMCHECK_TOKEN": token}
    secrets = secrets_of(command, env, names)
    arrived: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        streams = await _shown(reader, writer, token)
        if streams and not arrived.done():
            arrived.set_result(streams)
        else:
            writer.close()

    server = await asyncio.start_server(accept, *address)
    host, port = server.sockets[0].getsockname()[:2]
    where = f"{host}:{port}"
    program = None
    try:
        if announce is not None:
            announce(where, token)
        if command:
            program = await Program.start(command, {**env, "ROOMCHECK_DIAL": where}, secrets, piped=False)
        reader, writer = await _first_of(arrived, program, where, limit)
    except BaseException:
        if program is not None:
            await program.end(0)
        raise
    finally:
        server.close()
    return Carrier(reader, writer, program, f"adapter that dialled {where}", secrets)


async def _shown(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> Streams | None:
    """The lines of a connection that begins with the token; None for any other."""
    streams: Streams = reader, writer
    try:
        async with asyncio.timeout(TOKEN_LIMIT):
            first = await reader.readline()
            if first.startswith(GREETING):
                streams = await upgrade(first, reader, writer)
                first = await streams[0].readline()
            shown = Dial.model_validate(json.loads(first))
    except (TimeoutError, OSError, ValueError, ValidationError):
        return None
    return streams if compare_digest(shown.token.encode(), token.encode()) else None


async def _first_of(
    arrived: asyncio.Future[Streams],
    program: Program | None,
    where: str,
    limit: float,
) -> Streams:
    ended = asyncio.create_task(program.process.wait()) if program else None
    waits: set[asyncio.Future[object]] = {f for f in (arrived, ended) if f is not None}  # type: ignore[misc]
    await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    if ended is not None and not ended.done():
        ended.cancel()
    if arrived.done():
        return arrived.result()
    if program is None or program.process.returncode is None:
        story = f"no adapter dialled {where} with the right token within {limit:g} s"
        raise AdapterError(f"{story}; give it ROOMCHECK_DIAL and ROOMCHECK_TOKEN")
    await program.wait(1)
    raise AdapterError(f"the adapter {program.status()} before it dialled {where}\n{program.tail()}")
