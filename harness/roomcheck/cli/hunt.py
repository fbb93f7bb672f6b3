"""Looking for one defect in virtual time, by every scenario and then by chance."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice

from roomcheck.model.schedule import Schedule
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.reference import defects
from roomcheck.reference.defects import Defect
from roomcheck.report.matrix import Ending, Kind, Row, Sighting
from roomcheck.run import choosing
from roomcheck.run.queue import duration
from roomcheck.simulate import Virtual
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.schedule_file import case_of
from roomcheck.spread import Spread, here

ENOUGH = 4  # schedules by chance that name a defect rightly: the shortest of them is kept
FURTHER = 150  # schedules that are played for more of them after the first


@dataclass(slots=True)
class Quarry:
    """A defect (None: the conforming room), what was found of it, and the cases to show it with, the best first."""

    defect: Defect | None
    row: Row
    shown_by: list[Case] = field(default_factory=list)  # scenarios
    chance: list[Case] = field(default_factory=list)


def draw(contract: Contract, seed: int, count: int, spread: Spread = here) -> list[Case]:
    """So many random schedules, in the order in which a search with this seed would play its first."""
    drawn = choosing.draw(contract, seed, count, Counter(), spread=spread)
    return [named(seed, i, schedule) for i, (schedule, _) in enumerate(drawn)]


def named(seed: int, number: int, schedule: Schedule) -> Case:
    return case_of(f"random/{seed}-{number:05d}", schedule)


def hunted(contract: Contract, chosen: Sequence[Defect], drawn: Sequence[Case], spread: Spread) -> Iterator[Quarry]:
    """The conforming room, then each of these; in virtual time, by every scenario and by the drawn schedules."""
    conforming = _check(contract, contract.cases, drawn, spread)
    yield conforming
    accused = {s.case for s in conforming.row.by_chance}  # what accuses that room proves nothing against the others
    kept = [case for case in drawn if case.id not in accused]
    with closing(spread(_hunt, (contract, kept), [defect.name for defect in chosen])) as quarries:
        for defect, quarry in zip(chosen, quarries, strict=True):
            yield replace(quarry, defect=defect)


def _hunt(ground: tuple[Contract, Sequence[Case]], name: str) -> Quarry:
    contract, drawn = ground
    return replace(hunt(contract, defects.DEFECTS[name], contract.cases, drawn), defect=None)


def hunt(contract: Contract, defect: Defect, cases: Sequence[Case], drawn: Sequence[Case]) -> Quarry:
    """Play all cases, then the drawn ones until it shows. `drawn` are schedules that the conforming room keeps."""
    virtual = _virtual(contract, defect.name)
    seen = {case.id: (case, s) for case, s in _sightings(virtual, cases)}
    right = {name for name, (_, s) in seen.items() if set(s.requirements) & set(defect.breaks)}
    tried, by_chance = _by_chance(virtual, defect, drawn)
    row = Row(
        defect.name, Kind(defect.side), defect.topic, defect.sentence, defect.breaks, Ending.MISSED, len(cases),
        tuple(_ordered((s for _, s in seen.values()), defect.breaks)), tried, tuple(s for _, s in by_chance),
    )  # fmt: skip
    ending = Ending.CAUGHT if row.rightly else Ending.MISNAMED if row.by_case or row.by_chance else Ending.MISSED
    row = replace(row, ending=ending)
    return Quarry(defect, row, [seen[s.case][0] for s in row.by_case if s.case in right], [c for c, _ in by_chance])


def _check(contract: Contract, cases: Sequence[Case], drawn: Sequence[Case], spread: Spread) -> Quarry:
    """The room without a defect must keep the contract in all of them."""
    by_case, by_chance = (tuple(filter(None, spread(_seen, contract, some))) for some in (cases, drawn))
    accused = (*by_case, *by_chance)
    message = f"{accused[0].case}: {accused[0].seen}" if accused else ""
    return Quarry(None, Row(
        "none", Kind.CONFORMING, "", "The reference room as it is.", (), Ending.ACCUSED if accused else Ending.CLEAN,
        len(cases), by_case, len(drawn), by_chance, message=message,
    ))  # fmt: skip


def _seen(contract: Contract, case: Case) -> Sighting | None:
    return _play(_virtual(contract, None), case)


def _virtual(contract: Contract, name: str | None) -> Virtual:
    return Virtual(contract, defects.client(name), defects.server(name))


def _sightings(virtual: Virtual, cases: Iterable[Case]) -> Iterator[tuple[Case, Sighting]]:
    for case in cases:
        sighting = _play(virtual, case)
        if sighting is not None:
            yield case, sighting


def _play(virtual: Virtual, case: Case) -> Sighting | None:
    result = virtual.one(case)
    if result.outcome is not Outcome.VIOLATES or result.verdict is None:
        return None
    names = requirements_of(result.verdict)
    return Sighting(case.id, names, result.message, duration(case), len(case.schedule.steps))


def requirements_of(verdict: Verdict) -> tuple[str, ...]:
    """What its findings name, each once, the first finding's first."""
    return tuple(dict.fromkeys(f.requirement for f in verdict.findings if f.requirement))


def _by_chance(virtual: Virtual, defect: Defect, drawn: Sequence[Case]) -> tuple[int, list[tuple[Case, Sighting]]]:
    """How many were played until the first that names it rightly (or violates at all), and the best that were found."""
    found: list[tuple[Case, Sighting]] = []
    order = {case.id: i for i, case in enumerate(drawn, 1)}
    for case, sighting in _sightings(virtual, drawn):
        found.append((case, sighting))
        right = list(_right(found, defect))
        if len(right) >= ENOUGH or (right and order[case.id] > order[right[0].case] + FURTHER):
            break
    first = next(iter([*_right(found, defect), *(s for _, s in found)]), None)
    best = {s.case: (c, s) for c, s in found}
    ordered = _ordered((s for _, s in found), defect.breaks)
    return order[first.case] if first else len(drawn), [best[s.case] for s in islice(ordered, ENOUGH)]


def _right(found: Iterable[tuple[Case, Sighting]], defect: Defect) -> Iterator[Sighting]:
    return (s for _, s in found if set(s.requirements) & set(defect.breaks))


def _ordered(sightings: Iterable[Sighting], breaks: Sequence[str]) -> list[Sighting]:
    """Those that name the defect by their first finding first, then by any; the shortest first."""

    def rank(sighting: Sighting) -> tuple[int, int]:
        names = sighting.requirements
        right = 0 if names and names[0] in breaks else 1 if set(names) & set(breaks) else 2
        return right, sighting.length

    return sorted(sightings, key=rank)
