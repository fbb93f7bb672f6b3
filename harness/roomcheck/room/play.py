"""Plays one schedule in a model room, by the rules of a run, and writes down what a run would have written.

Every instant is exact. A call and its answer precede the callbacks that they caused.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule, Step, Wait
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Marked, Record, Told, Trace
from roomcheck.room.agenda import Agenda
from roomcheck.room.breaks import MARGIN, Break, Kind
from roomcheck.room.connection import Connection, Rules
from roomcheck.room.delivery import Change
from roomcheck.room.link import Link
from roomcheck.room.policy import Decision, Decisions, Policy
from roomcheck.room.presence import Presence
from roomcheck.room.wishes import Event, Subject, Wishes
from roomcheck.spec.contract import Callback, Case, CauseKind, Contract, Path, Rule, View

START = 1_000_000  # microseconds: some moment after the machine's start
EVIDENCE = "model room"
WINDOWS = (Kind.EARLY, Kind.LATE)
WRONG = "wrong"  # what a broken room tells where a field has no other value
BLANK: Mapping[str, Any] = {"str": "", "int": 0, "list": (), "any": None}


@dataclass(frozen=True, slots=True)
class Performance:
    """A trace, the rules that something came by, and whether the room's broken promise was due at all.

    `news`: what observers were told of others, as breaks name it; `decisions`: what the policy was asked, and when.
    """

    trace: Trace
    kept: frozenset[int]
    news: frozenset[str]
    broke: bool
    decisions: Mapping[Decision, int]


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


class Room:
    """One room with its members, for one schedule."""

    def __init__(self, contract: Contract, case: Case, policy: Policy, broken: Break | None) -> None:
        self.contract = contract
        self.schedule = schedule = case.schedule
        self.wishes = Wishes(case.lines if policy.obliging else ())
        self.decisions = Decisions(policy)
        self.broken = broken
        self.agenda = Agenda(START)
        self.records: list[Record] = []
        self.rules: set[int] = set()  # that something came by
        self.heard: set[str] = set()  # news of others that came
        self.broke = False
        self.tellings: Counter[str] = Counter()  # how often each member was told what is broken
        self.counts = {m.name: 0 for m in schedule.members}
        self.links = {m.name: Link(m.name) for m in schedule.members}
        self.user_of = {m.name: m.user for m in schedule.members}
        self.twins = {
            m.name: [t.name for t in schedule.members if t.user == m.user and t is not m] for m in schedule.members
        }
        self.rooms = _rooms(contract, schedule)
        self.awaited: _Awaited | None = None
        self.labels: dict[str, int] = {}
        self.calls = 0
        self.told_states: dict[tuple[str, str], str] = {}
        prepared = [Rules(view) for view in contract.views if view.hearing is None]
        self.connections = {
            (member, room): [Connection(self, rules, member, room, link) for rules in prepared]
            for member, link in self.links.items()
            for room in self.rooms
        }
        members = [(m.name, m.user, self.links[m.name]) for m in schedule.members]
        server = {r.to for rules in prepared for r in rules.view.rules if r.while_up and r.to}
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
            users={m.user: _real(m.user) for m in schedule.members},
            rooms={room: _real(room) for room in self.rooms},
            records=tuple(self.records),
            end=end,
            constants=dict(contract.constants),
            options=dict(contract.options),
            scale=contract.scale,
            clock="virtual",
        )
        return Performance(trace, frozenset(self.rules), frozenset(self.heard), self.broke, self.decisions.made)

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
            for connections in self.connections.values():
                for connection in connections:
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
        for argument, room in named:
            name = operation.name if len(operation.rooms) == 1 else f"{operation.name}.{argument}"
            for connection in self.connections[act.member, room]:
                initial = connection.view.initial

                def provided(rule: Rule, initial: str = initial) -> bool:
                    return all(
                        told.get((act.member, str(act.args.get(place))), initial) in states
                        for place, states in rule.provided.items()
                    )

                answer |= connection.cause(CauseKind.CALL, name, act.args, provided)
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
        for (member, room), connections in self.connections.items():
            if self.user_of[member] in users and room in rooms:
                for connection in connections:
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
            self._change(link, down=True)
            self._change(link, down=False)
            for presence in self.presence:
                presence.link(member, down=False, broken=True)
            return
        link.own = kind
        self._change(link, down=True)

    def _heal(self, member: str | None) -> None:
        if member is None:
            self._server(up=True)
            return
        link = self.links[member]
        link.own = None
        self._change(link, down=not link.server)

    def _server(self, *, up: bool) -> None:
        for link in self.links.values():
            link.server = up
            self._change(link, down=not up or link.own is not None)
        if not up:
            for connections in self.connections.values():
                for connection in connections:
                    connection.cause(CauseKind.SERVER_DOWN)
            for presence in self.presence:
                presence.restart()

    def _change(self, link: Link, *, down: bool) -> None:
        if link.down is down:
            return
        link.down = down
        link.since = self.agenda.now
        kind = CauseKind.LINK_DOWN if down else CauseKind.LINK_UP
        for (member, _), connections in self.connections.items():
            if member == link.member:
                for connection in connections:
                    connection.cause(kind)
        for presence in self.presence:
            presence.link(link.member, down=down)

    # --- what members are told --------------------------------------------------------------------------------------

    def kept(self, rule: Rule) -> None:
        """Something came by this rule."""
        self.rules.add(rule.id)

    def answer(self, rule: Rule) -> Mapping[str, Any]:
        """What a call is answered with, unless the room breaks it."""
        self.rules.add(rule.id)
        answer = rule.answer or {}
        if self.broken is None or self.broken.rule != rule.id:
            return answer
        self.broke = True
        return {"status": "ok" if answer.get("status") != "ok" else "refused"}

    def tell(self, connection: Connection, rule: Rule, *, amiss: bool) -> None:
        """The member is told what the rule says, unless the room breaks it."""
        callback = connection.view.signs[rule.to or ""].callback
        subject, event = self._own(connection, rule)
        fields = self._filled(connection.view, subject, rule.to or "", rule.pattern, connection.room)
        label = self.wishes.told(subject, event)
        if label:
            self.labels[label] = self.agenda.now
        broken = self.broken
        if broken is None or broken.rule != rule.id:
            self._told(connection.member, callback, fields)
            return
        self.tellings[connection.member] += 1
        again = self.tellings[connection.member] > 1
        self.broke = self.broke or amiss or (again if broken.kind is Kind.ONCE else broken.kind not in WINDOWS)
        match broken.kind:
            case Kind.NEVER:
                return
            case Kind.ONCE if again:
                return
            case Kind.TWICE:
                self._told(connection.member, callback, fields)
            case Kind.FIELD:
                name = next(iter(rule.pattern))
                fields[name] = _another(self.contract, fields[name])
            case Kind.MISDIRECTED:
                others = [name for name in self.links if name != connection.member]
                if others:
                    self._told(others[0], callback, fields)
                return
            case _:
                pass
        self._told(connection.member, callback, fields)

    def _own(self, connection: Connection, rule: Rule) -> tuple[Subject, Event]:
        view = connection.view
        return (connection.member, None), (connection.room, view.name, view.told[rule.to or ""])

    def knows(self, connection: Connection, state: str) -> None:
        """The member has taken the state that it was told: so do others of its user, and the step that waits for it."""
        member, room = connection.member, connection.room
        self.told_states[member, room] = state
        for presence in self.presence:
            presence.told(member, room, state, connection.args)
        awaited = self.awaited
        if awaited and (awaited.member, awaited.room) == (member, room) and state in awaited.states:
            self.agenda.halted = True
        for twin in self.twins[member]:
            for place in self.rooms:
                for own in self.connections[twin, place]:
                    own.cause(CauseKind.TWIN, state)
                    own.cause(CauseKind.TWIN_IN, state)
                there = self.told_states.get((twin, place))
                if there is not None:
                    for own in self.connections[member, room]:
                        own.cause(CauseKind.TWIN_IN, there)
        broken = self.broken
        if (
            broken
            and broken.kind is Kind.CAUSELESS
            and broken.after
            and state == broken.after
            and broken.view == connection.view.name
        ):
            self.agenda.at(self.agenda.now + MARGIN, lambda: self._without_cause(connection, broken))

    def _without_cause(self, connection: Connection, broken: Break) -> None:
        if connection.state == connection.head == broken.after:
            self.broke = True
            fields = self._filled(connection.view, (connection.member, None), broken.state, {}, connection.room)
            self._told(connection.member, connection.view.signs[broken.state].callback, fields)

    def wanted(self, connection: Connection, rule: Rule) -> bool | None:
        """Whether the scenario expects the member to be told this, if it says so."""
        return self.wishes.wanted(*self._own(connection, rule), rule.pattern)

    def earliest(self, connection: Connection, rule: Rule) -> int:
        """When the scenario expects it at the earliest: NEVER before the step that it counts from."""
        return self.wishes.earliest(*self._own(connection, rule), self.labels)

    def awaits(self, observer: str, room: str, user: str, *, joined: bool) -> bool | None:
        """Whether the scenario expects the observer to be told this, if it says so."""
        return self.wishes.wanted((observer, user), self._event(room, joined=joined), {})

    def _event(self, room: str, *, joined: bool) -> Event:
        view = next(v for v in self.contract.views if v.presence)
        return room, view.name, view.told["present" if joined else "absent"]

    def news(self, observer: str, room: str, users: Iterable[str], change: Change) -> None:
        """An observer is told of others: by one callback, or by one for each where it names only one."""
        self.heard.add(change.name)
        view = next(v for v in self.contract.views if v.presence)
        state = "present" if change.joined else "absent"
        callback = self.contract.callbacks[view.signs[state].callback]
        users = list(users)
        fields = self._filled(view, (observer, users[0]), state, change.fields, room)
        for user in users:
            self.wishes.told((observer, user), self._event(room, joined=change.joined))
        if self.broken and self.broken.kind is Kind.FIELD and self.broken.news == change.name and change.fields:
            self.broke = True
            name = next(reversed(change.fields))
            fields[name] = _another(self.contract, fields[name])
        assert callback.about is not None
        real = [_real(user) for user in users]
        for named in [real] if any(many for _, many in callback.about.steps) else [[user] for user in real]:
            one = dict(fields)
            _fill(one, callback.about, named)
            self._told(observer, callback.name, one)

    def listed(self, observer: str, room: str, users: Iterable[str], name: str, changed: Mapping[str, bool]) -> None:
        """An observer is told of all who are there."""
        self.heard.add(name)
        for user, joined in changed.items():
            self.wishes.told((observer, user), self._event(room, joined=joined))
        view = next(v for v in self.contract.views if v.presence)
        for callback, oneself in view.lists.items():
            declared = self.contract.callbacks[callback]
            assert declared.about is not None
            key = ("lists itself", observer, room, callback, self.counts[observer])
            itself = oneself == "either" and self.decisions.whether(0.5, *key, now=self.agenda.now)
            named = [*users, self.user_of[observer]] if itself or oneself == "included" else users
            fields = self._blank(declared, room)
            _fill(fields, declared.about, [_real(user) for user in named])
            self._told(observer, callback, fields)

    def _filled(
        self, view: View, subject: Subject, state: str, pattern: Mapping[str, Any], room: str
    ) -> dict[str, Any]:
        """What is to be told, where it is, and in every other field what is expected there, or something lawful."""
        sign = view.signs[state]
        fields = self._blank(self.contract.callbacks[sign.callback], room)
        event = (room, view.name, view.told[state])
        expected = self.wishes.fields(subject, event, pattern)
        if expected:
            key = ("fields", *subject, *event, self.counts[subject[0]])
            fields |= expected[self.decisions.pick(len(expected), *key, now=self.agenda.now)]
        return {**fields, **pattern, **sign.fields}

    def _blank(self, callback: Callback, room: str) -> dict[str, Any]:
        """Something lawful in every field, and the room where that is."""
        blank = {**BLANK, "code": next(iter(self.contract.codes.values()), 0)}
        fields = {name: blank[type_] for name, type_ in callback.fields.items()}
        if callback.room is not None:
            _fill(fields, callback.room, [_real(room)])
        return fields

    def _told(self, member: str, callback: str, fields: Mapping[str, Any]) -> None:
        now = self.agenda.now
        self.counts[member] += 1
        self.records.append(Told(member, self.counts[member], callback, dict(fields), Instant(now, now)))


def _rooms(contract: Contract, schedule: Schedule) -> list[str]:
    """The rooms of the schedule, and those that only a step names."""
    rooms = dict.fromkeys(schedule.rooms)
    for step in schedule.steps:
        if isinstance(step.act, Call | Admin):
            operation = contract.operations[step.act.operation]
            rooms.update(dict.fromkeys(str(step.act.args[r]) for r in operation.rooms if r in step.act.args))
    return list(rooms)


def _real(alias: str) -> str:
    """What the room calls a user or a room of the schedule."""
    return f"{alias.lower()}-model"


def _another(contract: Contract, value: Any) -> Any:
    """A value of a field that is not this one: the last code, as the first ones often mean that all is well."""
    return next((code for code in reversed(list(contract.codes.values())) if code != value), WRONG)


def _fill(fields: dict[str, Any], path: Path, values: Sequence[Any]) -> None:
    """Put these where the path leads to."""
    (name, many), *rest = path.steps
    if not rest:
        fields[name] = list(values) if many else values[0]
    elif many:
        fields[name] = [_nested(Path(tuple(rest)), [value]) for value in values]
    else:
        fields[name] = _nested(Path(tuple(rest)), values)


def _nested(path: Path, values: Sequence[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    _fill(fields, path, values)
    return fields
