"""How a session may have opened of which a member is told."""

from collections.abc import Iterator
from dataclasses import replace

from roomcheck.judge.causes import Causes
from roomcheck.judge.history import Change, History, ended, logged
from roomcheck.judge.hypothesis import EMPTY
from roomcheck.judge.stay import Request, Stay
from roomcheck.model.time import Instant


class Openings:
    """The openings of one session; `causes` says what may have ended it before."""

    def __init__(self, causes: Causes) -> None:
        self.causes = causes
        self.presence = causes.presence
        self.narrow = causes.narrow

    def told(self, h: History, stay: Stay, request: Request, state: str, at: Instant) -> Iterator[History]:
        """What a history may have become when a member is told that it is in. The facts are still those of before."""
        variants = [h]
        if h.holder == stay.member and h.number == request.number:
            raced = (ended(h, licence, at.hi) for licence in self.causes.endings(stay, request, h.lo) if licence.back)
            variants += [over for over in raced if over is not None]
        elif (holder := self.causes.holder(h)) is not None and (request.first is None or request.away):
            # another session may have ended before this one began, and nobody has heard of it
            endings = self.causes.endings(holder, holder.requests[h.number - 1], h.lo)
            over = [one for licence in endings if (one := ended(h, licence, at.hi)) is not None]
            if request.first is not None:  # who is back after that may have no session any more
                variants += over
            else:
                for one in over:
                    yield from self._begun(one, stay, request, state, at)
        if len(self.causes.stays) > 1:  # it may replace one that nobody has heard of yet
            begun = self.causes.created(h, joined=True, upto=at.hi) if h.holder is None else ()
            begun = self.causes.thrown_out(h, at.hi) if h.holder == stay.member else begun
            variants += [one for one in begun if one.holder != stay.member]
            if h.holder == stay.member and request.away:  # and who is back takes it from a device that had it quietly
                variants += [one for one in self.causes.taken_over(h, at.hi) if one.holder != stay.member]
        for variant in variants:
            yield from self._open(variant, stay, request, state, at)

    def _joined(self, h: History, stay: Stay, request: Request, state: str, at: Instant) -> Iterator[Change]:
        """The opening of which a member is told, for each time at which what it sent may have reached the server."""
        begin, end = max(h.lo, min(request.begin.lo, at.lo)), (at.lo if self.narrow else at.hi)
        sender = stay if self.presence.told_by_member else None
        requirement = self.presence.opened_by[state]
        for span in stay.link.arrivals(begin, max(begin, end), self.presence.delivery):
            lo = max(begin, span.lo)
            hi = max(lo, min(end, span.hi))
            yield Change(True, lo, hi, True, EMPTY, requirement, f"{state} at {stay.member}", sender)

    def _begun(self, h: History, stay: Stay, request: Request, state: str, at: Instant) -> Iterator[History]:
        """After another session had ended."""
        for joined in self._joined(h, stay, request, state, at):
            yield logged(h, (joined,), stay.member, request.number, joined.lo, joined.hi)

    def _open(self, h: History, stay: Stay, request: Request, state: str, at: Instant) -> Iterator[History]:
        same = h.holder == stay.member and h.number == request.number
        renewed = self.presence.replaced_aloud and state in self.presence.renewed_by and request.away
        if same and not renewed:
            yield h
            return
        for joined in self._joined(h, stay, request, state, at):
            yield from self._opened(h, stay, request, state, joined)

    def _opened(self, h: History, stay: Stay, request: Request, state: str, joined: Change) -> list[History]:
        declared = self.presence
        same = h.holder == stay.member and h.number == request.number
        lo, hi = joined.lo, joined.hi
        if h.holder is None:
            out = []
            again = stay.member in h.back
            if again or request.first is None or state in declared.renewed_by:
                out.append(logged(h, (joined,), stay.member, request.number, lo, hi))
            # the answer was under way when the session that it is of ended, or it is of one that was asked to end
            overtaken = not again and stay.member in h.before and h.hi >= request.begin.lo
            if not out or overtaken or (again and request.asked is not None):
                out.append(h)
            return out
        out = []
        other = h.holder != stay.member
        late = other and declared.replaced_quietly and request.first is None and request.begin.lo <= h.hi
        if same or late:  # late: told only now of a session in whose place the other one has come meanwhile
            out.append(h)
        counted = declared.counted and other  # one more device, and nobody is told
        if not same and (counted or declared.replaced_quietly or not (other or state in declared.renewed_by)):
            out.append(h.held_by(stay.member, request.number, lo, hi))
        if not counted and declared.replaced_aloud and (other or state in declared.renewed_by):
            joined = replace(joined, requirement=declared.replaced_requirement)
            left = replace(joined, joined=False, sender=None)
            out.append(logged(h, (left, joined), stay.member, request.number, lo, hi))
        return out
