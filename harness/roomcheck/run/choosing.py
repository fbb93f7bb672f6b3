"""Which schedules a search plays: those that are likely to meet most that none met before, by what they cost.

Choosing is greedy. What a schedule is likely to meet is what the model room tells of it under one policy, counted as a
trace of a run is counted (judge/coverage.py).
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import fsum, inf

from roomcheck.generate import schedules, under_other_faults, with_one_more
from roomcheck.generate.collect import collect
from roomcheck.generate.links import Act
from roomcheck.judge.coverage import Triple, met, pairs
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Fault, Schedule
from roomcheck.model.trace import Faulted, Trace
from roomcheck.room import USUAL, alike, play
from roomcheck.run.queue import duration
from roomcheck.spec.contract import Contract
from roomcheck.spec.schedule_file import case_of

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
    most: float = inf,
) -> list[tuple[Schedule, Schedule]]:  # fmt: skip
    """So many schedules for this seed, each with the drawn one that it was made from.

    That is itself, or it under other faults, or with one act more. What is remembered between runs is the drawn one,
    which comes again under every fault; a finding that takes the act more is kept by its schedule file alone.

    By turns one that is likely to meet triples that none met before, under whatever fault, and a drawn one, of either
    sort the best first: what choosing does not see, as how soon after another a call comes, needs many stories and not
    one story many times. `expected` counts what was expected of those chosen before, and of these in the end; None: all
    are played as chance gives them. `most`: how long one may take, in microseconds; there may be fewer than wanted.
    """
    drawn = _drawn(contract, number, want * POOL, most)
    if expected is None:
        return [(schedule, schedule) for schedule in drawn[:want]]
    contract = replace(contract, views=(contract.connection,))  # what others are told changes nothing of what counts
    candidates = [c for schedule in drawn for c in _descendants(contract, schedule, in_flight)]
    candidates += _with_more(contract, candidates, expected, in_flight)
    news = _best(contract, candidates, (want + 1) // 2, Candidate.news, expected, above=0)
    taken = {id(candidate) for candidate in news}
    rest = [c for c in candidates if c.schedule is c.drawn and id(c) not in taken]
    more = _best(contract, rest, want - len(news), Candidate.worth, expected)
    by_turns = (candidate for both in zip_longest(news, more) for candidate in both if candidate)
    return [(candidate.schedule, candidate.drawn) for candidate in by_turns]


def _drawn(contract: Contract, number: int, count: int, most: float) -> list[Schedule]:
    """So many by chance, if there are, that take at most so long."""
    many = count
    while True:
        drawn = collect(schedules(contract), number=number, count=many)
        short = [schedule for schedule in drawn if duration(case_of("", schedule)) <= most]
        if POOL * len(short) >= count or many >= DRAWN:
            return short[:count]
        many = min(4 * many, DRAWN)


def shortest(contract: Contract, number: int) -> int:
    """How long the shortest takes, in microseconds, of as many as are drawn at most where few end within the time."""
    return min(duration(case_of("", s)) for s in collect(schedules(contract), number=number, count=DRAWN))


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


@dataclass(slots=True, eq=False)
class Candidate:
    """What a schedule is expected to meet, and what it costs to play (microseconds).

    That is foretold, not known: a triple that was expected once is worth less than a new one, yet not nothing.
    `guessed`: the model room has not played it yet.
    """

    schedule: Schedule
    drawn: Schedule
    triples: frozenset[Triple]
    pairs: frozenset[tuple[Triple, Triple]]
    cost: float
    guessed: bool = False

    def foresee(self, contract: Contract, played: dict[str, Trace] | None = None) -> None:
        """Let the model room play it."""
        told = foreseen(contract, self.schedule, played)
        self.triples, self.pairs, self.guessed = met(contract, told), pairs(contract, told), False

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


def _descendants(contract: Contract, drawn: Schedule, in_flight: int) -> Iterator[Candidate]:
    played: dict[str, Trace] = {}
    for schedule in descendants(contract, drawn):
        candidate = Candidate(schedule, drawn, frozenset(), frozenset(), _cost(schedule, in_flight))
        candidate.foresee(contract, played)
        yield candidate


def _with_more(
    contract: Contract, candidates: Sequence[Candidate], seen: Counter[object], in_flight: int
) -> list[Candidate]:
    """For triples that none of these is expected to meet: drawn ones with one act more, a few for each triple."""
    known = frozenset[Triple]().union(*(candidate.triples for candidate in candidates))
    tried: Counter[Triple] = Counter()

    def wanted(triple: Triple) -> bool:
        if seen[triple] or triple in known or tried[triple] == MORE:
            return False
        tried[triple] += 1
        return True

    return [
        Candidate(more, c.drawn, c.triples | {triple}, c.pairs, _cost(more, in_flight), guessed=True)
        for c in candidates
        if c.schedule is c.drawn  # under other faults too it takes three times as long for a tenth more
        for more, triple in with_one_more(contract, c.drawn, foreseen(contract, c.drawn), wanted)
    ]


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
