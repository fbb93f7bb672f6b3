"""How fast a run is played: as fast as the machine bears, and a case in doubt more slowly.

The machine's lateness does not grow with the windows, so that doubt ends at a slower speed where one more play at the
same one may end in doubt again. Programs are given the constants when they start; so each speed has a server and an
adapter of its own, which are started when the first case needs them (0.4 s on two cores for the reference room).

Whether the machine bears a speed is seen before the first case, by how late it usually is while the parts start, and
from then on by how many cases end in doubt.
"""

from collections import deque
from dataclasses import dataclass, field

from roomcheck.judge.lateness import deciding_speed, narrowest
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Outcome
from roomcheck.spec.contract import Contract
from roomcheck.spec.speed import speeds

ROOM = 3  # a machine bears a speed if it is usually late by at most such a part of the narrowest window
LOOKED_AT = 16  # cases whose ends tell of a speed
DOUBTS = 8  # of these in doubt, and the next cases begin at a slower speed


@dataclass(slots=True)
class Pace:
    """The speeds of a run; `now` is that at which a fresh case begins. With one speed only it is a fixed one."""

    speeds: tuple[float, ...]
    now: float
    _again: dict[str, float] = field(default_factory=dict)  # cases that were in doubt -> at which speed they go on
    _ends: deque[bool] = field(default_factory=lambda: deque(maxlen=LOOKED_AT))

    @classmethod
    def of(cls, contract: Contract, *, fixed: bool) -> "Pace":
        """From the contract's speed down to the documented one."""
        return cls((contract.scale,) if fixed else speeds(contract.scale), contract.scale)

    def bear(self, contract: Contract, usual: int) -> None:
        """Begin at the fastest speed that a machine bears which is usually late by so many microseconds."""
        documented = narrowest(contract) * contract.scale
        self.now = next((s for s in self.speeds if ROOM * usual * s <= documented), self.speeds[-1])

    def of_case(self, case: str) -> float:
        """The speed at which this case is played next."""
        return self._again.get(case, self.now)

    def ended(self, case: str, speed: float, outcome: Outcome | None) -> bool:
        """Whether it was in doubt at the slowest speed of several."""
        doubt = outcome is Outcome.INCONCLUSIVE
        if speed == self.now:
            self._ends.append(doubt)
        slower = [s for s in self.speeds if s < speed]
        if doubt and slower:
            self._again[case] = slower[0]
        else:
            self._again.pop(case, None)
        if slower and sum(self._ends) >= DOUBTS:
            self._ends.clear()
            self.now = max((s for s in self.speeds if s < self.now), default=self.now)
        return doubt and not slower and len(self.speeds) > 1


def advice(contract: Contract, trace: Trace) -> str:
    """What would decide a case that is in doubt."""
    late = f"this machine was {show_duration(max(trace.lateness, trace.starved))} late"
    if contract.scale <= 1:
        return f"a quieter machine: {late}"
    window = show_duration(narrowest(contract))
    return f"--scale {deciding_speed(contract, trace):g}: {late}, and the narrowest window is {window}"
