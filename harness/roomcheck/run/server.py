"""A target's server: started, waited for, killed, started again on the same ports, and surely ended."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from typing import Self

from roomcheck.adapters.child import dying_with_us, surroundings
from roomcheck.adapters.guard import guard
from roomcheck.adapters.printed import Printed
from roomcheck.errors import TargetError
from roomcheck.faults import free_port
from roomcheck.faults.address import blame_the_machine, split, written
from roomcheck.model.secrets import Secrets
from roomcheck.model.time import Instant
from roomcheck.run.clock import now
from roomcheck.run.install import Ready
from roomcheck.run.standstill import RUNS, has_ended, how_it_ended

LAST_LINES = 20
CHUNK = 1 << 16
DIAL_LIMIT = 1.0  # seconds; a server that is stopped, and whose queue is full, never answers
REAP_LIMIT = 5.0  # seconds; a killed process is gone within milliseconds unless the kernel itself is stuck
LAST_WORDS = 0.5  # seconds that its output is read after its end: whoever left its group may hold it open for ever


async def _accepted(address: str) -> int | None:
    """When somebody there accepted a connection, which is closed again; None if nobody does.

    HarnessError where this machine cannot even try.
    """
    try:
        async with asyncio.timeout(DIAL_LIMIT):
            _, writer = await asyncio.open_connection(*split(address))
    except OSError as e:  # TimeoutError is one
        blame_the_machine(e)
        return None
    at = now()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return at


async def _reaped(process: asyncio.subprocess.Process) -> None:
    """Return when its status is known, whoever still holds its output, or after a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REAP_LIMIT):
            while process.returncode is None:  # noqa: ASYNC110 (asyncio has no event for this alone)
                await asyncio.sleep(0.005)


class Server:
    """One running server of a target; `endpoints` maps each endpoint's name to host:port.

    {work} in its command is a folder of its own, which a restart finds as it was; it is gone after the block.
    """

    def __init__(self, target: Ready, constants: Mapping[str, int], extra: tuple[str, ...] = ()) -> None:
        self._target = target
        self._constants = constants
        self._extra = extra
        self._secrets = Secrets.of(os.environ, names=target.secrets, commands=[target.server_command or ()])
        self._ports = {name: free_port() for name in target.endpoints}
        self._work: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._closed = ""  # its last words, when it was ended for good
        self._reader: asyncio.Task[None] | None = None
        self.printed = Printed(self._secrets)
        self.endpoints = {n: written(self._fill(a)) for n, a in target.endpoints.items()}

    def _fill(self, text: str) -> str:
        if "{work}" in text:
            self._work = self._work or tempfile.mkdtemp(prefix="roomcheck-server-")
            text = text.replace("{work}", self._work)
        for name, port in self._ports.items():
            text = text.replace("{" + name + "}", str(port))
        return text

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> Self:
        """Itself, started; TargetError, with nothing left, if it does not come up."""
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """End it for good, with its folder. May be called again."""
        if not self._closed:
            if self._process is not None and not self.alive:
                await _reaped(self._process)
            self._closed = self.last_words()
        await self.kill()
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)

    async def start(self) -> Instant:
        """Start the program and wait until every endpoint accepts; TargetError with its last lines if it does not.

        Returns when that was: after the last attempt that was refused had begun, and before the first connection, of
        all endpoints. TargetError too where somebody else listens there already: such a program would be taken for the
        room.
        """
        if not self._target.server_command:
            return Instant(now(), now())
        for name, address in self.endpoints.items():
            if await _accepted(address) is not None:
                raise TargetError(
                    f"target {self._target.name}: {address}, where its server would listen ({name}), is taken by "
                    "another program: end that one, or write another port under `endpoints` in target.yaml"
                )
        command = [self._fill(part) for part in self._target.server_command] + list(self._extra)
        env = {**surroundings(self._target.proxies), "ROOMCHECK_CONSTANTS": json.dumps(dict(self._constants))}
        started, preexec = dying_with_us(command)
        begun = now()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *started, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, env=env, start_new_session=True, preexec_fn=preexec,
            )  # fmt: skip
        except OSError as e:
            raise TargetError(f"target {self._target.name}: cannot start its server {command[0]!r}: {e}") from e
        guard.watch(self._process.pid)
        self._reader = asyncio.create_task(self._read(self._process))
        deadline = now() + self._target.ready_within
        ready = [await self._wait_for(address, begun, deadline, command) for address in self.endpoints.values()]
        return Instant(min(r.lo for r in ready), max(r.hi for r in ready)) if ready else Instant(begun, now())

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Whatever it prints: a pipe that nobody reads would stop it."""
        assert process.stdout is not None
        while chunk := await process.stdout.read(CHUNK):
            self.printed.add(chunk)

    @property
    def lines(self) -> list[str]:
        """What it printed last."""
        return self.printed.lines()[-LAST_LINES:]

    async def _wait_for(self, address: str, refused: int, deadline: int, command: list[str]) -> Instant:
        """When it accepts there; `refused`: when it surely did not yet."""
        while True:
            if self._process is not None and self._process.returncode is not None:
                raise TargetError(
                    self._story(f"ended with status {self._process.returncode} before it was ready", command)
                )
            began = now()  # a late machine hears of a refusal when the server may be up already, and others heard that
            ready = await _accepted(address)
            if ready is None:
                refused = began
                if now() > deadline:
                    await self.kill()
                    seconds = self._target.ready_within / 1e6
                    raise TargetError(self._story(f"did not accept on {address} within {seconds:g} s", command))
                await asyncio.sleep(0.01)
                continue
            return Instant(refused, ready)

    def _story(self, what: str, command: list[str]) -> str:
        last = "\n  ".join(self.lines) or "(it printed nothing)"
        shown = self._secrets.text(" ".join(command))
        return f"target {self._target.name}: its server {what}\n  {shown}\n  {last}"

    @property
    def pid(self) -> int | None:
        """Of the program; None where none runs that is ours."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def alive(self) -> bool:
        """Whether the program still runs (a server that is not ours always does, one that we killed may be started)."""
        if self._closed and self._target.server_command:
            return False
        return self._process is None or (self._process.returncode is None and not has_ended(self._process.pid))

    def last_words(self) -> str:
        """How it ended, and what it printed last, in one line."""
        if self._closed:
            return self._closed
        status = self._process.returncode if self._process else None
        how = f"it ended with status {status}"
        if status is None:
            how = how_it_ended(self._process.pid) if self._process else RUNS
        return f"{how}; {' | '.join(self.lines) or 'it printed nothing'}"

    async def kill(self) -> None:
        """SIGKILL to the whole process group, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await process.wait()  # and until its output has ended
        await _reaped(process)
        guard.leave(process.pid)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 (nothing else lets go of the pipe)
