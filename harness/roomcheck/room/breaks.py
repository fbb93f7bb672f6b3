"""Rooms that keep all of a contract but one promise.

A break is of one rule (an owed callback never comes, comes twice, too early, too late, with a wrong field, to the wrong
member; an answer is another one), of what a view says that nothing may come without a cause, or of the news of the
others. What breaks a rule that has a requirement must be found by that requirement's name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from roomcheck.spec.contract import CauseKind, Contract, End, Ending, Presence, Rule, View

UNLAWFUL = 2  # states that are told in each state without a cause
MARGIN = 1_000  # microseconds: a little too early or too late


class Kind(StrEnum):
    """What a room does wrong."""

    NEVER = "never told"
    TWICE = "told twice"
    EARLY = "told too early"
    LATE = "told too late"
    FIELD = "told with a wrong field"
    MISDIRECTED = "told to another member"
    AFTER_OWN = "told after another callback about oneself"
    AFTER_NEWS = "told after news of others"
    ANSWER = "answered otherwise"
    UNCOUNTED = "told though another device is there"
    CAUSELESS = "told without a cause"
    ONE = "told to one observer only"
    ONCE = "told to each member the first time only"
    STALE = "never put right"
    RETURNS = "told again after it was over"


@dataclass(frozen=True, slots=True)
class Break:
    """One broken promise. `rule`: which one, None: of the whole view. `requirement`: what must be named."""

    kind: Kind
    view: str
    text: str
    requirement: str | None
    rule: int | None = None
    state: str = ""  # CAUSELESS: what is told, after `after` was
    after: str = ""
    news: str = ""  # of the others: what it is news of

    def __str__(self) -> str:
        return f"{self.text}: {self.kind}"


def breaks(contract: Contract) -> list[Break]:
    """All that can be broken, in the order of the contract."""
    return [found for view in contract.views for found in _of_view(view)]


def spare(contract: Contract) -> Iterator[Break]:
    """More rooms, for what only a scenario proves.

    They withhold what they need not tell, or tell it twice; or they tell the first time only what they owe.
    """
    for view in contract.views:
        for rule in view.rules if view.hearing is None else ():
            if not rule.optional and not rule.silent and rule.answer is None:
                yield Break(Kind.ONCE, view.name, rule.text, rule.requirement, rule.id)
            if rule.optional and not rule.silent:
                for kind in (Kind.NEVER, Kind.TWICE, Kind.MISDIRECTED):
                    yield Break(kind, view.name, rule.text, rule.requirement, rule.id)
        for ending in view.presence.endings if view.presence else ():
            if not ending.owed or ending.kind is End.ELSEWHERE:
                name = news_of(ending)
                yield Break(Kind.NEVER, view.name, name, ending.requirement, news=name)


def _of_view(view: View) -> Iterator[Break]:
    if view.presence is not None:
        yield from _of_presence(view, view.presence)
    if view.hearing is not None:
        return
    for rule in view.rules:
        for kind in _of_rule(rule):
            yield Break(kind, view.name, rule.text, rule.requirement, rule.id)
    states = list(view.told)
    for n, after in enumerate(states):
        others = [*states[n:], *states[:n]]
        told = [s for s in others if s in view.signs]
        unlawful = [s for s in told if not any(r.to == s and after in r.from_ for r in view.rules)]
        if after != view.initial:
            for state in unlawful[:UNLAWFUL]:
                yield Break(Kind.CAUSELESS, view.name, f"{state} while {after}", view.otherwise, None, state, after)


def _of_rule(rule: Rule) -> Iterator[Kind]:
    if rule.answer is not None:
        yield Kind.ANSWER
        return
    if rule.silent:
        return
    if not rule.optional:
        yield Kind.NEVER
        yield Kind.TWICE
        yield Kind.MISDIRECTED
    if not rule.whenever and not rule.while_up:
        yield Kind.LATE
    if rule.while_up and not rule.optional:
        yield Kind.LATE
    if rule.after and rule.cause.kind is not CauseKind.CALL:
        yield Kind.EARLY
    if rule.pattern:
        yield Kind.FIELD
    if rule.immediately:
        yield Kind.AFTER_OWN
        yield Kind.AFTER_NEWS


REPLACED, REJOINED = "left upon replacement", "joined upon replacement"
NEWS = (Kind.NEVER, Kind.TWICE, Kind.LATE, Kind.ONE)


def news_of(ending: Ending) -> str:
    """What the news of a session that ended this way is called here."""
    return f"left upon {ending.text}"


def _of_presence(view: View, presence: Presence) -> Iterator[Break]:
    news = [kind for kind in NEWS if view.signs or kind is not Kind.TWICE]  # a list may be told again
    for state, requirement in presence.opened_by.items():
        for kind in news:
            yield Break(kind, view.name, f"joined upon {state}", requirement, news=state)
    for ending in presence.endings:
        name = news_of(ending)
        for kind in news:
            if (ending.owed and ending.kind is not End.ELSEWHERE) or kind is Kind.TWICE:
                yield Break(kind, view.name, name, ending.requirement, news=name)
        if ending.kind is End.LOSS and ending.after:
            yield Break(Kind.EARLY, view.name, name, ending.earlier or ending.requirement, news=name)
        if ending.pattern:
            yield Break(Kind.FIELD, view.name, name, ending.requirement, news=name)
        if ending.owed:  # else nobody may still be there who could tell
            yield Break(Kind.RETURNS, view.name, name, view.otherwise, news=name)
    if presence.replaced_aloud and view.signs:
        for kind, name in ((Kind.TWICE, REPLACED), (Kind.NEVER, REJOINED)):
            yield Break(kind, view.name, name, presence.replaced_requirement, news=name)
    if presence.counted:
        requirement = presence.counted_requirement or view.otherwise
        yield Break(Kind.UNCOUNTED, view.name, "left of one of two devices", requirement, news="devices")
    yield Break(Kind.STALE, view.name, "an observer's list", view.otherwise, news="list")
    yield Break(Kind.CAUSELESS, view.name, "left of who is there", view.otherwise, news="left")
    if view.signs:
        yield Break(Kind.CAUSELESS, view.name, "joined of who is there", view.otherwise, news="joined")
