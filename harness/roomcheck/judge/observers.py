"""When each observer hears of the others: while it is in the room, its link is whole, and its list is right."""

from collections.abc import Mapping

from roomcheck.judge.hypothesis import CUT_OFF, LIVE, NEVER, OUT, LinkState, Mode, Reception
from roomcheck.judge.observer import Observer
from roomcheck.judge.sessions import Sessions
from roomcheck.judge.view import Simulation
from roomcheck.model.time import Instant
from roomcheck.model.trace import Told, Trace
from roomcheck.spec.contract import Hearing


class Observers:
    """Every observer of a trace. `links` and `states` (of members in rooms) are kept by whoever tells it of them."""

    def __init__(
        self,
        sessions: Sessions,
        trace: Trace,
        links: Mapping[str, LinkState],
        states: Mapping[tuple[str, str], str],
        views: dict[tuple[str, ...], Simulation | Observer],
    ) -> None:
        """`views`: where the observers are to be found, by (view, observer, room, user)."""
        self.sessions = sessions
        self.hearing: Hearing = sessions.hearing
        self.there = self.hearing.states | self.hearing.away
        self.links = links
        self.states = states
        self.views = views
        users = sorted({m.user for m in trace.members})
        self.peers = {m.name: [u for u in users if u != m.user] for m in trace.members}
        self.known: dict[tuple[str, str], list[Observer]] = {}  # by observer and room
        self.shared: set[tuple[str, str]] = set()  # (observer, room) whose news another member of its user may have got
        self.due: dict[tuple[str, str], int] = {}  # (observer, room) -> when its list must be right
        self.next_list = NEVER  # the least of these
        self.narrow = sessions.mode is Mode.NARROW
        # a list that came at this instant may have come so much before it, or be so late for want of the machine
        widest = max((r.at.hi - r.at.lo for r in trace.records if isinstance(r, Told)), default=0)
        self.slack = 0 if self.narrow else widest + sessions.slack

    def observer(self, name: str, room: str, user: str) -> Observer:
        """What this observer hears of this user in this room."""
        key = (self.sessions.view.name, name, room, user)
        known = self.views.get(key)
        if isinstance(known, Observer):
            return known
        self.views[key] = observer = self.sessions.observer(name, room, user)
        observer.reception = self._reception(name, room)
        return observer

    def told(self, member: str, room: str, before: str | None, at: Instant) -> None:
        """A member was told a state of its own, another one than `before`."""
        hearing, now = self.hearing, self.states[member, room]
        if now in hearing.states:
            self._list_due(member, room, at, hearing.list_within)
        elif now not in hearing.away:
            self._list_due(member, room, at, self._under_way(member, at))
        self._cut_off(member, room, at, again=now in hearing.away and before in hearing.states)
        if now in hearing.states and self._newcomer(member, room):
            # what was under way when its list was told has reached the others, too
            self._list_due(member, room, at, min(hearing.list_within, 2 * self.sessions.declared.delivery))

    def _under_way(self, member: str, at: Instant) -> int:
        """How long after a member has left a room it may still be told of others: news that had been sent before.

        Over a link that was not whole it may be as late as a list.
        """
        within, links = self.hearing.list_within, self.sessions.links
        whole = next(links[member].since(at.lo - within), None) is None
        return min(within, self.sessions.declared.delivery) if whole else within

    def link(self, member: str, rooms: list[str], at: Instant) -> None:
        """A member's link went down, or came back."""
        for room in rooms:
            if self.links[member].down:
                self._cut_off(member, room, at, again=True)
            elif self.states.get((member, room)) in self.hearing.states:
                self._list_due(member, room, at, self.hearing.list_within)

    def share(self, member: str, others: list[str], room: str, at: Instant) -> None:
        """A member and another one of its user are both there: where they share what comes, either may miss some."""
        if not self.hearing.shared or self.states.get((member, room)) not in self.there:
            return
        for other in others:
            if self.states.get((other, room)) in self.there:
                for observer in (member, other):
                    self.shared.add((observer, room))
                    self._cut_off(observer, room, at, again=True)

    def lists_due(self, now: int) -> None:
        """Every list that was due before now is compared with what is lawful."""
        for (observer, room), due in sorted(self.due.items(), key=lambda item: item[1]):
            if due >= now or self.links[observer].down:
                continue
            del self.due[observer, room]
            reception = self._reception(observer, room)
            for about in self._observers(observer, room):
                about.hear(reception, Instant(due, due))
        self.next_list = min(self.due.values(), default=NEVER)

    def _observers(self, observer: str, room: str) -> list[Observer]:
        key = (observer, room)
        if key not in self.known:
            self.known[key] = [self.observer(observer, room, user) for user in self.peers[observer]]
        return self.known[key]

    def _cut_off(self, observer: str, room: str, at: Instant, *, again: bool) -> None:
        """`again`: it was in the room, and may be told the whole list anew."""
        for about in self._observers(observer, room):
            about.hear(CUT_OFF, at, again=again)

    def _newcomer(self, observer: str, room: str) -> bool:
        """Whether it came in just now, over a link that had been whole since before: then who is there is news."""
        stay = self.sessions.stays.get((observer, room))  # none in a room that is none of the case's
        request = stay.request if stay is not None else None
        if request is None or not any(about.fresh for about in self._observers(observer, room)):
            return False
        begin = request.begin.lo - self.sessions.declared.noticed
        return next(self.sessions.links[observer].since(begin), None) is None

    def _list_due(self, observer: str, room: str, at: Instant, within: int) -> None:
        since = at.lo if self.narrow else at.hi + self.slack + self.sessions.gaps[observer]
        self.due[observer, room] = since + within
        self.next_list = min(self.next_list, self.due[observer, room])

    def _reception(self, observer: str, room: str) -> Reception:
        state = self.states.get((observer, room))
        if state in self.hearing.away or (observer, room) in self.due:
            return CUT_OFF
        if state in self.hearing.states:
            missed = self.hearing.shared and (observer, room) in self.shared
            return CUT_OFF if missed or self.links[observer].down else LIVE
        return OUT
