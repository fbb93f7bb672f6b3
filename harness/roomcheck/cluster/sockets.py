"""Plays cases on real sockets on workers: for a run and a search what `run.Session` is.

Who is played next, how often and at which speed is decided here as in one process; each play of a case is a task of
Dask's, which goes to whichever worker has room for it, so that a fast one gets more. A trace comes back only where it
is kept. What a worker had under way when it died or stood still is played elsewhere; what was there each time is then
played alone, and is reported if that ends workers too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from distributed import KilledWorker

from roomcheck.cluster.desk import SHARES, Desk, Ended, Held, Order, Room, begin, end, play
from roomcheck.cluster.player import Played
from roomcheck.cluster.workers import Workers, named
from roomcheck.errors import HarnessError, RoomcheckError
from roomcheck.judge.coverage import Triple
from roomcheck.judge.result import result_of
from roomcheck.model.verdict import Blame, CaseResult, Verdict
from roomcheck.run.aside import aside
from roomcheck.run.pace import Pace
from roomcheck.run.queue import Queue, at_once, duration, may_run_again
from roomcheck.run.session import ATTEMPTS, Plan
from roomcheck.spec.case import Case

ALONE = 3  # times that a case is played alone which was there when workers died
GRACE = 30.0  # seconds that workers may take to end their sessions: one that stands still is killed with its own
_NUMBERS = count()


@dataclass(slots=True)
class Late:
    """How late the workers were: by SHARES, of the latest of them."""

    by_share: dict[float, int] = field(default_factory=lambda: dict.fromkeys(SHARES, 0))

    def percentile(self, share: float) -> int:
        return self.by_share[share]


@dataclass(slots=True)
class Sockets:
    """Sessions on workers. `on_met` hears of a case's traces what they met, before its result."""

    plan: Plan
    workers: Workers
    on_case: Callable[[CaseResult], None] = lambda _result: None
    on_room: Callable[[str, str], None] = lambda _room, _toxiproxy: None
    on_tick: Callable[[int, int], None] = lambda _running, _done: None
    on_speed: Callable[[float], None] = lambda _speed: None
    on_met: Callable[[Iterable[Triple], Verdict], None] = lambda _triples, _verdict: None
    lateness: Late = field(default_factory=Late)
    playing: list[str] = field(default_factory=list)
    troubles: list[RoomcheckError] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    pace: Pace = field(init=False)
    done: int = 0
    _met: dict[str, list[tuple[frozenset[Triple], Verdict]]] = field(default_factory=dict)  # by case, until its end
    _name: str = field(default_factory=lambda: f"roomcheck-desk-{next(_NUMBERS)}")

    def __post_init__(self) -> None:
        self.pace = Pace.of(self.plan.contract, fixed=self.plan.slower is None)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """A session on each worker; they are gone afterwards. The error of one that does not begin."""
        client = self.workers.client
        plan = replace(self.plan, traces=Held(Path()), repeat=_unsaid, announce=_unheard)
        try:
            with named():
                await aside(partial(client.register_plugin, Desk(plan), name=self._name))
                rooms: dict[str, Room] = await aside(partial(client.run, begin, self._name))
            first = next(iter(rooms.values()))
            self.on_room(first.name, first.toxiproxy)
            self.pace.bear(self.plan.contract, max(room.late for room in rooms.values()))
            if self.pace.now != self.plan.contract.scale:
                self.on_speed(self.pace.now)
            yield
            await self._tell(set(rooms))
        finally:
            with contextlib.suppress(Exception):  # those of a scheduler that is gone end by themselves
                async with asyncio.timeout(GRACE):
                    await aside(partial(client.unregister_worker_plugin, self._name))
        if self.plan.traces.lost:
            raise HarnessError(self.plan.traces.lost)

    async def _tell(self, began: set[str]) -> None:
        """What the sessions leave to be told, and how many workers are not there any more."""
        ended: dict[str, object] = {}
        with contextlib.suppress(TimeoutError), named():
            async with asyncio.timeout(GRACE):
                ended = await aside(partial(self.workers.client.run, end, self._name, on_error="return"))
        for each in (each for told in ended.values() if isinstance(told, list) for each in told):
            assert isinstance(each, Ended)
            self.troubles += each.troubles
            self.unclosed += each.unclosed
            for share, late in zip(SHARES, each.late, strict=True):
                self.lateness.by_share[share] = max(self.lateness.by_share[share], late)
        if gone := began - {worker for worker, told in ended.items() if isinstance(told, list)}:
            lost = f"{len(gone)} of {len(began)} workers died or stood still; others played what they had begun"
            self.troubles.append(HarnessError(lost))

    async def play(
        self,
        cases: Iterable[Case],
        attempts: int = ATTEMPTS,
        over: Callable[[Case], bool] | None = None,
        listed: Callable[[str], bool] = lambda _case: False,
    ) -> list[CaseResult]:
        """As `Session.play` does: the final results, each case's once, as they ended."""
        fresh = list(cases) if over else sorted(cases, key=duration, reverse=True)
        speeds = len(self.pace.speeds)
        tries = attempts if attempts == 1 else max(attempts, speeds + 1)
        fewer = tries if speeds == 1 else 2

        def most(attempt: int) -> int:
            bears = self.plan.target.jobs and self.plan.target.jobs * self.workers.number
            return at_once(self.workers.slots, bears, min(attempt, fewer))

        queue = Queue(fresh, tries, most, listed)
        ended: list[CaseResult] = []
        suspects: list[tuple[Case, int]] = []
        freed = asyncio.Event()

        def final(case: Case, attempt: int, result: CaseResult, *, last: bool) -> None:
            before = self.pace.now
            last |= self.pace.ended(case.id, result.scale or self.pace.now, result.outcome)
            if attempt < tries and may_run_again(result) and over is not None and over(case):
                last = True
            if self.pace.now != before:
                self.on_speed(self.pace.now)
            if not queue.end(case, attempt, result, last=last):
                ended.append(result)
                self._final(result)

        async def one(case: Case, attempt: int) -> None:
            self.playing.append(case.id)
            try:
                final(case, attempt, await self._once(case, attempt, alone=case.id in queue.broken), last=False)
            except KilledWorker:
                suspects.append((case, attempt))
            finally:
                self.playing.remove(case.id)
                freed.set()

        async with asyncio.TaskGroup() as group:
            while not queue.over:
                freed.clear()
                if (begun := queue.begin()) is not None:
                    if begun[1] == 1 and over is not None and over(begun[0]):
                        queue.drop(begun[0])
                    else:
                        group.create_task(one(*begun))
                elif suspects and queue.running == len(suspects):  # nothing else is under way
                    case, attempt = suspects.pop()
                    result, killed = await self._suspect(case, attempt)
                    final(case, attempt, result, last=killed)
                else:
                    await freed.wait()
        return ended

    async def _suspect(self, case: Case, attempt: int) -> tuple[CaseResult, bool]:
        """A case alone: its result, and whether that is that it ends workers."""
        times = 0
        for _ in range(ALONE):
            try:
                return await self._once(case, attempt, alone=False), False
            except KilledWorker as e:
                times += e.allowed_failures + 1
        said = f"{times} workers died while they played this alone"
        return result_of(self.plan.contract, case, None, failure=(Blame.HARNESS, said), attempts=attempt), True

    async def _once(self, case: Case, attempt: int, *, alone: bool) -> CaseResult:
        """Play a case once, wherever there is room. KilledWorker: those who did died."""
        traces = self.plan.traces
        order = Order(case, attempt, self.pace.of_case(case.id), alone, traces.wants_conforming)
        with named():
            future: Any = self.workers.client.submit(play, self._name, order, pure=False)
            try:
                played: Played = await aside(future.result)
            except asyncio.CancelledError:
                future.cancel(msg="nobody wants it any more")
                raise
        result, trace = replace(played.result, repeat=self.plan.repeat(case)), played.trace
        if result.verdict is not None:
            self._met.setdefault(result.case, []).append((played.triples, result.verdict))
        if trace is not None:
            result = replace(result, trace_file=traces.keep(case.id, trace, result.outcome))
        return result

    def _final(self, result: CaseResult) -> None:
        for triples, verdict in self._met.pop(result.case, ()):
            self.on_met(triples, verdict)
        self.done += 1
        self.on_case(result)
        self.on_tick(len(self.playing), self.done)


def _unsaid(_case: Case) -> str:
    """How a case is repeated is not the workers' to say."""
    return ""


def _unheard(_address: str, _token: str) -> None:
    """No adapter dials in to a worker."""
