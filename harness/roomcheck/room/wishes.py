"""What a scenario expects, so that a room can take the course that it tells of wherever the contract leaves a choice.

Of each callback it is known how often it is still expected at most. What no line speaks of is nobody's wish.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from roomcheck.spec.case import ANYONE, AnyOf, Entry, Expectation, Item

NEVER = 1 << 62
Subject = tuple[str, str | None]  # an observer, and the user that it is told of; None: itself
Event = tuple[str | None, str, Any]  # a room, a view, and the value of its field


class Wishes:
    """What is still expected of one play."""

    def __init__(self, lines: Iterable[Expectation]) -> None:
        self.left: dict[Subject, Counter[Event]] = {}
        self.open: set[Subject] = set()
        self.patterns: dict[tuple[Subject, Event], list[Mapping[str, Any]]] = {}
        self.entries: dict[tuple[Subject, Event], list[Entry]] = {}
        self.came: Counter[tuple[Subject, Event]] = Counter()
        for line in lines:
            subject = (line.observer, line.about)
            self.left[subject] = _most(line.items)
            if line.open:
                self.open.add(subject)
            for entry in _entries(line.items):
                self.patterns.setdefault((subject, _event(entry)), []).append(entry.pattern)
                self.entries.setdefault((subject, _event(entry)), []).append(entry)

    def wanted(self, subject: Subject, event: Event, pattern: Mapping[str, Any]) -> bool | None:
        """Whether this is expected, once more; None: nothing is said of it."""
        left = self.left.get(subject)
        if left is None:
            return None
        if left[event] > 0 and any(_agree(pattern, p) for p in self.patterns[subject, event]):
            return True
        return None if subject in self.open else False

    def earliest(self, subject: Subject, event: Event, labels: Mapping[str, int]) -> int:
        """When the next such callback is expected at the earliest: NEVER before the step that it counts from."""
        entry = self._next(subject, event)
        if entry is None or entry.of is None:
            return 0
        moment = labels.get(entry.of)
        return NEVER if moment is None else moment + entry.after

    def _next(self, subject: Subject, event: Event) -> Entry | None:
        entries, n = self.entries.get((subject, event), []), self.came[subject, event]
        return entries[n] if n < len(entries) else None

    def fields(self, subject: Subject, event: Event, pattern: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What such a callback may be expected to be told with, what is expected next first."""
        about = subject if subject in self.left else (subject[0], ANYONE)
        known, n = self.patterns.get((about, event), []), self.came[about, event]
        return [p for p in (*known[n:], *known[:n]) if _agree(pattern, p)]

    def told(self, subject: Subject, event: Event) -> str | None:
        """It came; returns its label in the scenario."""
        entry = self._next(subject, event)
        self.came[subject, event] += 1
        if subject in self.left:
            self.left[subject][event] -= 1
        return entry.label if entry else None


def _event(entry: Entry) -> Event:
    return entry.room, entry.view, entry.value


def _most(items: Iterable[Item]) -> Counter[Event]:
    """How often each callback may come at most."""
    out: Counter[Event] = Counter()
    for item in items:
        match item:
            case Entry():
                out[_event(item)] += 1
            case AnyOf(branches):
                most: Counter[Event] = Counter()
                for branch in branches:
                    most |= _most(branch)
                out += most
            case _:
                out.update(_event(entry) for entry in item.entries)
    return out


def _entries(items: Iterable[Item]) -> Iterable[Entry]:
    for item in items:
        match item:
            case Entry():
                yield item
            case AnyOf(branches):
                for branch in branches:
                    yield from _entries(branch)
            case _:
                yield from item.entries


def _agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a callback can be told with both."""
    return all(other.get(name, value) == value for name, value in one.items())
