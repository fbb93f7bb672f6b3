"""Plays cases in virtual time, with the hooks of a run on sockets: whoever plays cases can be given either."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from roomcheck.judge import judge
from roomcheck.judge.result import result_of
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, Outcome, Verdict
from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.simulate.play import simulate
from roomcheck.simulate.speech import speaks
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract


class OnTime:
    """The lateness of a world without a clock."""

    def percentile(self, _share: float) -> int:
        """Nothing is ever late."""
        return 0


@dataclass(slots=True)
class Virtual:
    """One world for each case; `keep` writes a trace down and returns the file's name."""

    contract: Contract
    clients: type[ClientMachine] = ClientMachine
    server: type[ServerMachine] = ServerMachine
    keep: Callable[[str, Trace, Outcome | None], str] = lambda _case, _trace, _outcome: ""
    repeat: Callable[[Case], str] = lambda _case: ""
    on_case: Callable[[CaseResult], None] = lambda _result: None
    on_room: Callable[[str, str], None] = lambda _room, _toxiproxy: None
    on_tick: Callable[[int, int], None] = lambda _running, _done: None
    on_speed: Callable[[float], None] = lambda _speed: None
    on_trace: Callable[[Case, Trace, Verdict], None] = field(default=lambda _case, _trace, _verdict: None)
    lateness: OnTime = field(default_factory=OnTime)
    done: int = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Nothing to start."""
        room = "the reference room's machines" if speaks(self.contract) else "a model room"
        self.on_room(room, "none: virtual time")
        yield

    async def play(
        self,
        cases: Iterable[Case],
        attempts: int = 1,  # noqa: ARG002  nothing is in doubt here
        over: Callable[[Case], bool] | None = None,
        listed: Callable[[str], bool] | None = None,  # noqa: ARG002  nor is anything left to chance
    ) -> list[CaseResult]:
        """Play one after the other, but those that it is `over` for; a case takes milliseconds."""
        return [self.one(case) for case in cases if over is None or not over(case)]

    def one(self, case: Case) -> CaseResult:
        """Play one."""
        began = time.perf_counter()
        trace = simulate(self.contract, case, clients=self.clients, server=self.server)
        verdict = judge(self.contract, trace, case)
        self.on_trace(case, trace, verdict)
        result = result_of(
            self.contract,
            case,
            verdict,
            seconds=time.perf_counter() - began,
            trace_file=self.keep(case.id, trace, verdict.outcome),
            repeat=self.repeat(case),
        )
        self.done += 1
        self.on_case(result)
        self.on_tick(0, self.done)
        return result
