"""How a room decides what its contract leaves open: whether something optional comes, and when within its window.

A decision is drawn by hashing the seed with what is decided, and not from a sequence, so that a shorter schedule meets
the same decisions. `fixed` are decisions that were made otherwise, each between 0 and 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

_WHOLE = 1 << 64
PROMPT = 50  # what is prompt takes this part of its window
EDGE = 0.15  # so likely is each edge where moments are drawn

Decision = tuple[object, ...]  # what is decided


class Timing(StrEnum):
    """Where in its window what comes comes."""

    PROMPT = "prompt"
    EARLY = "as early as lawful"
    LATE = "as late as lawful"
    DRAWN = "drawn"  # anywhere, the two edges among them


@dataclass(frozen=True, slots=True)
class Policy:
    """The same values, the same decisions. `eagerness`: how likely what may come comes, 0 to 1.

    `obliging`: what may come comes if the scenario that is played expects it, and not otherwise.
    """

    timing: Timing = Timing.PROMPT
    seed: int = 0
    eagerness: float = 0.5
    obliging: bool = False
    fixed: Mapping[Decision, float] = field(default_factory=dict)

    def chance(self, likely: float, what: Decision) -> bool:
        """Whether something happens that is so likely."""
        known = self.fixed.get(what)
        return known < 0.5 if known is not None else likely > 0 and self._share(what) < likely

    def moment(self, earliest: int, latest: int, what: Decision, *, at_once: bool = False) -> int:
        """When something comes that comes between these two, both among them."""
        known = self.fixed.get(what)
        if known is not None:
            return earliest + round(known * (latest - earliest))
        match self.timing:
            case Timing.EARLY:
                return earliest
            case Timing.LATE:
                return latest
            case Timing.PROMPT:
                return earliest if at_once else earliest + (latest - earliest) // PROMPT
            case Timing.DRAWN:  # pragma: no branch
                share = self._share(what) * (1 + 2 * EDGE) - EDGE
                return earliest + round(min(1.0, max(0.0, share)) * (latest - earliest))

    def share_of(self, what: Decision) -> float:
        """A number from 0 to 1 for what is decided: 0, the first that there is, where what comes is prompt."""
        if what in self.fixed:
            return self.fixed[what]
        return 0.0 if self.timing is Timing.PROMPT else self._share(what)

    def _share(self, what: Decision) -> float:
        return share(self.seed, what)


USUAL = Policy(eagerness=0.0)  # what a room is likely to do: what it must, promptly


def share(seed: object, what: object) -> float:
    """A number from 0 to 1, the same for the same values."""
    digest = blake2b(repr((seed, what)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _WHOLE


class Decisions:
    """The decisions of one room, and when each was made; `taken`: of what might happen, what did."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.made: dict[Decision, int] = {}
        self.taken: set[Decision] = set()

    def whether(self, likely: float, *what: object, now: int) -> bool:
        """Whether it happens."""
        key = ("whether", *what)
        self.made.setdefault(key, now)
        happens = self.policy.chance(likely, key)
        if happens:
            self.taken.add(key)
        return happens

    def option(self, *what: object, now: int) -> bool:
        """Whether something comes that may come."""
        return self.whether(self.policy.eagerness, *what, now=now)

    def wished(self, likely: float, wanted: bool | None, *what: object, now: int) -> bool:  # noqa: FBT001
        """Whether something happens that a scenario does not want (False), or that it wants or says nothing of."""
        return wanted is not False and self.whether(likely, *what, now=now)

    def pick(self, number: int, *what: object, now: int) -> int:
        """One of so many."""
        key = ("which", *what)
        self.made.setdefault(key, now)
        return min(number - 1, int(self.policy.share_of(key) * number))

    def when(self, earliest: int, latest: int, *what: object, now: int, at_once: bool = False) -> int:
        """When it happens. `at_once`: if it is prompt, then as early as it can be."""
        if latest <= earliest:
            return earliest
        self.made.setdefault(("when", *what), now)
        return self.policy.moment(earliest, latest, ("when", *what), at_once=at_once)
