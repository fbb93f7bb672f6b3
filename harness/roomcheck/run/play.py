"""Plays one schedule in one fresh room and writes down what was done and what the members were told.

Waiting is always for an event with a deadline. Every act is bracketed: the time before it was handed over and the time
after it returned. Callbacks keep the adapter's stamp, taken first thing in the callback; the machine's lateness at that
moment widens it backwards, since lag only delays.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from roomcheck.adapters import AdapterHost
from roomcheck.errors import AdapterError, HarnessError
from roomcheck.faults import Link, ToxiproxyServer
from roomcheck.judge.route import alias, extract
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Step, Wait
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Marked, Record, Told, Trace
from roomcheck.run.clock import Lateness, now, sleep_until
from roomcheck.run.server import Server
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.interface import Operation

CALL_LIMIT = 5.0  # seconds that an adapter may take to answer a call, an act or close
BARRIER_LIMIT = 30.0  # a page on a busy machine may be late by seconds, and nobody waits behind this
OPEN_LIMIT = 60.0  # a page takes a second to open on two idle cores, and much longer where others work beside it
OPENINGS = 8  # members that are being opened at once: how long one may take says nothing of how many there are
SAID = 10  # lines of each program that stand beside a case that did not conform
SPARE = 20_000_000  # microseconds
THERE_AND_BACK = 2  # what a member is told has waited for the machine on its way to the room and on its way back


@dataclass(slots=True)
class Ground:
    """What the cases of a run share: the adapter's process, the proxies' server, the clock, the room's server."""

    contract: Contract
    host: AdapterHost
    toxiproxy: ToxiproxyServer
    lateness: Lateness
    server: Server
    token: str
    admin_endpoints: Mapping[str, str] = field(default_factory=dict)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(OPENINGS))

    async def open(self, handle: str, user: str, links: Mapping[str, Link]) -> None:
        """Let the adapter make a client on these links. AdapterError: it took too long, counted from its turn."""
        endpoints = {name: link.listen for name, link in links.items()}
        async with self._turns:
            await self.host.request(
                "open", timeout=OPEN_LIMIT, member=handle, user=user, endpoints=endpoints, credentials={}, options={}
            )


class Play:
    """One case being played. `run` returns its trace. `enough`: the watch ends when so many callbacks were told."""

    def __init__(
        self, ground: Ground, case: Case, number: int, server: Server, *, enough: int | None = None
    ) -> None:  # fmt: skip
        self.ground = ground
        self.contract = ground.contract
        self.pace = ground.contract.pace_of(case.schedule)
        self.case = case
        self.number = number
        self.server = server
        self.enough = enough
        self.links: dict[str, dict[str, Link]] = {}
        self.records: list[Record] = []
        self.events: list[Any] = []
        self.labels: dict[str, int] = {}
        self.told: dict[tuple[str, str], list[Any]] = {}
        self.news = asyncio.Event()
        self.failure: AdapterError | None = None
        self.unclosed = ""  # how the adapter failed to close a member
        self.lacking = False  # the room does not have an operation of the case, and no more of it is played
        self.faulted: dict[str | None, FaultKind] = {}
        schedule = case.schedule
        self.users = {m.user: self._unique(m.user) for m in schedule.members}
        self.rooms = {r: self._unique(r) for r in _rooms_of(self.contract, case)}
        self.aliases = {real: alias for alias, real in self.rooms.items()}

    def _unique(self, alias: str) -> str:
        """The real name of a user or a room: no other case has it."""
        return f"{alias.lower()}-{self.ground.token}-{self.number}"

    def handle(self, member: str) -> str:
        """The member's name on the wire, unique in the adapter's life."""
        return f"{self.number}.{member}"

    async def run(self) -> Trace:
        """Play everything, watch, and clean up whatever happens. HarnessError, AdapterError: there is no trace."""
        began = now()
        try:
            await self._open()
            await self._steps()
            end = await self._settle()
        finally:
            await self._close()
        return self._trace(began, end)

    # --- members ----------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        members = self.case.schedule.members
        opening = [asyncio.create_task(self._open_member(m.name, m.user, self._kinds(m.name))) for m in members]
        try:
            await asyncio.gather(*opening)
        finally:  # one failed: no other may still get its turn
            for task in opening:
                task.cancel()

    def _kinds(self, member: str) -> set[FaultKind]:
        """The faults that a member's links will take, and must be armed for before it connects."""
        return {s.act.kind for s in self.case.schedule.steps if isinstance(s.act, Fault) and s.act.member == member}

    async def _open_member(self, member: str, user: str, kinds: set[FaultKind]) -> None:
        self.links[member] = {}
        for name, address in self.server.endpoints.items():
            title = f"{self.ground.token}-{self.number}-{member}-{name}".lower()
            self.links[member][name] = await Link.create(
                self.ground.toxiproxy, title, address, kinds, self._at_most() // 1_000
            )
        self.ground.host.subscribe(self.handle(member), self._heard(member), self._failed)
        await self.ground.open(self.handle(member), self.users[user], self.links[member])

    def _at_most(self) -> int:
        """Longer than this case takes on any machine, in microseconds."""
        steps = self.case.schedule.steps
        operations = [self.contract.operations[s.act.operation] for s in steps if isinstance(s.act, Call | Admin)]
        slow = sum(o.settle_within for o in operations) + sum(self.pace + abs(s.when.offset) for s in steps)
        return SPARE + 2 * (slow + self.case.schedule.watch)

    def _heard(self, member: str) -> Callable[[Any], None]:
        def on_event(event: Any) -> None:
            self.events.append((member, event))
            callback = self.contract.callbacks.get(event.callback)
            if callback is not None:
                real = extract(callback.room, event.fields) if callback.room else []
                room = (alias(self.aliases, real[0]) or "") if real else ""
                for view in self.contract.views:
                    if event.callback in view.callbacks and view.hearing is None:
                        value = view.value(event.callback, event.fields)
                        self.told.setdefault((member, room), []).append(value if value.__hash__ else None)
            self.news.set()

        return on_event

    def _failed(self, error: AdapterError) -> None:
        self.failure = self.failure or error
        self.news.set()

    async def _ask(self, kind: str, limit: float = CALL_LIMIT, **fields: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return await self.ground.host.request(kind, timeout=limit, **fields)

    async def _close(self) -> None:
        for member in self.links:
            handle = self.handle(member)
            if self.failure is None and self.ground.host.alive:
                try:
                    await self.ground.host.request("close", timeout=CALL_LIMIT, member=handle)
                except AdapterError as e:
                    self.failure = e
                    self.unclosed = str(e) if self.ground.host.alive else ""
            self.ground.host.unsubscribe(handle)
        for links in self.links.values():
            for link in links.values():
                await link.close()

    # --- steps ------------------------------------------------------------------------------------------------------

    async def _steps(self) -> None:
        settled = now()
        for step in self.case.schedule.steps:
            when = step.when
            moment = settled + self.pace if when.label is None else self.labels[when.label]
            await self._wait_until(moment + when.offset)
            settled = await self._do(step)
            if self.lacking:
                break

    async def _wait_until(self, moment: int) -> None:
        await sleep_until(moment)
        if self.failure is not None:
            raise self.failure

    async def _do(self, step: Step) -> int:
        """Do the act; returns when it has settled (microseconds)."""
        begin = now()
        if step.label:
            self.labels[step.label] = begin
        match step.act:
            case Call() | Admin():
                await self._call(step.act, step.label)
            case Fault():
                await self._fault(step.act, step.label)
            case Heal():
                await self._heal(step.act, step.label)
            case Wait():
                if step.label:
                    self.records.append(Marked(step.label, Instant(begin, now())))
        return now()

    def _real(self, operation: Operation, args: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(args)
        for name in operation.rooms:
            if name in out:
                out[name] = self.rooms[str(out[name])]
        for name in operation.users:
            if name in out:
                out[name] = self.users[str(out[name])]
        return out

    async def _call(self, act: Call | Admin, label: str | None) -> None:
        operation = self.contract.operations[act.operation]
        arguments = self._real(operation, act.args)
        number = len(self.records) + 1
        member = act.member if isinstance(act, Call) else None
        before = {key: len(values) for key, values in self.told.items()}
        begin = now()
        if member is None:
            answer = await self._ask("admin", operation=act.operation, arguments=arguments,
                                     endpoints=dict(self.server.endpoints))  # fmt: skip
        else:
            answer = await self._ask("call", member=self.handle(member), operation=act.operation, arguments=arguments)
        end = now()
        self.records.append(Called(number, member, act.operation, dict(act.args), Instant(begin, end), label))
        if answer.status == "adapter-error":
            raise AdapterError(f"{act.operation}: the adapter could not even try: {answer.fields}")
        claimed = self.ground.host.info.capabilities.get("operations" if member else "admin")
        if answer.status == "unsupported" and isinstance(claimed, list) and act.operation in claimed:
            raise AdapterError(f"{act.operation}: the adapter claimed it at hello, and says now that it is unsupported")
        self.records.append(Answered(number, member, answer.status, dict(answer.fields), Instant(end, end)))
        self.lacking = answer.status == "unsupported"
        if member is not None and answer.status == "ok" and operation.settles:
            rooms = [str(act.args[r]) for r in operation.rooms if r in act.args]
            await self._until_told(member, rooms, operation, before, begin + operation.settle_within)

    async def _until_told(
        self, member: str, rooms: list[str], operation: Operation, before: Mapping[tuple[str, str], int], limit: int
    ) -> None:
        values = {v.told[s] for v in self.contract.views if v.hearing is None for s in operation.settles if s in v.told}

        def settled() -> bool:
            last = rooms[-1:]
            return any(v in values for r in last for v in self.told.get((member, r), [])[before.get((member, r), 0) :])

        while not settled() and now() < limit and self.failure is None:
            self.news.clear()
            try:
                async with asyncio.timeout((limit - now()) / 1e6):
                    await self.news.wait()
            except TimeoutError:
                break

    async def _fault(self, act: Fault, label: str | None) -> None:
        if act.member is None:
            begin = now()
            await self.server.kill()
            self._note_fault(None, act.kind, Instant(begin, now()), label, "the server's process is gone")
            return
        applied = await self._each(act.member, act.endpoint, lambda link: link.apply(act.kind, act.settings))
        self._note_fault(act.member, act.kind, applied[0], label, applied[1])

    def _note_fault(self, member: str | None, kind: FaultKind, at: Instant, label: str | None, evidence: str) -> None:
        self.faulted[member] = kind
        self.records.append(Faulted(member, kind, at, label, evidence))
        if label:
            self.labels[label] = at.lo

    async def _heal(self, act: Heal, label: str | None) -> None:
        if act.member is None:
            at = await self.server.start()
        else:
            at, _ = await self._each(act.member, None, lambda link: link.heal())
        self.records.append(Healed(act.member, at, label))
        if label:
            self.labels[label] = at.lo

    async def _each(
        self, member: str, endpoint: str | None, do: Callable[[Link], Awaitable[Any]]
    ) -> tuple[Instant, str]:
        links = [link for name, link in self.links[member].items() if endpoint in (None, name)]
        if not links:
            raise HarnessError(f"{member} has no endpoint {endpoint!r} to fault")
        applied = await asyncio.gather(*(do(link) for link in links))
        at = Instant(min(a.at.lo for a in applied), max(a.at.hi for a in applied))
        return at, "; ".join(dict.fromkeys(a.evidence for a in applied))

    # --- the end ----------------------------------------------------------------------------------------------------

    async def _watch(self, until: int) -> None:
        while self.enough is not None and len(self.events) < self.enough and now() < until and self.failure is None:
            self.news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout((until - now()) / 1e6):
                    await self.news.wait()
        await self._wait_until(until if self.enough is None else now())

    async def _settle(self) -> int:
        await self._watch(now() + (0 if self.lacking else self.case.schedule.watch))
        end = now()
        await asyncio.gather(*(self._ask("barrier", BARRIER_LIMIT, member=self.handle(m)) for m in self.links))
        return end

    def _trace(self, began: int, end: int) -> Trace:
        worst = self.ground.lateness.worst
        records: list[Record] = []
        for record in self.records:
            if isinstance(record, Faulted | Healed):
                late = worst(record.at.lo, record.at.hi)
                records.append(_moved(record, Instant(record.at.lo, record.at.hi + late)))
            else:
                records.append(record)
        heard = [
            (member, Instant(event.time - event.spread - worst(event.time, event.received), event.time))
            for member, event in self.events
        ]
        for (member, event), at in zip(self.events, in_order(heard), strict=True):
            if event.time <= end:
                records.append(Told(member, event.n, event.callback, self._fields(event), at))
        for gap in self.ground.host.pulse.gaps(began):
            records += [Gap(member, Instant(gap.lo, gap.hi)) for member in self.links]
        records.sort(key=lambda r: r.at.lo)
        contract = self.contract
        return Trace(
            spec=contract.spec,
            case=self.case.id,
            scenario=self.case.scenario,
            members=self.case.schedule.members,
            users=self.users,
            rooms=self.rooms,
            records=tuple(sorted(records, key=lambda r: r.at.hi if isinstance(r, Told | Answered) else r.at.lo)),
            end=end,
            constants=dict(contract.constants),
            options=dict(contract.options),
            scale=contract.scale,
            clock="real" if contract.scale == 1 else f"scaled x{contract.scale:g}",
            lateness=THERE_AND_BACK * (worst(began, end) + self.ground.host.pulse.lag(began))
            + self.ground.toxiproxy.silent(began, now()),
            starved=self.ground.lateness.starved(began, end),
        )

    def _fields(self, event: Any) -> dict[str, Any]:
        """What was told. A boolean where the contract has numbers is shown as a text: to Python it is one of them."""
        callback = self.contract.callbacks.get(event.callback)
        numbers = {n for n, kind in callback.fields.items() if kind in ("int", "code")} if callback else ()
        return {
            name: str(value).lower() if isinstance(value, bool) and name in numbers else value
            for name, value in event.fields.items()
        }


def in_order(heard: Iterable[tuple[str, Instant]]) -> Iterator[Instant]:
    """When members received their callbacks, given in the order in which they did: none was before its predecessor.

    Sorted by either end of the instant they stay in that order, however unequally wide the instants are.
    """
    last: dict[str, Instant] = {}
    for member, at in heard:
        before = last.get(member, at)
        last[member] = Instant(max(before.lo, at.lo), max(before.hi, at.hi))
        yield last[member]


def _moved(record: Faulted | Healed, at: Instant) -> Faulted | Healed:
    if isinstance(record, Faulted):
        return Faulted(record.member, record.kind, at, record.label, record.evidence)
    return Healed(record.member, at, record.label)


def said_between(host: AdapterHost, server: Server | None, since: int, until: int) -> tuple[str, ...]:
    """The last lines that adapter and server printed between these moments, each with whose it is."""
    lines = [f"adapter: {line}" for line in host.printed(since, until)[-SAID:]]
    lines += [f"server: {line}" for line in server.printed.lines(since, until)[-SAID:]] if server else []
    return tuple(lines)


def _rooms_of(contract: Contract, case: Case) -> list[str]:
    """The rooms of a case, also those that only an act names."""
    rooms = dict.fromkeys(case.schedule.rooms)
    for step in case.schedule.steps:
        if isinstance(step.act, Call | Admin):
            operation = contract.operations[step.act.operation]
            rooms.update(dict.fromkeys(str(step.act.args[r]) for r in operation.rooms if r in step.act.args))
    return list(rooms)
