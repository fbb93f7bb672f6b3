"""The story that a contract's rules lead one to expect of a schedule, told as a trace: for choosing, never for judging.

Only own views are followed, and of every race one branch: a callback that is owed comes, a moment after its cause or,
where it may not come before a while, in the middle of its window; a fault that tells the client nothing is noticed late
in the window. What may come but need not does not. `coverage.met` counts such a trace like a real one, which says what
a schedule is likely to add before it is played.
"""

import heapq
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

from roomcheck.model.fault import EFFECT, HELD, LOST, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule, Step
from roomcheck.model.time import Instant
from roomcheck.model.trace import Called, Faulted, Healed, Record, Told, Trace
from roomcheck.spec.contract import CauseKind, Contract, Path, Rule, View

PROMPT = 50  # a callback that comes at once takes this part of its window
RETRIED = 4  # one that waits for the link, this
UNTOLD = frozenset({*HELD, *LOST, FaultKind.HALF_OPEN_SERVER_TOLD})  # the client hears of these by silence
EMPTY: Mapping[str, Any] = {}


class _Key(NamedTuple):
    """One own view: of this member in this room."""

    view: int
    member: str
    room: str


class _Armed(NamedTuple):
    number: int
    rule: Rule
    args: Mapping[str, Any]


def nominal(contract: Contract, schedule: Schedule) -> Trace:
    """The trace that a room without surprises would give; every instant is exact."""
    return _Story(contract, schedule).tell()


class _Story:
    def __init__(self, contract: Contract, schedule: Schedule) -> None:
        self.contract = contract
        self.schedule = schedule
        self.views = [view for view in contract.views if view.hearing is None]
        self.now = 0
        self.records: list[Record] = []
        self.labels: dict[str, int] = {}
        self.states: dict[_Key, str] = {}
        self.armed: dict[_Key, list[_Armed]] = {}
        self.due: list[tuple[int, int, _Key]] = []
        self.numbers = count(1)
        self.asked: dict[_Key, bool] = {}  # whether its state was called for over a link that was up, and still is
        self.down: dict[str, FaultKind] = {}  # member -> what keeps its link from passing anything
        self.rooms = list(schedule.rooms)

    def tell(self) -> Trace:
        """Play every step, then watch."""
        settled = 0
        pace = self.contract.pace_of(self.schedule)
        for step in self.schedule.steps:
            base = settled + pace if step.when.label is None else self.labels[step.when.label]
            self._until(base + step.when.offset)
            if step.label:
                self.labels[step.label] = self.now
            self._do(step)
            settled = self.now
        self._until(self.now + self.schedule.watch)
        members = self.schedule.members
        return Trace(
            spec=self.contract.spec, case="nominal", scenario=None, members=members,
            users={m.user: m.user for m in members}, rooms={r: r for r in self.rooms},
            records=tuple(self.records), end=self.now, scale=self.contract.scale, clock="nominal",
        )  # fmt: skip

    def _until(self, moment: int) -> None:
        while self.due and self.due[0][0] <= moment:
            at, number, key = heapq.heappop(self.due)
            self.now = max(self.now, at)
            armed = next((a for a in self.armed.get(key, ()) if a.number == number), None)
            if armed is not None and not (armed.rule.while_up and key.member in self.down):
                self._fire(key, armed)
        self.now = max(self.now, moment)

    # --- acts -------------------------------------------------------------------------------------------------------

    def _do(self, step: Step) -> None:
        at = Instant(self.now, self.now)
        match step.act:
            case Call(member, operation, args):
                self.records.append(Called(len(self.records) + 1, member, operation, args, at, step.label))
                self._call(member, operation, args)
            case Admin(operation, args):
                self.records.append(Called(len(self.records) + 1, None, operation, args, at, step.label))
                self._admin(operation, args)
            case Fault(member, kind):
                self.records.append(Faulted(member, kind, at, step.label))
                self._fault(member, kind)
            case Heal(member):
                self.records.append(Healed(member, at, step.label))
                for name in [member] if member else list(self.down):
                    if self.down.pop(name, None) is not None:
                        self._link(name, CauseKind.LINK_UP)

    def _call(self, member: str, operation: str, args: Mapping[str, Any]) -> None:
        known = self.contract.operations[operation]
        named = [(name, str(args[name])) for name in known.rooms if name in args]
        self.rooms = list(dict.fromkeys([*self.rooms, *(room for _, room in named)]))
        before = dict(self.states)
        for argument, room in named:
            name = operation if len(known.rooms) == 1 else f"{operation}.{argument}"
            for index, view in enumerate(self.views):

                def provided(rule: Rule, index: int = index, view: View = view) -> bool:
                    return all(
                        before.get(_Key(index, member, str(args.get(place))), view.initial) in states
                        for place, states in rule.provided.items()
                    )

                self._cause(_Key(index, member, room), CauseKind.CALL, name, args, provided)

    def _admin(self, operation: str, args: Mapping[str, Any]) -> None:
        known = self.contract.operations[operation]
        users = known.concerned(args, (m.user for m in self.schedule.members))
        rooms = [str(args[name]) for name in known.rooms if name in args] or self.rooms
        for member in self.schedule.members:
            if member.user in users:
                for room in rooms:
                    for index in range(len(self.views)):
                        self._cause(_Key(index, member.name, room), CauseKind.ADMIN, operation)

    def _fault(self, member: str | None, kind: FaultKind) -> None:
        if EFFECT[kind] is Effect.DEGRADED:
            return
        for name in [member] if member else [m.name for m in self.schedule.members]:
            if name in self.down:
                continue
            self.down[name] = kind
            self._link(name, CauseKind.LINK_DOWN)
            if EFFECT[kind] is Effect.BROKEN:
                del self.down[name]
                self._link(name, CauseKind.LINK_UP, noticed=True)

    def _link(self, member: str, kind: CauseKind, *, noticed: bool = False) -> None:
        """`noticed`: the connection that was there is gone for good, so that what its loss armed stays armed."""
        for key in [k for k in self.states if k.member == member]:
            lost = [a for a in self.armed.get(key, ()) if a.rule.cause.kind is CauseKind.LINK_DOWN and noticed]
            self._cause(key, kind, "")
            self.armed[key] += [a for a in lost if a not in self.armed[key]]
            if kind is CauseKind.LINK_UP:
                for armed in self.armed.get(key, ()):
                    if armed.rule.while_up:
                        self.asked[key] = False
                        self._schedule(key, armed)

    # --- rules ------------------------------------------------------------------------------------------------------

    def _cause(
        self,
        key: _Key,
        kind: CauseKind,
        name: str,
        args: Mapping[str, Any] = EMPTY,
        provided: Any = lambda _rule: True,
    ) -> None:
        view = self.views[key.view]
        state = self.states.setdefault(key, view.initial)
        self.armed[key] = [
            a
            for a in self.armed.get(key, ())
            if not any(u.cause.kind is kind and u.cause.name == name for u in a.rule.unless)
        ]
        for rule in view.rules:
            if rule.cause.kind is kind and rule.cause.name == name and state in rule.from_ and provided(rule):
                self._arm(key, rule, args)

    def _arm(self, key: _Key, rule: Rule, args: Mapping[str, Any]) -> None:
        """Rules that answer a call or need not come tell nothing here."""
        if rule.to is None or rule.optional or any(args.get(n) not in v for n, v in rule.given.items()):
            return
        armed = _Armed(next(self.numbers), rule, args)
        if rule.silent:
            self._enter(key, armed)
        else:
            self.armed.setdefault(key, []).append(armed)
            self._schedule(key, armed)

    def _schedule(self, key: _Key, armed: _Armed) -> None:
        heapq.heappush(self.due, (self.now + self._delay(key, armed.rule), armed.number, key))

    def _delay(self, key: _Key, rule: Rule) -> int:
        if rule.cause.kind is CauseKind.CALL:
            return 0
        if rule.after:
            return rule.after + rule.within // 2
        if rule.cause.kind is CauseKind.LINK_DOWN and self.down.get(key.member) in UNTOLD:
            return rule.within * 3 // 4
        return rule.within // (RETRIED if rule.while_up and not self.asked.get(key) else PROMPT)

    def _fire(self, key: _Key, armed: _Armed) -> None:
        view = self.views[key.view]
        to = armed.rule.to or ""
        sign = view.signs[to]
        callback = self.contract.callbacks[sign.callback]
        self._turn_out(key, to)
        fields = {**armed.rule.pattern, **sign.fields, **(_nested(callback.room, key.room))}
        self.records.append(Told(key.member, len(self.records), callback.name, fields, Instant(self.now, self.now)))
        self._enter(key, armed)
        for other in self._twins(key):
            self._cause(other, CauseKind.TWIN, to)

    def _turn_out(self, key: _Key, to: str) -> None:
        """Who must go when another device of its user is told `to`, and may go before, goes before."""
        coming = self.states[key]
        for other in self._twins(key):
            view = self.views[other.view]
            state = self.states[other]
            if other.member in self.down or not any(_answers(r, CauseKind.TWIN, to, state) for r in view.rules):
                continue
            before = next((r for r in view.rules if r.optional and _answers(r, CauseKind.TWIN_IN, coming, state)), None)
            if before is not None:
                self._fire(other, _Armed(next(self.numbers), before, EMPTY))

    def _twins(self, key: _Key) -> list[_Key]:
        users = {m.name: m.user for m in self.schedule.members}
        return [o for o in self.states if o.member != key.member and users[o.member] == users[key.member]]

    def _enter(self, key: _Key, armed: _Armed) -> None:
        state = self.states[key] = armed.rule.to or ""
        self.armed[key] = [a for a in self.armed.get(key, ()) if a is not armed and state in a.rule.from_]
        level = CauseKind.LINK_DOWN if key.member in self.down else CauseKind.LINK_UP
        self.asked[key] = armed.rule.cause.kind is CauseKind.CALL and key.member not in self.down
        for rule in self.views[key.view].rules:
            if state in rule.from_ and rule.cause.kind in (CauseKind.ENTERED, level):
                self._arm(key, rule, armed.args)


def _answers(rule: Rule, kind: CauseKind, name: str, state: str) -> bool:
    return rule.cause.kind is kind and rule.cause.name == name and state in rule.from_


def _nested(path: Path | None, room: str) -> dict[str, Any]:
    """The fields in which a callback names its room."""
    if path is None:
        return {}
    value: Any = room
    for name, many in reversed(path.steps):
        value = {name: [value] if many else value}
    named: dict[str, Any] = value
    return named
