"""The times worth trying: around every limit that a contract knows, a moment, and anything between.

Limits differ by orders of magnitude (a notice of 100 ms, a retry timeout of 20 min), and one gap of 20 min costs as
much as a hundred of 10 s. So each limit belongs to a tier by its distance from the middle one, and a tier is the rarer
the longer its limits are: half of the ZEGO contract's schedules end within 200 s, one in nine outlasts its 20 min.

All gaps come from one sorted table in which a time stands as often as it is likely. So a gap costs two draws, and what
Hypothesis takes for simpler is the shorter one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from statistics import median_low

from roomcheck.spec.contract import Contract

NEAR, FAR = 5, 10  # times the middle limit; beyond FAR is long
BESIDE = (100, 50, 20)  # just before and just after a limit: by 1 %, 2 % and 5 % of it
MORE = 2  # so many times more often the edges of constants than those of windows
WITHOUT_LIMITS = 1_000  # ms, for a contract that has none

# How often each sort of gap stands in the table, out of 8,000, and each watch out of 100.
MOMENT, NEAR_EDGE, NEAR_SUM, FREE, FAR_EDGE, FAR_SUM, LONG_EDGE, LONG_SUM = 2000, 2400, 700, 1510, 900, 250, 45, 5
SHORT_WATCH, COMMON_WATCH, LONG_WATCH = 71, 28, 1
FREE_TIMES = 800


def documented(micros: int, scale: float) -> int:
    """The contract's microseconds in documented milliseconds."""
    return round(micros * Fraction(scale) / 1_000)


def scaled(milliseconds: int, scale: float) -> int:
    """Documented milliseconds in the contract's microseconds."""
    return round(Fraction(milliseconds * 1_000) / Fraction(scale))


def limits(contract: Contract) -> tuple[int, ...]:
    """Every time that the contract knows, in documented milliseconds, shortest first."""
    found = {documented(value, contract.scale) for value in _windows(contract)} - {0}
    return tuple(sorted(found)) or (WITHOUT_LIMITS,)


def _windows(contract: Contract) -> Iterator[int]:
    yield from contract.constants.values()
    yield contract.pace
    for operation in contract.operations.values():
        yield operation.settle_within
    for view in contract.views:
        if view.hearing:
            yield view.hearing.list_within
        if view.presence:
            yield from (view.presence.delivery, view.presence.noticed, view.presence.back)
            for ending in view.presence.endings:
                yield ending.after
                yield ending.after + ending.within
        for rule in view.rules:
            yield rule.after
            yield rule.after + rule.within
            yield from (unless.settle for unless in rule.unless)


def nice(most: float) -> tuple[int, ...]:
    """1, 2, 5, 10, 20 ... up to the most."""
    out = []
    power = 1
    while power <= most:
        out += [digit * power for digit in (1, 2, 5) if digit * power <= most]
        power *= 10
    return tuple(out)


def edges(limit: int, beside: Sequence[int] = BESIDE) -> set[int]:
    """Just before, at and just after a limit, by nice numbers of milliseconds."""
    out = {limit}
    for part in beside:
        out |= {limit - _little(limit, part), limit + _little(limit, part)}
    return out - {0}


def _little(limit: int, part: int) -> int:
    """At most this part of a limit, as a nice number."""
    return (nice(limit / part) or (1,))[-1]


@dataclass(frozen=True, slots=True)
class Times:
    """Tables to draw from, in the contract's microseconds, shortest first, each time as often as it is likely."""

    gaps: tuple[int, ...]
    moments: tuple[int, ...]
    pauses: tuple[int, ...]  # between the logins at the beginning
    watches: tuple[int, ...]


def times(contract: Contract) -> Times:
    """The tables of a contract."""
    known = limits(contract)
    middle = median_low(known)
    moments = (0, *nice(middle))
    near, far = NEAR * middle, FAR * middle
    constants = [documented(value, contract.scale) for value in contract.constants.values()]
    weighed = [*known, *(limit for limit in constants if limit for _ in range(MORE))]
    marks = [edge for limit in weighed for edge in edges(limit, BESIDE if limit <= far else BESIDE[:1])]
    sums = [time for a, b in permutations(constants, 2) if a / BESIDE[-1] < b <= a for time in (a - b, a + b)]
    free = range(1, 2 * near, max(1, 2 * near // FREE_TIMES))
    table = [
        *_share(MOMENT, moments),
        *_share(FREE, free),
        *_share(NEAR_EDGE, (t for t in marks if t <= near)),
        *_share(NEAR_SUM, (t for t in sums if t <= near)),
        *_share(FAR_EDGE, (t for t in marks if near < t <= far)),
        *_share(FAR_SUM, (t for t in sums if near < t <= far)),
        *_share(LONG_EDGE, (t for t in marks if t > far)),
        *_share(LONG_SUM, (t for t in sums if t > far)),
    ]
    pace = documented(contract.pace, contract.scale)
    ends = [max(t for t in known if t <= most) for most in (near, far)] + [known[-1]]
    short, common, long = (max(end, pace) + _little(end, BESIDE[-1]) for end in ends)

    def give(milliseconds: Iterable[int]) -> tuple[int, ...]:
        return tuple(scaled(t, contract.scale) for t in sorted(milliseconds))

    return Times(
        gaps=give(table),
        moments=give(moments),
        pauses=give([*moments, *[pace or middle] * (1 + len(moments) // 3)]),
        watches=give([short] * SHORT_WATCH + [common] * COMMON_WATCH + [long] * LONG_WATCH),
    )


def _share(slots: int, values: Iterable[int]) -> list[int]:
    """So many slots filled evenly with the values; none if there are none."""
    ordered = sorted(values)
    return [ordered[i * len(ordered) // slots] for i in range(slots)] if ordered else []
