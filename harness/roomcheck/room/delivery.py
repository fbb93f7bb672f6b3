"""How the news of a session travels: what each observer was told last, what is on its way, and when its list is right.

An observer that is in the room over a whole link is told each change once and in order. One that was away, or whose
link was down, has missed what was on its way; some time after it is back its list is put right, as a whole or by what
differs.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from roomcheck.room.agenda import Agenda
from roomcheck.room.breaks import MARGIN, NEWS, Break, Kind
from roomcheck.room.link import ModelLink
from roomcheck.room.policy import Decisions
from roomcheck.spec.contract import Hearing, View

MEANWHILE = 0.3  # so likely is a change told to who is not owed it
UNCAUSED = "nothing"  # what made-up news is news of
AGAIN = 0.2  # so likely is a list told that need not be
TOGETHER = 0.75  # so likely are several users named by one callback


@dataclass(slots=True)
class Change:
    """News of a user: `name` is what it is news of, as breaks name it. `state` may go with fields of its own."""

    joined: bool
    name: str
    fields: dict[str, Any]
    certain: bool = True  # it counts from now, and not from what a member is told later


class Host(Protocol):
    """What delivery needs of the room."""

    broke: bool

    @property
    def agenda(self) -> Agenda:
        """The room's time."""

    @property
    def decisions(self) -> Decisions:
        """What its policy decides."""

    @property
    def broken(self) -> Break | None:
        """What it does wrong."""

    def awaits(self, observer: str, room: str, user: str, *, joined: bool) -> bool | None:
        """Whether the scenario expects the observer to be told this, if it says so."""

    def hurry(self, member: str, room: str) -> None:
        """The member is about to be told of others: what it must be told immediately about itself comes first."""

    def news(self, observer: str, room: str, users: Iterable[str], change: Change) -> None:
        """The observer is told."""

    def listed(self, observer: str, room: str, users: Iterable[str], name: str, changed: Mapping[str, bool]) -> None:
        """The observer is told of all who are there; `name`: what that is news of, of those who have `changed`."""


@dataclass(slots=True, eq=False)
class Observer:
    """One member as an observer of a room. `epoch` counts what makes what is on its way be lost."""

    member: str
    room: str
    user: str
    link: ModelLink
    state: str | None = None
    known: dict[str, bool] = field(default_factory=dict)  # user -> whether it was told last that it is in
    stale: bool = True
    fresh: bool = True  # its list starts empty
    whole_from: int = 0  # when its first list is surely right: only then can one be told again as a whole
    epoch: int = 0
    free: dict[str, int] = field(default_factory=dict)  # user -> when the last news of it comes
    count: int = 0


class Delivery:
    """All observers of all rooms, for one presence view."""

    def __init__(
        self, host: Host, view: View, observers: Iterable[Observer], present: Callable[[str, str], bool]
    ) -> None:
        """`present`: whether the server's session of this user in this room is open."""
        assert view.presence is not None
        self.host = host
        self.present = present
        self.hearing: Hearing = view.presence.observers
        self.delivery = view.presence.delivery
        self.lists = view.lists
        self.increments = bool(view.signs)
        self.observers = list(observers)
        self.users = list(dict.fromkeys(who.user for who in self.observers))
        self.of_oneself = view.presence.of_oneself and self.increments
        self.forgotten: set[tuple[str, str]] = set()  # (user, room) whose end need not be told

    def _at(self, moment: int, act: Callable[[], None]) -> None:
        self.host.agenda.at(moment, act)

    # --- changes ----------------------------------------------------------------------------------------------------

    def change(self, user: str, room: str, change: Change) -> None:
        """A session changed: every observer that can receive news of it is told."""
        host, now = self.host, self.host.agenda.now
        owing = [e for e in self.observers if e.room == room and e.user != user]
        first = True
        for who in owing:
            if not self._there(who):
                continue
            who.count += 1
            key = (who.member, room, user, who.count)
            if who.stale:
                awaited = host.awaits(who.member, room, user, joined=change.joined)
                if not host.decisions.wished(MEANWHILE, awaited, "is told meanwhile", *key, now=now):
                    continue
            at = max(who.free.get(user, 0), host.decisions.when(now, now + self.delivery, "news", *key, now=now))
            copies, wrong = 1, False
            broken = host.broken
            if change.name == UNCAUSED:
                wrong = not who.stale  # to who is cut off anything may be told
            elif broken and broken.news == change.name and not who.stale and broken.kind in (*NEWS, Kind.EARLY):
                wrong = broken.kind is not Kind.ONE or not first
                if broken.kind is Kind.NEVER or (broken.kind is Kind.ONE and not first):
                    copies = 0
                if broken.kind is Kind.TWICE:
                    copies = 2
                if broken.kind is Kind.LATE:
                    at = now + self.delivery + MARGIN
                    wrong = change.certain
                if broken.kind is Kind.EARLY:
                    at = now
            first = False
            who.free[user] = at
            if not copies:  # nobody can miss it before it is overdue
                at = now + self.delivery
            self._at(at, lambda who=who, epoch=who.epoch, copies=copies, wrong=wrong: self._deliver(  # type: ignore[misc]
                who, epoch, user, change, copies, wrong=wrong
            ))  # fmt: skip

        if self.of_oneself and change.name != UNCAUSED:
            for who in self.observers:
                if who.room == room and who.user == user and self._likely(MEANWHILE, who, "is told of itself"):
                    at = host.decisions.when(now, now + self.delivery, "news of itself", who.member, who.count, now=now)
                    self._at(at, lambda who=who: self._tell_itself(who, change))  # type: ignore[misc]

    def _tell_itself(self, who: Observer, change: Change) -> None:
        """A member is told of its own user what the others are told."""
        if self._there(who):
            self.host.hurry(who.member, who.room)
            self.host.news(who.member, who.room, [who.user], change)

    def awaited(self, user: str, room: str) -> bool | None:
        """Whether the scenario expects any of the others to be told that the user has left, if it says so."""
        others = [e.member for e in self.observers if e.room == room and e.user != user]
        answers = {self.host.awaits(member, room, user, joined=False) for member in others}
        return True if True in answers else False if False in answers else None

    def _there(self, who: Observer) -> bool:
        """Whether anything can be told to it."""
        return not who.link.deaf and (who.state in self.hearing.states or who.state in self.hearing.away)

    def _deliver(self, who: Observer, epoch: int, user: str, change: Change, copies: int, *, wrong: bool) -> None:
        """The observer is told, so many times."""
        if who.epoch == epoch and self._there(who):
            self.host.hurry(who.member, who.room)
        if who.epoch != epoch or not self._there(who) or (who.stale and who.known.get(user, False) is change.joined):
            return
        # the server may have given up whom it does not hear, and owes it nothing more
        self.host.broke = self.host.broke or (wrong and not who.link.mute)
        for _ in range(copies):
            who.known[user] = change.joined
            if self.increments:
                self.host.news(who.member, who.room, [user], change)
            else:
                self._tell_all(who, change.name, {user: change.joined})
            if self.lists and self._likely(AGAIN, who, "list again"):
                self._tell_all(who, change.name, {})

    def _likely(self, share: float, who: Observer, what: str) -> bool:
        who.count += 1
        return self.host.decisions.whether(share, what, who.member, who.room, who.count, now=self.host.agenda.now)

    def _tell_all(self, who: Observer, name: str, changed: Mapping[str, bool]) -> None:
        """By a list, of all whom the observer now knows to be there."""
        users = [user for user in self.users if who.known.get(user, False)]
        self.host.listed(who.member, who.room, users, name, changed)

    # --- lists ------------------------------------------------------------------------------------------------------

    def state(self, member: str, room: str, state: str) -> None:
        """The observer was told this about itself."""
        who = next(e for e in self.observers if (e.member, e.room) == (member, room))
        hearing = self.hearing
        there = hearing.states | hearing.away
        who.state = state
        if state not in there:
            self._cut(who)
            who.known.clear()
            who.fresh = True
        elif state in hearing.states:
            self._cut(who)
            if who.fresh:
                who.whole_from = self.host.agenda.now + hearing.list_within
            self._put_right(who, min(self.delivery, hearing.list_within) if who.fresh else hearing.list_within)
        else:
            self._cut(who)

    def link(self, link: ModelLink) -> None:
        """The observer has become deaf, or hears again."""
        for who in self.observers:
            if who.link is link:
                self._cut(who)
                if not link.deaf and who.state in self.hearing.states:
                    self._put_right(who, self.hearing.list_within)

    def _cut(self, who: Observer) -> None:
        """What is on its way is lost."""
        who.epoch += 1
        who.stale = True
        who.free.clear()

    def _put_right(self, who: Observer, within: int) -> None:
        now = self.host.agenda.now
        who.count += 1
        at = self.host.decisions.when(now, now + within, "list", who.member, who.room, who.count, now=now)
        epoch = who.epoch
        self._at(at, lambda: self._list(who, epoch))

    def _list(self, who: Observer, epoch: int) -> None:
        """From now on it knows who is there."""
        if who.epoch == epoch and not who.link.deaf:
            self.host.hurry(who.member, who.room)
        if who.epoch != epoch or who.link.deaf or who.state not in self.hearing.states:
            return
        host, now = self.host, self.host.agenda.now
        who.epoch += 1
        who.stale = False
        who.fresh = False
        who.free.clear()
        who.count += 1
        key = (who.member, who.room, who.count)
        whole = now > who.whole_from and host.decisions.whether(0.3, "whole list", *key, now=now)
        news: dict[bool, list[str]] = {True: [], False: []}
        for user in self.users:
            if user == who.user:
                continue
            there, known = self.present(user, who.room), who.known.get(user, False)
            lapsed = (user, who.room) in self.forgotten and not there
            if there is not known and lapsed and host.decisions.whether(0.5, "untold", user, *key, now=now):
                continue
            again = whole and there and host.awaits(who.member, who.room, user, joined=True) is not False
            if there is not known or again:
                news[there].append(user)
        if host.broken and host.broken.kind is Kind.STALE and any(news.values()):
            host.broke = True
            return
        changed = {user: there for there, users in news.items() for user in users}
        changed = {user: there for user, there in changed.items() if who.known.get(user, False) is not there}
        who.known |= changed
        if not self.increments:
            if any(news.values()) or self._likely(AGAIN, who, "list again"):
                self._tell_all(who, "list", changed)
            return
        if self.lists and self._likely(0.5, who, "by list"):
            self._tell_all(who, "list", changed)
            return
        for joined, users in news.items():
            together = len(users) < 2 or host.decisions.whether(TOGETHER, "together", *key, now=now)
            for group in [users] if together and users else [[u] for u in users]:
                host.news(who.member, who.room, group, Change(joined, "list", {}))
