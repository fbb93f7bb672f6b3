"""How news of a session reaches its observers: which histories agree with what each of them received, or did not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from roomcheck.judge.causes import Causes
from roomcheck.judge.history import Change, History
from roomcheck.judge.hypothesis import LIVE, NEVER, Rejection, asked_with, fits
from roomcheck.judge.observer import Observer
from roomcheck.model.time import Instant, show_duration, show_window
from roomcheck.model.verdict import Window
from roomcheck.spec.contract import End, View

NOT = Instant(NEVER, NEVER)
Comes = Callable[[str, bool, int], Instant]  # NOT, if it is not


class News:
    """The news of one session; `observers` grows as they come."""

    def __init__(self, view: View, causes: Causes, user: str, observers: Sequence[Observer], comes: Comes) -> None:
        """`comes`: when a member is told this news of the user, then or later."""
        self.comes = comes
        self.view = view
        self.presence = causes.presence
        self.causes = causes
        self.narrow = causes.narrow
        self.by_lists = not view.signs
        self.user = user
        self.observers = observers
        self.look = NEVER  # when an observer may next be missing something, of those that were asked about

    def missing(self, h: History, now: Instant) -> tuple[Observer, Rejection] | None:
        """What an observer should have heard by now and has not."""
        if h.ousted and self.observers and (refused := self._without_cause(h, now)) is not None:
            return refused
        length = len(h.log)
        if h.heard.count(length) == len(h.heard):
            return None
        for observer, heard in zip(self.observers, h.heard, strict=True):
            if heard == length or observer.reception is not LIVE:
                continue
            before = True
            skipped = -1
            for n in range(heard, length):
                event = h.log[n]
                owed, before = before and self.owed(event, observer), self._sure(event)
                if not owed or n == skipped:
                    continue
                due = event.hi + self.presence.delivery
                late = now.hi - due if self.narrow else now.lo - due - observer.extra
                if late > 0:
                    if self.by_lists and n + 1 < len(h.log) and h.log[n + 1].lo <= due:
                        skipped = n + 1  # it was over before a list had to tell it
                        continue
                    word = self.view.word("present" if event.joined else "absent")
                    expected = f"{word} within {show_duration(event.takes + self.presence.delivery)} of {event.cause}"
                    came = self.comes(observer.stay.member, event.joined, now.hi)
                    over = came.hi - due if self.narrow else came.lo - due - observer.extra
                    seen = "never came" if came == NOT else f"came {show_duration(over)} too late"
                    text = f"{expected}: {seen}"
                    window = self.window(event)
                    if n and h.log[n - 1].cause == event.cause:  # a session in another's place makes two
                        text += f", though {self.view.word('absent')} had"
                    return observer, Rejection(late, text, None, event.requirement, expected, window)
                self.look = min(self.look, due if self.narrow else due + observer.extra)
                break
        return None

    def _without_cause(self, h: History, now: Instant) -> tuple[Observer, Rejection] | None:
        """The session ended with one member of the user, and another one is still in, over a whole link.

        That one must be told to be out, or lose its link, within the time in which a list must be right; where devices
        are counted, as soon as news comes.
        """
        due = h.hi + (self.presence.delivery if self.presence.counted else self.presence.observers.list_within)
        if not self.narrow:
            due += max(o.extra for o in self.observers)
        late = (now.hi if self.narrow else now.lo) - due
        if late <= 0:
            self.look = min(self.look, due)
            return None
        refused = self._still_in(h, late)
        return (self.observers[0], refused) if refused is not None else None

    def _still_in(self, h: History, late: int) -> Rejection | None:
        member = self.causes.still_in(h)
        if member is None:
            return None
        word = self.view.word("absent")
        text = f"{word} came, and {member} is there all the same, over a link that was whole"
        return Rejection(late, text, None, self.presence.counted_requirement or self.view.otherwise)

    def window(self, event: Change) -> Window:
        """When an observer may receive it, as wide as the instants are uncertain."""
        word = self.view.word("present" if event.joined else "absent")
        return Window(f"{word} upon {event.cause}", event.lo, event.hi + self.presence.delivery)

    def owed(self, event: Change, observer: Observer) -> bool:
        """Whether an observer must hear of it.

        It may be lost with the link of a member that sends it itself, or have come before the observer's list was due.
        """
        return self._sure(event) and not observer.may_know(event.lo)

    def _sure(self, event: Change) -> bool:
        """Whether it is owed, and surely got on its way, also where a member sends it itself.

        What that sends may be lost with its link, or unread where the server ends its connection.
        """
        if event.sender is None or not event.owed:
            return event.owed
        since, until = event.lo - self.presence.noticed, event.hi + self.presence.delivery
        if any(o.begin.hi >= since and o.begin.lo <= until for o in event.sender.link.outages):
            return False
        return not any(event.lo <= end.hi and end.lo <= until for r in event.sender.requests for end in r.cut_short())

    def delivered(
        self,
        h: History,
        observer: Observer,
        fields: Mapping[str, Any],
        at: Instant,
        rejections: list[Rejection],
        *,
        joined: bool,
    ) -> Iterator[History]:
        """The histories in which this observer now received what it was told."""
        i = observer.index
        before = True  # who was not told of the last change need not be told that it is undone
        for n in range(h.heard[i], len(h.log)):
            event = h.log[n]
            owed, before = before and self.owed(event, observer), self._sure(event)
            if event.joined is joined:
                told = self.received(h, observer, n, fields, at, rejections)
                if told is not None:
                    yield told
            if owed:
                if event.joined is not joined:
                    state = "present" if joined else "absent"
                    word, missing = self.view.word(state, fields), self.view.word("absent" if joined else "present")
                    expected = f"{missing} upon {event.cause}"
                    if observer.news is joined is False:
                        text, named = (
                            f"{word} came {self.view.again(state, fields)}, and no {missing} between",
                            self.view.otherwise,
                        )
                    else:
                        text, named = f"{word} came where {expected} was on its way", event.requirement
                    rejections.append(Rejection(1 << 61, text, None, named, expected))
                return
        found = False
        for created in self.causes.created(h, joined=joined, upto=at.hi):
            found = True
            told = self.received(created, observer, len(h.log), fields, at, rejections)
            if told is not None:
                yield told
        if not found:
            rejections.append(self.uncaused(h, at, fields, joined=joined))

    def listed(
        self, h: History, observer: Observer, at: Instant, rejections: list[Rejection], *, there: bool
    ) -> Iterator[History]:
        """The histories in which a list that this observer now received is right: it may skip what was soon over.

        Where increments tell the news, they are owed all the same.
        """
        heard = h.heard[observer.index]
        found = False
        for n in range(heard, len(h.log) + 1):
            if h.value(n) is there:
                found = True
                new = self.by_lists and n > heard
                yield from filter(None, [self.received(h, observer, n - 1, None, at, rejections) if new else h])
        if (h.holder is not None) is not there:
            for created in self.causes.created(h, joined=there, upto=at.hi):
                found = True
                told = self.received(created, observer, len(h.log), None, at, rejections) if self.by_lists else created
                yield from filter(None, [told])
        if not found:
            rejections.append(self.uncaused(h, at, None, joined=there))

    def received(
        self,
        h: History,
        observer: Observer,
        n: int,
        fields: Mapping[str, Any] | None,
        at: Instant,
        rejections: list[Rejection],
    ) -> History | None:
        event = h.log[n]
        news = f"{self.view.word('present' if event.joined else 'absent')} upon {event.cause}"
        for patterns in self._wanted(event) if fields is not None else ():
            pattern = patterns[0]
            if fields is not None and not any(fits(one, fields) for one in patterns):
                seen = {k: fields.get(k) for k in pattern}
                text = f"{news}: told with {seen}, required {dict(pattern)}"
                rejections.append(Rejection(0, text, None, event.requirement or self.view.otherwise, news))
                return None
        due = event.hi + self.presence.delivery
        if observer.may_know(event.lo):  # or had it to come while the list was not due
            due = max(due, observer.listed_at + self.presence.delivery)
        late = (at.hi - due) if self.narrow else (at.lo - due - observer.extra)
        if late > 0 and self._sure(event):
            expected = f"{news}, within {show_duration(event.takes + self.presence.delivery)}"
            text = f"{news}: came {show_duration(late)} too late"
            rejections.append(Rejection(late, text, None, event.requirement, expected, self.window(event)))
            return None
        tally = observer.tallies[event.requirement or "", news]
        tally.met += 1
        i = observer.index
        heard = (*h.heard[:i], n + 1, *h.heard[i + 1 :])
        hi = max(event.lo, min(event.hi, at.lo if self.narrow else at.hi))
        log = h.log if hi == event.hi else (*h.log[:n], replace(event, hi=hi), *h.log[n + 1 :])
        latest = min(h.hi, hi) if n + 1 == len(log) else h.hi
        return History(h.holder, h.number, h.back, h.lo, latest, h.base, log, heard, h.before, h.ousted)

    def _wanted(self, event: Change) -> tuple[tuple[Mapping[str, Any], ...], ...]:
        """The patterns of which its news fits one each."""
        return self.view.signs["present" if event.joined else "absent"].patterns, (event.pattern,)

    def uncaused(self, h: History, at: Instant, fields: Mapping[str, Any] | None, *, joined: bool) -> Rejection:
        """Why this news has no cause: the nearest one that is still to come, or what the observer knew already."""
        word = self.view.word("present" if joined else "absent", fields)
        user = self.user
        if joined is (h.holder is not None):
            text = f"{word} came, and {user} {'was there' if joined else 'had gone'} already"
            return Rejection(1 << 62, text, None, self.view.otherwise)
        if not joined:
            stay = self.causes.holder(h)
            assert stay is not None
            request = stay.requests[h.number - 1]
            loss = next(
                (e for e in self.presence.endings if e.kind is End.LOSS and asked_with(e.given, request.args)), None
            )
            live = stay.unheard(request, self.presence.noticed, self.presence.back)
            if loss is not None and live:
                begin, _ = live[-1]
                early = begin.lo + loss.after - at.hi
                if early > 0:
                    text = (
                        f"{word} came {show_duration(at.hi - begin.lo)} after {stay.member}'s link was lost, "
                        f"{show_duration(early)} before the server may give it up"
                    )
                    if loss.about:
                        text += f", {show_window(loss.after, loss.within, loss.about)} after that"
                    window = Window(word, begin.lo + loss.after, begin.hi + loss.after + loss.within)
                    return Rejection(early, text, None, loss.earlier or loss.requirement, window=window)
        if joined and self.presence.counted and (wrong := self._still_in(h, 1 << 61)) is not None:
            return wrong  # the goodbye before it had none
        there = "is there" if h.holder is not None else "has gone" if h.number else "is not there"
        return Rejection(1 << 62, f"{word} has no cause while {user} {there}", None)

    def agreeing(self, h: History, observer: Observer, at: Instant) -> Iterator[History]:
        """The list of this observer is due: the histories that agree with what it was told last."""
        i = observer.index

        def knows(one: History, heard: int) -> History:
            if one.heard[i] == heard:
                return one
            return replace(one, heard=(*one.heard[:i], heard, *one.heard[i + 1 :]))

        for n in range(len(h.log) + 1):
            rest = h.log[n:]
            if h.value(n) is observer.told and all(
                not self._sure(e) or e.hi + self.presence.delivery + self.causes.slack >= at.lo for e in rest
            ):
                yield knows(h, n)
        if (h.holder is not None) is not observer.told:
            for created in self.causes.created(h, joined=observer.told, upto=at.hi):
                for n in range(len(h.log) + 1, len(created.log) + 1):
                    if created.value(n) is observer.told:
                        yield knows(created, n)
