"""A whole run: start the parts, play cases side by side, judge, run doubtful ones again, end everything.

The longest cases start first and the others follow a few milliseconds apart, so that a run takes little longer than
its longest case and the machine is not asked for hundreds of logins in one instant. While the harness or the adapter
cannot keep up with those that are played, and these are not few, no other begins: 256 rooms of a slow SDK in one
process were seconds late, and many of their cases in doubt. An inconclusive case is run again at most twice, as soon as
a quarter (then a sixteenth) of those that may be played at once still are, so that it waits for a quieter machine and
not for the longest case; it never counts as a pass. Where the
room's time can be scaled it is played at a slower speed each time (pace.py), on a session of its own inside this one.
A case whose adapter broke is run again with an adapter of its own,
so that one case cannot cost the others their verdicts.

A Toxiproxy is replaced by a fresh one when it has served for long: what it holds for links that were down grows for
minutes (faults/link.py). The old one ends with its last case.
"""

import asyncio
import contextlib
import gc
import os
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from roomcheck.adapters import AdapterHost
from roomcheck.adapters.raised import none_raised
from roomcheck.errors import AdapterError, HarnessError, RoomcheckError
from roomcheck.faults import Provisioned, ToxiproxyServer
from roomcheck.judge import judging
from roomcheck.judge.result import result_of
from roomcheck.model.secrets import Secrets
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Blame, CaseResult, Outcome, Verdict
from roomcheck.report.traces import TraceFolder
from roomcheck.run.adapter import Announce, start_adapter
from roomcheck.run.clock import Lateness, now
from roomcheck.run.far import none_out_of_reach
from roomcheck.run.files import NEEDLESS, bears, none_starved, outgoing_ports, raise_limit
from roomcheck.run.hidden import secrets_of
from roomcheck.run.install import Ready
from roomcheck.run.live import Live
from roomcheck.run.mending import Mending, blamed, of_server
from roomcheck.run.pace import Pace, advice
from roomcheck.run.play import Ground, Play, said_between
from roomcheck.run.queue import FEW, Queue, at_once, duration, enough, may_run_again
from roomcheck.run.server import Server
from roomcheck.run.standstill import Running, Standstills
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.speed import at_the_speed_of

ATTEMPTS = 3
STAGGER = 0.02  # seconds between two starts: a login of three members costs about 10 ms on two cores
PATIENCE = 0.2  # seconds that a start waits at most for the machine to be on time again
LAG = 50_000  # microseconds; a harness or an adapter that is usually as late as that cannot keep up
LOOK_AGAIN = 1.0  # seconds, whether it can
TURN = 1_000  # microseconds that are computed for one case before the others are looked after
WORN = 300  # cases that one Toxiproxy serves: about 200 MB by then, 650 MB after 1,000; a new one is there in 13 ms


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: the contract, the cases chosen from it, the target, and where the files go.

    `slower` gives the contract at another speed, where the target can be played at several; None: the speed is fixed.
    """

    contract: Contract
    cases: Sequence[Case]
    target: Ready
    toxiproxy: Provisioned
    traces: TraceFolder
    jobs: int = 256
    adapter_extra: tuple[str, ...] = ()
    server_extra: tuple[str, ...] = ()
    repeat: Callable[[Case], str] = lambda case: f"roomcheck run -k {case.id}"
    announce: Announce = lambda _address, _token: None
    slower: Callable[[float], Contract] | None = None


@dataclass(slots=True)
class Session:
    """One run. `on_case` hears each result once, when it is final; `on_tick` how many run and are done.

    `on_trace` hears every trace that was judged, also of a case that is then run again, `on_speed` at which speed cases
    begin from now on, where that is not the plan's.
    """

    plan: Plan
    on_case: Callable[[CaseResult], None] = lambda _result: None
    on_room: Callable[[str, str], None] = lambda _room, _toxiproxy: None
    on_tick: Callable[[int, int], None] = lambda _running, _done: None
    on_speed: Callable[[float], None] = lambda _speed: None
    on_trace: Callable[[Case, Trace, Verdict], None] = field(default=lambda _case, _trace, _verdict: None)
    lateness: Lateness = field(default_factory=Lateness)
    results: list[CaseResult] = field(default_factory=list)
    playing: list[str] = field(default_factory=list)  # the cases that are played now, those that began first
    pace: Pace = field(init=False)
    _secrets: Secrets = field(init=False)
    _ground: Ground | None = None
    troubles: list[RoomcheckError] = field(default_factory=list)  # which parts died meanwhile, and how
    _standstills: Standstills = field(default_factory=Standstills)
    _mending: Mapping[str, Mending] = field(init=False)
    unclosed: list[str] = field(default_factory=list)  # of each case whose members were not closed, how that failed
    _told: set[object] = field(default_factory=set)  # parts whose death stands in `troubles`
    _files: int = NEEDLESS  # that a process may open
    _numbers: int = 0
    _mender: asyncio.Lock = field(default_factory=asyncio.Lock)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _others: dict[float, "Session"] = field(default_factory=dict)  # by speed, those that have begun
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock)
    _serving: Counter[ToxiproxyServer] = field(default_factory=Counter)  # cases that use it now
    _served: int = 0  # cases that the one in use has had

    def __post_init__(self) -> None:
        target, contract = self.plan.target, self.plan.contract
        self._secrets = secrets_of(target, contract)
        self._mending = {
            "server": of_server(target),
            "adapter": Mending("the adapter", AdapterError),
            "toxiproxy": Mending("Toxiproxy", HarnessError),
        }
        self.pace = Pace.of(contract, fixed=self.plan.slower is None)

    async def run(self) -> None:
        """Play the plan's cases; TargetError, AdapterError or HarnessError if the run cannot even start."""
        async with self.open():
            await self.play(self.plan.cases)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """All parts, started; they are gone afterwards. HarnessError at the end if a trace could not be written."""
        gc.freeze()
        self._files = raise_limit()
        bears(self._files, outgoing_ports(), self.plan.cases, len(self.plan.target.endpoints))
        async with self._stack as stack:
            await stack.enter_async_context(self.lateness)
            await stack.enter_async_context(self._standstills)
            server = await stack.enter_async_context(self._server())
            stack.push_async_callback(self._end_ground)
            toxiproxy, host = await self._start_both()
            for part in (server, toxiproxy, host):
                self._standstills.watch(part)
            token = f"{os.getpid():x}{now() & 0xFFFFFF:x}"
            self._ground = Ground(self.plan.contract, host, toxiproxy, self.lateness, server, token)
            implementation = host.info.implementation
            room = f"{implementation.get('name')} {implementation.get('version', '')}".strip()
            room = ", ".join([room, *(f"{part} {version}" for part, version in self.plan.target.parts.items())])
            self.on_room(self._secrets.text(room), toxiproxy.version)
            await host.probe()
            self.pace.bear(self.plan.contract, self.lateness.typical)
            if self.pace.now != self.plan.contract.scale:
                self.on_speed(self.pace.now)
            yield
            self._tell_the_dead(self._ground)
        if self.plan.traces.lost:
            raise HarnessError(self.plan.traces.lost)

    async def play(
        self,
        cases: Iterable[Case],
        attempts: int = ATTEMPTS,
        over: Callable[[Case], bool] | None = None,
        listed: Callable[[str], bool] = lambda _case: False,
    ) -> list[CaseResult]:
        """Play these side by side, the longest first, doubtful ones up to so many times; the results as they ended.

        Where there are slower speeds, one that may be played again is played at each of them until it is decided.

        With `over` they are played in the order given, and one for which that is true is not begun any more. `listed`
        are known failures: one that passes is as doubtful.
        """
        fresh = list(cases) if over else sorted(cases, key=duration, reverse=True)
        allowed = min(self.plan.jobs, bears(self._files, outgoing_ports(), fresh, len(self.plan.target.endpoints)))
        steady = (
            allowed
            if over
            else min(allowed, enough([duration(case, self.plan.contract.pace_of(case.schedule)) for case in fresh]))
        )
        speeds = len(self.pace.speeds)
        tries = attempts if attempts == 1 else max(attempts, speeds + 1)
        fewer = tries if speeds == 1 else 2  # at a slower speed as many cases cost less

        def most(attempt: int) -> int:
            return at_once(steady if attempt == 1 else allowed, self.plan.target.jobs, min(attempt, fewer))

        queue = Queue(fresh, tries, most, listed)
        ended: list[CaseResult] = []
        freed = asyncio.Event()

        async def one(case: Case, attempt: int) -> None:
            self.playing.append(case.id)
            try:
                speed = self.pace.of_case(case.id)
                result = await self.once(case, attempt, speed, alone=case.id in queue.broken)
            finally:
                self.playing.remove(case.id)
                freed.set()
            before = self.pace.now
            last = self.pace.ended(case.id, result.scale or speed, result.outcome)
            if attempt < tries and may_run_again(result) and over is not None and over(case):
                last = True
            if self.pace.now != before:
                self.on_speed(self.pace.now)
            if not queue.end(case, attempt, result, last=last):
                ended.append(result)
                self._final(result)

        async with asyncio.TaskGroup() as group:
            while not queue.over:
                begun = None if queue.running >= FEW and self.lags else queue.begin()
                if begun is None:
                    freed.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN if self.lags else None):
                            await freed.wait()
                elif begun[1] == 1 and over is not None and over(begun[0]):
                    queue.drop(begun[0])
                else:
                    # before, not after: what was computed here until now has made the probe late, and not yet said so
                    await self.lateness.calm(STAGGER, PATIENCE)
                    group.create_task(one(*begun))
        return ended

    async def once(self, case: Case, attempt: int, speed: float, *, alone: bool) -> CaseResult:
        """Play a case one time, at this speed if it can be had; `alone`: with an adapter of its own."""
        session = await self._at(speed)
        contract = session.plan.contract
        paced = case if session is self else at_the_speed_of(contract, self.plan.contract, case)
        return await session._case(paced, attempt, alone=alone)  # noqa: SLF001

    async def act(self, case: Case, begun: Callable[[Live], None]) -> CaseResult:
        """Play a case whose steps somebody else takes, on what `begun` is given, until they are over."""

        def live(ground: Ground, case: Case, number: int, server: Server) -> Live:
            return Live(ground, case, number, server, begun, self._secrets.text)

        return await self._case(case, 1, alone=False, play=live)

    async def _at(self, speed: float) -> "Session":
        """The session that plays at this speed; this one, as fast as it does, where no other can be begun."""
        if speed == self.plan.contract.scale or self.plan.slower is None:
            return self
        async with self._beginning:
            if speed not in self._others:
                plan = replace(self.plan, contract=self.plan.slower(speed), slower=None)
                other = Session(
                    plan, on_trace=self._traced, lateness=self.lateness, troubles=self.troubles, unclosed=self.unclosed
                )
                try:
                    await self._stack.enter_async_context(other.open())
                except RoomcheckError:
                    other = self
                self._others[speed] = other
        return self._others[speed]

    def _traced(self, case: Case, trace: Trace, verdict: Verdict) -> None:
        self.on_trace(case, trace, verdict)

    @property
    def lags(self) -> bool:
        """Whether the harness or the adapter cannot keep up with what is played."""
        adapter = self._ground.host.pulse.usual_lag if self._ground is not None else 0
        return max(self.lateness.usual, adapter) >= LAG

    async def _end_ground(self) -> None:
        if self._ground is not None:
            await self._ground.host.stop()
            await self._ground.toxiproxy.stop()
            await self._ground.server.close()

    def _server(self) -> Server:
        return Server(self.plan.target, self.plan.contract.constants, self.plan.server_extra)

    async def _start_toxiproxy(self) -> ToxiproxyServer:
        return await ToxiproxyServer.start(self.plan.toxiproxy)

    async def _start_both(self) -> tuple[ToxiproxyServer, AdapterHost]:
        """Side by side; if one does not start, the other is ended before its error is raised."""
        toxiproxy, host = await asyncio.gather(self._start_toxiproxy(), self._start_adapter(), return_exceptions=True)
        if isinstance(toxiproxy, BaseException):
            if not isinstance(host, BaseException):
                await host.stop()
            raise toxiproxy
        if isinstance(host, BaseException):
            await toxiproxy.stop()
            raise host
        return toxiproxy, host

    async def _start_adapter(self) -> AdapterHost:
        plan = self.plan
        try:
            return await start_adapter(plan.target, plan.contract.constants, plan.announce, plan.adapter_extra)
        except AdapterError as e:
            none_starved(str(e), ())
            raise

    def _final(self, result: CaseResult) -> None:
        self.results.append(result)
        self.on_case(result)
        self.on_tick(len(self.playing), len(self.results))

    async def _case(
        self, case: Case, attempt: int, *, alone: bool, play: Callable[[Ground, Case, int, Server], Play] = Play
    ) -> CaseResult:
        began = now()
        trace: Trace | None = None
        verdict: Verdict | None = None
        failure: tuple[Blame, str] | None = None
        log: tuple[str, ...] = ()
        ground: Ground | None = None
        server: Server | None = None
        try:
            self._numbers += 1
            number = self._numbers
            async with contextlib.AsyncExitStack() as stack:
                ground = await stack.enter_async_context(self._ground_for_one())
                server = ground.server
                if case.own_server:
                    server = await stack.enter_async_context(self._server())
                    self._standstills.watch(server)
                    stack.callback(self._standstills.forget, server)
                if alone:
                    ground = replace(ground, host=await self._start_adapter())
                    stack.push_async_callback(ground.host.stop)
                    self._standstills.watch(ground.host)
                    stack.callback(self._standstills.forget, ground.host)
                player = play(ground, case, number, server)
                self.lateness.playing += 1
                try:
                    trace = self._secrets.trace(await player.run())
                except (AdapterError, HarnessError):
                    self._all_went_on(ground, server, began)
                    raise
                finally:
                    self.lateness.playing -= 1
                    case = player.case  # whose steps may have been taken one by one
                    if player.unclosed:
                        self.unclosed.append(self._secrets.text(player.unclosed))
                self._all_went_on(ground, server, began)
            judged = await unhurried(judging(self.plan.contract, trace, case))
            if judged.outcome in (Outcome.VIOLATES, Outcome.INCONCLUSIVE):
                none_starved(ground.host.stderr_tail(), server.lines)
                none_out_of_reach(server.printed.lines(began, now()))
                none_raised(self.plan.target.adapter_command, ground.host.printed(began, now()))
            verdict = judged
            self.on_trace(case, trace, verdict)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # not this case was cancelled but something that it waited for: unnoticed, its task would end without a word
            failure = Blame.HARNESS, "what this case waited for was cancelled"
            log = tuple(self._secrets.text(traceback.format_exc()).splitlines())
        except Exception as e:  # noqa: BLE001  a mistake of ours costs one case its verdict, not the run its results
            failure = blamed(e)
            told = "" if isinstance(e, RoomcheckError) else self._secrets.text(traceback.format_exc())
            log = tuple(told.splitlines())
        if ground is not None and (verdict is None or verdict.outcome is not Outcome.CONFORMS):
            log += said_between(ground.host, server, began, now())
        return result_of(
            self.plan.contract,
            case,
            verdict,
            failure=(failure[0], self._secrets.text(failure[1])) if failure else None,
            seconds=(now() - began) / 1e6,
            attempts=attempt,
            lateness=trace.lateness if trace else 0,
            advice=advice(self.plan.contract, trace) if trace else "",
            trace_file=self.plan.traces.keep(case.id, trace, verdict.outcome if verdict else None) if trace else "",
            repeat=self.plan.repeat(case),
            log=log,
        )

    def _all_went_on(self, ground: Ground, server: Server, since: int) -> None:
        """Whoever died or stood still explains what the members were told and what the adapter complains of."""
        stood = self._standstills.stood
        if not server.alive or stood(server, since):
            how, mending = self._how(server, since), self._mending["server"]
            self._tell(server, mending.error(f"{mending.name} {how}"))
            raise mending.error(f"{mending.name}, while this case ran, {how}")
        if not ground.toxiproxy.alive:
            raise HarnessError(f"Toxiproxy died while this case ran: {ground.toxiproxy.last_words()}")
        if wanted := ground.toxiproxy.wanted(since):
            raise HarnessError(f"Toxiproxy {wanted}")
        if stood(ground.toxiproxy, since):
            raise HarnessError("Toxiproxy was stopped by a signal while this case ran")
        if stood(ground.host, since):
            raise HarnessError("the adapter was stopped by a signal while this case ran")

    def _how(self, server: Server, since: int) -> str:
        still = self._standstills.stood(server, since)
        return "was stopped by a signal" if still else f"died: {server.last_words()}"

    def _tell(self, part: object, error: RoomcheckError) -> None:
        """That a part died, once for each."""
        if part not in self._told:
            self._told.add(part)
            self.troubles.append(error)

    @contextlib.asynccontextmanager
    async def _ground_for_one(self) -> AsyncIterator[Ground]:
        """The shared parts for one case; whoever was the last to use a worn Toxiproxy ends it."""
        ground = await self._sound_ground()
        toxiproxy = ground.toxiproxy
        self._serving[toxiproxy] += 1
        self._served += 1
        try:
            yield ground
        finally:
            self._serving[toxiproxy] -= 1
            if not self._serving[toxiproxy] and self._ground is not None and self._ground.toxiproxy is not toxiproxy:
                await toxiproxy.stop()

    async def _sound_ground(self) -> Ground:
        """The shared parts, with those that died or stand still, and a worn Toxiproxy, replaced first."""
        async with self._mender:
            await self._mend_server()
            await self._mend_adapter()
            await self._mend_toxiproxy()
            assert self._ground is not None
            return self._ground

    def _tell_the_dead(self, ground: Ground) -> None:
        """Which parts died or were stopped since the last case began: it happened, though nobody has missed them."""
        began = now()
        if not ground.server.alive or self._standstills.stands(ground.server):
            mending = self._mending["server"]
            self._tell(ground.server, mending.error(f"{mending.name} {self._how(ground.server, began)}"))
        if not ground.host.alive:
            self._tell(ground.host, died(ground.host))

    async def _mend_server(self) -> None:
        assert self._ground is not None
        server = self._ground.server
        began = now()
        if server.alive and not self._standstills.stands(server):
            return
        mending = self._mending["server"]
        how = self._how(server, began)
        self._tell(server, mending.error(f"{mending.name} {how}"))

        async def start() -> Server:
            return await self._server().open()

        await server.close()
        fresh = await mending.again(start, how)
        self._replaced(server, fresh)
        self._ground = replace(self._ground, server=fresh)

    async def _mend_adapter(self) -> None:
        assert self._ground is not None
        host = self._ground.host
        if self._standstills.stands(host):
            host.abandon("it was stopped by a signal")
        if host.alive:
            return
        mending = self._mending["adapter"]
        self._tell(host, died(host))
        await host.stop()
        fresh = await mending.again(self._start_adapter, host.failure)
        self._replaced(host, fresh)
        self._ground = replace(self._ground, host=fresh)

    async def _mend_toxiproxy(self) -> None:
        assert self._ground is not None
        toxiproxy = self._ground.toxiproxy
        if self._standstills.stands(toxiproxy):
            toxiproxy.abandon("it was stopped by a signal")
        worn = self._served >= WORN and toxiproxy.ours
        if toxiproxy.alive and not worn:
            return
        if toxiproxy.alive:
            if not self._serving[toxiproxy]:
                await toxiproxy.stop()
            fresh = await self._start_toxiproxy()
        else:
            mending = self._mending["toxiproxy"]
            self._tell(toxiproxy, HarnessError(f"{mending.name} died: {toxiproxy.last_words()}"))
            await toxiproxy.stop()
            fresh = await mending.again(self._start_toxiproxy, toxiproxy.last_words())
        self._replaced(toxiproxy, fresh)
        self._served = 0
        self._ground = replace(self._ground, toxiproxy=fresh)

    def _replaced(self, old: Running, fresh: Running) -> None:
        self._standstills.watch(fresh)
        self._standstills.forget(old)


def died(host: AdapterHost) -> RoomcheckError:
    """Who is charged that an adapter was replaced: one that only was silent may have been kept waiting."""
    return (HarnessError if host.silent else AdapterError)(f"the adapter died: {host.failure}")


async def unhurried(steps: Generator[None, None, Verdict]) -> Verdict:
    """The verdict of these steps; what else is due runs in between, so that no room waits for a verdict on another."""
    end = now() + TURN
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict
        if now() > end:
            await asyncio.sleep(0)
            end = now() + TURN
