"""A case whose steps are taken one by one, by a program that decides as it goes: a test written by hand.

It is a `Play` but for one thing, that its schedule is not known beforehand. So members enter when they are needed,
every link is armed for all faults of the target, and what was done becomes the schedule of the case.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from roomcheck.errors import AdapterError, HarnessError
from roomcheck.judge.hypothesis import fits
from roomcheck.judge.lateness import narrowest
from roomcheck.judge.route import extract
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Step, Wait, When
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Answered
from roomcheck.run.clock import now
from roomcheck.run.play import THERE_AND_BACK, Ground, Play
from roomcheck.run.server import Server
from roomcheck.spec.case import Case
from roomcheck.spec.contract import View

AT_MOST = 3_600_000_000  # microseconds that a test may take: nobody knows beforehand
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A callback to wait for: at whom, about which user (None: itself), in which room (None: any), of which values."""

    member: str
    about: str | None
    room: str | None
    states: Sequence[tuple[View, str, Mapping[str, Any]]]  # one of these of a view, with these fields


class UnmetError(Exception):
    """What was waited for did not come. `doubtful`: this machine was too late to prove anything by that."""

    def __init__(self, text: str, *, doubtful: bool) -> None:
        super().__init__(text)
        self.doubtful = doubtful


class Live(Play):
    """`begun` is given this as soon as it can be acted on, until `end`. AdapterError, HarnessError: it has ended.

    `clean` takes secrets out of what is said of the room. Names of members, users, operations and faults must be known
    ones: who calls has looked.
    """

    def __init__(
        self, ground: Ground, case: Case, number: int, server: Server, begun: Callable[["Live"], None],
        clean: Callable[[str], str],
    ) -> None:  # fmt: skip
        super().__init__(ground, case, number, server)
        self.clean = clean
        self._begun = begun
        self._over = asyncio.Event()
        self._broken: AdapterError | HarnessError | None = None
        self._read: dict[tuple[str, str | None], int] = {}  # how far a member's callbacks were expected already

    # --- as a Play --------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._begun(self)

    async def _steps(self) -> None:
        await self._over.wait()
        if self._broken is not None:
            raise self._broken

    def _at_most(self) -> int:
        return AT_MOST

    # --- what a program does ----------------------------------------------------------------------------------------

    async def enter(self, member: str, user: str) -> None:
        """A member that is not there yet, and in no room."""
        schedule = self.case.schedule
        self.users.setdefault(user, self._unique(user))
        self.case = replace(self.case, schedule=replace(schedule, members=(*schedule.members, Member(member, user))))
        await self._sound(self._open_member(member, user, set(self.contract.faults) - {FaultKind.SERVER_RESTART}))

    async def call(self, act: Call | Admin) -> Answered:
        """The act's answer, once it has settled."""
        for name in self.contract.operations[act.operation].rooms:
            alias = str(act.args[name])
            self.aliases[self.rooms.setdefault(alias, self._unique(alias))] = alias
        await self.step(act)
        return next(r for r in reversed(self.records) if isinstance(r, Answered))

    async def step(self, act: Call | Admin | Fault | Heal | Wait) -> None:
        """Returns when it has settled: a fault was seen to bite, a heal is read back."""
        steps = self.case.schedule.steps
        before = steps[-1].label if steps else None
        when = When(before, now() - self.labels[before]) if before else When()
        step = Step(act, when, f"S{len(steps) + 1}")
        self.case = replace(self.case, schedule=replace(self.case.schedule, steps=(*steps, step)))
        await self._sound(self._do(step))

    async def wait(self, micros: int) -> None:
        """Let time pass."""
        await self._sound(self._wait_until(now() + micros))
        await self.step(Wait())

    async def expect(self, wanted: Wanted, within: int) -> Mapping[str, Any]:
        """The fields of the first callback that fits, after the last one that was expected of the same.

        UnmetError if none comes within so many microseconds from now, and as many more as this machine is late.
        """
        begin = now()

        def ours() -> int:
            return THERE_AND_BACK * (self.ground.lateness.worst(begin, now()) + self.ground.host.pulse.lag(begin))

        def late() -> int:
            return ours() + self.ground.lateness.starved(begin, now())

        found = self._find(wanted, begin + within)
        while found is None and (left := begin + within + late() - now()) > 0 and self.failure is None:
            self.news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left / 1e6):
                    await self.news.wait()
            found = self._find(wanted, begin + within + late())
        if found is None:  # what had fired by then may be on its way
            await self._sound(self._ask("barrier", member=self.handle(wanted.member)))
            found = self._find(wanted, begin + within + late())
        if found is None:
            doubtful = max(ours(), self.ground.lateness.starved(begin, now())) > narrowest(self.contract)
            raise UnmetError(self._story(wanted, begin), doubtful=doubtful)
        self._read[wanted.member, wanted.about] = found + 1
        return dict(self.events[found][1].fields)

    async def end(self, watch: int) -> None:
        """That was all. The members are watched for so many microseconds more."""
        self.case = replace(self.case, schedule=replace(self.case.schedule, rooms=tuple(self.rooms), watch=watch))
        self._over.set()

    async def _sound(self, work: Awaitable[T]) -> T:
        """The work's result. What breaks it ends the case too."""
        try:
            return await work
        except (AdapterError, HarnessError) as e:
            self._broken = self._broken or e
            self._over.set()
            raise

    # --- callbacks --------------------------------------------------------------------------------------------------

    def _find(self, wanted: Wanted, deadline: int) -> int | None:
        """The index of the first callback that fits and was stamped in time."""
        first = self._read.get((wanted.member, wanted.about), 0)
        fitting = (i for i, (_, e) in enumerate(self.events[first:], first) if e.time <= deadline)
        return next((i for i in fitting if self._fits(wanted, i)), None)

    def _fits(self, wanted: Wanted, index: int) -> bool:
        member, event = self.events[index]
        callback = self.contract.callbacks.get(event.callback)
        if member != wanted.member or callback is None:
            return False
        if wanted.room and callback.room and self.rooms[wanted.room] not in extract(callback.room, event.fields):
            return False
        about = self.users[wanted.about] if wanted.about is not None else None
        named = about is None or callback.about is None or about in extract(callback.about, event.fields)
        for view, state, only in wanted.states:
            if event.callback in view.lists and (state == "present") is named:
                return True
            told = named and event.callback in view.callbacks
            if told and view.value(event.callback, event.fields) == view.told[state] and fits(only, event.fields):
                return True
        return False

    def _story(self, wanted: Wanted, begin: int) -> str:
        """What the member was told instead, with times from now on and before."""
        told = [e for m, e in self.events[self._read.get((wanted.member, wanted.about), 0) :] if m == wanted.member]
        views = {name: v for v in self.contract.views for name in v.callbacks}
        shown = [
            f"{v.value(e.callback, e.fields) if (v := views.get(e.callback)) else e.callback} "
            f"at {show_duration(e.time - begin)}"
            for e in told
        ]
        return self.clean(f"it was told {', '.join(shown)}") if shown else "it was told nothing"
