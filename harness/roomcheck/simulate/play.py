"""Plays one schedule in a fresh world, by the rules of run/play.py, and writes down what it would have written.

Where the real player brackets an act, the instant here has no width, but for a truncate, which lasts. Records come in
the order in which things happened; a call and its answer precede the callbacks that they caused.
"""

from collections.abc import Mapping
from typing import Any

from roomcheck.errors import AdapterError, HarnessError
from roomcheck.judge.route import extract
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Step, Wait
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Marked, Record, Trace
from roomcheck.model.trace import Told as ToldRecord
from roomcheck.prove import lawful_trace
from roomcheck.reference import calls
from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.wire import timings
from roomcheck.simulate.carrier import Client
from roomcheck.simulate.speech import speaks
from roomcheck.simulate.world import World
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.interface import Operation

START = 1_000_000  # microseconds: some moment after the machine's start
EVIDENCE = "simulated"


def simulate(
    contract: Contract,
    case: Case,
    *,
    clients: type[ClientMachine] = ClientMachine,
    server: type[ServerMachine] = ServerMachine,
) -> Trace:
    """The trace of this case on a reference room of these machines, in virtual time; the same trace each time.

    On a model room, where the reference room does not speak the contract's words.
    UsageError: a fault that does not fit. AdapterError, HarnessError: what a run would blame for having no trace.
    """
    if not speaks(contract):
        return lawful_trace(contract, case)
    return _Play(contract, case, clients, server).run()


class _Play:
    def __init__(
        self, contract: Contract, case: Case, clients: type[ClientMachine], server: type[ServerMachine]
    ) -> None:
        self.contract = contract
        self.case = case
        schedule = case.schedule
        self.world = World(START, timings(contract.constants), self._told, server)
        self.users = {m.user: f"{m.user.lower()}-sim" for m in schedule.members}
        self.rooms = {r: f"{r.lower()}-sim" for r in self._rooms()}
        self.clients = {
            m.name: self.world.client(m.name, self.users[m.user], f"device-{m.name}", clients) for m in schedule.members
        }
        self.counts = dict.fromkeys(self.clients, 0)
        self.labels: dict[str, int] = {}
        self.records: list[Record] = []
        self.calls = 0
        self.awaited: tuple[Client, str, frozenset[Any]] | None = None  # told one of these in this real room
        self.own = [v for v in contract.views if v.hearing is None]

    def _rooms(self) -> list[str]:
        rooms = dict.fromkeys(self.case.schedule.rooms)
        for step in self.case.schedule.steps:
            if isinstance(step.act, Call | Admin):
                operation = self.contract.operations[step.act.operation]
                rooms.update(dict.fromkeys(str(step.act.args[r]) for r in operation.rooms if r in step.act.args))
        return list(rooms)

    def run(self) -> Trace:
        """Play everything and watch."""
        settled = self.world.now
        pace = self.contract.pace_of(self.case.schedule)
        for step in self.case.schedule.steps:
            when = step.when
            moment = settled + pace if when.label is None else self.labels[when.label]
            self.world.run(moment + when.offset)
            settled = self._do(step)
        end = settled + self.case.schedule.watch
        self.world.run(end)
        contract = self.contract
        return Trace(
            spec=contract.spec,
            case=self.case.id,
            scenario=self.case.scenario,
            members=self.case.schedule.members,
            users=self.users,
            rooms=self.rooms,
            records=tuple(self.records),
            end=end,
            constants=dict(contract.constants),
            options=dict(contract.options),
            scale=contract.scale,
            clock="virtual",
            lateness=0,
        )

    def _do(self, step: Step) -> int:
        """Do the act; returns when it has settled."""
        now = self.world.now
        at = Instant(now, now)
        if step.label:
            self.labels[step.label] = now
        match step.act:
            case Call() | Admin():
                self._call(step.act, step.label, at)
            case Fault():
                self._fault(step.act, step.label, at)
            case Heal(member):
                self.records.append(Healed(member, at, step.label))
                if member is None:
                    self.world.start_server()
                else:
                    self.world.heal(self.clients[member])
            case Wait():
                if step.label:
                    self.records.append(Marked(step.label, at))
        return self.world.now

    # --- calls ------------------------------------------------------------------------------------------------------

    def _real(self, operation: Operation, args: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(args)
        for names, real in ((operation.rooms, self.rooms), (operation.users, self.users)):
            out.update({name: real[str(out[name])] for name in names if name in out})
        return out

    def _call(self, act: Call | Admin, label: str | None, at: Instant) -> None:
        operation = self.contract.operations[act.operation]
        arguments = self._real(operation, act.args)
        client = self.clients[act.member] if isinstance(act, Call) else None
        member = client.member if client else None
        self.calls += 1
        place = len(self.records)
        rooms = [str(act.args[r]) for r in operation.rooms if r in act.args]
        if client is not None and rooms:
            values = {v.told[s] for v in self.own for s in operation.settles if s in v.told}
            self.awaited = (client, self.rooms[rooms[-1]], frozenset(values))
        try:
            status, fields = self._ask(client, act.operation, arguments)
        except KeyError as e:
            raise AdapterError(f"{act.operation}: the adapter could not even try: no argument {e}") from e
        self.records[place:place] = [
            Called(self.calls, member, act.operation, dict(act.args), at, label),
            Answered(self.calls, member, status, fields, at),
        ]
        if client is not None and status == "ok" and operation.settles and not (rooms and self.world.halt):
            self.world.run(at.lo + operation.settle_within)
        self.awaited = None
        self.world.halt = False

    def _ask(self, client: Client | None, operation: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """What the adapter would answer."""
        known = calls.ADMIN if client is None else calls.OPERATIONS
        if operation not in known:
            return "unsupported", {"what": operation}
        if client is None:
            self.world.admin(operation, arguments)
            return "ok", {}
        given = calls.arguments(operation, arguments, client.user, self.world.now)
        code = self.world.call(client, operation, given)
        return ("ok", {}) if code is None else ("refused", dict(calls.refusal(code)))

    def _told(self, client: Client, name: str, fields: dict[str, Any]) -> None:
        member = client.member
        now = self.world.now
        self.counts[member] = number = self.counts[member] + 1
        self.records.append(ToldRecord(member, number, name, fields, Instant(now, now)))
        if self.awaited is None or self.awaited[0] is not client:
            return
        callback = self.contract.callbacks.get(name)
        if callback is None:
            return
        real = extract(callback.room, fields) if callback.room else []
        values = [v.value(name, fields) for v in self.own if name in v.callbacks]
        if real[:1] == [self.awaited[1]] and any(v in self.awaited[2] for v in values):
            self.world.halt = True

    # --- faults -----------------------------------------------------------------------------------------------------

    def _fault(self, act: Fault, label: str | None, at: Instant) -> None:
        place = len(self.records)
        done = at.lo
        if act.member is None:
            self.world.kill_server()
        elif act.endpoint not in (None, calls.ENDPOINT):
            raise HarnessError(f"{act.member} has no endpoint {act.endpoint!r} to fault")
        else:
            done = self.world.fault(self.clients[act.member], act.kind, act.settings)
        self.records.insert(place, Faulted(act.member, FaultKind(act.kind), Instant(at.lo, done), label, EVIDENCE))
        self.world.run(done)
