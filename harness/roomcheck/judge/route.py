"""From the records of a trace to the views: who hears what as which cause or callback.

Views share nothing but the instants of acts and callbacks, so the order of callbacks across observers never matters.
What one member was told about itself is an observed fact, and arms rules of views about it.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from roomcheck.judge.lists import wrong
from roomcheck.judge.session import Observer
from roomcheck.judge.sessions import Sessions
from roomcheck.judge.view import (
    DEAF,
    EMPTY,
    LINK_DOWN,
    LINK_UP,
    LIVE,
    NEVER,
    OUT,
    LinkState,
    Mode,
    Reception,
    Rejection,
    Rules,
    Simulation,
    Truth,
)
from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Record, Told, Trace
from roomcheck.spec.contract import Callback, CauseKind, Contract, Hearing, Path, Rule, View

OWN, TWIN = CauseKind.OWN, CauseKind.TWIN
PAUSE = 4  # records between two pauses
NOWHERE = "?"  # the room of a callback that names none
UP = LinkState(down=False, since=Instant(0, 0))


def extract(path: Path, fields: Any) -> list[Any]:
    """The values that a path finds in a callback's fields; nothing where the fields have another shape."""
    name, many = path.steps[0]
    if name not in fields:
        return []
    found = [fields[name]]
    for following in path.steps[1:]:
        if many:
            found = [x for v in found if isinstance(v, list | tuple) for x in v]
        name, many = following
        found = [v[name] for v in found if (type(v) is dict or isinstance(v, Mapping)) and name in v]
    return [x for v in found if isinstance(v, list | tuple) for x in v] if many else found


def alias(names: Mapping[str, str], real: Any) -> str | None:
    """What a case calls the room or user of this real name; None where a room tells what is no name of the case."""
    return names.get(real) if isinstance(real, str) else None


def order(record: Record) -> int:
    """Acts count from when they may have begun, callbacks from when they surely had come."""
    return record.at.hi if isinstance(record, (Told, Answered)) else record.at.lo


class Audience(NamedTuple):
    """Whom a callback concerns: views about the member that is told it, and views about others."""

    callback: Callback
    own: tuple[Rules, ...]
    others: tuple[Rules, ...]
    lists: tuple[Rules, ...]


class Prepared:
    """A contract's rules, by what makes them look."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        rules = [Rules(view) for view in contract.views]
        self.own = tuple(r for r in rules if r.view.hearing is None)
        self.present = next((r for r in rules if r.view.presence is not None), None)
        self.others = tuple(r for r in rules if r.view.hearing is not None)
        self.inside = frozenset(s for r in self.others if (h := r.view.hearing) for s in h.states | h.away)
        self.heard = {
            name: Audience(
                callback,
                tuple(r for r in self.own if name in r.view.callbacks),
                tuple(r for r in self.others if name in r.view.callbacks and callback.about),
                tuple(r for r in self.others if name in r.view.lists),
            )
            for name, callback in contract.callbacks.items()
        }


_last: Prepared | None = None


def prepared(contract: Contract) -> Prepared:
    """Kept until another contract is asked for: making it takes longer than judging a short trace."""
    global _last  # noqa: PLW0603  a memory of one, of values that do not change
    if _last is None or _last.contract is not contract:
        _last = Prepared(contract)
    return _last


class Router:
    """Feeds one trace into every view that it touches, in one mode."""

    def __init__(self, contract: Contract, trace: Trace, mode: Mode) -> None:
        self.contract = contract
        self.trace = trace
        self.mode = mode
        rules = prepared(contract)
        self.own, self.others, self.inside, self.heard = rules.own, rules.others, rules.inside, rules.heard
        self.views: dict[tuple[str, ...], Simulation | Observer] = {}
        self.about: dict[tuple[str, str], list[Simulation]] = {}  # (user, room) -> the others' views of it
        self.ears: dict[tuple[str, str], list[tuple[Hearing, list[Simulation | Observer]]]] = {}  # by observer and room
        self.strays: list[tuple[str, int, Rejection]] = []
        self.links = {m.name: UP for m in trace.members}
        self.broken: set[str | None] = set()  # members whose own link has a fault; None: the server is down
        self.user_of = {m.name: m.user for m in trace.members}
        users = sorted({m.user for m in trace.members})
        self.twins = {m.name: [t.name for t in trace.members if t.user == m.user and t is not m] for m in trace.members}
        self.rooms = list(trace.rooms)
        self.peers = {m.name: [u for u in users if u != m.user] for m in trace.members}
        self.holder: dict[tuple[str, str], str] = {}
        self.state: dict[tuple[str, str], str] = {}  # (member, room) -> the state last told in its own view
        self.args: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.calls: dict[int, tuple[str, Iterable[str]]] = {}  # of members -> the member, and the rooms it named
        self.shared: set[tuple[str, str]] = set()  # (observer, room) whose news another member of its user may have got
        self.stale: dict[tuple[str, str], int] = {}  # (observer, room) -> when its list is due
        self.next_list = NEVER  # the least of these
        self.aliases = {real: alias for alias, real in trace.rooms.items()}
        self.people = {real: alias for alias, real in trace.users.items()}
        orders = [order(record) for record in trace.records]
        in_order = sorted(range(len(orders)), key=orders.__getitem__)
        self.orders = [orders[n] for n in in_order]
        self.records = [trace.records[n] for n in in_order]
        self.position = 0  # of the next of these
        self.gaps = {m.name: 0 for m in trace.members}
        for record in trace.records:
            if isinstance(record, Gap):
                self.gaps[record.member] += record.at.hi - record.at.lo
        self.refused = {r.call for r in trace.records if isinstance(r, Answered) and r.status == "refused"}
        self.sessions = None
        if rules.present is not None:
            self.sessions = Sessions(contract, rules.present.view, trace, mode, self.gaps)

    def steps(self) -> Iterator[None]:
        """Feed everything, then the end; a pause after every few records."""
        for at, record in zip(self.orders, self.records, strict=True):
            if self.position % PAUSE == PAUSE - 1:
                yield
            self.position += 1
            if at >= self.next_list:
                self._lists_due(at)
            match record:
                case Told():  # first, as most are
                    self._told(record)
                case Called():
                    self._called(record)
                case Answered():
                    self._answered(record)
                case Faulted():
                    self._faulted(record.member, record.kind, record.at)
                case Healed():
                    self._link(record.member, LINK_UP, record.at)
        self._lists_due(self.trace.end)
        for view in self.views.values():
            view.finish(self.trace.end)

    # --- finding views ----------------------------------------------------------------------------------------------

    def _own(self, member: str, room: str) -> list[Simulation]:
        """Every view of this member about itself in this room."""
        return [self._own_view(rules, member, room) for rules in self.own]

    def _own_view(self, rules: Rules, member: str, room: str) -> Simulation:
        key = (rules.view.name, member, room)
        view = self.views.get(key)
        if not isinstance(view, Simulation):
            view = self._simulate(f"{member} in {room}", rules, member, self.links[member], alone=True)
            self.views[key] = view
        return view

    def _about(self, user: str, room: str) -> list[Simulation]:
        """Every observer's view of this user in this room."""
        if (user, room) not in self.about:
            observers = [m.name for m in self.trace.members if m.user != user]
            views = [self._view(rules, o, room, user) for rules in self.others for o in observers]
            self.about[user, room] = [view for view in views if isinstance(view, Simulation)]
        return self.about[user, room]

    def _view(self, rules: Rules, observer: str, room: str, user: str) -> Simulation | Observer:
        key = (rules.view.name, observer, room, user)
        if key not in self.views:
            if rules.view.presence is not None:
                assert self.sessions is not None
                hearing = self.sessions.observer(observer, room, user)
                hearing.reception = self._reception(rules.view, observer, room)
                self.views[key] = hearing
                return hearing
            name = f"{observer} about {user} in {room}"
            holder = self.holder.get((user, room))
            alone = sum(user in peers for peers in self.peers.values()) == 1
            view = self._simulate(name, rules, observer, self.links[holder] if holder else UP, alone=alone)
            view.reception = self._reception(rules.view, observer, room)
            self.views[key] = view
        return self.views[key]

    def _simulate(self, name: str, rules: Rules, observer: str, link: LinkState, *, alone: bool) -> Simulation:
        extra = self.trace.patience + self.gaps[observer]
        return Simulation(name, rules, self.mode, extra=extra, link=link, alone=alone)

    # --- acts -------------------------------------------------------------------------------------------------------

    def _called(self, record: Called) -> None:
        operation = self.contract.operations.get(record.operation)
        if operation is None:
            return
        rooms = [(name, str(record.args[name])) for name in operation.rooms if name in record.args]
        if operation.admin:
            if record.id in self.refused:
                return
            for user in operation.concerned(record.args, (m.user for m in self.trace.members)):
                for room in [r for _, r in rooms] or self.rooms:
                    for member in (m.name for m in self.trace.members if m.user == user):
                        for view in self._own(member, room):
                            view.cause(CauseKind.ADMIN, operation.name, record.at)
                    for view in self._about(user, room):
                        view.cause(CauseKind.ADMIN, operation.name, record.at)
                    if self.sessions is not None:
                        self.sessions.acted(user, room, operation.name, record.at)
            return
        member = record.member or ""
        self.calls[record.id] = member, dict.fromkeys([room for _, room in rooms])
        for argument, room in rooms:
            name = operation.name if len(operation.rooms) == 1 else f"{operation.name}.{argument}"
            self.args[member, room] = record.args
            if self.sessions is not None:
                self.sessions.called(member, room, name, record.args, record.at)
            for view in self._own(member, room):
                initial = view.view.initial

                def provided(rule: Rule, initial: str = initial) -> Truth:
                    truth = Truth.YES
                    for argument, states in rule.provided.items():
                        possible = self._possible(member, str(record.args.get(argument)), record.at, initial)
                        if possible.isdisjoint(states):
                            return Truth.NO
                        if not possible <= states:
                            truth = Truth.MAYBE
                    return truth

                view.cause(CauseKind.CALL, name, record.at, record.args, call=record.id, provided=provided)

    @cached_property
    def widest(self) -> int:
        """The longest interval in which a member was told something, in microseconds."""
        return max((r.at.hi - r.at.lo for r in self.records if isinstance(r, Told)), default=0)

    def _possible(self, member: str, room: str, at: Instant, initial: str) -> set[str]:
        """The states that a member may be in while it calls: the one last told, and those that it is told meanwhile."""
        out = {self.state.get((member, room), initial)}
        for begin, record in islice(zip(self.orders, self.records, strict=True), self.position, None):
            if begin > at.hi + self.widest:
                break
            if isinstance(record, Told) and record.member == member and record.at.lo <= at.hi:
                heard = self.heard.get(record.callback)
                if heard is None or self._room(heard.callback, record) != room:
                    continue
                states = (rules.view.state(record.callback, record.fields) for rules in heard.own)
                out.update(state for state in states if state is not None)
        return out

    def _room(self, callback: Callback, record: Told) -> str:
        """The case's name of the room that a callback is about; its real name where it is none of the case's."""
        real = extract(callback.room, record.fields) if callback.room else [self.rooms[0]]
        return (alias(self.aliases, real[0]) or str(real[0])) if real else NOWHERE

    def _answered(self, record: Answered) -> None:
        member, rooms = self.calls.get(record.call, ("", ()))
        for room in rooms:
            for view in self._own(member, room):
                view.answer(record.call, record.status, record.fields, record.at)

    def _faulted(self, member: str | None, kind: FaultKind, at: Instant) -> None:
        if EFFECT[kind] is Effect.DEGRADED:
            return
        if self.sessions is not None:
            self.sessions.faulted(member, kind, at)
        self._link(member, LINK_DOWN, at)
        if member is None:
            for view in self.views.values():
                if isinstance(view, Simulation):
                    view.cause(CauseKind.SERVER_DOWN, "", at)
        if EFFECT[kind] is Effect.BROKEN:  # whether it is noticed before it is replaced is a race, however short
            self._link(member, LINK_UP, Instant(at.hi, at.hi))

    def _link(self, member: str | None, kind: CauseKind, at: Instant) -> None:
        """A link is down while it has a fault of its own or the server is down."""
        if kind is LINK_DOWN:
            self.broken.add(member)
        else:
            self.broken.discard(member)
        for name in self.links if member is None else [member]:
            link = LinkState(down=not self.broken.isdisjoint((name, None)), since=at)
            kind = LINK_DOWN if link.down else LINK_UP
            if link.down is self.links[name].down:
                continue
            self.links[name] = link
            if self.sessions is not None and not link.down:
                self.sessions.healed(name, at)
            for key, view in self.views.items():
                counts = (key[1] == name) if len(key) == 3 else self._counts(name, user=key[3], room=key[2])
                if counts and isinstance(view, Simulation):
                    view.cause(kind, "", at)
            for room in self.rooms:
                if link.down:
                    self._listen(name, room, at)
                else:
                    self._list_due_after(name, room, at)

    # --- what members are told --------------------------------------------------------------------------------------

    def _told(self, record: Told) -> None:
        heard = self.heard.get(record.callback)
        if heard is None:
            return
        callback, own, others, lists = heard
        room = self._room(callback, record)
        if room == NOWHERE:
            self._stray(record, f"{record.callback} names no room")
        for rules in own:
            if not rules.view.ignores(callback, record.fields):
                self._told_own(record, rules, room)
        for rules in others:
            assert callback.about is not None
            if not rules.view.ignores(callback, record.fields):
                self._told_about(record, rules, room, extract(callback.about, record.fields))
        for rules in lists:
            self._listed(record, rules, room, callback)

    def _told_own(self, record: Told, rules: Rules, room: str) -> None:
        view, member = rules.view, record.member
        state = view.state(record.callback, record.fields)
        if state is None:
            seen = ", ".join(f"{name} {record.fields.get(name)!r}" for name in view.telling(record.callback))
            self._stray(record, f"{seen} is unknown to the spec", view)
            return
        self._own_view(rules, member, room).callback(view.told[state], record.fields, record.at)
        before = self.state.get((member, room))
        self.state[member, room] = state
        user = self.user_of[member]
        if self.sessions is not None:
            self.sessions.told(member, room, state, self.args.get((member, room), EMPTY), record.at)
        self._listen(member, room, record.at, told=state, before=before)
        for others in self.others:
            if others.view.hearing is not None and state in others.view.hearing.states:
                self._hold(user, room, member, record.at)
        holder = self.holder.get((user, room), member)
        alone = holder == member or self.state.get((holder, room)) not in self.inside
        kind, args = OWN if alone else TWIN, self.args.get((member, room), EMPTY)
        for other in self._about(user, room):
            other.cause(kind, state, record.at, args)
        if self.twins[member]:
            self._share(member, room, record.at)
            self._hold_another(user, room, record.at)
            self._told_twin(member, room, state, record.at)

    def _told_twin(self, member: str, room: str, state: str, at: Instant) -> None:
        """What a member is told concerns the other members of its user, and whoever knows them in other rooms."""
        for twin in self.twins[member]:
            for place in self.rooms:
                for own in self._own(twin, place):
                    own.cause(CauseKind.TWIN, state, at)
                    own.cause(CauseKind.TWIN_IN, state, at)
                present = self.state.get((twin, place))
                if present is not None:
                    for own in self._own(member, room):
                        own.cause(CauseKind.TWIN_IN, present, at)

    def _counts(self, member: str, user: str, room: str) -> bool:
        """Whether this member's link is what the others see the user by: who comes first may lose it on its way in."""
        holder = self.holder.get((user, room))
        return holder == member if holder is not None else self.user_of[member] == user

    def _hold(self, user: str, room: str, member: str, at: Instant) -> None:
        """The user is now present through this member: its link is the one that counts."""
        before = self.holder.get((user, room))
        self.holder[user, room] = member
        down = self.links[member].down
        for view in self._about(user, room):
            if before is None:
                view.link = self.links[member]
            elif view.link.down is not down:
                view.cause(LINK_DOWN if down else LINK_UP, "", at)

    def _hold_another(self, user: str, room: str, at: Instant) -> None:
        """Who held the user's place is out, and another member of the user is on its way in or there."""
        holder = self.holder.get((user, room))
        if holder is not None and self.state.get((holder, room)) not in self.inside:
            for twin in self.twins[holder]:
                if self.state.get((twin, room)) in self.inside:
                    self._hold(user, room, twin, at)
                    return

    def _told_about(self, record: Told, rules: Rules, room: str, users: list[Any]) -> None:
        value = rules.view.value(record.callback, record.fields)
        for real in users:
            user = alias(self.people, real)
            if user is None:
                self._stray(record, f"{value} about {real!r}, who is nobody of this case", rules.view)
            elif user == self.user_of[record.member]:
                self._stray(record, f"{value} about itself", rules.view)
            else:
                self._view(rules, record.member, room, user).callback(value, record.fields, record.at)

    def _listed(self, record: Told, rules: Rules, room: str, callback: Callback) -> None:
        """A list of all who are there."""
        member, hearing = record.member, rules.view.hearing
        assert callback.about is not None
        assert hearing is not None
        listed = [(real, alias(self.people, real)) for real in extract(callback.about, record.fields)]
        users = {user for _, user in listed}
        inside = self.state.get((member, room)) in hearing.states
        itself = self.user_of[member] in users if inside else None
        for text in wrong(callback, record.fields, listed, rules.view.lists[callback.name], itself=itself):
            self._stray(record, text, rules.view)
        for user in self.peers[member]:
            view = self._view(rules, member, room, user)
            assert isinstance(view, Observer)
            view.listed(record.at, there=user in users)

    def _stray(self, record: Told, text: str, view: View | None = None) -> None:
        requirement = view.otherwise if view else None
        self.strays.append((record.member, record.at.hi, Rejection(0, f"{record.callback}: {text}", None, requirement)))

    # --- whether an observer can hear -------------------------------------------------------------------------------

    def _reception(self, view: View, observer: str, room: str) -> Reception:
        assert view.hearing is not None
        state = self.state.get((observer, room))
        if state in view.hearing.away or (observer, room) in self.stale:
            return DEAF
        if state in view.hearing.states:
            missed = view.hearing.shared and (observer, room) in self.shared
            return DEAF if missed or self.links[observer].down else LIVE
        return OUT

    def _listen(
        self, observer: str, room: str, at: Instant, told: str | None = None, before: str | None = None
    ) -> None:
        """The observer's own state (`before`, now `told`) or link changed: open or close its ears."""
        for hearing, views in self._heard_by(observer, room):
            if told in hearing.states:
                self._list_due_after(observer, room, at)
            elif told is not None and told not in hearing.away:
                self._list_due_at(at.hi + hearing.list_within, observer, room)
            # its list starts empty where it comes in, and may be told anew where it was in already
            fresh = before not in hearing.states if told in hearing.away and before not in hearing.away else None
            if told is None:  # its link broke: whoever comes back may be told the whole list again
                fresh = False
            for view in views:
                view.hear(DEAF, at, fresh=fresh)

    def _heard_by(self, observer: str, room: str) -> list[tuple[Hearing, list[Simulation | Observer]]]:
        """The views of an observer about others in a room, and what decides whether it hears of them."""
        key = (observer, room)
        if key not in self.ears:
            peers = self.peers[observer]
            self.ears[key] = [
                (rules.view.hearing, [self._view(rules, observer, room, user) for user in peers])
                for rules in self.others
                if rules.view.hearing is not None and peers
            ]
        return self.ears[key]

    def _share(self, member: str, room: str, at: Instant) -> None:
        """A member and another one of its user are both there: where they share what comes, either may miss some."""
        for twin in self.twins[member]:
            for observer, other in ((member, twin), (twin, member)):
                for hearing, views in self._heard_by(observer, room):
                    there = hearing.states | hearing.away
                    both = self.state.get((observer, room)) in there and self.state.get((other, room)) in there
                    if hearing.shared and both:
                        self.shared.add((observer, room))
                        for view in views:
                            view.hear(DEAF, at, fresh=False)

    def _list_due_after(self, observer: str, room: str, at: Instant) -> None:
        for rules in self.others:
            hearing = rules.view.hearing
            assert hearing is not None
            if self.state.get((observer, room)) in hearing.states:
                self._list_due_at(at.hi + hearing.list_within, observer, room)

    def _list_due_at(self, due: int, observer: str, room: str) -> None:
        self.stale[observer, room] = due
        self.next_list = min(self.next_list, due)

    def _lists_due(self, now: int) -> None:
        """Every list that was due by now is compared with what is lawful."""
        for (observer, room), due in sorted(self.stale.items(), key=lambda item: item[1]):
            if due > now or self.links[observer].down:
                continue
            del self.stale[observer, room]
            for rules in self.others:
                reception = self._reception(rules.view, observer, room)
                for user in self.peers[observer]:
                    view = self._view(rules, observer, room, user)
                    view.hear(reception, Instant(due, due))
        self.next_list = min(self.stale.values(), default=NEVER)
