"""What the server hears of its members: requests, and the silence of those whose link is lost.

The server hears a member through its link: requests cross it, and a member that it has not heard for long enough loses
its session. Where the contract leaves it open the policy decides whether the server hears of a request before its
member is told of it.
"""

from collections.abc import Mapping
from typing import Any

from roomcheck.room.connection import Connection
from roomcheck.room.link import ModelLink
from roomcheck.room.sessions import OpenSession, Sessions, Stay
from roomcheck.spec.contract import CauseKind, End, Ending

FIRST = 0.3  # so likely does the server hear of something before the member is told of it


class Presence(Sessions):
    """What members ask for and are told, and what their links do to their sessions."""

    def called(self, member: str, room: str, operation: str, args: Mapping[str, Any], own: Connection) -> None:
        """The member called an operation: it may be a request, or one to leave."""
        stay = self.stays[member, room]
        if operation in self.declared.requested_by:
            self._request(stay, self.declared.requested_by[operation], args)
        called = [o.rule for o in own.armed if o.rule.cause.kind is CauseKind.CALL]
        names = {rule.to for rule in called if rule.to in self.leaves}
        session = self._of(stay)
        if not names or session.holder is not stay or stay.link.mute or stay.unheard is not None:
            return
        now = self.agenda.now
        key = self._key(session)
        if self.decisions.whether(FIRST, "leaves first", *key, now=now):
            at = self.decisions.when(now, now + self.declared.delivery, "leaves", *key, now=now)
            version = session.version

            def heard() -> None:
                if session.version == version and session.holder is stay and not stay.link.mute:
                    self._end(session, self._ending(End.REQUEST, stay))

            self.agenda.at(at, heard)

    def told(self, member: str, room: str, state: str, args: Mapping[str, Any]) -> None:
        """The member was told a state about itself."""
        stay = self.stays[member, room]
        stay.state = state
        declared = self.declared
        if state in declared.requested_by:
            self._request(stay, declared.requested_by[state], args)
        if state in declared.opened_by:
            stay.args = args or stay.args
            if stay.unheard is not None and not stay.link.mute:
                stay.unheard = None
            elif stay.unheard is not None and stay.unheard < stay.link.unheard:  # it was heard before it was lost again
                stay.unheard = stay.link.unheard
                self._plan_loss(stay)
            self._told_in(stay, state)
        elif state in self.leaves or state not in self.there:
            self._told_out(stay, state)
        self.delivery.state(member, room, state)

    def decided(self, member: str, room: str, state: str, told: int) -> None:
        """The room has decided what the member is told at that time: the others may hear first that it has expired."""
        stay = self.stays[member, room]
        session, ending = self._of(stay), self._expiry(stay, state, told)
        if ending is None or session.holder is not stay:
            return
        version = session.version

        def expire() -> None:
            if session.version == version and not stay.link.mute:
                self._end(session, ending)

        self.agenda.at(max(self.agenda.now, told - self.declared.delivery), expire)

    def _expiry(self, stay: Stay, state: str, at: int) -> Ending | None:
        """How the session ended by itself, if it can have by then: the same state may be told for another reason."""
        endings = (e for e in self.endings if e.kind is End.EXPIRY and state in e.names)
        return next((e for e in endings if at >= stay.begin + e.after), None)

    def link(self, link: ModelLink, *, inbound: bool, outbound: bool, broken: bool = False) -> None:
        """A member's link has changed, in these directions as seen by it. `broken`: what was connected is dead."""
        if inbound:
            self.delivery.link(link)
        for stay in self.stays.values():
            if outbound and stay.link is link:
                if link.mute or broken:
                    self._lost(stay)
                if not link.mute:
                    self._back(stay, self.declared.back + (self.declared.noticed if broken else 0))

    def _request(self, stay: Stay, given: Mapping[str, tuple[Any, ...]], args: Mapping[str, Any]) -> None:
        if stay.active:
            return  # the operation was it already, and its state is told now; or it is in, and asks once more
        stay.number += 1
        if self._of(stay).holder is stay:
            self._of(stay).orphaned = stay.unheard
        stay.active, stay.told_in, stay.arrived, stay.leaving = True, False, False, False
        stay.args, stay.begin = args, self.agenda.now
        stay.valid = all(args.get(name) in values for name, values in given.items())
        stay.unheard = stay.link.unheard if stay.link.mute else None
        now, number = self.agenda.now, stay.number
        key = self._key(self._of(stay))
        first = stay.valid and not self.declared.told_by_member
        if first and self.decisions.whether(FIRST, "arrives first", *key, now=now):

            def arrive() -> None:
                fresh = stay.number == number and stay.active and not stay.told_in
                if fresh and not stay.link.mute and stay.unheard is None:
                    self._open(stay, None)

            self.agenda.at(self.decisions.when(now, now + self.declared.delivery, "arrives", *key, now=now), arrive)

    def _told_in(self, stay: Stay, state: str) -> None:
        session = self._of(stay)
        first, stay.told_in, stay.active = not stay.told_in, True, True
        session.entries += 1
        stay.entry = session.entries
        if session.holder is stay:
            session.told = True
            if (first and not stay.arrived) or (not first and self._renewed(session, state)):
                self._open(stay, state)
        elif session.holder is not None:
            if not (first and stay.arrived):
                self._open(stay, state)
        elif stay.member in session.back or (not stay.arrived if first else state in self.declared.renewed_by):
            self._open(stay, state)
        self._say(stay, state)

    def _say(self, stay: Stay, state: str) -> None:
        """What the member could not send is sent."""
        session = self._of(stay)
        if session.holder is stay and session.unsaid and not self._silenced(stay):
            session.unsaid = False
            self._change(session, joined=True, name=state, certain=False)

    def _renewed(self, session: OpenSession, state: str) -> bool:
        """Whether a member that is back has a new session in place of its old one."""
        return state in self.declared.renewed_by and self._wished(session, "renewed")

    def _told_out(self, stay: Stay, state: str) -> None:
        session, now = self._of(stay), self.agenda.now
        expiry = self._expiry(stay, state, now)
        stay.active = stay.told_in = stay.arrived = False
        if session.holder is not stay:
            return
        mute = stay.link.mute
        if expiry is not None and not mute:
            self._end(session, expiry)
            return
        if not mute and (
            (state in self.leaves and stay.unheard is None) or (stay.leaving and state in self.from_server)
        ):
            self._end(session, self._ending(End.REQUEST, stay))
            return
        stay.leaving = state in self.leaves and state in self.cut_off
        later = (s for s in self.stays.values() if self._of(s) is session and s.told_in and s.entry > stay.entry)
        other = next(later, None)
        if other is not None:  # another device of the user took its place, and was told so after it
            session.holder = other
            session.version += 1
            self._plan_loss(other)
            return
        loss = self._ending(End.LOSS, stay)
        # only its client knows, unless what is over was a later request than that of the session
        if stay.unheard is None and session.orphaned is None and loss is not None:
            key, version = self._key(session), session.version
            at = self.decisions.when(now, now + loss.after + loss.within, "found out", *key, now=now)

            def found_out() -> None:
                if session.version == version:
                    self._end(session, loss)

            self.agenda.at(at, found_out)

    def _lost(self, stay: Stay) -> None:
        """Nothing of the member comes any more."""
        now = self.agenda.now
        if stay.unheard is not None:
            heard = stay.active and self.decisions.whether(
                0.5, "was heard between", stay.member, stay.room, now, now=now
            )
            if not heard:
                return
        stay.unheard = now
        if self._of(stay).holder is stay:
            self._plan_loss(stay)

    def _back(self, stay: Stay, within: int) -> None:
        """The link passes again: the server hears the member, if that still wants to be heard."""
        now, since = self.agenda.now, stay.unheard
        at = self.decisions.when(now, now + within, "is heard", stay.member, stay.room, now, now=now)

        def heard() -> None:
            if not (stay.active or stay.leaving) or stay.link.mute or stay.unheard != since:
                return
            stay.unheard = None
            session = self._of(stay)
            if stay.leaving and session.holder is stay:
                self._end(session, self._ending(End.REQUEST, stay))
            inside = stay.told_in and stay.state in self.declared.opened_by
            if session.holder is None and inside and stay.member in session.back:
                self._open(stay, stay.state)
            if inside:
                self._say(stay, stay.state or "")

        self.agenda.at(at, heard)
