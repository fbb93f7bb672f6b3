"""The session of one user in one room, followed as the set of all histories that a lawful server may have had.

A history is a timed automaton's run with an interval for each of its changes: the session is open, held by one member
of the user, or closed; the changes that not every observer has received yet stand in its log. A change is thought of
when an observer receives news of it, when a member is told that it must have happened, or when it is overdue. So all
observers hear of one session, and who hears a change first bounds when the others must have heard it.

When no history is left, what was observed is refused; the reasons of the last rejections are the explanation.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from roomcheck.judge.causes import Causes
from roomcheck.judge.history import NOBODY, Change, History, Licence, ended, trimmed
from roomcheck.judge.hypothesis import (
    EMPTY,
    LIVE,
    MAX_HYPOTHESES,
    NEVER,
    Debt,
    Reception,
    Rejection,
)
from roomcheck.judge.news import Comes, News
from roomcheck.judge.observer import Observer
from roomcheck.judge.openings import Openings
from roomcheck.judge.stay import Request, Stay
from roomcheck.model.time import Instant
from roomcheck.spec.contract import End, View

LIST = "a right list of who is there"


class Session:
    """One user in one room; `causes` says what may have happened to it."""

    def __init__(self, view: View, name: str, causes: Causes, comes: Comes) -> None:
        self.view = view
        self.presence = causes.presence
        self.narrow = causes.narrow
        self.name = name
        self.user = name.split(" ", maxsplit=1)[0]
        self.causes = causes
        self.observers: list[Observer] = []
        self.hearing = News(view, causes, self.user, self.observers, comes)
        self.openings = Openings(causes)
        self.dead = False
        self.now = 0
        self.check_at = -NEVER  # nothing is overdue before, unless something happens
        self.histories = [History(None, 0, NOBODY, -NEVER, -NEVER, False, (), ())]

    def observer(self, name: str, extra: int, stay: Stay) -> Observer:
        """One more observer; `stay`: its own."""
        observer = Observer(self, name, len(self.observers), extra, stay)
        self.observers.append(observer)
        self.histories = [replace(h, heard=(*h.heard, len(h.log))) for h in self.histories]
        return observer

    # --- what happened ----------------------------------------------------------------------------------------------

    def act(self, name: str, at: Instant) -> None:
        """The backend did this to the user."""
        self.advance(at)
        self.causes.acts.append((name, at))
        ending = next((e for e in self.presence.endings if e.kind is End.ACT and name in e.names), None)
        if ending is None:
            return
        until = at.lo if self.narrow else at.hi
        licence = Licence(at.lo, until, ending.pattern, ending.requirement, name, owed=ending.owed)
        out: list[History] = []
        for h in self.histories:
            over = ended(h, licence, until) if h.holder is not None else None
            if over is None or h.hi >= at.lo:
                out.append(h)
            # a session that nobody has heard of yet may have ended by it, too
            if h.holder is None:
                begun = list(self.causes.created(h, joined=True, upto=until))
                unheard = [*begun, *(other for one in begun for other in self.causes.taken_over(one, until))]
            else:
                unheard = [*self.causes.taken_over(h, until), *self.causes.thrown_out(h, until)]
            out += filter(None, (ended(one, licence, until) for one in unheard))
            if over is not None:  # by the act, or by something else before that nobody has heard of
                out += [over, *self._over(h, until)]
        self._keep(out)

    def restart(self, at: Instant) -> None:
        """The server was killed: it may have forgotten the session, and whom it had removed."""
        self.advance(at)
        self.causes.restarts.append(at)
        inside = frozenset(s.member for s in self.causes.stays if s.request is not None and s.request.out is None)
        out: list[History] = []
        for h in self.histories:
            out.append(h)
            if h.holder is not None:
                event = Change(False, at.lo, NEVER, owed=False, pattern=EMPTY, requirement=None, cause="restart")
                silent = replace(h, holder=None, back=inside | {h.holder}, lo=at.lo, hi=at.hi, log=(*h.log, event))
                out.append(silent)
            else:
                out.append(replace(h, back=h.back | inside))
        self._keep(out)

    def opened(self, stay: Stay, request: Request, state: str, at: Instant) -> None:
        """A member is told that it is in. The facts are still those of before."""
        self.advance(at)
        self._keep([one for h in self.histories for one in self.openings.told(h, stay, request, state, at)])

    def news(self, observer: Observer, value: Any, fields: Mapping[str, Any], at: Instant) -> None:
        """An observer received news of the user."""
        observer.heard = True
        if self.dead:
            return
        told = self.view.told
        if value not in told.values():
            text = f"{value} is neither {self.view.word('present')} nor {self.view.word('absent')}"
            self._refuse(observer, at, [Rejection(0, text, None)])
            return
        joined = value == told["present"]
        state = "present" if joined else "absent"
        word = self.view.word(state, fields)
        if observer.reception is not LIVE:
            if observer.outside:
                text = f"{word} came while the observer is not in the room"
                self._refuse(observer, at, [Rejection(0, text, None, self.view.otherwise)])
            elif observer.fresh and joined == observer.told and not observer.by_list:
                when = self.view.again(state, fields) if observer.news is joined else "first"
                text = f"{word} came {when}, before the list of {observer.stay.member} was due"
                self._refuse(observer, at, [Rejection(0, text, None, self.view.otherwise)])
            observer.told = observer.news = joined
            observer.by_list = False
            observer.early.add(joined)
            return
        self.advance(at)
        rejections: list[Rejection] = []
        out: list[History] = []
        for h in self.histories:
            out += self.hearing.delivered(h, observer, fields, at, rejections, joined=joined)
        if not out and self.histories:
            self._refuse(observer, at, rejections)
        observer.told = observer.news = joined
        observer.by_list = False
        self._keep(out)

    def listed(self, observer: Observer, at: Instant, *, there: bool) -> None:
        """An observer received a list of all who are there."""
        observer.heard = True
        if self.dead:
            return
        if observer.outside and there:
            text = "stands in a list that came while the observer is not in the room"
            self._refuse(observer, at, [Rejection(0, f"{self.user} {text}", None, self.view.otherwise)])
        observer.told, observer.by_list, observer.news = there, True, None
        if self.dead or observer.reception is not LIVE:
            return
        self.advance(at)
        rejections: list[Rejection] = []
        out = [one for h in self.histories for one in self.hearing.listed(h, observer, at, rejections, there=there)]
        if not out and self.histories:
            self._refuse(observer, at, rejections)
        self._keep(out)

    def hear(self, observer: Observer, reception: Reception, at: Instant, *, again: bool = False) -> None:
        """As `Observer.hear`."""
        if self.dead:
            return
        if again:
            observer.fresh = False
        if reception is observer.reception:
            return
        self.advance(at)
        if observer.reception is LIVE:
            observer.early.clear()
        observer.reception = reception
        if reception is LIVE and not self.dead:
            observer.fresh = False
            observer.listed_at = at.hi
            agreeing = [
                a
                for h in self.histories
                for a in self.hearing.agreeing(h, observer, at)
                if self.hearing.missing(a, at) is None
            ]
            lists = self.presence
            requirement = lists.first_list_requirement if observer.newcomer else lists.list_requirement
            if agreeing and (observer.told or observer.early):  # else an empty list is right by itself
                observer.tallies[requirement or "", LIST].met += 1
            if not agreeing and self.histories:
                has, is_there = ("has", "is not there") if observer.told else ("lacks", "is there")
                text = f"the list that {observer.stay.member} knows {has} {self.user}, who {is_there}"
                self._refuse(observer, at, [Rejection(0, text, None, requirement, LIST)])
            if agreeing != self.histories:
                self._keep(agreeing)
            self.check_at = min(self.check_at, self.hearing.look)

    # --- time -------------------------------------------------------------------------------------------------------

    def advance(self, now: Instant) -> None:
        """Time has come to `now`: what is overdue has happened, and who should have heard of it has."""
        if self.dead:
            return
        self.now = max(self.now, now.lo)
        when = now.hi if self.narrow else now.lo
        if when <= self.check_at:
            return
        if (quiet := self._quiet(now, when)) is not None:
            self.check_at = quiet
            return
        self.hearing.look = look = NEVER
        out: list[History] = []
        late: list[tuple[Observer, Rejection]] = []
        none: frozenset[tuple[str | None, int]] = frozenset()
        todo = deque((h, none) for h in self.histories)
        while todo:
            h, before = todo.popleft()
            due, again = self.causes.due(h, now)
            if due < when:
                before |= {(h.holder, h.number)}  # another member's request may hold it since then, or the next one
                todo += [(o, before) for o in self._ended_by(h, due) if (o.holder, o.number) not in before]
                continue
            look = min(look, again)
            missing = self.hearing.missing(h, now)
            if missing is None:
                out.append(h)
            else:
                late.append(missing)
        if not out and late:
            late.sort(key=lambda one: (one[1].requirement is None, one[1].miss))
            observer = late[0][0]
            self._refuse(observer, now, [rejection for _, rejection in late])
            return
        self._keep(out)
        self.check_at = min(look, self.hearing.look)

    def _quiet(self, now: Instant, when: int) -> int | None:
        """Until when nothing is overdue in any history; None if something is."""
        self.hearing.look = look = NEVER
        for h in self.histories:
            due, again = self.causes.due(h, now)
            if due < when or self.hearing.missing(h, now) is not None:
                return None
            look = min(look, again)
        return min(look, self.hearing.look)

    def _ended_by(self, h: History, due: int) -> list[History]:
        """The histories in which the session has ended by then, or another member holds it."""
        return [*self._over(h, due), *self.causes.taken_over(h, due)]

    def _over(self, h: History, due: int) -> list[History]:
        """The histories in which the session has ended by then."""
        stay = self.causes.holder(h)
        assert stay is not None
        licences = self.causes.endings(stay, stay.requests[h.number - 1], h.lo)
        return [o for o in (ended(h, licence, due) for licence in licences) if o is not None]

    def debts(self, observer: Observer, *, joined: bool) -> Iterator[Debt]:
        """As `Observer.debts`: what is on its way to it, and what may become so."""
        if observer.reception is not LIVE and not self.dead:
            yield Debt(None, NEVER)
        for h in self.histories:
            created = self.causes.created(h, joined=joined, upto=NEVER) if h.value(len(h.log)) is not joined else ()
            for one in (h, *created):
                for event in one.log[h.heard[observer.index] :]:
                    if event.joined is joined:
                        until = event.hi + self.presence.delivery + observer.extra
                        yield Debt(event.requirement, until if event.owed else -1)

    # --- bookkeeping ------------------------------------------------------------------------------------------------

    def _refuse(self, observer: Observer, at: Instant, rejections: list[Rejection]) -> None:
        ranked = sorted(rejections, key=lambda d: (d.requirement is None, d.miss))
        observer.rejections = ranked or [Rejection(0, "no lawful history is left", None)]
        observer.refused_at = at.hi
        self.dead = True
        self.histories = []

    def _keep(self, histories: Iterable[History]) -> None:
        """Go on with these, without doubles and without what everybody has heard."""
        if self.dead:
            return
        self.check_at = -NEVER
        # what has just happened stays: a list that is due may not know it yet
        since = self.now - self.presence.delivery - self.causes.slack
        kept: list[History] = []
        for h in histories:
            one = trimmed(h, self._heard(h), since) if h.log else h
            if one not in kept:
                kept.append(one)
        if len(kept) > MAX_HYPOTHESES:
            for observer in self.observers:
                observer.gave_up = True
            self.dead = True
            kept = []
        self.histories = kept

    def _heard(self, h: History) -> int:
        """How many events of the log everybody has received who hears."""
        least = len(h.log)
        for observer, heard in zip(self.observers, h.heard, strict=True):
            if heard < least and observer.reception is LIVE:
                least = heard
        return least
