"""Random schedules: collect, predict, pick, run, confirm, shrink, remember.

Drawing and choosing happen while nothing is played, since whatever computes in this process makes the rooms late.
Choosing is choosing.py's. A schedule that violates is played again at once in several rooms, then made simpler in
rounds of parallel candidates, and kept as a file. What always shows it is not given up for a simpler one that does so
by chance: the shortest often hangs on a race, and whoever replays the file does not see it. Findings of one kind, which
break the same requirement, are worked on once and counted: by which of its rules a broken one shows is often chance.
Several kinds are worked on side by side where more rooms can be played at once than one kind takes. Doubt is never a
failure, neither in the search nor in shrinking.
"""

import asyncio
import contextlib
import gc
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Protocol

from roomcheck.errors import UsageError
from roomcheck.generate import schedules
from roomcheck.generate.collect import Memory, remember
from roomcheck.generate.shrink import candidates, size
from roomcheck.judge.coverage import Coverage, met
from roomcheck.model.schedule import Schedule
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, Finding, Outcome, Verdict
from roomcheck.run.aside import aside
from roomcheck.run.choosing import DRAWN, IN_FLIGHT, POOL, draw, shortest
from roomcheck.run.clock import now
from roomcheck.run.queue import duration
from roomcheck.run.session import ATTEMPTS
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.schedule_file import case_of
from roomcheck.spread import Spread, here

# of a search by time, which then draws twice as many each time: the first are played at once, as chance gives them
FIRST = 16
CHUNK = 1_000  # schedules that are drawn, chosen and played before the next are drawn
IN_REAL_TIME = 256  # of one that is not: its members wait most of the time
CONFIRMED_IN = 5  # rooms at once, each of several schedules that showed the same
SURE = 16  # rooms at once, the surest of these; a simpler schedule must show it in as many
SHRINK_WIDTH = 64  # candidates at once
SHRINK_CHOICE = 16  # of those that showed it, the simplest, are played again until one always shows it
SHRINK_ROUNDS = 20
SHRINK_SECONDS = 40.0
REMEMBERING = 10.0  # seconds that writing what failed to the database may take when the time is up
KINDS = 16  # kinds of findings that are confirmed and shrunk in one run; the others are reported as they were found

Kind = str  # the requirement, or the place in the spec that names none
Choose = Callable[["Found", Sequence[Schedule], str, float], Awaitable["Found"]]  # of simpler ones, the simplest first


class Player(Protocol):
    """Plays cases, on sockets or in virtual time."""

    async def play(
        self, cases: Iterable[Case], attempts: int = 1, over: Callable[[Case], bool] | None = None
    ) -> list[CaseResult]:
        """The final results, in the order in which they ended; one that it is `over` for is not begun any more."""


@dataclass(frozen=True, slots=True)
class Again:
    """How often a schedule showed it again when it was played so many times; doubt speaks for neither."""

    shown: int
    doubts: int
    times: int

    @property
    def always(self) -> bool:
        """Nothing spoke against it, and hardly any play was in doubt."""
        return self.shown + self.doubts == self.times and 4 * self.shown >= 3 * self.times

    @property
    def share(self) -> float:
        return self.shown / self.times

    def __str__(self) -> str:
        return f"{self.shown} of {self.times}"


@dataclass(frozen=True, slots=True)
class Found:
    """A kind of finding: the simplest schedule that shows it, and how often it did."""

    kind: Kind
    name: str  # of the case that showed it first
    result: CaseResult
    schedule: Schedule
    again: Again  # this schedule
    steps_before: int
    count: int = 1  # schedules that showed it
    rounds: int = 0  # of shrinking
    seconds: float = 0.0  # that shrinking took


@dataclass(frozen=True, slots=True)
class Chunk:
    """Schedules that are played before the next are drawn, each with the drawn one that it was made from.

    `number` is the seed that they were drawn for; None: they were known before.
    """

    name: str  # of their cases
    number: int | None
    chosen: Sequence[tuple[Schedule, Schedule]]
    want: int = 0  # so many were to be drawn


class Diary(Protocol):
    """What a search writes down, so that another goes on where it was ended (run/campaign.py)."""

    def begun(self) -> Chunk | None:
        """The chunk in which a search before was ended."""

    def begin(self, chunk: Chunk, expected: Counter[object]) -> None:
        """It is played now, and so much is expected of all that was chosen."""

    def ended(self, search: "Fuzz") -> None:
        """All of it was played, and what was found worked on."""

    def remembering(self, drawn: Sequence[Schedule]) -> None:
        """These were found here, and are written where others look for news."""

    def news(self) -> Sequence[tuple[Schedule, Schedule]]:
        """What others have found meanwhile, each with the drawn one that it was made from."""


@dataclass(slots=True)
class Fuzz:
    """One search. Its player must tell it of results (`hear`) and of traces (`met`).

    `on_result` hears every result that is reported, `on_progress` how many were played so far, `on_kind` which kind of
    finding is worked on now and how many schedules showed it.
    """

    contract: Contract
    player: Player
    seed: int
    schedules: int | None = None  # how many; None: as many as there is time for
    in_flight: int = IN_FLIGHT
    until: float | None = None  # microseconds of the clock: what is under way then is given up
    kept: float = 0  # microseconds of these for playing again what violates, if something does
    waits: bool = True  # playing a schedule takes as long as it says; not so in virtual time
    first: Sequence[Schedule] = ()  # played before chance is asked: pinned and remembered ones
    first_name: str = "random/known"  # of their cases
    memory: Memory | None = None
    picked: bool = True
    quiet: int | None = None  # it ends when so many schedules met nothing new; looked at after each so many
    diary: Diary | None = None
    shrink_for: float = SHRINK_SECONDS  # of each kind
    spread: Spread = here  # does the work of drawing
    virtual: Player | None = None  # where findings are shrunk first, if they show there
    keep: Callable[[Found], str] = lambda _found: ""  # writes the schedule, returns the command that repeats it
    on_result: Callable[[CaseResult], None] = lambda _result: None
    on_progress: Callable[[int], None] = lambda _played: None
    on_kind: Callable[[Kind, int], None] = lambda _kind, _count: None
    results: list[CaseResult] = field(default_factory=list)
    found: dict[Kind, Found] = field(default_factory=dict)
    coverage: Coverage = field(init=False)
    played: int = 0
    newest: int = 0  # which schedule was the last to meet something new
    known_triples: int = 0  # when that was
    chunks: int = 0  # that were begun
    expected: Counter[object] = field(default_factory=Counter)
    number: int = field(init=False)  # the seed of the next chunk
    doing: str = "beginning"
    _cases: dict[str, Case] = field(default_factory=dict)  # of the chunk that is being played
    _unplayed: int = 0  # of these, in the end
    _held: dict[Kind, list[CaseResult]] = field(default_factory=dict)  # its violations, until they are worked on

    def __post_init__(self) -> None:
        self.coverage = Coverage(self.contract)
        self.number = self.seed

    async def run(self) -> None:
        """Search until the budget is used up. What was found so far stands in `results` whenever it is cancelled.

        UsageError: the time did not suffice for a single schedule.
        """
        try:
            await self._search()
        finally:  # what was not worked on is kept and reported as it was found
            for kind, results in self._held.items():
                found = self._first_of(kind, results)
                self.report(self.told(found, self.keep(found)))

    def hear(self, result: CaseResult) -> None:
        """A case has its final result; whoever plays tells this."""
        if not self.searches(result):
            return
        self.played += 1
        if len(self.coverage.triples) > self.known_triples:
            self.newest, self.known_triples = self.played, len(self.coverage.triples)
        self.on_progress(self.played)
        kind = kind_of(result)
        if kind is None:
            self.report(result)
        else:
            self._held.setdefault(kind, []).append(result)

    async def _search(self) -> None:
        known = [(schedule, schedule) for schedule in self.first]
        chunk = self.diary.begun() if self.diary is not None else None
        if chunk is None and not self.chunks:
            chunk = self._begin(Chunk(self.first_name, None, known))
        while chunk is not None or (chunk := await self._next()) is not None:
            failing = await self._chunk([schedule for schedule, _ in chunk.chosen], chunk.name)
            if self.diary is not None and self._unplayed:
                break  # the time is up; another search plays the rest
            if chunk.number is not None and self.memory is not None:
                await self._remember(chunk, chunk.number, failing)
            if self.diary is not None:
                self.diary.ended(self)
            chunk = None
        if self.until is not None and not self.played:
            least = show_duration(shortest(self.contract, self.seed))
            raise UsageError(f"no schedule ended in this time, and the shortest of {DRAWN} takes {least}: give more")

    async def _next(self) -> Chunk | None:
        """What others have found since, or what chance gives; None: that was all."""
        if (left := self._left()) <= 0 or (self.quiet is not None and self.played - self.newest >= self.quiet):
            return None
        if self.diary is not None and (news := self.diary.news()):
            return self._begin(Chunk(f"{self.first_name}-{self.chunks}", None, news))
        want = min(CHUNK, left, self.quiet or CHUNK)
        self.doing = "drawing schedules"
        at_once = self.schedules is None and self.chunks == 1
        expected = self.expected if self.picked and not at_once else None
        most = max(0.0, self._time_left()) if self.waits else math.inf
        try:
            async with self._in_time():
                work = partial(draw, self.contract, self.number, want, expected, self.in_flight, most, self.spread)
                chosen = await aside(work)
        except TimeoutError:
            if self.played:
                return None
            raise UsageError("the time was up before any schedule was drawn: this machine is busy") from None
        if not chosen:
            return None
        gc.collect()  # now, while nothing is played: it takes 100 ms, and later would look at all of this again
        gc.freeze()
        self.number += 1
        return self._begin(Chunk(f"random/{self.number - 1}", self.number - 1, chosen, want))

    def _begin(self, chunk: Chunk) -> Chunk:
        self.chunks += 1
        if self.diary is not None:
            self.diary.begin(chunk, self.expected)
        return chunk

    async def _remember(self, chunk: Chunk, number: int, failing: Sequence[Schedule]) -> None:
        assert self.memory is not None
        drawn = [next(drawn for schedule, drawn in chunk.chosen if schedule == failed) for failed in failing]
        if self.diary is not None:
            self.diary.remembering(drawn)
        count = max(chunk.want * POOL, DRAWN)
        strategy = schedules(self.contract)
        self.doing = "remembering what was found"
        with contextlib.suppress(TimeoutError):  # its schedules are kept as files all the same
            async with self._in_time(REMEMBERING):
                await aside(partial(remember, strategy, drawn, self.memory, number=number, count=count))

    def _left(self) -> int:
        if self._time_left() <= 0:
            return 0
        return min(CHUNK, FIRST << (self.chunks - 1)) if self.schedules is None else self.schedules - self.played

    def _time_left(self) -> float:
        """Microseconds for playing what was not played yet."""
        return math.inf if self.until is None else self.until - (self.kept if self.violations else 0) - now()

    def _too_late_for(self, case: Case) -> bool:
        """Whether a case cannot end any more if it is begun now."""
        return self._time_left() <= (duration(case) if self.waits else 0)

    @property
    def violations(self) -> int:
        """How many schedules violated so far, whether that was reported or not yet."""
        return sum(map(len, self._held.values())) + sum(found.count for found in self.found.values())

    def _in_time(self, least: float = 0) -> contextlib.AbstractAsyncContextManager[object]:
        """A block that ends with TimeoutError when the time is up, and not within so many seconds from now."""
        return asyncio.timeout(None if self.until is None else max(least, (self.until - now()) / 1e6))

    def searches(self, result: CaseResult) -> bool:
        """Whether this is of a schedule of the search; others are played to confirm and to shrink."""
        return result.case in self._cases

    def met(self, _case: Case, trace: Trace, verdict: Verdict) -> None:
        """A trace was judged; whoever plays tells this."""
        self.coverage.add(met(self.contract, trace), verdict)

    # --- one chunk --------------------------------------------------------------------------------------------------

    async def _chunk(self, chosen: Sequence[Schedule], name: str) -> list[Schedule]:
        """Play these; returns the first schedule of each kind that was found. Their cases are numbered after `name`."""
        cases = [case_of(f"{name}-{i:05d}", s) for i, s in enumerate(chosen)]
        self._cases = {f"{self.contract.spec}/{c.id}": c for c in cases}
        self.doing = "playing"
        before = self.played
        with contextlib.suppress(TimeoutError):
            async with self._in_time():
                await self.player.play(cases, ATTEMPTS, self._too_late_for if self.until is not None else None)
        self._unplayed = before + len(cases) - self.played
        for kind in self.found.keys() & self._held.keys():
            more = len(self._held.pop(kind))
            self.found[kind] = replace(self.found[kind], count=self.found[kind].count + more)
        fresh = list(self._held)
        looked_at = fresh[: max(0, KINDS - len(self.found))]
        side_by_side = asyncio.Semaphore(max(1, self.in_flight // self._wide))

        async def work_on(kind: Kind) -> Schedule:
            async with side_by_side:
                number = f"kind {looked_at.index(kind) + 1} of {len(looked_at)}" if kind in looked_at else ""
                return await self._work_on(kind, self._held[kind], number)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work_on(kind)) for kind in fresh]
        return [task.result() for task in tasks]

    def report(self, result: CaseResult) -> None:
        """Tell of a result that is final and looked at."""
        self.results.append(result)
        self.on_result(result)

    async def _work_on(self, kind: Kind, same: Sequence[CaseResult], number: str) -> Schedule:
        """Confirm, shrink, keep, report; returns the schedule that was worked on. Without a `number` only keep, report.

        `number`: which kind it is, of how many that are worked on.
        """
        ordered = self._ordered(same)
        found = self._first_of(kind, same)
        first = found.schedule
        began = now()
        if number and (self.until is None or began < self.until):
            self.on_kind(kind, len(same))
            self.doing = f"confirming {number}, {kind}"
            with contextlib.suppress(TimeoutError):  # what is known by then is reported
                async with self._in_time():
                    found = await self._confirm(found, ordered)
                    first = found.schedule
                    began = now()
                    self.doing = f"making {number} shorter, {kind}"
                    found = await self._shrink(found, self._name(found.result), began + self.shrink_for * 1e6)
                    found = replace(found, seconds=(now() - began) / 1e6)
        self.found[kind] = found
        self.report(self.told(found, self.keep(found)))
        del self._held[kind]
        return first

    async def _confirm(self, found: Found, same: Sequence[CaseResult]) -> Found:
        """The one of these, the simplest first, that shows it most surely: a few tries of each, then more of some."""
        shown: dict[int, Again] = {}
        left = list(range(len(same)))
        schedules = [self._cases[result.case].schedule for result in same]
        for times in (min(CONFIRMED_IN, self._sure), self._sure):
            left = left[: self._wide // times]
            name = f"{self._name(found.result)}-again-{times}"
            tries = await self._again(name, [schedules[i] for i in left], times, found.kind)
            shown = {i: again for i, (again, _) in zip(left, tries, strict=True)}
            left.sort(key=lambda i: (-shown[i].share, i))
        best = left[0]
        return self._as_found(found.kind, same[best], shown[best], found.count)

    def _ordered(self, same: Sequence[CaseResult]) -> list[CaseResult]:
        """The simplest schedule first."""
        return sorted(same, key=lambda result: size(self.contract, self._cases[result.case].schedule))

    def _first_of(self, kind: Kind, same: Sequence[CaseResult]) -> Found:
        """The simplest of these, not played again."""
        return self._as_found(kind, self._ordered(same)[0], Again(0, 0, 0), len(same))

    def _as_found(self, kind: Kind, result: CaseResult, again: Again, count: int) -> Found:
        schedule = self._cases[result.case].schedule
        return Found(kind, result.case, result, schedule, again, len(schedule.steps), count)

    def told(self, found: Found, repeat: str) -> CaseResult:
        """A finding as it is reported."""
        told = [f"again in {found.again} rooms at once"] if found.again.times else ["not played again"]
        if found.count > 1:
            told.append(f"{found.count} schedules showed it")
        if len(found.schedule.steps) < found.steps_before:
            told.append(f"{found.steps_before} steps shrunk to {len(found.schedule.steps)}")
        text = f"{found.result.message} ({'; '.join(told)})"
        return replace(found.result, case=found.name, message=text, repeat=repeat or found.result.repeat)

    async def _again(
        self, name: str, schedules: Sequence[Schedule], times: int, kind: Kind
    ) -> list[tuple[Again, list[CaseResult]]]:
        """How often each of these shows it if all are played so many times, side by side; the results that do.

        A play in doubt is played again, with fewer beside it: where all were in doubt nothing would be known.
        """
        names = {f"{name}-{i}-{n}": i for i in range(len(schedules)) for n in range(times)}
        results = await self.player.play([case_of(name, schedules[i]) for name, i in names.items()], ATTEMPTS)
        each: list[list[CaseResult]] = [[] for _ in schedules]
        for result in results:
            each[names[self._name(result)]].append(result)
        out = []
        for results in each:
            shown = [result for result in results if shows(result, kind)]
            doubts = sum(result.outcome is Outcome.INCONCLUSIVE for result in results)
            out.append((Again(len(shown), doubts, times), shown))
        return out

    @property
    def _wide(self) -> int:
        """How many are played at once while nothing else is."""
        return min(SHRINK_WIDTH, self.in_flight)

    @property
    def _sure(self) -> int:
        """How often it must show; as often as is played at once, where that is less."""
        return min(SURE, self._wide)

    def _name(self, result: CaseResult) -> str:
        return result.case.removeprefix(f"{self.contract.spec}/")

    async def _shrink(self, found: Found, name: str, until: float) -> Found:
        """In virtual time first, where that shows it too; what that gives must show it on the real thing.

        `until`: when it is simple enough; what is under way then is played to its end.
        """
        if self.virtual is not None:
            path: list[Schedule] = []

            async def least(best: Found, simpler: Sequence[Schedule], _name: str, _until: float) -> Found:
                path.append(simpler[0])
                return replace(best, schedule=simpler[0])

            simplest = await self._rounds(self.virtual, found, f"{name}-virtual", least, until)
            found = await self._surest(replace(found, rounds=simplest.rounds), path[::-1], f"{name}-simpler", until)
        if found.again.shown:
            found = await self._rounds(self.player, found, f"{name}-shrink", self._surest, until)
        return found

    async def _rounds(self, player: Player, found: Found, name: str, choose: Choose, until: float) -> Found:
        """Play the simpler neighbours of the best, and go on with what is chosen of those that show it too."""
        best = found
        tried = {repr(found.schedule)}
        while best.rounds - found.rounds < SHRINK_ROUNDS and now() < until:
            fresh = (c for c in candidates(self.contract, best.schedule) if repr(c) not in tried)
            options = list(islice(fresh, self._wide))
            if not options:
                break
            best = replace(best, rounds=best.rounds + 1)
            tried |= {repr(c) for c in options}
            names = {f"{name}-{best.rounds}-{i}": option for i, option in enumerate(options)}
            results = await player.play([case_of(i, option) for i, option in names.items()], 1)
            showing = [names[self._name(result)] for result in results if shows(result, found.kind)]
            if showing:
                showing.sort(key=lambda schedule: size(self.contract, schedule))
                best = await choose(best, showing, f"{name}-{best.rounds}-sure", until)
        return best

    async def _surest(self, best: Found, simpler: Sequence[Schedule], name: str, until: float) -> Found:
        """The simplest of these that always shows it; else the best so far.

        If that does not always show it either: else the simplest that does so nearly as often; else the best so far.
        """
        width = self._wide // self._sure
        often: Found | None = None
        for start in range(0, min(SHRINK_CHOICE, len(simpler)), width):
            if now() > until:
                break
            some = simpler[start : start + width]
            tries = await self._again(f"{name}-{start}", some, self._sure, best.kind)
            for schedule, (again, shown) in zip(some, tries, strict=True):
                if again.always:
                    return replace(best, schedule=schedule, result=shown[0], again=again)
                if often is None and shown and not best.again.always and 4 * again.share >= 3 * best.again.share:
                    often = replace(best, schedule=schedule, result=shown[0], again=again)
        return often or best


def kind_of(result: CaseResult) -> Kind | None:
    """What kind of finding a result is; None if it does not violate."""
    if result.outcome is not Outcome.VIOLATES or result.verdict is None:
        return None
    return _kind(result.verdict.findings[0])


def kinds_of(result: CaseResult) -> set[Kind]:
    """All that a result shows."""
    violates = result.outcome is Outcome.VIOLATES and result.verdict is not None
    return {_kind(finding) for finding in result.verdict.findings} if violates and result.verdict else set()


def shows(result: CaseResult, kind: Kind) -> bool:
    """Whether a result violates in this way, among others."""
    return finding_of(result, kind) is not None


def finding_of(result: CaseResult, kind: Kind) -> Finding | None:
    """The first finding of this kind; None if the result does not violate so."""
    if result.outcome is not Outcome.VIOLATES or result.verdict is None:
        return None
    return next((finding for finding in result.verdict.findings if _kind(finding) == kind), None)


def _kind(finding: Finding) -> Kind:
    return finding.requirement or finding.where
