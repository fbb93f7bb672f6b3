"""Virtual time: what is to happen when, in order."""

import heapq
from collections.abc import Callable


class Agenda:
    """Up to `now` everything has happened. Of what is due at one moment, what was entered first happens first."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.halted = False
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, moment: int, act: Callable[[], None]) -> None:
        """Do this at that moment, or now if it is past."""
        self._number += 1
        heapq.heappush(self._due, (max(moment, self.now), self._number, act))

    def run(self, until: int) -> None:
        """Let time pass up to this moment and all that is due then, or until something halts."""
        due = self._due
        while due and due[0][0] <= until and not self.halted:
            self.now, _, act = heapq.heappop(due)
            act()
        if not self.halted:
            self.now = max(self.now, until)
