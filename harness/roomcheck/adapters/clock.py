"""The clock of an adapter that cannot read the machine's, such as a page in a browser.

Each result says when it was written on the adapter's clock, and that was surely between our request and its arrival. So
each narrows the difference of the two clocks, and a callback's stamp becomes an interval of our time. Where the clocks
drift, and a new result contradicts what was known, the new one counts.
"""

from roomcheck.model.time import Instant

COARSE = 1_000  # microseconds; browsers round their clock, down or up, to 0.1 ms and as a rule not beyond 1 ms


class OwnClock:
    """What is known of it. Before the first result nothing is."""

    def __init__(self) -> None:
        self._ahead: Instant | None = None  # what must be added to its time to get ours

    def note(self, time: int, sent: int, received: int) -> None:
        """A result written at its `time` answers what we sent, and came when we received it."""
        ahead = Instant(sent - time - COARSE, received - time + COARSE)
        if self._ahead is not None:
            both = Instant(max(self._ahead.lo, ahead.lo), min(self._ahead.hi, ahead.hi))
            ahead = both if both.lo <= both.hi else ahead
        self._ahead = ahead

    def ours(self, time: int) -> Instant:
        """Our microseconds that surely hold the moment of its `time`. LookupError before the first result."""
        if self._ahead is None:
            raise LookupError("no result has told the adapter's time yet")
        return Instant(time + self._ahead.lo, time + self._ahead.hi)
