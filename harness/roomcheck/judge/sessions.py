"""From the records of a trace to the sessions of all users in all rooms: who knows what of whose stay."""

from collections.abc import Callable, Mapping
from typing import Any

from roomcheck.judge.causes import Causes
from roomcheck.judge.hypothesis import EMPTY, NEVER, Mode, asked_with
from roomcheck.judge.observer import Observer
from roomcheck.judge.session import Session
from roomcheck.judge.stay import LinkHistory, Request, Stay
from roomcheck.model.fault import FaultKind
from roomcheck.model.time import Instant
from roomcheck.model.trace import Trace
from roomcheck.spec.contract import CauseKind, Contract, End, View


class Sessions:
    """Every session of a trace, as one view of the contract declares them."""

    def __init__(
        self, contract: Contract, view: View, trace: Trace, mode: Mode, gaps: Mapping[str, int], held_back: int | None,
        comes: Callable[[str, str, str, bool, int], Instant],
    ) -> None:  # fmt: skip
        """`comes`: when a member is told in a room, of a user, that it is there or not, then or later."""
        assert view.presence is not None
        self.view = view
        self.declared = view.presence
        self.hearing = view.presence.observers
        self.trace = trace
        self.comes = comes
        self.mode = mode
        self.gaps = gaps
        self.slack = trace.patience if held_back is None else held_back
        self.links = {m.name: LinkHistory() for m in trace.members}
        self.user_of = {m.name: m.user for m in trace.members}
        self.stays: dict[tuple[str, str], Stay] = {}
        self.observers: dict[tuple[str, str], list[Observer]] = {}  # by member and room
        self.sessions: dict[tuple[str, str], Session] = {}
        self.of: dict[str, list[Session]] = {m.user: [] for m in trace.members}  # by user, in all rooms
        self.leaving = frozenset(
            e for ending in self.declared.endings if ending.kind is End.REQUEST for e in ending.names
        )
        # state -> how long after its request a session may end by itself so; told earlier, it has another reason
        self.expired = {e: end.after for end in self.declared.endings if end.kind is End.EXPIRY for e in end.names}
        cut_off = self.hearing.away - set(self.declared.requested_by)
        self.renewed_when_back = any(
            rule.to in self.declared.renewed_by and not cut_off.isdisjoint(rule.from_)
            for own in contract.views
            for rule in own.rules
        )
        self.goodbyes = frozenset(
            rule.cause.name
            for own in contract.views
            for rule in own.rules
            if own.hearing is None and rule.cause.kind is CauseKind.CALL and rule.to in self.leaving
        )
        # from a state that requests on, and from one that opens, a member is in as far as it knows
        self.there = self.hearing.states | self.hearing.away | {*self.declared.requested_by, *self.declared.opened_by}
        self.entries = set(self.declared.requested_by) | {
            rule.cause.name
            for own in contract.views
            for rule in own.rules
            if own.hearing is None and rule.cause.kind is CauseKind.CALL and rule.to in self.there
        }
        self.args: dict[tuple[str, str], Mapping[str, Any]] = {}  # of the last call by which a member may come in
        for room in trace.rooms:
            for member in trace.members:
                self.stays[member.name, room] = Stay(member.name, self.links[member.name])
        for room in trace.rooms:
            for user in dict.fromkeys(self.user_of.values()):
                self._session(user, room)

    def _session(self, user: str, room: str) -> Session:
        own = [name for name, u in self.user_of.items() if u == user]
        narrow = self.mode is Mode.NARROW
        causes = Causes(
            self.declared,
            stays=[self.stays[m, room] for m in own],
            elsewhere=[self.stays[m, other] for m in own for other in self.trace.rooms if other != room],
            narrow=narrow,
            slack=0 if narrow else self.slack,
            renewed_when_back=self.renewed_when_back,
        )
        session = self.sessions[user, room] = Session(
            self.view, f"{user} in {room}", causes, lambda *told: self.comes(room, user, *told)
        )
        self.of.setdefault(user, []).append(session)
        return session

    def observer(self, name: str, room: str, user: str) -> Observer:
        """What this observer hears of this user."""
        extra = self.trace.patience + self.gaps[name]
        session = self._in(room, user)
        observer = session.observer(f"{name} about {user} in {room}", extra, self.stays[name, room])
        self.observers.setdefault((name, room), []).append(observer)
        return observer

    def _in(self, room: str, user: str) -> Session:
        """The session of a user in a room, also in one that is none of the trace's."""
        if (user, room) not in self.sessions:
            for member in self.user_of:
                self.stays.setdefault((member, room), Stay(member, self.links[member]))
            self._session(user, room)
        return self.sessions[user, room]

    def _request(self, stay: Stay, room: str, args: Mapping[str, Any], at: Instant, *, valid: bool) -> Request:
        """A member's next request: as an observer it begins anew."""
        for observer in self.observers.get((stay.member, room), ()):
            observer.enter()
        stay.requests.append(Request(len(stay.requests) + 1, at, args, valid=valid))
        return stay.requests[-1]

    def _anew(self, stay: Stay, room: str) -> None:
        """Who asked to leave and asks to be in once more may be told the whole list again, left or not."""
        if stay.request is not None and stay.request.asked is not None:
            for observer in self.observers.get((stay.member, room), ()):
                observer.fresh = False

    # --- facts ------------------------------------------------------------------------------------------------------

    def called(self, member: str, room: str, name: str, args: Mapping[str, Any], at: Instant) -> None:
        """A member called an operation; with several rooms, the name says as which argument this room is meant."""
        stay = self.stays.get((member, room))
        if stay is None:
            return
        if name in self.entries:
            self.args[member, room] = args
        request = stay.request
        given = self.declared.requested_by.get(name)
        if given is not None and (request is None or request.out is not None):
            self._advance(member, at)
            self._request(stay, room, args, at, valid=asked_with(given, args))
        elif given is not None and request is not None and asked_with(given, args):
            self._advance(member, at)
            request.repeated = request.repeated or at
            self._anew(stay, room)
        elif name in self.goodbyes and request is not None and request.out is None and request.asked is None:
            self._advance(member, at)
            request.asked = at

    def acted(self, user: str, room: str, name: str, at: Instant) -> None:
        """The backend did something to a user."""
        if (user, room) in self.sessions:
            self.sessions[user, room].act(name, at)

    def faulted(self, member: str | None, kind: FaultKind, at: Instant) -> None:
        """A fault took effect on a member's link, or on the server."""
        for name in [member] if member is not None else list(self.links):
            self._advance(name, at)
            self.links[name].fault(kind, at, server=member is None)
        if member is None:
            for session in self.sessions.values():
                session.restart(at)

    def healed(self, member: str, at: Instant) -> None:
        """A member's link is whole again."""
        self._advance(member, at)
        self.links[member].heal(at)

    def server_back(self, member: str, at: Instant) -> None:
        """The server runs again, and this member's link has a fault of its own."""
        self._advance(member, at)
        self.links[member].server_back(at)

    def told(self, member: str, room: str, state: str, at: Instant) -> None:
        """A member was told a state of its own."""
        stay = self.stays.get((member, room))
        if stay is None:
            return
        self._advance(member, at)
        declared, args = self.declared, self.args.get((member, room), EMPTY)
        request = stay.request
        if request is None or request.out is not None:
            if state not in self.there:
                if request is not None and state in self.leaving and request.left is None:
                    request.left = at
                return
            request = self._request(stay, room, args, at, valid=False)
        given = declared.requested_by.get(state)
        if given is not None:
            self._anew(stay, room)
            request.args = args
            request.valid = request.valid or asked_with(given, args)
        if state in declared.opened_by:
            self._in(room, self.user_of[member]).opened(stay, request, state, at)
            request.first = request.first or at
            request.opened, request.lost, request.away = at, request.cut_off, False
        if state in self.hearing.away:
            request.cut_off, request.away = at, request.opened is not None
        elif state not in self.there:
            request.out = at
            if state in self.expired and at.hi + self.slack >= request.begin.lo + self.expired[state]:
                request.expiry = state
        if state in self.leaving and request.left is None:
            request.left = at

    def _advance(self, member: str, at: Instant) -> None:
        """What was due before this is judged by what was known before this."""
        for session in self.of[self.user_of[member]]:
            session.advance(at)
            session.check_at = -NEVER
