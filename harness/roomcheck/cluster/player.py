"""Plays cases in virtual time on workers: for a search what `simulate.Virtual` is, with the same results.

They are told in the order of the cases, however many workers there are. What the traces met is counted where they were
played; a trace comes back only where it is kept.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from roomcheck.cluster.workers import Killed, Workers
from roomcheck.judge.coverage import Triple, met
from roomcheck.judge.result import result_of
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Blame, CaseResult, Outcome, Verdict
from roomcheck.run.aside import aside
from roomcheck.simulate import Virtual
from roomcheck.simulate.player import OnTime
from roomcheck.spec.case import Case


@dataclass(frozen=True, slots=True)
class Room:
    """What every worker plays on, and whether traces that conform are wanted."""

    virtual: Virtual
    conforming: bool


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a case."""

    result: CaseResult
    triples: frozenset[Triple]
    trace: Trace | None


def _play(room: Room, case: Case) -> Played:
    seen: list[tuple[Trace, Verdict]] = []
    virtual = replace(room.virtual, on_trace=lambda _case, trace, verdict: seen.append((trace, verdict)))
    result = virtual.one(case)
    ((trace, verdict),) = seen
    kept = room.conforming or verdict.outcome is not Outcome.CONFORMS
    return Played(result, met(virtual.contract, trace), trace if kept else None)


@dataclass(slots=True)
class Simulated:
    """Virtual rooms on workers. `on_met` hears of each trace what it met."""

    virtual: Virtual  # with the hooks of one that plays here
    workers: Workers
    conforming: Callable[[], bool] = lambda: True  # whether traces that conform are kept
    on_met: Callable[[Iterable[Triple], Verdict], None] = lambda _triples, _verdict: None
    on_case: Callable[[CaseResult], None] = lambda _result: None
    on_room: Callable[[str, str], None] = lambda _room, _toxiproxy: None
    on_tick: Callable[[int, int], None] = lambda _running, _done: None
    on_speed: Callable[[float], None] = lambda _speed: None
    lateness: OnTime = field(default_factory=OnTime)
    done: int = 0
    _rooms: dict[bool, Room] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The workers are there already."""
        self.virtual.on_room = self.on_room
        async with self.virtual.open():
            yield

    async def play(
        self,
        cases: Iterable[Case],
        attempts: int = 1,  # noqa: ARG002  nothing is in doubt here
        over: Callable[[Case], bool] | None = None,
        listed: Callable[[str], bool] | None = None,  # noqa: ARG002  nor is anything left to chance
    ) -> list[CaseResult]:
        """The results in the order of the cases, but of those that it is `over` for when they would be sent."""
        begun = list(cases) if over is None else (case for case in cases if not over(case))
        results: list[CaseResult] = []
        batches = await aside(partial(self.workers.batches, _play, self._room(), begun))
        try:
            while (played := await aside(batches.take)) is not None:
                results += map(self._ended, played)
        finally:
            batches.close()
        return results

    def _room(self) -> Room:
        conforming = self.conforming()
        if conforming not in self._rooms:
            plain = Virtual(self.virtual.contract, self.virtual.clients, self.virtual.server)
            self._rooms[conforming] = Room(plain, conforming)
        return self._rooms[conforming]

    def _ended(self, played: Played | Killed[Case]) -> CaseResult:
        if isinstance(played, Killed):
            result = result_of(self.virtual.contract, played.item, None, failure=(Blame.HARNESS, str(played)))
        else:
            result, trace = played.result, played.trace
            assert result.verdict is not None
            self.on_met(played.triples, result.verdict)
            if trace is not None:
                result = replace(result, trace_file=self.virtual.keep(trace.case, trace, result.outcome))
        self.done += 1
        self.on_case(result)
        self.on_tick(0, self.done)
        return result
