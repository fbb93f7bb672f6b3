"""What is not wrong but surely not meant: states nobody reaches, promises nobody checks, windows of no length."""

from collections.abc import Iterable, Iterator

from roomcheck.errors import Problem
from roomcheck.spec.case import AnyOf, Entry, Item, Unordered
from roomcheck.spec.contract import TWINS
from roomcheck.spec.load import Spec
from roomcheck.spec.problems import Problems
from roomcheck.spec.rules import Rulebook
from roomcheck.spec.scenarios import Draft
from roomcheck.spec.unused import unused
from roomcheck.spec.vocabulary import Binding, Step
from roomcheck.spec.where import Where

MAX_ID = 240  # bytes; a file system takes 255, and the case's files have an ending


def lint(spec: Spec) -> list[Problem]:
    """Everything that looks like a mistake, in the order of the file."""
    words, cases = spec.draft(Binding())
    problems = Problems()
    for where, message in [
        *_unreachable(words),
        *_ambiguous(words),
        *_empty_windows(words, cases),
        *unused(words),
        *_never_told(words),
        *_alike(spec, words),
        *_too_long(cases),
    ]:
        problems.add(where, message)
    return sorted(problems.found)


def _unreachable(words: Rulebook) -> Iterator[tuple[Where, str]]:
    """States and rules that no chain of rules from the initial state leads to, whatever the options are."""
    for view in words.views:
        reached = {view.initial}
        grown = True
        while grown:
            new = {r.to for r in view.rules if r.to is not None and r.from_ & reached} - reached
            reached |= new
            grown = bool(new)
        seen: set[str] = set()
        for rule in view.rules:
            for state in sorted({rule.to or view.initial, *rule.from_} - reached - seen):
                seen.add(state)
                yield rule.where, f"{view.name}: nothing leads from {view.initial} to {state}"


def _ambiguous(words: Rulebook) -> Iterator[tuple[Where, str]]:
    """A callback must say which state it is; silent states are never told."""
    for view in words.views:
        told: dict[str, str] = {}
        for state in [s for s in view.told if any(r.to == s and not r.silent for r in view.rules)]:
            first = told.setdefault(repr(view.signs[state]), state)
            if first != state:
                yield view.where, f"{view.name}: {first} and {state} are both told as {view.told[state]}"


def _empty_windows(words: Rulebook, cases: list[Draft]) -> Iterator[tuple[Where, str]]:
    for view in words.views:
        for rule in view.rules:
            judged = rule.answer is None and not rule.silent and not rule.optional
            if judged and rule.within == 0:
                yield rule.where, f"{rule.text}: the window is empty; give `within`"
    for draft in cases:
        for line in draft.case.lines:
            for entry in _entries(line.items):
                if entry.within == 0:
                    yield entry.where, f"{entry.text}: the window is empty; give a longer `within`"


def _entries(items: tuple[Item, ...]) -> Iterator[Entry]:
    for item in items:
        if isinstance(item, AnyOf):
            for branch in item.branches:
                yield from _entries(branch)
        else:
            yield from item.entries if isinstance(item, Unordered) else [item]


def _never_told(words: Rulebook) -> Iterator[tuple[Where, str]]:
    """States that are only entered silently, where something waits for a member to be told them, or cannot know."""
    connection = words.views[0]
    doubtful = {rule.to for rule in connection.rules if rule.silent and rule.optional}
    shape = words.shape.presence
    places: list[tuple[tuple[Step, ...], Iterable[str]]] = [
        (("operations", name, "settles"), operation.settles) for name, operation in words.shape.operations.items()
    ]
    followed: list[tuple[tuple[Step, ...], Iterable[str]]] = []
    if shape is not None:
        session, observers = shape.session, shape.observers
        places.append((("presence", "session", "opened by"), session.opened_by))
        places.append((("presence", "session", "renewed by"), session.renewed_by))
        followed = [
            (("presence", "session", "requested by"), session.requested_by),
            *((("presence", "session", "ended by", i, "request"), e.request) for i, e in enumerate(session.ended_by)),
            (("presence", "observers", "inside"), observers.inside),
            (("presence", "observers", "cut off"), observers.cut_off),
        ]
    for path, names in places:
        for state in names:
            if state in connection.silent:
                yield words.doc.at(path).key(state), f"no member is told {state}, it is only entered silently"
    for path, names in followed:
        for state in names:
            if state in connection.silent & doubtful:
                text = f"no member is told {state}, and it may be entered or not: nobody can know"
                yield words.doc.at(path).key(state), text
    for rule in connection.rules:
        state = rule.cause.name
        if rule.cause.kind in TWINS and state in connection.silent:
            yield rule.where, f"no member is told {state}, it is only entered silently"


def _alike(spec: Spec, words: Rulebook) -> Iterator[tuple[Where, str]]:
    """Names of scenarios that some file systems take for one: each has files of its own in a report."""
    seen: dict[str, str] = {}
    for i, scenario in enumerate(spec.shape.scenarios):
        first = seen.setdefault(scenario.id.casefold(), scenario.id)
        if first != scenario.id:
            yield words.where("scenarios", i), f"{scenario.id} and {first} differ in case only; reports need two files"


def _too_long(cases: list[Draft]) -> Iterator[tuple[Where, str]]:
    for draft in cases:
        size = len(draft.case.id.encode())
        if size > MAX_ID:
            yield draft.case.where, f"the id {draft.case.id[:40]}... has {size} bytes, more than a file may ({MAX_ID})"
