"""Histories of a session, and the changes that they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from roomcheck.judge.stay import Stay

NOBODY: frozenset[str] = frozenset()
RECENT = 3  # events of a log that are kept for lists that are due: a session that was replaced makes two at once


@dataclass(slots=True)
class Change:
    """A change of the session between `lo` and `hi`. Each observer hears of it once; if not `owed`, it need not.

    `takes`: how long after its cause it may happen (microseconds). `sender`: the stay of the member that sends the news
    itself, so that it is lost or late with the member's link.
    """

    joined: bool
    lo: int
    hi: int
    owed: bool
    pattern: Mapping[str, Any]
    requirement: str | None
    cause: str
    sender: Stay | None = None
    takes: int = 0


@dataclass(slots=True)
class History:
    """One lawful history. `number`: of the request that holds the session open, or held it last.

    `back`: who may open it again without a new request. `before`: who held it before, or last, since it was opened.
    `base`: whether the session was open before the log; `heard`: how many events of the log each observer has received.
    `ousted`: who must be out, or have lost its link, as it ended with another member of the user.
    """

    holder: str | None
    number: int
    back: frozenset[str]
    lo: int
    hi: int
    base: bool
    log: tuple[Change, ...]
    heard: tuple[int, ...]
    before: frozenset[str] = NOBODY
    ousted: frozenset[str] = NOBODY

    def held_by(self, member: str, number: int, lo: int, hi: int) -> "History":
        """Another request holds the session from some moment between `lo` and `hi`, and nobody is told."""
        return replace(self, holder=member, number=number, lo=lo, hi=hi, before=self.holders)

    @property
    def holders(self) -> frozenset[str]:
        """Who has held it since it was opened."""
        return self.before if self.holder is None else self.before | {self.holder}

    @property
    def last(self) -> str | None:
        """Who holds it or held it last, if that is known: one request opens it once."""
        if self.holder is None and len(self.before) == 1:
            return next(iter(self.before))
        return self.holder

    def value(self, heard: int) -> bool:
        """Whether the session is open as far as one knows who has received so many events."""
        return self.log[heard - 1].joined if heard else self.base


class Licence(NamedTuple):
    """A cause by which the session may have ended between `lo` and `hi`. `back`: who may open it again by itself.

    `ousts`: the other members of the user, if none of them can be in any more.
    """

    lo: int
    hi: int
    pattern: Mapping[str, Any]
    requirement: str | None
    cause: str
    back: frozenset[str] = frozenset()
    owed: bool = True
    takes: int = 0
    ousts: frozenset[str] = NOBODY


def ended(h: History, licence: Licence, upto: int) -> History | None:
    """The session ended by this cause, if it can have by then."""
    lo, hi = max(licence.lo, h.lo), min(licence.hi, upto)
    if lo > hi:
        return None
    event = Change(
        False, lo, hi, licence.owed, licence.pattern, licence.requirement, licence.cause, takes=licence.takes
    )
    return History(None, h.number, licence.back, lo, hi, h.base, (*h.log, event), h.heard, h.holders, licence.ousts)


def logged(h: History, events: Sequence[Change], holder: str, number: int, lo: int, hi: int) -> History:
    """These changes happened, and now this member's request holds the session open."""
    before = NOBODY if h.holder is None else h.holders
    return History(holder, number, NOBODY, lo, hi, h.base, (*h.log, *events), h.heard, before)


def trimmed(h: History, heard: int, since: int) -> History:
    """Without the first events of the log, which everybody has heard; the last one stays, and those since then."""
    n = heard
    while n and (n > len(h.log) - 1 or (n > len(h.log) - RECENT and h.log[n - 1].hi >= since)):
        n -= 1
    if not n:
        return h
    left = tuple([max(0, k - n) for k in h.heard])
    return History(h.holder, h.number, h.back, h.lo, h.hi, h.value(n), h.log[n:], left, h.before, h.ousted)
