"""Plays one schedule in a model room, by the rules of a run, and writes down what a run would have written.

Every instant is exact. A call and its answer precede the callbacks that they caused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roomcheck.model.fault import EFFECT, SILENT, Effect, FaultKind, Way
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule, Step, Wait
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Marked, Trace
from roomcheck.room.breaks import MARGIN, Break, Kind
from roomcheck.room.connection import Connection, Rules
from roomcheck.room.link import BOTH, WHOLE, ModelLink
from roomcheck.room.policy import Decision, Policy
from roomcheck.room.presence import Presence
from roomcheck.room.telling import Telling, real_name
from roomcheck.spec.case import Case
from roomcheck.spec.contract import TWIN_IN_ROOM, Cause, CauseKind, Contract, Rule

EVIDENCE = "model room"


@dataclass(frozen=True, slots=True)
class Performance:
    """A trace, the rules that something came by, and whether the room's broken promise was due at all.

    `news`: what observers were told of others, as breaks name it; `decisions`: what the policy was asked, and when;
    `taken`: what it was asked whether it happens, and does.
    """

    trace: Trace
    kept: frozenset[int]
    news: frozenset[str]
    broke: bool
    decisions: Mapping[Decision, int]
    taken: frozenset[Decision]


def play(contract: Contract, case: Case, policy: Policy, broken: Break | None = None) -> Trace:
    """The trace of this case on the room of this policy; the same trace each time. UsageError: a fault cannot be."""
    return perform(contract, case, policy, broken).trace


def perform(contract: Contract, case: Case, policy: Policy, broken: Break | None = None) -> Performance:
    """The same, with what the room did of the contract."""
    return Room(contract, case, policy, broken).play(case)


@dataclass(slots=True)
class _Awaited:
    """What a step waits for: the member is told one of these states in this room."""

    member: str
    room: str
    states: frozenset[str]


class Room(Telling):
    """One room with its members, for one schedule."""

    def __init__(self, contract: Contract, case: Case, policy: Policy, broken: Break | None) -> None:
        super().__init__(contract, case, policy, broken)
        self.schedule = schedule = case.schedule
        self.twins = {
            m.name: [t.name for t in schedule.members if t.user == m.user and t is not m] for m in schedule.members
        }
        self.rooms = _rooms(contract, schedule)
        self.awaited: _Awaited | None = None
        self.calls = 0
        self.told_states: dict[tuple[str, str], str] = {}
        self.told_since: dict[tuple[str, str], int] = {}
        presences = [v.presence for v in contract.views if v.presence]
        rules = Rules(contract.connection, {state for each in presences for state in each.opened_by})
        self.connections = {
            (member, room): Connection(self, rules, member, room, link)
            for member, link in self.links.items()
            for room in self.rooms
        }
        members = [(m.name, m.user, self.links[m.name]) for m in schedule.members]
        server = {r.to for r in rules.view.rules if r.while_up and r.to}
        self.presence = [Presence(self, v, members, self.rooms, server) for v in contract.views if v.presence]

    # --- the schedule -----------------------------------------------------------------------------------------------

    def play(self, case: Case) -> Performance:
        """Play every step, then watch."""
        agenda, schedule, contract = self.agenda, self.schedule, self.contract
        settled, pace = agenda.now, contract.pace_of(schedule)
        for step in schedule.steps:
            begins = settled + pace if step.when.label is None else self.labels[step.when.label]
            agenda.run(begins + step.when.offset)
            self._do(step)
            settled = agenda.now
        end = settled + schedule.watch
        agenda.run(end)
        trace = Trace(
            spec=contract.spec,
            case=case.id,
            scenario=case.scenario,
            members=schedule.members,
            users={m.user: real_name(m.user) for m in schedule.members},
            rooms={room: real_name(room) for room in self.rooms},
            records=tuple(self.records),
            end=end,
            constants=dict(contract.constants),
            options=dict(contract.options),
            scale=contract.scale,
            clock="virtual",
        )
        made, taken = self.decisions.made, frozenset(self.decisions.taken)
        return Performance(trace, frozenset(self.rules), frozenset(self.heard), self.broke, made, taken)

    def _do(self, step: Step) -> None:
        now = self.agenda.now
        at = Instant(now, now)
        if step.label:
            self.labels[step.label] = now
        match step.act:  # what it causes comes first, then what waited for it
            case Call():
                self._call(step.act, step.label, at)
            case Admin(operation, args):
                self._record_call(None, operation, args, "ok", {}, at, step.label)
                self._admin(operation, args)
            case Fault(str(member), kind, settings):
                self.links[member].check(kind, settings)
                self.records.append(Faulted(member, FaultKind(kind), at, step.label, EVIDENCE))
                self._fault(member, kind)
            case Fault():
                self.records.append(Faulted(None, FaultKind.SERVER_RESTART, at, step.label, EVIDENCE))
                self._server(up=False)
            case Heal(member):
                self.records.append(Healed(member, at, step.label))
                self._heal(member)
            case Wait():  # pragma: no branch
                if step.label:
                    self.records.append(Marked(step.label, at))
        if step.label:
            for connection in self.connections.values():
                connection.step()

    # --- calls ------------------------------------------------------------------------------------------------------

    def _record_call(
        self, member: str | None, operation: str, args: Mapping[str, Any], status: str, fields: Mapping[str, Any],
        at: Instant, label: str | None,
    ) -> None:  # fmt: skip
        self.calls += 1
        self.records += [
            Called(self.calls, member, operation, dict(args), at, label),
            Answered(self.calls, member, status, fields, at),
        ]

    def _call(self, act: Call, label: str | None, at: Instant) -> None:
        operation = self.contract.operations[act.operation]
        named = [(name, str(act.args[name])) for name in operation.rooms if name in act.args]
        told = dict(self.told_states)
        place = len(self.records)
        if named:
            self.awaited = _Awaited(act.member, named[-1][1], operation.settles)
        answer: dict[str, Any] = {}
        initial = self.contract.connection.initial

        def provided(rule: Rule) -> bool:
            return all(
                told.get((act.member, str(act.args.get(place))), initial) in states
                for place, states in rule.provided.items()
            )

        for argument, room in named:
            name = operation.name if len(operation.rooms) == 1 else f"{operation.name}.{argument}"
            answer |= self.connections[act.member, room].cause(CauseKind.CALL, name, act.args, provided)
        for _, room in named:
            for presence in self.presence:
                presence.called(act.member, room, act.operation, act.args, self.connections[act.member, room])
        status = str(answer.pop("status", "ok"))
        caused, self.records[place:] = self.records[place:], []
        self._record_call(act.member, act.operation, act.args, status, answer, at, label)
        self.records += caused
        if status == "ok" and operation.settles and named and not self.agenda.halted:
            self.agenda.run(at.lo + operation.settle_within)
        self.awaited = None
        self.agenda.halted = False

    def _admin(self, name: str, args: Mapping[str, Any]) -> None:
        operation = self.contract.operations[name]
        users = operation.concerned(args, self.user_of.values())
        rooms = [str(args[r]) for r in operation.rooms if r in args] or self.rooms
        for (member, room), connection in self.connections.items():
            if self.user_of[member] in users and room in rooms:
                connection.cause(CauseKind.ADMIN, name)
        for presence in self.presence:
            for user in users:
                for room in rooms:
                    presence.act(name, user, room)

    # --- links ------------------------------------------------------------------------------------------------------

    def _fault(self, member: str, kind: FaultKind) -> None:
        link = self.links[member]
        effect = EFFECT[kind]
        if effect is Effect.DEGRADED or (effect is Effect.BROKEN and link.down):  # nothing is connected to be broken
            return
        if effect is Effect.BROKEN:
            self._change(link, BOTH)
            self._change(link, WHOLE)
            for presence in self.presence:
                presence.link(link, inbound=True, outbound=True, broken=True)
            return
        link.own |= set(SILENT[kind])
        self._change(link, link.own if link.server else BOTH)

    def _heal(self, member: str | None) -> None:
        if member is None:
            self._server(up=True)
            return
        link = self.links[member]
        link.own = WHOLE
        self._change(link, WHOLE if link.server else BOTH)

    def _server(self, *, up: bool) -> None:
        for link in self.links.values():
            link.server = up
            self._change(link, link.own if up else BOTH)
        if not up:
            for connection in self.connections.values():
                connection.cause(CauseKind.SERVER_DOWN)
            for presence in self.presence:
                presence.restart()

    def _change(self, link: ModelLink, silent: frozenset[Way]) -> None:
        """From now on nothing passes in these directions."""
        level, deaf, mute = link.level, link.deaf, link.mute
        link.silent = silent
        if link.mute is not mute:
            link.unheard = self.agenda.now
        if link.level != level:
            link.since = self.agenda.now
            for (member, _), connection in self.connections.items():
                if member == link.member:
                    connection.cause(*link.level)
        for presence in self.presence:
            presence.link(link, inbound=link.deaf is not deaf, outbound=link.mute is not mute)

    # --- what members are told --------------------------------------------------------------------------------------

    def decides(self, connection: Connection, state: str, told: int) -> None:
        """The member will be told a state at that time."""
        member, room, now = connection.member, connection.room, self.agenda.now
        for presence in self.presence:
            presence.decided(member, room, state, told)
            at = max(now, told - presence.declared.delivery)
            if self.twins[member] and self.decisions.whether(0.5, "its twin is told first", member, room, now, now=now):
                self.agenda.at(at, lambda: self._tell_twins(connection, state))

    def moves(self, connection: Connection, state: str) -> None:
        """The member has taken a state silently: what follows of it for others follows all the same."""
        self._takes(connection.member, connection.room, state)
        for presence in self.presence:
            presence.told(connection.member, connection.room, state, connection.args)

    def hurry(self, member: str, room: str) -> None:
        """The member is about to be told of others: what it must be told immediately about itself comes first."""
        self.connections[member, room].hurry()

    def knows(self, connection: Connection, state: str) -> None:
        """The member has taken the state that it was told: so do others of its user, and the step that waits for it."""
        member, room = connection.member, connection.room
        self._takes(member, room, state)
        for presence in self.presence:
            presence.told(member, room, state, connection.args)
        awaited = self.awaited
        if awaited and (awaited.member, awaited.room) == (member, room) and state in awaited.states:
            self.agenda.halted = True
        self._tell_twins(connection, state)
        for twin in self.twins[member]:
            for place in self.rooms:
                there = self.told_states.get((twin, place))
                for kind in TWIN_IN_ROOM[place == room] if there is not None else ():
                    if kind.lasts:
                        connection.cause(kind, there or "")
        broken = self.broken
        if (
            broken
            and broken.kind is Kind.CAUSELESS
            and broken.after
            and state == broken.after
            and broken.view == connection.view.name
        ):
            self.agenda.at(self.agenda.now + MARGIN, lambda: self._without_cause(connection, broken))

    def _takes(self, member: str, room: str, state: str) -> None:
        self.told_states[member, room], self.told_since[member, room] = state, self.agenda.now

    def twin_in(self, connection: Connection, cause: Cause) -> int | None:
        """Since when another device of the user is in a state, if one is."""
        rooms = self.rooms if cause.kind is CauseKind.TWIN_IN else [connection.room]
        places = [(twin, place) for twin in self.twins[connection.member] for place in rooms]
        return min((self.told_since[at] for at in places if self.told_states.get(at) == cause.name), default=None)

    def _tell_twins(self, connection: Connection, state: str) -> None:
        """What a member is told, or will be, concerns the other devices of its user."""
        for twin in self.twins[connection.member]:
            for place in self.rooms:
                for kind in TWIN_IN_ROOM[place == connection.room]:
                    self.connections[twin, place].cause(kind, state)


def _rooms(contract: Contract, schedule: Schedule) -> list[str]:
    """The rooms of the schedule, and those that only a step names."""
    rooms = dict.fromkeys(schedule.rooms)
    for step in schedule.steps:
        if isinstance(step.act, Call | Admin):
            operation = contract.operations[step.act.operation]
            rooms.update(dict.fromkeys(str(step.act.args[r]) for r in operation.rooms if r in step.act.args))
    return list(rooms)
