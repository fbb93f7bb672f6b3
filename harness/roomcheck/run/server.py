"""A target's server: started, waited for, killed, started again on the same ports, and surely ended."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Mapping
from typing import Self

from roomcheck.adapters.child import dying_with_us
from roomcheck.errors import TargetError
from roomcheck.faults import free_port
from roomcheck.model.secrets import Secrets
from roomcheck.model.time import Instant
from roomcheck.run.clock import now
from roomcheck.run.install import Ready

LAST_LINES = 20


async def _accepted(address: str) -> int | None:
    """When somebody there accepted a connection, which is closed again; None if nobody does."""
    host, port = address.rsplit(":", 1)
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return None
    at = now()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return at


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
        self._reader: asyncio.Task[None] | None = None
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self.endpoints = {n: self._fill(a) for n, a in target.endpoints.items()}

    def _fill(self, text: str) -> str:
        if "{work}" in text:
            self._work = self._work or tempfile.mkdtemp(prefix="roomcheck-server-")
            text = text.replace("{work}", self._work)
        for name, port in self._ports.items():
            text = text.replace("{" + name + "}", str(port))
        return text

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)

    async def start(self) -> Instant:
        """Start the program and wait until every endpoint accepts; TargetError with its last lines if it does not.

        Returns when that was: between the last refusal and the first connection. TargetError too where somebody else
        listens there already: such a program would be taken for the room.
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
        env = {**os.environ, "ROOMCHECK_CONSTANTS": json.dumps(dict(self._constants))}
        started, preexec = dying_with_us(command)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *started, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, env=env, start_new_session=True, preexec_fn=preexec,
            )  # fmt: skip
        except OSError as e:
            raise TargetError(f"target {self._target.name}: cannot start its server {command[0]!r}: {e}") from e
        self._reader = asyncio.create_task(self._read(self._process))
        deadline = now() + self._target.ready_within
        ready = [await self._wait_for(address, deadline, command) for address in self.endpoints.values()]
        return max(ready, default=Instant(now(), now()))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self.lines.append(self._secrets.text(line.decode(errors="backslashreplace").rstrip()))

    async def _wait_for(self, address: str, deadline: int, command: list[str]) -> Instant:
        refused = now()
        while True:
            if self._process is not None and self._process.returncode is not None:
                raise TargetError(
                    self._story(f"ended with status {self._process.returncode} before it was ready", command)
                )
            ready = await _accepted(address)
            if ready is None:
                refused = now()
                if refused > deadline:
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
    def alive(self) -> bool:
        """Whether the program still runs (a server that is not ours always counts as running)."""
        return self._process is None or self._process.returncode is None

    def last_words(self) -> str:
        """How it ended, and what it printed last, in one line."""
        status = self._process.returncode if self._process else None
        how = "it still runs" if status is None else f"it ended with status {status}"
        return f"{how}; {' | '.join(self.lines) or 'it printed nothing'}"

    async def kill(self) -> None:
        """SIGKILL to the whole process group, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)
