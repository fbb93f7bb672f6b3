"""What a room tells its members and the others: the fields of each callback, as the contract or the scenario has them.

A broken room breaks its promise here, as far as that is not a matter of time.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from roomcheck.model.time import Instant
from roomcheck.model.trace import Record, Told
from roomcheck.room.agenda import Agenda
from roomcheck.room.breaks import Break, Kind
from roomcheck.room.connection import Connection
from roomcheck.room.delivery import UNCAUSED, Change
from roomcheck.room.link import ModelLink
from roomcheck.room.policy import Decisions, Policy
from roomcheck.room.wishes import Event, Subject, Wishes
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract, Rule, View
from roomcheck.spec.interface import Callback, Path

START = 1_000_000  # microseconds: some moment after the machine's start
WINDOWS = (Kind.EARLY, Kind.LATE)
BESIDE = (Kind.AFTER_OWN, Kind.AFTER_NEWS)
WRONG = "wrong"  # what a broken room tells where a field has no other value
BLANK: Mapping[str, Any] = {"str": "", "int": 0, "list": (), "any": None}


class Telling:
    """Everything that was told so far, and by which rules."""

    def __init__(self, contract: Contract, case: Case, policy: Policy, broken: Break | None) -> None:
        members = case.schedule.members
        self.contract = contract
        self.wishes = Wishes(case.lines if policy.obliging else ())
        self.decisions = Decisions(policy)
        self.broken = broken
        self.agenda = Agenda(START)
        self.records: list[Record] = []
        self.rules: set[int] = set()  # that something came by
        self.heard: set[str] = set()  # news of others that came
        self.broke = False
        self.tellings: Counter[str] = Counter()  # how often each member was told what is broken
        self.counts = {m.name: 0 for m in members}
        self.user_of = {m.name: m.user for m in members}
        self.links = {m.name: ModelLink(m.name) for m in members}
        self.labels: dict[str, int] = {}

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
        if broken.kind in BESIDE:
            self.broke = self._beside(connection, own=broken.kind is Kind.AFTER_OWN) or self.broke
            self._told(connection.member, callback, fields)
            return
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
            case Kind.MISDIRECTED if self.tellings.total() == 1:  # once: where all are told, swapping it is lawful
                others = [name for name in self.links if name != connection.member]
                if others:
                    self._told(others[0], callback, fields)
                return
            case _:
                pass
        self._told(connection.member, callback, fields)

    def _beside(self, connection: Connection, *, own: bool) -> bool:
        """The member is told something that it must not be told now: the state that it knows already, or news."""
        member, room = connection.member, connection.room
        if own:
            if connection.state not in connection.view.signs:  # it was entered silently
                return False
            callback = connection.view.signs[connection.state].callback
            self._told(member, callback, self._filled(connection.view, (member, None), connection.state, {}, room))
            return True
        others = [user for user in self.user_of.values() if user != self.user_of[member]]
        view = next((v for v in self.contract.views if v.presence), None)
        if not others or view is None:
            return False
        if view.signs:
            self.news(member, room, others[:1], Change(True, UNCAUSED, {}))
        else:
            self.listed(member, room, [], UNCAUSED, {})
        return True

    def _own(self, connection: Connection, rule: Rule) -> tuple[Subject, Event]:
        view = connection.view
        return (connection.member, None), (connection.room, view.name, view.told[rule.to or ""])

    def _without_cause(self, connection: Connection, broken: Break) -> None:
        if connection.state == connection.head == broken.after:
            self.broke = True
            fields = self._filled(connection.view, (connection.member, None), broken.state, {}, connection.room)
            self._told(connection.member, connection.view.signs[broken.state].callback, fields)

    def wanted(self, connection: Connection, rule: Rule) -> bool | None:
        """Whether the scenario expects the member to be told this, if it says so."""
        return self.wishes.wanted(*self._own(connection, rule), rule.pattern) if self.wishes.left else None

    def earliest(self, connection: Connection, rule: Rule) -> int:
        """When the scenario expects it at the earliest: NEVER before the step that it counts from."""
        return self.wishes.earliest(*self._own(connection, rule), self.labels) if self.wishes.left else 0

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
        real = [real_name(user) for user in users]
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
            _fill(fields, declared.about, [real_name(user) for user in named])
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
            _fill(fields, callback.room, [real_name(room)])
        return fields

    def _told(self, member: str, callback: str, fields: Mapping[str, Any]) -> None:
        now = self.agenda.now
        self.counts[member] += 1
        self.records.append(Told(member, self.counts[member], callback, dict(fields), Instant(now, now)))


def real_name(alias: str) -> str:
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
