"""What one observer hears of the session of one user."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from roomcheck.judge.hypothesis import LIVE, NEVER, OUT, Debt, Reception, Rejection, Tally
from roomcheck.judge.stay import Stay
from roomcheck.model.time import Instant
from roomcheck.spec.contract import View


class Following(Protocol):
    """The session that observers hear of."""

    @property
    def view(self) -> View:
        """What tells of it."""

    def news(self, observer: "Observer", value: Any, fields: Mapping[str, Any], at: Instant) -> None:
        """An observer received news of the user."""

    def listed(self, observer: "Observer", at: Instant, *, there: bool) -> None:
        """An observer received a list of all who are there."""

    def hear(self, observer: "Observer", reception: Reception, at: Instant, *, again: bool = False) -> None:
        """As `Observer.hear`."""

    def debts(self, observer: "Observer", *, joined: bool) -> Iterator[Debt]:
        """As `Observer.debts`."""

    def advance(self, now: Instant) -> None:
        """Time has come to `now`."""


class Observer:
    """What one observer hears of the session."""

    __slots__ = ("by_list", "early", "extra", "fresh", "gave_up", "heard", "index", "listed_at", "name", "news",
                 "reception", "refused_at", "rejections", "session", "stay", "tallies", "told", "view")  # fmt: skip

    hypotheses = ()  # all observers hear of one session: there is nothing in which they could disagree

    def __init__(self, session: Following, name: str, index: int, extra: int, stay: Stay) -> None:
        """`stay`: its own in the room."""
        self.session = session
        self.stay = stay
        self.name = name
        self.index = index
        self.extra = extra
        self.view = session.view
        self.reception = LIVE
        self.told = False
        self.news: bool | None = None  # what it was told last since it came in, if anything, and not by a list
        self.fresh = stay.request is not None  # its list starts empty, and is told only once
        self.by_list = False  # what it was told last was in a list
        self.early: set[bool] = set()  # what it was told before its list was due
        self.listed_at = -NEVER  # when that was due
        self.heard = False
        self.gave_up = False
        self.rejections: list[Rejection] = []
        self.refused_at = 0
        self.tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)

    @property
    def refused(self) -> bool:
        """Whether no history is left that this observer may have heard of."""
        return bool(self.rejections)

    def enter(self) -> None:
        """The observer comes in: its list starts empty."""
        self.told, self.by_list, self.fresh, self.news = False, False, True, None

    @property
    def outside(self) -> bool:
        """Whether nothing can come: it is not in the room, and no request of its is under way."""
        request = self.stay.request
        return self.reception is OUT and (request is None or request.out is not None)

    @property
    def newcomer(self) -> bool:
        """Whether it has come in and not been away since."""
        request = self.stay.request
        return request is not None and request.first == request.opened

    def may_know(self, since: int) -> bool:
        """Whether it may have been told of a change from then on, and of its reverse, before its list was due."""
        return since <= self.listed_at and len(self.early) == 2

    def callback(self, value: Any, fields: Mapping[str, Any], at: Instant) -> None:
        """The observer received the view's callback with these fields."""
        self.session.news(self, value, fields, at)

    def listed(self, at: Instant, *, there: bool) -> None:
        """The observer received a list of all who are there, with the user or without it."""
        self.session.listed(self, at, there=there)

    def hear(self, reception: Reception, at: Instant, *, again: bool = False) -> None:
        """It came, was cut off, is back with its list due now, or left. `again`: its list may be told anew."""
        self.session.hear(self, reception, at, again=again)

    def debts(self, value: Any, *, followed: bool) -> Iterator[Debt]:
        """What lets this value still come, or did; `followed`: as the other one may come before it."""
        for rejection in self.rejections:
            yield Debt(rejection.requirement, -1)
        joined = value == self.view.told["present"]
        yield from self.session.debts(self, joined=joined)
        for debt in self.session.debts(self, joined=not joined) if followed else ():
            yield Debt(None, debt.until)

    def finish(self, end: int) -> None:
        """Observation ended."""
        self.session.advance(Instant(end, end))
