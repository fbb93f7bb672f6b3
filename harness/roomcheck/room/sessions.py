"""The sessions that the server keeps, one for each user and room: who holds it, and what the others are told.

Where the contract leaves open what happened the policy decides: whether a session is replaced quietly, whether one
elsewhere ends, whether a server that restarts forgets it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from roomcheck.room.breaks import MARGIN, REJOINED, REPLACED, Kind, news_of
from roomcheck.room.delivery import UNCAUSED, Change, Delivery, Host, Observer
from roomcheck.room.link import ModelLink
from roomcheck.spec.contract import End, Ending, View

NONE: Mapping[str, Any] = {}


@dataclass(slots=True, eq=False)
class Stay:
    """A member in a room: its newest request, and since when the server may not have heard it."""

    member: str
    room: str
    user: str
    link: ModelLink
    state: str | None = None
    number: int = 0
    begin: int = 0  # of that
    active: bool = False
    args: Mapping[str, Any] = field(default_factory=dict)
    valid: bool = False
    arrived: bool = False  # this request has opened a session
    told_in: bool = False
    entry: int = 0  # how many of its user were told to be in before it last was
    leaving: bool = False  # it has asked to leave, the server may not have heard it, and it goes on asking
    unheard: int | None = None


@dataclass(slots=True, eq=False)
class OpenSession:
    """`holder` is the member by which it is open; `back`: who may open it again without a new request."""

    user: str
    room: str
    holder: Stay | None = None
    back: set[str] = field(default_factory=set)
    version: int = 0
    count: int = 0
    orphaned: int | None = None  # since when its holder was not heard, whose next request is not here yet
    unsaid: bool = False  # its holder could not send the news that it is in
    told: bool = False  # its holder was told that it is in since it is
    entries: int = 0


class Sessions:
    """All sessions, and their news."""

    def __init__(
        self, host: Host, view: View, members: Sequence[tuple[str, str, ModelLink]], rooms: Sequence[str],
        from_server: Collection[str],
    ) -> None:  # fmt: skip
        """`from_server`: what a member is told of itself by the server alone."""
        assert view.presence is not None
        self.host = host
        self.view = view
        self.declared = view.presence
        self.endings = view.presence.endings
        self.there = (
            view.presence.observers.states
            | view.presence.observers.away
            | {*self.declared.requested_by, *self.declared.opened_by}
        )
        self.cut_off = view.presence.observers.away
        self.from_server = from_server
        self.leaves = frozenset(n for e in self.endings if e.kind is End.REQUEST for n in e.names)
        self.stays = {(m, r): Stay(m, r, user, link) for m, user, link in members for r in rooms}
        self.sessions = {(user, r): OpenSession(user, r) for _, user, _ in members for r in rooms}
        observers = [Observer(m, r, user, link) for m, user, link in members for r in rooms]
        self.agenda, self.decisions, self.broken = host.agenda, host.decisions, host.broken
        self.delivery = Delivery(host, view, observers, self.present)

    def present(self, user: str, room: str) -> bool:
        """Whether the session is open, as far as anybody can know."""
        session = self.sessions[user, room]
        return session.holder is not None and not session.unsaid

    def act(self, name: str, user: str, room: str) -> None:
        """The backend did this to the user."""
        session = self.sessions[user, room]
        ending = next((e for e in self.endings if e.kind is End.ACT and name in e.names), None)
        if ending is not None and session.holder is not None:
            self._end(session, ending)

    def restart(self) -> None:
        """The server was killed."""
        for session in self.sessions.values():
            members = {s.member for s in self.stays.values() if s.active and self._of(s) is session}
            if session.holder is None:
                session.back |= members
            elif self.decisions.whether(0.5, "forgets", *self._key(session), now=self.agenda.now):
                session.holder, session.unsaid = None, False
                session.version += 1
                session.back = members
                self.delivery.forgotten.add((session.user, session.room))

    def _of(self, stay: Stay) -> OpenSession:
        return self.sessions[stay.user, stay.room]

    def _key(self, session: OpenSession) -> tuple[object, ...]:
        session.count += 1
        return session.user, session.room, session.count

    def _wished(self, session: OpenSession, what: str) -> bool:
        """Whether something happens that others are told of as left and joined, or may be."""
        wanted = self.delivery.awaited(session.user, session.room)
        return self.decisions.wished(0.5, wanted, what, *self._key(session), now=self.agenda.now)

    def _open(self, stay: Stay, state: str | None) -> None:
        """The session is this member's from now on."""
        session, declared = self._of(stay), self.declared
        before, session.holder = session.holder, stay
        session.told = state is not None
        if not session.told:
            session.entries += 1
            stay.entry = session.entries
        session.version += 1
        session.orphaned = None
        session.back.clear()
        stay.arrived = True
        name = state or next(iter(declared.opened_by))
        if before is None and self._silenced(stay):
            session.unsaid = True
        elif before is None:
            fresh = declared.told_by_member and self.agenda.now - stay.link.since <= declared.noticed
            self._change(session, joined=True, name=name, certain=state is not None and not fresh)
        elif (before is not stay and not declared.counted) or (before is stay and state in declared.renewed_by):
            aloud = declared.replaced_aloud and (
                not declared.replaced_quietly or (not self._silenced(stay) and self._wished(session, "replaced aloud"))
            )
            if aloud:
                self._change(session, joined=False, name=REPLACED)
                self._change(session, joined=True, name=REJOINED)
        self.delivery.forgotten.discard((session.user, session.room))
        if stay.link.mute:
            stay.unheard = stay.link.unheard
            self._plan_loss(stay)
        if self.broken and self.broken.kind is Kind.CAUSELESS and not self.broken.after:
            self._make_up(session, joined=self.broken.news == "joined")
        self._elsewhere(stay)

    def _make_up(self, session: OpenSession, *, joined: bool) -> None:
        """In a room that tells what did not happen."""
        version = session.version

        def tell() -> None:
            if session.version == version:
                self._change(session, joined=joined, name=UNCAUSED)

        self.agenda.at(self.agenda.now + 2 * self.declared.delivery, tell)

    def _elsewhere(self, stay: Stay) -> None:
        """Another session of the user may be over."""
        ending = next((e for e in self.endings if e.kind is End.ELSEWHERE), None)
        for session in self.sessions.values():
            if ending and session.user == stay.user and session.room != stay.room and session.holder is not None:
                other = session.holder.member != stay.member and session.told  # else its answer is still under way
                if other and self.decisions.whether(0.5, "ends elsewhere", *self._key(session), now=self.agenda.now):
                    self._end(session, ending)

    def _silenced(self, stay: Stay) -> bool:
        """Whether the news that it is in is its own to send, and does not get out."""
        return self.declared.told_by_member and stay.link.mute

    def _ending(self, kind: End, stay: Stay) -> Ending | None:
        for ending in self.endings:
            if ending.kind is kind and all(stay.args.get(n) in v for n, v in ending.given.items()):
                return ending
        return None

    def _plan_loss(self, stay: Stay) -> None:
        session, loss = self._of(stay), self._ending(End.LOSS, stay)
        since = stay.unheard
        if loss is None or since is None:
            return
        now, version = self.agenda.now, session.version
        earliest = max(now, since + loss.after)
        at = self.decisions.when(earliest, since + loss.after + loss.within, "gives up", *self._key(session), now=now)
        if self.broken and self.broken.news == news_of(loss):
            if self.broken.kind is Kind.EARLY:
                at = max(now, since + loss.after - MARGIN)
            if self.broken.kind is Kind.LATE:
                at = since + loss.after + loss.within

        def give_up() -> None:
            if session.version == version and session.holder is stay and since in (stay.unheard, session.orphaned):
                self._end(session, loss, back=stay)

        self.agenda.at(at, give_up)

    def _heir(self, session: OpenSession) -> Stay | None:
        """Whoever is in: it keeps a session that one had who was never in, or that counts its devices."""
        stays = (s for s in self.stays.values() if self._of(s) is session and s is not session.holder)
        inside = [s for s in stays if s.active and s.told_in and s.state in self.there]
        heard = [s for s in inside if not s.link.mute and s.state in self.declared.opened_by]
        waited = [s for s in inside if self.declared.counted and not self._given_up(s)]
        return next(iter([*heard, *waited]), None)

    def _given_up(self, stay: Stay) -> bool:
        """Whether the server may have given up a member that it does not hear."""
        loss = self._ending(End.LOSS, stay)
        return stay.unheard is not None and loss is not None and stay.unheard + loss.after <= self.agenda.now

    def _end(self, session: OpenSession, ending: Ending | None, back: Stay | None = None) -> None:
        if session.holder is None or ending is None:
            return
        own = ending.kind in (End.REQUEST, End.LOSS, End.EXPIRY)
        heir = self._heir(session) if own and (self.declared.counted or not session.told) else None
        if heir is not None and self.broken and self.broken.kind is Kind.UNCOUNTED:
            self.host.broke = True
        elif heir is not None:
            session.holder, session.told = heir, True
            session.version += 1
            self._plan_loss(heir)
            return
        if ending.kind is End.LOSS:
            session.holder.arrived = False  # who was not told to be in asks again, and that opens another one
        session.holder, session.unsaid = None, False
        session.version += 1
        session.back = {back.member} if back and back.active else set()
        if ending.owed or self.decisions.option("is told", *self._key(session), now=self.agenda.now):
            self._change(session, joined=False, name=news_of(ending), more=ending.pattern)
        if self.broken and self.broken.kind is Kind.RETURNS and self.broken.news == news_of(ending):
            self._make_up(session, joined=True)

    def _change(
        self, session: OpenSession, *, joined: bool, name: str, more: Mapping[str, Any] = NONE, certain: bool = True
    ) -> None:
        self.delivery.change(session.user, session.room, Change(joined, name, dict(more), certain))
