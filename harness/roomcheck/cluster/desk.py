"""What a worker owns that plays on sockets: a whole session, with server, adapter, Toxiproxy, ports and clock.

It lives on the worker's own event loop, in its main thread: the kernel ends what a thread has started with that thread,
so that a worker that dies takes all of its programs along. It begins with the first case and ends with the plugin, or
when nobody has ordered anything for long: whoever did may have been killed.
"""

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

from roomcheck.cluster.player import Played
from roomcheck.cluster.workers import refused, version_here
from roomcheck.errors import RoomcheckError, UsageError
from roomcheck.judge.coverage import Triple, met
from roomcheck.judge.result import result_of
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.report.traces import TraceFolder
from roomcheck.run.clock import now
from roomcheck.run.mending import blamed
from roomcheck.run.queue import FEW
from roomcheck.run.session import LOOK_AGAIN, PATIENCE, STAGGER, Plan, Session
from roomcheck.spec.case import Case

IDLE = 1_800.0  # seconds without a case, after which a session ends: drawing the next thousand schedules takes minutes
PASSED = {"__pycache__", "node_modules", ".venv", ".roomcheck", "roomcheck-report"}  # of a target's folder
SHARES = (0.99, 1.0)  # of looks at a worker's lateness, which the footer tells


@dataclass(slots=True)
class Held(TraceFolder):
    """Traces that are sent instead of written: by the case's id, until they are taken."""

    traces: dict[str, Trace] = field(default_factory=dict)

    def keep(self, case: str, trace: Trace, outcome: Outcome | None) -> str:  # noqa: ARG002  who sends asks for it
        self.traces[case] = trace
        return ""


@dataclass(frozen=True, slots=True)
class Order:
    """A case that is to be played once, and whether its trace is wanted if it conforms."""

    case: Case
    attempt: int
    speed: float
    alone: bool
    conforming: bool


@dataclass(frozen=True, slots=True)
class Room:
    """What a session that has begun says of itself."""

    name: str
    toxiproxy: str
    late: int  # usually, so far


@dataclass(frozen=True, slots=True)
class Ended:
    """What a session that is over leaves to be told: how late it was by SHARES, which parts died, what stayed open."""

    late: tuple[int, ...] = (0,) * len(SHARES)
    troubles: tuple[RoomcheckError, ...] = ()
    unclosed: tuple[str, ...] = ()


class Desk(WorkerPlugin):  # type: ignore[misc]  # as in workers.py
    """One worker's session. `plan` has `Held` traces."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.version = version_here()
        self.content = content_of(Path(plan.target.folder))

    def setup(self, worker: Any) -> None:
        """Nothing starts before it is wanted."""
        self.address: str = worker.address
        self.session: Session | None = None
        self.room = Room("", "", 0)
        self.running = 0
        self.last = now()
        self.met: dict[str, tuple[frozenset[Triple], Verdict]] = {}
        self.ended: list[Ended] = []
        self._over = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._opening = asyncio.Lock()
        self._turns = asyncio.Lock()
        self._playing: set[asyncio.Task[Any]] = set()

    async def teardown(self, worker: object) -> None:  # noqa: ARG002  Dask's
        """The worker ends, or nobody needs it any more."""
        await self.close()

    async def opened(self) -> Session:
        """The session, begun if it is not there. Its error if it does not begin; the next one tries again."""
        async with self._opening:
            if self._owner is None or self._owner.done():
                self._refuse_another()
                self._over.clear()
                self._begun.clear()
                self._owner = asyncio.create_task(self._own(Session(self.plan)))
                begun = asyncio.create_task(self._begun.wait())
                await asyncio.wait([self._owner, begun], return_when=asyncio.FIRST_COMPLETED)
                if not begun.done():
                    begun.cancel()
                    await self._owner
            assert self.session is not None
            return self.session

    def _refuse_another(self) -> None:
        """UsageError, in one line that names both, where this worker would play something else."""
        if (here := version_here()) != self.version:
            raise UsageError(refused(self.address, here, self.version))
        target = self.plan.target
        if (here := content_of(Path(target.folder))) != self.content:
            both = f"{target.name} with content {here}", f"{target.name} with content {self.content}"
            raise UsageError(refused(f"{self.address}, in {target.folder},", *both))

    async def _own(self, session: Session) -> None:
        """One task enters and leaves: what a session waits for belongs to the task that began it."""

        def told(room: str, toxiproxy: str) -> None:
            self.room = Room(room, toxiproxy, 0)

        session.on_room, session.on_trace = told, self._traced
        async with session.open():
            self.room = Room(self.room.name, self.room.toxiproxy, session.lateness.typical)
            self.session = session
            self.last = now()
            self._begun.set()
            while not self._over.is_set() and (self.running or now() - self.last < IDLE * 1e6):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE):
                        await self._over.wait()
            for task in self._playing:
                task.cancel()
            await asyncio.gather(*self._playing, return_exceptions=True)
        late = tuple(session.lateness.percentile(share) for share in SHARES)
        self.ended.append(Ended(late, tuple(session.troubles), tuple(session.unclosed)))

    async def close(self) -> list[Ended]:
        """End the session, and every case under way; what all of them here leave to be told."""
        self._over.set()
        if self._owner is not None:
            if not self._begun.is_set():
                self._owner.cancel()
            await asyncio.gather(self._owner, return_exceptions=True)
        ended, self.ended = self.ended, []
        return ended

    async def play(self, order: Order) -> Played:
        """Play a case once, in its turn; RoomcheckErrors are its result."""
        case = order.case
        held = self.plan.traces
        assert isinstance(held, Held)
        try:
            session = await self.opened()
            await self._turn(session)
            playing = asyncio.create_task(session.once(case, order.attempt, order.speed, alone=order.alone))
            self._playing.add(playing)
            try:
                result = await playing
            finally:
                self._playing.discard(playing)
                self.running -= 1
                self.last = now()
        except RoomcheckError as e:
            result = result_of(self.plan.contract, case, None, failure=blamed(e), attempts=order.attempt)
        trace = held.traces.pop(case.id, None)
        triples, _ = self.met.pop(case.id, (frozenset(), None))
        wanted = order.conforming or result.outcome is not Outcome.CONFORMS
        return Played(result, triples, trace if wanted else None)

    async def _turn(self, session: Session) -> None:
        """Return when this case may begin: a few milliseconds after the one before, and while the machine keeps up."""
        async with self._turns:
            while self.running >= FEW and session.lags:
                await session.lateness.calm(LOOK_AGAIN, LOOK_AGAIN)
            await session.lateness.calm(STAGGER, PATIENCE)
            self.running += 1

    def _traced(self, case: Case, trace: Trace, verdict: Verdict) -> None:
        self.met[case.id] = frozenset(met(self.plan.contract, trace)), verdict


def content_of(folder: Path) -> str:
    """What two folders of a target with the same files share; what is installed or written there does not count."""
    digest = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file() and not PASSED.intersection(path.parts))
    for path in sorted(files):
        digest.update(repr((path.relative_to(folder).as_posix(), path.read_bytes())).encode())
    return digest.hexdigest()[:12]


async def play(name: str, order: Order) -> Played:
    """On a worker: what becomes of it there."""
    desk: Desk = get_worker().plugins[name]
    return await desk.play(order)


async def begin(name: str, dask_worker: Any) -> Room:
    """On each worker, before the first case."""
    desk: Desk = dask_worker.plugins[name]
    await desk.opened()
    return desk.room


async def end(name: str, dask_worker: Any) -> list[Ended]:
    """On each worker, after the last one."""
    desk: Desk | None = dask_worker.plugins.get(name)
    return await desk.close() if desk is not None else []
