"""Which schedules a search plays: those that are likely to meet most that none met before, by what they cost.

Choosing is greedy. What a schedule is likely to meet is what the model room tells of it under one policy, counted as a
trace of a run is counted (judge/coverage.py). Drawing and foreseeing take nearly all of the time, and hang on nothing
but the contract and the schedule: so they can be spread over workers, and what is chosen is the same.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from math import fsum, inf
from typing import TypeVar

from roomcheck.generate import under_other_faults, with_one_more
from roomcheck.generate.collect import Source, distinct, walks
from roomcheck.generate.links import Act
from roomcheck.judge.coverage import Triple, met, pairs
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Fault, Schedule
from roomcheck.model.trace import Faulted, Trace
from roomcheck.room import USUAL, alike, play
from roomcheck.run.queue import duration
from roomcheck.spec.contract import Contract
from roomcheck.spec.schedule_file import case_of
from roomcheck.spread import Spread, here

T = TypeVar("T")
DRAWN = 500  # at most so many are drawn where few end within the time, if more are not wanted
POOL = 2  # so many are drawn for each that is played; each is looked at under every fault
MORE = 3  # so many are tried with one act more for a triple that none of these meets
TRIPLE = 100  # what a triple is worth, measured in pairs of triples
# The same, expected once more. Where only drawn schedules were chosen from, 0 took 907 executions until 95 % of the
# triples of 4,000 were met, 0.3 449, 0.5 506 and 0.7 541 (in virtual time; ci/bench_pick.py tells what choosing saves).
AGAIN = 0.3
# What it costs to play one: its share of the machine, and its share of the time if so many are played at once.
WORK = 75_000  # microseconds; 800 a minute is what two cores play
SERVER = 300_000  # the same for a server of its own, which starts twice
IN_FLIGHT = 64  # of a room that is faster than documented, which fill two cores


def draw(
    contract: Contract, number: int, want: int, expected: Counter[object] | None, in_flight: int = IN_FLIGHT,
    most: float = inf, spread: Spread = here,
) -> list[tuple[Schedule, Schedule]]:  # fmt: skip
    """So many schedules for this seed, each with the drawn one that it was made from.

    That is itself, or it under other faults, or with one act more. What is remembered between runs is the drawn one,
    which comes again under every fault; a finding that takes the act more is kept by its schedule file alone.

    By turns one that is likely to meet triples that none met before, under whatever fault, and a drawn one, of either
    sort the best first: what choosing does not see, as how soon after another a call comes, needs many stories and not
    one story many times. `expected` counts what was expected of those chosen before, and of these in the end; None: all
    are played as chance gives them. `most`: how long one may take, in microseconds; there may be fewer than wanted.
    """
    drawn = _drawn(contract, number, want * POOL, most, spread)
    if expected is None:
        return [(schedule, schedule) for schedule in drawn[:want]]
    contract = replace(contract, views=(contract.connection,))  # what others are told changes nothing of what counts
    each = spread(_descendants, (contract, in_flight), drawn)
    candidates = [
        Candidate(schedule, *foresight, kin=kin)
        for schedule, found in zip(drawn, each, strict=True)
        for kin, foresight in enumerate(found)
    ]
    candidates += _with_more(contract, candidates, expected, in_flight, spread)
    news = _best(contract, candidates, (want + 1) // 2, Candidate.news, expected, above=0)
    taken = {id(candidate) for candidate in news}
    rest = [c for c in candidates if c.as_drawn and id(c) not in taken]
    more = _best(contract, rest, want - len(news), Candidate.worth, expected)
    by_turns = (candidate for both in zip_longest(news, more) for candidate in both if candidate)
    return [(candidate.schedule(contract), candidate.drawn) for candidate in by_turns]


def _drawn(contract: Contract, number: int, count: int, most: float, spread: Spread) -> list[Schedule]:
    """So many by chance, if there are, that take at most so long."""
    many = count
    while True:
        with closing(spread(_walked, Source(contract), walks(number, many))) as walked:
            drawn = distinct(walked, many)
        short = [schedule for schedule in drawn if duration(case_of("", schedule)) <= most]
        if POOL * len(short) >= count or many >= DRAWN:
            return short[:count]
        many = min(4 * many, DRAWN)


def _walked(source: Source, walk: int) -> list[Schedule]:
    return source.walk(walk)


def shortest(contract: Contract, number: int) -> int:
    """How long the shortest takes, in microseconds, of as many as are drawn at most where few end within the time."""
    return min(duration(case_of("", s)) for s in _drawn(contract, number, DRAWN, inf, here))


def foreseen(contract: Contract, schedule: Schedule, played: dict[str, Trace] | None = None) -> Trace:
    """What a room is likely to tell of a schedule: what the model room tells under one policy.

    `played`: what is known of others; those whose faults the model room cannot tell apart are played once.
    """
    played = {} if played is None else played
    plain = replace(schedule, steps=tuple(replace(step, act=_plain(step.act)) for step in schedule.steps))
    key = repr(plain)
    if key not in played:
        played[key] = play(contract, case_of("", plain), USUAL)
    kinds = (FaultKind(step.act.kind) for step in schedule.steps if isinstance(step.act, Fault))
    records = (replace(r, kind=next(kinds)) if isinstance(r, Faulted) else r for r in played[key].records)
    return replace(played[key], records=tuple(records))


def _plain(act: Act) -> Act:
    return replace(act, kind=alike(act.kind)) if isinstance(act, Fault) and act.member else act


Foresight = tuple[frozenset[Triple], frozenset[tuple[Triple, Triple]], float]  # of a schedule, and what it costs


@dataclass(slots=True, eq=False)
class Candidate:
    """What a schedule is expected to meet, and what it costs to play (microseconds).

    That is foretold, not known: a triple that was expected once is worth less than a new one, yet not nothing.
    The schedule is `more`, which was made from the drawn one, or that under another fault: its descendant number `kin`.
    `guessed`: the model room has not played it yet, or that is not looked at before it is to be chosen.
    """

    drawn: Schedule
    triples: frozenset[Triple]
    pairs: frozenset[tuple[Triple, Triple]]
    cost: float
    kin: int = 0
    more: Schedule | None = None
    guessed: bool = False
    ahead: Foresight | None = None

    @property
    def as_drawn(self) -> bool:
        return self.more is None and not self.kin

    def schedule(self, contract: Contract) -> Schedule:
        """The schedule; those that nobody chooses are not made."""
        return self.more or (descendants(contract, self.drawn)[self.kin] if self.kin else self.drawn)

    def foresee(self, contract: Contract) -> None:
        """Let the model room play what was guessed, where it has not done so."""
        assert self.more is not None
        self.triples, self.pairs, _ = self.ahead or _foresee((contract, 1), self.more)
        self.guessed = False

    def news(self, seen: Counter[object]) -> float:
        """By triples that were expected at most once."""
        return fsum(AGAIN ** seen[t] for t in self.triples if seen[t] <= 1) / self.cost  # exact, in whatever order

    def worth(self, seen: Counter[object]) -> float:
        """By all that it may meet; a new triple is worth more than any pair of known ones."""
        known = fsum(TRIPLE * AGAIN ** seen[t] for t in self.triples) + fsum(AGAIN ** seen[p] for p in self.pairs)
        return known / self.cost


def _cost(schedule: Schedule, in_flight: int) -> float:
    case = case_of("", schedule)
    return WORK + SERVER * case.own_server + duration(case) / in_flight


def descendants(contract: Contract, drawn: Schedule) -> list[Schedule]:
    """A drawn schedule, and the same under every other fault."""
    return [drawn, *under_other_faults(contract, drawn)]


Ground = tuple[Contract, int]  # and how many are played at once


def _foresee(ground: Ground, schedule: Schedule, played: dict[str, Trace] | None = None) -> Foresight:
    contract, in_flight = ground
    told = foreseen(contract, schedule, played)
    triples = frozenset(map(_one, met(contract, told)))
    return triples, frozenset(map(_one, pairs(contract, told))), _cost(schedule, in_flight)


@cache
def _one(thing: T) -> T:
    """The one object for all that are equal: ten thousand candidates hold the same few, also when they are sent."""
    return thing


def _descendants(ground: Ground, drawn: Schedule) -> list[Foresight]:
    played: dict[str, Trace] = {}
    return [_foresee(ground, schedule, played) for schedule in descendants(ground[0], drawn)]


def _with_more(
    contract: Contract, candidates: Sequence[Candidate], seen: Counter[object], in_flight: int, spread: Spread
) -> list[Candidate]:
    """For triples that none of these is expected to meet: drawn ones with one act more, a few for each triple."""
    unwanted = frozenset[Triple]().union(*(candidate.triples for candidate in candidates))
    ground = Wanted(contract, in_flight, {*unwanted, *(t for t in seen if isinstance(t, Triple))})
    tried: Counter[Triple] = Counter()
    made: list[Candidate] = []
    drawn = [
        c for c in candidates if c.as_drawn
    ]  # under other faults too it takes three times as long for a tenth more
    for c, offers in zip(drawn, spread(_offers, ground, [c.drawn for c in drawn]), strict=True):
        for more, triples, cost in offers:
            triple = next((t for t in triples if not seen[t] and tried[t] < MORE), None)
            if triple is None:
                continue
            tried[triple] += 1
            if tried[triple] == MORE:
                ground.unwanted.add(triple)
            made.append(Candidate(c.drawn, c.triples | {triple}, c.pairs, cost, more=more, guessed=True))
    if spread is not here:  # who plays them one by one saves a quarter that no choice ever comes to
        plays = spread(_foresee, (contract, in_flight), [c.more for c in made if c.more])
        for c, foresight in zip(made, plays, strict=True):
            c.ahead = foresight
    return made


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which triples need no act more; those that were tried often enough are added while others are being offered."""

    contract: Contract
    in_flight: int
    unwanted: set[Triple]


def _offers(ground: Wanted, drawn: Schedule) -> list[tuple[Schedule, tuple[Triple, ...], float]]:
    """One with an act more in each way that may be wanted, for the first of these triples that still is."""
    offered: Counter[Triple] = Counter()

    def wanted(triple: Triple) -> bool:
        return triple not in ground.unwanted and offered[triple] < MORE

    offers = []
    for more, triples in with_one_more(ground.contract, drawn, foreseen(ground.contract, drawn), wanted):
        offered[triples[0]] += 1
        offers.append((more, triples, _cost(more, ground.in_flight)))
    return offers


def _best(
    contract: Contract,
    candidates: Sequence[Candidate],
    want: int,
    worth: Callable[[Candidate, Counter[object]], float],
    seen: Counter[object],
    above: float = -1,
) -> list[Candidate]:
    """Greedily at most so many, worth more than `above`, the best first; each is counted in `seen` as it is chosen.

    What was guessed is played before it is chosen.
    """
    heap = [(-worth(candidate, seen), i) for i, candidate in enumerate(candidates)]
    heapq.heapify(heap)
    chosen: list[Candidate] = []
    while heap and len(chosen) < want:
        before, i = heapq.heappop(heap)
        candidate = candidates[i]
        if candidate.guessed:
            candidate.foresee(contract)
        actual = -worth(candidate, seen)
        if actual > before:
            heapq.heappush(heap, (actual, i))
        elif -actual > above:
            chosen.append(candidate)
            seen.update(candidate.triples)
            seen.update(candidate.pairs)
    return chosen
