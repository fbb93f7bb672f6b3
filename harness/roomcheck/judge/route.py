"""From the records of a trace to the views: who hears what as which cause or callback.

Views of members about themselves share nothing but the instants of acts and callbacks; views about others hear of one
session. So the order of callbacks across observers never matters.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice, product
from typing import Any, NamedTuple

from roomcheck.judge.hypothesis import Debt, LinkState, Mode, Rejection, Truth
from roomcheck.judge.lists import wrong
from roomcheck.judge.news import NOT
from roomcheck.judge.observer import Observer
from roomcheck.judge.observers import Observers
from roomcheck.judge.rules import LINK_DOWN, LINK_UP, Rules
from roomcheck.judge.sessions import Sessions
from roomcheck.judge.view import Simulation
from roomcheck.model.fault import EFFECT, SILENT, Effect, FaultKind, Way
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Record, Told, Trace
from roomcheck.spec.case import ANYONE, Entry, Expectation
from roomcheck.spec.contract import MUTE, TWIN_IN_ROOM, CauseKind, Contract, Rule, View
from roomcheck.spec.interface import Callback, Path

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


KNOWN = "a callback that the contract knows"
RIGHT_LIST = "a list of all who are there, and of nobody else"
OTHERS_ONLY = "news of the others alone, unless `oneself: either` stands under `presence`"


class Audience(NamedTuple):
    """Whom a callback concerns: the member itself that is told it, and the view about others."""

    callback: Callback
    own: bool
    news: bool
    lists: bool


class Prepared:
    """A contract's rules, by what makes them look."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.own = Rules(next(view for view in contract.views if view.presence is None))
        self.presence = next((view for view in contract.views if view.presence is not None), None)
        news = self.presence.callbacks if self.presence else ()
        self.heard = {
            name: Audience(
                callback,
                name in self.own.view.callbacks,
                name in news,
                self.presence is not None and name in self.presence.lists,
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

    def __init__(self, contract: Contract, trace: Trace, mode: Mode, held_back: int | None = None) -> None:
        """`held_back`: by so much (microseconds) a member's last heartbeat may be; None: as the machine was late."""
        self.contract = contract
        self.trace = trace
        self.mode = mode
        rules = prepared(contract)
        self.rules, self.heard = rules.own, rules.heard
        self.initial = rules.own.view.initial
        self.views: dict[tuple[str, ...], Simulation | Observer] = {}
        self.strays: list[tuple[str, int, Rejection]] = []
        self.links = {m.name: UP for m in trace.members}
        self.broken: dict[str | None, bool] = {}  # whose link has a fault of its own (None: the server): only mute?
        self.user_of = {m.name: m.user for m in trace.members}
        self.twins = {m.name: [t.name for t in trace.members if t.user == m.user and t is not m] for m in trace.members}
        self.rooms = list(trace.rooms)
        self.state: dict[tuple[str, str], str] = {}  # (member, room) -> the state last told in its own view
        self.since: dict[tuple[str, str], Instant] = {}  # when it was told that
        self.calls: dict[int, tuple[str, Iterable[str]]] = {}  # of members -> the member, and the rooms it named
        self.aliases = {real: alias for alias, real in trace.rooms.items()}
        self.people = {real: alias for alias, real in trace.users.items()}
        orders = [order(record) for record in trace.records]
        in_order = sorted(range(len(orders)), key=orders.__getitem__)
        self.orders = [orders[n] for n in in_order]
        self.records = [trace.records[n] for n in in_order]
        self.position = 0  # of the next of these
        self.gaps = {m.name: 0 for m in trace.members}
        self.sooner = 0 if held_back is not None else None
        self.still: dict[str, list[Instant]] = {m.name: [] for m in trace.members}  # when its machine stood still
        for record in trace.records:
            if isinstance(record, Gap):
                self.gaps[record.member] += record.at.hi - record.at.lo
                self.still[record.member].append(record.at)
        if self.rules.early:
            for member, room in product(self.user_of, self.rooms):
                self._own(member, room)
        self.refused = {r.call for r in trace.records if isinstance(r, Answered) and r.status == "refused"}
        self.sessions: Sessions | None = None
        self.observers: Observers | None = None
        if rules.presence is not None:
            self.sessions = Sessions(contract, rules.presence, trace, mode, self.gaps, held_back, self._comes)
            self.observers = Observers(self.sessions, trace, self.links, self.state, self.views)

    def steps(self) -> Iterator[None]:
        """Feed everything, then the end; a pause after every few records."""
        for at, record in zip(self.orders, self.records, strict=True):
            if self.position % PAUSE == PAUSE - 1:
                yield
            self.position += 1
            if self.observers is not None and at > self.observers.next_list:
                self.observers.lists_due(at)
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
            if self.rules.silent:
                self._moved(record.at)
        if self.observers is not None:
            self.observers.lists_due(self.trace.end)
        for view in self.views.values():
            view.finish(self.trace.end)

    # --- finding views ----------------------------------------------------------------------------------------------

    def _own(self, member: str, room: str) -> Simulation:
        """What this member is told about itself in this room."""
        key = (self.rules.view.name, member, room)
        view = self.views.get(key)
        if not isinstance(view, Simulation):
            view = Simulation(
                f"{member} in {room}", self.rules, self.mode, extra=self.trace.patience, gaps=self.still[member],
                sooner=self.sooner, link=self.links[member],
            )  # fmt: skip
            self.views[key] = view
        return view

    def debts(self, line: Expectation, entry: Entry) -> Iterator[Debt]:
        """What lets an entry of a line still come, or did."""
        room = entry.room or self.rooms[0]
        for key, view in self.views.items():
            user = key[3] if isinstance(view, Observer) else None
            about = line.about == user or (line.about == ANYONE and user is not None)
            if about and key[1:3] == (line.observer, room):
                yield from view.debts(entry.value, followed=line.open)

    # --- acts -------------------------------------------------------------------------------------------------------

    def _called(self, record: Called) -> None:
        operation = self.contract.operations.get(record.operation)
        if operation is None or (record.member is None and not operation.admin):  # a damaged trace: nobody has called
            return
        rooms = [(name, str(record.args[name])) for name in operation.rooms if name in record.args]
        if operation.admin:
            if record.id in self.refused:
                return
            for user in operation.concerned(record.args, (m.user for m in self.trace.members)):
                for room in [r for _, r in rooms] or self.rooms:
                    for member in (m.name for m in self.trace.members if m.user == user):
                        self._own(member, room).cause(CauseKind.ADMIN, operation.name, record.at)
                    if self.sessions is not None:
                        self.sessions.acted(user, room, operation.name, record.at)
            return
        member = record.member or ""
        self.calls[record.id] = member, dict.fromkeys([room for _, room in rooms])

        def provided(rule: Rule) -> Truth:
            truth = Truth.YES
            for argument, states in rule.provided.items():
                possible = self._possible(member, str(record.args.get(argument)), record.at)
                if possible.isdisjoint(states):
                    return Truth.NO
                if not possible <= states:
                    truth = Truth.MAYBE
            return truth

        for argument, room in rooms:
            name = operation.name if len(operation.rooms) == 1 else f"{operation.name}.{argument}"
            if self.sessions is not None:
                self.sessions.called(member, room, name, record.args, record.at)
            own = self._own(member, room)
            own.cause(CauseKind.CALL, name, record.at, record.args, call=record.id, provided=provided)

    @cached_property
    def widest(self) -> int:
        """The longest interval in which a member was told something, in microseconds."""
        return max((r.at.hi - r.at.lo for r in self.records if isinstance(r, Told)), default=0)

    def _possible(self, member: str, room: str, at: Instant) -> set[str]:
        """The states that a member may be in while it calls: the one last told, and those that it is told meanwhile."""
        out = {self.state.get((member, room), self.initial)}
        for begin, record in islice(zip(self.orders, self.records, strict=True), self.position, None):
            if begin > at.hi + self.widest:
                break
            if isinstance(record, Told) and record.member == member and record.at.lo <= at.hi:
                heard = self.heard.get(record.callback)
                if heard is None or self._room(heard.callback, record) != room:
                    continue
                state = self.rules.view.state(record.callback, record.fields)
                if state is not None:
                    out.add(state)
        return out

    def _room(self, callback: Callback, record: Told) -> str:
        """The case's name of the room that a callback is about; its real name where it is none of the case's."""
        real = extract(callback.room, record.fields) if callback.room else [self.rooms[0]]
        return (alias(self.aliases, real[0]) or str(real[0])) if real else NOWHERE

    def _answered(self, record: Answered) -> None:
        member, rooms = self.calls.get(record.call, ("", ()))
        for room in rooms:
            self._own(member, room).answer(record.call, record.status, record.fields, record.at)

    def _faulted(self, member: str | None, kind: FaultKind, at: Instant) -> None:
        if EFFECT[kind] is Effect.DEGRADED:
            return
        if self.sessions is not None:
            self.sessions.faulted(member, kind, at)
        self._link(member, LINK_DOWN, at, mute=SILENT.get(kind) == (Way.UP,))
        if member is None:
            for view in self.views.values():
                if isinstance(view, Simulation):
                    view.cause(CauseKind.SERVER_DOWN, "", at)
        if EFFECT[kind] is Effect.BROKEN:  # whether it is noticed before it is replaced is a race, however short
            self._link(member, LINK_UP, Instant(at.hi, at.hi))

    def _link(self, member: str | None, kind: CauseKind, at: Instant, *, mute: bool = False) -> None:
        """A link is down while it has a fault of its own or the server is down."""
        if kind is LINK_DOWN:
            self.broken[member] = mute and self.broken.get(member, True)
        else:
            self.broken.pop(member, None)
        for name in self.links if member is None else [member]:
            faults = [self.broken[one] for one in (name, None) if one in self.broken]
            link = LinkState(down=bool(faults), since=at, mute=bool(faults) and all(faults))
            if member is None and None not in self.broken and link.down and self.sessions is not None:
                self.sessions.server_back(name, at)
            kind = LINK_DOWN if link.down else LINK_UP
            if (link.down, link.mute) == (self.links[name].down, self.links[name].mute):
                continue
            self.links[name] = link
            if self.sessions is not None and not link.down:
                self.sessions.healed(name, at)
            for key, view in self.views.items():
                if key[1] == name and isinstance(view, Simulation):
                    view.cause(kind, MUTE if link.mute else "", at)
            if self.observers is not None:
                self.observers.link(name, self.rooms, at)

    # --- what members are told --------------------------------------------------------------------------------------

    def _told(self, record: Told) -> None:
        heard = self.heard.get(record.callback)
        if heard is None:
            return
        callback, own, news, lists = heard
        room = self._room(callback, record)
        if room == NOWHERE:
            self._stray(record, f"{record.callback} names no room")
        if own and not self.rules.view.ignores(callback, record.fields):
            self._told_own(record, room)
        if self.observers is not None and news:
            self._told_about(record, callback, room, self.observers)
        if self.observers is not None and lists:
            self._listed(record, callback, room, self.observers)

    def _told_own(self, record: Told, room: str) -> None:
        view, member = self.rules.view, record.member
        state = view.state(record.callback, record.fields)
        if state is None:
            seen = ", ".join(f"{name} {record.fields.get(name)!r}" for name in view.telling(record.callback))
            self._stray(record, f"{seen} is unknown to the spec", view)
            return
        own = self._own(member, room)
        if self.twins[member] and state in self.rules.twins:
            self._foretold(own, record, room, self.rules.twins[state])
        own.callback(view.told[state], record.fields, record.at)
        # what was on its way comes after the member has moved on silently, too
        self._takes(member, room, (own.certain(record.at) if self.rules.silent else None) or state, record.at)
        if self.twins[member]:
            self._told_twin(member, room, state, record.at)

    def _takes(self, member: str, room: str, state: str, at: Instant) -> None:
        """A member takes a state: the sessions and the observers follow."""
        before = self.state.get((member, room))
        self.state[member, room], self.since[member, room] = state, at
        if self.sessions is not None:
            self.sessions.told(member, room, state, at)
        if self.observers is not None:
            self.observers.told(member, room, before, at)
            self.observers.share(member, self.twins[member], room, at)

    def _moved(self, at: Instant) -> None:
        """Whoever has surely moved to a state that it was not told takes it."""
        for (_, member, room, *_), view in list(self.views.items()):
            if isinstance(view, Simulation):
                state = view.certain(at)
                if state is not None and state != self.state.get((member, room), self.initial):
                    self._takes(member, room, state, at)

    def _foretold(self, own: Simulation, record: Told, room: str, states: Container[str]) -> None:
        """The server tells two devices what it has decided, and either may be told first.

        So what the other one is told within the time that news takes may have led to what this one is told now.
        """
        delivery = self.sessions.declared.delivery if self.sessions is not None else 0
        for begin, other in islice(zip(self.orders, self.records, strict=True), self.position, None):
            if begin > record.at.hi + delivery:
                break
            if isinstance(other, Told) and other.member in self.twins[record.member]:
                state = self.rules.view.state(other.callback, other.fields)
                callback = self.contract.callbacks.get(other.callback)
                if callback is not None and state is not None and state in states:
                    for kind in TWIN_IN_ROOM[self._room(callback, other) == room]:
                        own.cause(kind, state, record.at)

    def _told_twin(self, member: str, room: str, state: str, at: Instant) -> None:
        """What a member is told concerns the other members of its user, in all rooms."""
        for twin in self.twins[member]:
            for place in self.rooms:
                own = self._own(twin, place)
                for kind in TWIN_IN_ROOM[place == room]:
                    own.cause(kind, state, at)
                present = self.state.get((twin, place))
                if present is not None:
                    since = self.since[twin, place] if own.stays(at) and self._keeps(twin, member, room) else None
                    for kind in TWIN_IN_ROOM[place == room]:
                        if kind.lasts:
                            self._own(member, room).cause(kind, present, at, since=since)

    def _keeps(self, twin: str, member: str, room: str) -> bool:
        """Whether nothing happens to another device until some time after this one is told what comes next."""
        delivery = self.sessions.declared.delivery if self.sessions is not None else 0
        until = None
        for begin, record in islice(zip(self.orders, self.records, strict=True), self.position, None):
            if until is not None and begin > until:
                break
            match record:
                case Told(member=told) if told == member and until is None:
                    heard = self.heard.get(record.callback)
                    if heard is not None and heard.own and self._room(heard.callback, record) == room:
                        until = record.at.hi + delivery
                case Told(member=told) if told == twin:
                    heard = self.heard.get(record.callback)
                    if heard is not None and heard.own:
                        return False
                case Called(member=by) | Faulted(member=by) | Healed(member=by) if by in (twin, None):
                    return False
        return True

    def _told_about(self, record: Told, callback: Callback, room: str, observers: Observers) -> None:
        """News of others."""
        view = observers.sessions.view
        assert callback.about is not None
        if view.ignores(callback, record.fields):
            return
        value = view.value(record.callback, record.fields)
        self._beside(record, room)
        for real in extract(callback.about, record.fields):
            user = alias(self.people, real)
            if user is None:
                self._stray(record, f"{value} about {real!r}, who is nobody of this case", view)
            elif user == self.user_of[record.member]:
                if not observers.sessions.declared.of_oneself:
                    self._stray(record, f"{value} about itself", view, OTHERS_ONLY)
            else:
                observers.observer(record.member, room, user).callback(value, record.fields, record.at)

    def _comes(self, room: str, user: str, member: str, joined: bool, after: int) -> Instant:  # noqa: FBT001
        """When a member is told this of a user, at that moment or later; NOT, if it is not."""
        assert self.sessions is not None
        view = self.sessions.view
        for record in self.records[max(0, self.position - 1) :]:
            if isinstance(record, Told) and record.member == member and record.at.hi >= after:
                heard = self.heard.get(record.callback)
                if heard is None or heard.callback.about is None or self._room(heard.callback, record) != room:
                    continue
                named = user in {alias(self.people, real) for real in extract(heard.callback.about, record.fields)}
                told = "present" if joined else "absent"
                if (heard.lists and named is joined) or (
                    heard.news and named and view.value(record.callback, record.fields) == view.told[told]
                ):
                    return record.at
        return NOT

    def _listed(self, record: Told, callback: Callback, room: str, observers: Observers) -> None:
        """A list of all who are there."""
        member, view = record.member, observers.sessions.view
        assert callback.about is not None
        self._beside(record, room)
        listed = [(real, alias(self.people, real)) for real in extract(callback.about, record.fields)]
        users = {user for _, user in listed}
        inside = self.state.get((member, room)) in observers.hearing.states
        itself = self.user_of[member] in users if inside else None
        for text in wrong(callback, record.fields, listed, view.lists[callback.name], itself=itself):
            self._stray(record, text, view, RIGHT_LIST)
        for user in observers.peers[member]:
            observers.observer(member, room, user).listed(record.at, there=user in users)

    def _beside(self, record: Told, room: str) -> None:
        """What a member is told of others comes before nothing that it must be told immediately about itself."""
        if self.rules.immediate and not self.heard[record.callback].own:
            self._own(record.member, room).beside(record.callback, record.at)

    def _stray(self, record: Told, text: str, view: View | None = None, expected: str = KNOWN) -> None:
        requirement = view.otherwise if view else None
        rejection = Rejection(0, f"{record.callback}: {text}", None, requirement, expected)
        self.strays.append((record.member, record.at.hi, rejection))
