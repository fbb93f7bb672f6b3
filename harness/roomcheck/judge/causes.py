"""What may have opened or ended the session of one user in one room, and by when it must have ended.

The facts are those of the user's stays, here and elsewhere, of what the backend did to it, and of the server's
restarts.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from roomcheck.judge.history import NOBODY, Change, History, Licence, ended, logged
from roomcheck.judge.hypothesis import EMPTY, NEVER, asked_with
from roomcheck.judge.stay import Request, Span, Stay
from roomcheck.model.time import Instant
from roomcheck.spec.contract import End, Ending, Presence


class Causes:
    """The causes of one session. `stays` are the user's members here, `elsewhere` those in other rooms."""

    def __init__(
        self,
        presence: Presence,
        stays: list[Stay],
        elsewhere: list[Stay],
        *,
        narrow: bool,
        slack: int,
        renewed_when_back: bool,
    ) -> None:
        """`slack`: how much earlier (microseconds) a window may open.

        `renewed_when_back`: a member that was cut off may come back with a new session.
        """
        self.presence = presence
        self.stays = stays
        self.stay_of = {stay.member: stay for stay in stays}
        self.elsewhere = elsewhere
        self.narrow = narrow
        self.slack = slack
        self.renewed_when_back = renewed_when_back
        self.acts: list[tuple[str, Instant]] = []
        self.restarts: list[Instant] = []

    def holder(self, h: History) -> Stay | None:
        return self.stay_of[h.holder] if h.holder is not None else None

    def endings(self, stay: Stay, request: Request, since: int) -> Iterator[Licence]:
        """Every cause by which a session of this request may have ended, at that moment or later."""
        declared = self.presence
        gave_up: Ending | None = None
        leaving = next((r for r in stay.requests[request.number - 1 :] if r.asked or r.left), None)
        asked = (leaving.asked or leaving.left) if leaving is not None else None
        out = request.out
        unheard = next((e.unheard for e in declared.endings if e.kind is End.REQUEST and e.unheard), None)
        ousts = self._others(stay) if declared.counted or _outside(request, since) else NOBODY
        for ending in declared.endings:
            if ending.given and not asked_with(ending.given, request.args):
                continue
            pattern, requirement = ending.pattern, ending.requirement
            if ending.kind is End.REQUEST:
                if leaving is not None and asked is not None:
                    if not stay.sound(leaving, leaving.left or asked, declared.noticed, declared.delivery):
                        requirement = ending.unheard or requirement
                    # who was cut off meanwhile does not know that it was heard: it comes back, and leaves again
                    unsure = leaving.left is None and stay.live(request, declared.noticed)
                    out_at = asked if leaving.left is None else leaving.left  # before its call has returned, maybe
                    yield Licence(
                        stay.link.passing(min(asked.lo, out_at.lo)),
                        NEVER,
                        pattern,
                        requirement,
                        f"{stay.member} leaving",
                        frozenset({stay.member}) if unsure else NOBODY,
                        owed=ending.owed,
                        ousts=ousts,
                    )
            elif ending.kind is End.ACT:
                for name, at in reversed(self.acts):
                    if at.hi < since:
                        break
                    if name in ending.names:
                        yield Licence(at.lo, at.hi, pattern, requirement, name, owed=ending.owed)
            elif ending.kind is End.LOSS:
                gave_up = gave_up or ending
                me = frozenset({stay.member})
                if asked is not None:
                    requirement = unheard or requirement
                for begin, over in self._unheard(stay, request):
                    lo = (begin.hi if self.narrow and ending.after else begin.lo) + ending.after
                    if ending.after:
                        lo -= self.slack
                    if lo <= over:
                        takes = ending.after + ending.within
                        yield Licence(lo, over, pattern, requirement, _loss(stay), me, ending.owed, takes, ousts=ousts)
            elif ending.kind is End.EXPIRY:
                if request.expiry is not None and request.expiry not in ending.names:
                    continue
                since = request.begin.hi if self.narrow else request.begin.lo - self.slack
                lo = since + ending.after if ending.after else request.begin.lo
                over = NEVER if request.expiry is None or out is None else out.hi
                told = ousts | {stay.member}
                cause = f"the server's ending {stay.member}'s session"
                yield Licence(lo, over, pattern, requirement, cause, owed=ending.owed, ousts=told)
            else:  # another session of the user, elsewhere
                for other in self.elsewhere:
                    if other.member != stay.member:
                        for one in other.requests:
                            if one.valid or one.first is not None:
                                until = NEVER if one.out is None else one.out.hi + declared.delivery
                                cause = f"another session of {other.member}"
                                yield Licence(one.begin.lo, until, pattern, requirement, cause, owed=ending.owed)
        if request.gave_up is not None:
            pattern = gave_up.pattern if gave_up else EMPTY
            requirement = gave_up.requirement if gave_up else None
            owed = gave_up is None or gave_up.owed
            yield Licence(
                stay.link.passing(request.gave_up.lo),
                NEVER,
                pattern,
                requirement,
                f"{stay.member} giving up",
                owed=owed,
                ousts=ousts,
            )
        for at in self.restarts:
            if request.begin.lo <= at.hi and not (request.opened and request.opened.lo > at.hi):
                me = frozenset({stay.member})
                yield Licence(at.lo, NEVER, EMPTY, None, "the restart", back=me, owed=False)

    def _unheard(self, stay: Stay, request: Request) -> Iterator[tuple[Instant, int]]:
        """When the server may not have heard the member: who leaves before it is heard again never is."""
        gone = request.asked or request.left or request.out
        for begin, over in stay.unheard(request, self.presence.noticed, self.presence.back):
            yield begin, NEVER if gone is not None and gone.lo <= over else over

    def openings(self, h: History, upto: int) -> Iterator[tuple[Stay, Request, int, int]]:
        """Whoever may have opened the session by then, and when."""
        way = self.presence.delivery
        for stay in self.stays:
            for request in self._heard_since(stay, h.lo):
                end = NEVER if request.out is None else request.out.hi
                spans = []
                other = h.holder is not None and h.holder != stay.member
                if request.valid and (h.last != stay.member or request.number > h.number):
                    entered = end if request.first is None else min(end, request.first.hi)
                    spans += stay.link.arrivals(request.begin.lo, entered, way)
                same = h.holder == stay.member and request.number == h.number
                used = h.last == stay.member and request.number == h.number
                if request.valid and used and (anew := self._sent_anew(stay, request)) is not None:
                    entered = end if request.first is None else min(end, request.first.hi)
                    spans += stay.link.arrivals(max(anew, h.lo), entered, way)
                back = other or (self.renewed_when_back and same)
                if back and request.opened is not None and self._may_hold(h, stay, request):
                    spans += stay.link.arrivals(h.lo, end, way)
                if other and self.presence.counted and request.opened is not None:
                    spans.append(Span(h.lo, min(end, self._given_up(stay))))
                if request.repeated is not None and h.holder != stay.member:
                    spans += stay.link.arrivals(request.repeated.lo, end, way)
                if h.holder is None and stay.member in h.back:
                    spans += stay.link.arrivals(max(h.lo, request.begin.lo), end, way)
                for lo, hi in spans:
                    if max(lo, h.lo) <= min(hi, upto):
                        yield stay, request, max(lo, h.lo), min(hi, upto)

    def _others(self, stay: Stay) -> frozenset[str]:
        """The other members of the user."""
        return frozenset(self.stay_of) - {stay.member}

    def _given_up(self, stay: Stay) -> int:
        """When the server has surely given up a member that it does not hear."""
        down = stay.link.down
        if down is None or down.silent is None:
            return NEVER
        spans = [e.after + e.within for e in self.presence.endings if e.kind is End.LOSS]
        return down.silent.hi + max(spans, default=NEVER)

    def _may_hold(self, h: History, stay: Stay, request: Request) -> bool:
        """Whether a member that was in may hold the session by itself.

        Its link was lost, and it may be heard again; or it held the session before one that was never told to be in.
        """
        if stay.live(request, self.presence.noticed):
            return True
        holder = self.holder(h)
        return holder is not None and stay.member in h.before and _untold(holder.requests[h.number - 1], h.lo)

    def _sent_anew(self, stay: Stay, request: Request) -> int | None:
        """From when on a request may be sent anew: its link was lost before the answer came, and is whole again.

        Who is only deaf may send it at once: it arrives, and its answer does not.
        """
        outage = next(stay.link.since(request.begin.lo), None)
        if outage is None or (request.first is not None and request.first.hi < outage.begin.lo):
            return None
        if outage.silent is None and not outage.broken:
            return outage.begin.lo
        return None if outage.end is None else outage.end.lo

    def still_in(self, h: History) -> str | None:
        """The member that is in, over a whole link, though the session has ended with another one of its user."""
        for member in sorted(h.ousted):
            stay = self.stay_of[member]
            request = stay.request
            if request is None or request.opened is None or request.away or request.out or request.asked:
                continue
            if next(stay.link.since(h.lo - self.presence.noticed), None) is None:
                return member
        return None

    def _heard_since(self, stay: Stay, begin: int) -> Iterator[Request]:
        """The requests of which something may have reached the server from then on, in order."""
        first = len(stay.requests)
        for request in reversed(stay.requests):
            if request.out is not None:
                spans = stay.link.arrivals(request.begin.lo, request.out.hi, self.presence.delivery)
                if max((span.hi for span in spans), default=-NEVER) < begin:
                    break
            first -= 1
        return islice(stay.requests, first, None)

    def taken_over(self, h: History, upto: int) -> Iterator[History]:
        """Quietly, by another member or a newer request."""
        for stay, request, lo, hi in self.openings(h, upto):
            if self.presence.replaced_quietly or (self.presence.counted and stay.member != h.holder):
                yield h.held_by(stay.member, request.number, lo, hi)

    def thrown_out(self, h: History, upto: int) -> Iterator[History]:
        """By another member or a newer request, and the others are told."""
        if self.presence.replaced_aloud:
            for stay, request, lo, hi in self.openings(h, upto):
                if self.presence.counted and stay.member != h.holder:
                    continue
                cause, named = f"{stay.member}'s new session", self.presence.replaced_requirement
                events = [Change(joined, lo, hi, True, EMPTY, named, cause) for joined in (False, True)]
                yield logged(h, events, stay.member, request.number, lo, hi)

    def created(self, h: History, *, joined: bool, upto: int) -> Iterator[History]:
        """What may have happened unheard until now, such that this news is the first that comes of it."""
        if joined:
            if h.holder is None:
                for stay, request, lo, hi in self.openings(h, upto):
                    event = Change(True, lo, hi, True, EMPTY, None, f"{stay.member}'s request")
                    yield logged(h, (event,), stay.member, request.number, lo, hi)
            return
        if h.holder is None:
            yield from self._again(h, upto)
            return
        for one in (h, *self.taken_over(h, upto)):
            holder = self.holder(one)
            assert holder is not None
            for licence in self.endings(holder, holder.requests[one.number - 1], one.lo):
                if (over := ended(one, licence, upto)) is not None:
                    yield over
        yield from self.thrown_out(h, upto)

    def _again(self, h: History, upto: int) -> Iterator[History]:
        """The session has ended by request, and the news of its loss comes all the same."""
        if h.back:
            return
        for stay in self.stays:
            request = stay.request
            if request is None:
                continue
            for ending in self.presence.endings:
                if ending.again and asked_with(ending.given, request.args):
                    for begin, over in self._unheard(stay, request):
                        lo, hi = max(begin.lo + ending.after, h.lo), min(over, upto)
                        if lo <= hi:
                            event = Change(False, lo, hi, False, ending.pattern, ending.requirement, _loss(stay))
                            yield replace(h, lo=lo, hi=hi, log=(*h.log, event))

    def due(self, h: History, now: Instant) -> tuple[int, int]:
        """By when the session must have ended, as far as is known now, and when that is to be asked again."""
        stay = self.holder(h)
        if stay is None:
            return NEVER, NEVER
        request = stay.requests[h.number - 1]
        left, out, down = request.left, request.out, stay.link.down
        if left is None and out is None and down is None:
            return NEVER, NEVER
        declared = self.presence
        due = known = NEVER  # known: when it is certain that its request to end was heard

        def edge(instant: Instant) -> int:
            return instant.lo if self.narrow else instant.hi

        for ending in declared.endings:
            if ending.given and not asked_with(ending.given, request.args):
                continue
            if ending.kind is End.REQUEST and left is not None:
                if now.lo <= left.hi + declared.delivery:
                    known = left.hi + declared.delivery
                elif stay.sound(request, left, declared.noticed, declared.delivery):
                    due = min(due, edge(left))
            elif ending.kind is End.EXPIRY and request.expiry in ending.names and out is not None:
                if stay.sound(request, out, declared.noticed, declared.delivery):
                    due = min(due, edge(out))
            elif ending.kind is End.LOSS:
                span = ending.after + ending.within
                if down is not None and down.silent is not None and not down.server:
                    due = min(due, edge(down.silent) + span)
                if out is not None:
                    end = next((o.end for o in reversed(stay.link.outages) if o.end is not None), None)
                    since = edge(out)
                    due = min(due, (max(since, edge(end)) if end is not None else since) + span)
        due = NEVER if due < h.lo else due
        return due, min(due, known)


def _untold(request: Request, since: int) -> bool:
    """Whether the member was not told to be in since then."""
    return request.opened is None or request.opened.hi < since


def _outside(request: Request, at: int) -> bool:
    """Whether the member was not in at that time, by what it was told of this request."""
    if request.opened is None:
        return True
    ends = (request.cut_off if request.away else None, request.out)
    return request.opened.hi < at and any(end is not None and end.lo <= at for end in ends)


def _loss(stay: Stay) -> str:
    return f"the loss of {stay.member}'s link"
