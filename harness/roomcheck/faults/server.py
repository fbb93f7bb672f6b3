"""A Toxiproxy server that calls can be made on, for as long as it lives.

A call that is not answered in time means that the server is wedged for good: it is killed at once, every call fails
from then on, and whoever started it starts another.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from roomcheck.errors import HarnessError
from roomcheck.faults.client import LIMIT, Client, RefusedError, SilentError
from roomcheck.faults.process import Process, start_process
from roomcheck.faults.provision import Provisioned

T = TypeVar("T")

BEAT = 0.25  # seconds between two calls that only ask whether it answers; one takes 0.3 ms
WORKERS = 4  # threads that call one server: more make the moments wider and nothing faster (12: 3 times as wide)


class ToxiproxyServer:
    """One server, our own or (by URL) somebody's. `url`, `version`, `alive`; calls go through `do`."""

    def __init__(self, url: str, version: str, process: Process | None, limit: float) -> None:
        self.url = url
        self.version = version
        self.proofs: dict[object, asyncio.Future[None]] = {}  # faults proven once on this server, see proof.py
        self._process = process
        self._client = Client(url, limit, process.pid if process is not None else None)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="toxiproxy")
        self._broken = ""
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, provisioned: Provisioned, limit: float = LIMIT) -> Self:
        """Start the program, or reach the URL; a call may take `limit` seconds. HarnessError says why not."""
        if provisioned.url is not None:
            server = cls(provisioned.url, provisioned.version, None, limit)
            try:
                server.version = await server.do(lambda client: client.version())
            except HarnessError:
                await server.stop()
                raise
            return server
        assert provisioned.path is not None
        # in this thread: the kernel ends the child with the *thread* that started it, and workers come and go
        process = start_process(provisioned.path)
        return cls(process.url, provisioned.version, process, limit)

    @property
    def alive(self) -> bool:
        """Whether calls can still succeed."""
        return not self._broken and (self._process is None or self._process.alive)

    @property
    def pid(self) -> int | None:
        """Of its process; None where it is not ours, or has ended."""
        return self._process.pid if self._process is not None and self._process.alive else None

    def wanted(self, since: int) -> str:
        """What our process could not open a connection for want of, if it has said so since then; else nothing."""
        return self._process.wanted(since) if self._process is not None and self._process.alive else ""

    def last_words(self) -> str:
        """How it ended, and what it printed first."""
        return self._story()

    @property
    def ours(self) -> bool:
        """Whether we started it, and may end it and start another."""
        return self._process is not None

    async def do(self, work: Callable[[Client], T]) -> T:
        """Run blocking calls in a thread; a call that is not answered ends this server."""
        if not self.alive:
            raise self._dead()

        def call() -> T:
            if not self.alive:  # it may have died, or been stopped, while this waited for a thread
                raise self._dead()
            return work(self._client)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        except SilentError as e:
            self._break(str(e))
            raise HarnessError(f"{e} ({self._story()})") from e

    async def _listen(self) -> None:
        """Ask it again and again: it may be silent while no fault begins or ends. Silence does not end it."""
        while self.alive:
            with contextlib.suppress(SilentError, RefusedError):
                await asyncio.get_running_loop().run_in_executor(self._pool, self._client.version)
            await asyncio.sleep(BEAT)

    def silent(self, lo: int, hi: int) -> int:
        """For how long it gave no answer around [lo, hi], in microseconds; 0 where that is not worth telling."""
        return self._client.silence.longest(lo, hi)

    def _dead(self) -> HarnessError:
        return HarnessError(f"Toxiproxy at {self.url} is dead: {self._story()}")

    def _break(self, reason: str) -> None:
        self._broken = self._broken or reason
        if self._process is not None:
            self._process.kill()

    def _story(self) -> str:
        words = self._process.last_words() if self._process else "it is not ours to start again"
        return f"{self._broken}; {words}" if self._broken else words

    def abandon(self, why: str) -> None:
        """Kill it, if it is ours; every call fails from now on."""
        self._break(why)

    async def stop(self) -> None:
        """End the process and every call under way; nothing is left.

        No call is cancelled: that would come out as the cancellation of whichever case had made it. Calls that wait for
        a thread find the server dead, and so do proofs under way.
        """
        self._broken = self._broken or "it was stopped"
        self._listening.cancel()
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        await asyncio.gather(*self.proofs.values(), return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown)
        self._client.close()
