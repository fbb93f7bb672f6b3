"""Rooms that break one promise each, held against the judge: each requirement must catch one by its name."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.prove.lawful import Looked
from roomcheck.room import Break, Policy, breaks, perform, spare
from roomcheck.spec.case import AnyOf, Case, Entry, Item
from roomcheck.spec.contract import Contract
from roomcheck.spread import Spread, here

MADE_UP = ("left", "joined")  # news that nothing caused: wherever any is told
TRIES = 8  # scenarios, and as many random schedules, that a broken room is played through until it is caught


@dataclass(frozen=True, slots=True)
class Caught:
    """One broken room. `named`: every requirement that was named; `due`: a case in which what it breaks came up."""

    broken: Break
    named: tuple[str, ...]
    due: str
    case: str = ""
    seen: str = ""

    @property
    def rightly(self) -> bool:
        """Whether it was caught by what it breaks, or by anything if that has no name."""
        return self.broken.requirement in self.named if self.broken.requirement else bool(self.case)


@dataclass(slots=True)
class Matrix:
    """Which broken room is caught by which requirement."""

    requirements: tuple[str, ...]
    rows: list[Caught] = field(default_factory=list)

    def caught_by(self, requirement: str) -> list[Caught]:
        """The broken rooms that were caught with this name."""
        return [row for row in self.rows if requirement in row.named]

    @property
    def vacuous(self) -> list[str]:
        """The requirements that nothing was caught by."""
        return [r for r in self.requirements if not self.caught_by(r)]

    @property
    def missed(self) -> list[Caught]:
        """The broken rooms that nothing refused although what they break was due."""
        return [row for row in self.rows if row.due and not row.case]

    @property
    def untried(self) -> list[Caught]:
        """The broken rooms that nothing that was played ever asked for what they break."""
        return [row for row in self.rows if not row.due]


def hunt(
    contract: Contract, looked: Looked, matrix: Matrix, *, all_of_them: bool = True, spread: Spread = here
) -> Iterator[Caught]:
    """Play every broken room; then, for requirements that are still unnamed, all that their scenarios hold.

    `all_of_them`: else a requirement that has caught a broken room needs to catch no other one.
    """
    named: set[str] = set()
    cases = {case.id: case for case in contract.cases}
    every = breaks(contract)
    more = [*spare(contract), *every]
    chosen = [(cases[name], policy) for name, policy in looked.passed.items()]
    wanted = (b for b in every if all_of_them or b.requirement not in named)  # asked before each, where it is `here`
    with closing((spread if all_of_them else here)(_caught, Ground(contract, looked, chosen), wanted)) as rows:
        for row in rows:
            named.update(row.named)
            matrix.rows.append(row)
            yield row
    for requirement in matrix.requirements:
        if requirement in named:
            continue
        places = [(case, policy) for case, policy in chosen if requirement in names_of(case)]
        for broken in reversed(more):  # what tells others something first: they are often to be told nothing
            if requirement in named:
                break
            fit = [place for place in places if _concerns(broken, place[0], looked)]
            if fit:
                row = _play(contract, broken, fit, lambda row, wanted=requirement: wanted in row.named)  # type: ignore[misc]
                if requirement in row.named:
                    named.update(row.named)
                    matrix.rows.append(row)
                    yield row


@dataclass(frozen=True, slots=True)
class Ground:
    """What a broken room is played on."""

    contract: Contract
    looked: Looked
    chosen: Sequence[tuple[Case, Policy]]


def _caught(ground: Ground, broken: Break) -> Caught:
    places = _places(ground.contract, broken, ground.looked, ground.chosen)
    return _play(ground.contract, broken, places, lambda row: row.rightly)


def names_of(case: Case) -> set[str]:
    """Every requirement that a case may name."""
    names = set(case.requirements)
    for line in case.lines:
        names |= {e.requirement for e in _entries(line.items) if e.requirement}
    return names


def _entries(items: tuple[Item, ...]) -> Iterator[Entry]:
    for item in items:
        if isinstance(item, AnyOf):
            for branch in item.branches:
                yield from _entries(branch)
        elif isinstance(item, Entry):
            yield item
        else:
            yield from item.entries


def _concerns(broken: Break, case: Case, looked: Looked) -> bool:
    """Whether what is broken comes up in the case."""
    held = looked.held[case.id]
    if broken.news:
        return bool(held.news) if broken.news in MADE_UP else broken.news in held.news
    return broken.rule is None or broken.rule in held.kept


def _places(
    contract: Contract, broken: Break, looked: Looked, chosen: Sequence[tuple[Case, Policy]]
) -> list[tuple[Case, Policy]]:
    """Where it is most likely caught: scenarios that are for it first, then others, then chance."""
    if broken.news:
        found = list(looked.news.get(broken.news, ()))
        if broken.news in MADE_UP:
            found = [place for places in looked.news.values() for place in places[:2]]
    elif broken.rule is None:
        wanted = {r.id for v in contract.views for r in v.rules if r.to == broken.after and v.name == broken.view}
        found = [place for rule in sorted(wanted) for place in looked.kept.get(rule, ())]
    else:
        found = list(looked.kept.get(broken.rule, ()))
    passing = [(case, looked.passed[case.id]) for case, _ in found if case.id in looked.passed]
    passing += [(case, policy) for case, policy in found if case.id not in looked.passed]
    if broken.requirement:
        passing += [(case, policy) for case, policy in chosen if broken.requirement in names_of(case)]
    passing.sort(key=lambda place: broken.requirement not in names_of(place[0]))
    seen: set[str] = set()
    return [p for p in passing if not (repr(p[1]) + p[0].id in seen or seen.add(repr(p[1]) + p[0].id))]  # type: ignore[func-returns-value]


def _play(
    contract: Contract, broken: Break, places: Sequence[tuple[Case, Policy]], enough: Callable[[Caught], bool]
) -> Caught:
    row = Caught(broken, (), "")
    due = {True: 0, False: 0}  # in scenarios, in random schedules
    for case, policy in places:
        if due[bool(case.lines)] >= TRIES:
            continue
        performance = perform(contract, case, policy, broken)
        if not performance.broke:
            continue
        due[bool(case.lines)] += 1
        row = row if row.due else Caught(broken, (), case.id)
        verdict = judge(contract, performance.trace, case)
        if verdict.outcome is Outcome.VIOLATES:
            # what nothing explains is charged to what the case was played for: so by the rules alone, too
            findings = (*verdict.findings, *judge(contract, performance.trace).findings)
            named = tuple(dict.fromkeys(f.requirement for f in findings if f.requirement))
            first = row if row.case else Caught(broken, named, case.id, case.id, verdict.findings[0].seen)
            row = Caught(broken, tuple(dict.fromkeys((*row.named, *named))), row.due, first.case, first.seen)
            if enough(row):
                return row
    return row
