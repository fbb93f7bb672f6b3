"""A vendor with two states and one value for goodbye and loss, the first example of the page: traces are judged."""

import pytest

from roomcheck.model.fault import FaultKind
from support.vendors import CONFORMS, Act, Places, contract, judged, played

DUO = contract("duo")


class Duo(Places):
    """B and then A have entered; A at 10 s."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.enters(5000, "B")
        self.enters(10_000, "A")
        self.other(10_100, "online")
        self.other(10_100, "online", "A", "B")

    def anew(self, at: float) -> None:
        """A enters, and is told of B."""
        self.enters(at)
        self.other(at + 50, "online", "A", "B")

    def lost(self, at: float, kind: FaultKind = FaultKind.GHOST, noticed: float = 7000) -> None:
        self.fault(at, "A", kind)
        self.me(at + noticed, "A", "offline")


TRACES: dict[str, tuple[list[Act], str]] = {
    "nothing happens": ([("heal", 20_000, "A")], CONFORMS),
    "an honest goodbye": ([("leaves", 20_000), ("other", 20_200, "offline")], CONFORMS),
    "a goodbye that is told before it is answered": ([("leaves", 20_000), ("other", 20_050, "offline")], CONFORMS),
    "a goodbye of which nobody is told": ([("leaves", 20_000)], "violates D-OTHERS"),
    "a goodbye that is told too late": ([("leaves", 20_000), ("other", 21_200, "offline")], "violates D-OTHERS"),
    "told gone 0.2 s after the loss": ([("lost", 20_000), ("other", 20_200, "offline")], "violates D-GONE"),
    "told gone 0.2 s after the loss, which the client has noticed": (
        [("lost", 20_000, FaultKind.GHOST, 100), ("other", 20_200, "offline")], "violates D-GONE"),
    "told gone as early as it goes": ([("lost", 20_000), ("other", 29_100, "offline")], CONFORMS),
    "told gone after the patience": ([("lost", 20_000), ("other", 35_500, "offline")], CONFORMS),
    "told gone too late": ([("lost", 20_000), ("other", 36_200, "offline")], "violates D-GONE"),
    "never told gone": ([("lost", 20_000)], "violates D-GONE"),
    "told online again without a cause": ([("other", 20_000, "online")], "violates D-OTHERS"),
    "told offline without a cause": ([("other", 20_000, "offline")], "violates D-OTHERS"),
    "a goodbye, and told gone once more after the patience": (
        [("leaves", 20_000), ("other", 20_200, "offline"), ("other", 35_500, "offline")], "violates D-OTHERS"),
    "a goodbye over a dead link is a loss": (
        [("fault", 20_000, "A"), ("leaves", 20_500), ("other", 33_000, "offline")], CONFORMS),
    "a goodbye over a dead link is told at once": (
        [("fault", 20_000, "A"), ("leaves", 20_500), ("other", 20_700, "offline")], "violates D-GONE"),
    "lost, and in again before the others notice": (
        [("lost", 20_000), ("heal", 28_000, "A"), ("anew", 28_500)], CONFORMS),
    "lost, told gone, and in again": (
        [("lost", 20_000), ("other", 32_000, "offline"), ("heal", 40_000, "A"), ("anew", 40_500), ("other", 40_600, "online")],
        CONFORMS),
    "lost, told gone, in again, and B is not told": (
        [("lost", 20_000), ("other", 32_000, "offline"), ("heal", 40_000, "A"), ("anew", 40_500)], "violates D-OTHERS"),
    "lost without noticing, in again, and told both": (
        [("fault", 20_000, "A", FaultKind.TRUNCATE), ("me", 21_000, "A", "offline"), ("anew", 22_000),
         ("other", 22_000, "offline"), ("other", 22_500, "online")], CONFORMS),
    "lost without noticing, in again, and told half": (
        [("fault", 20_000, "A", FaultKind.TRUNCATE), ("me", 21_000, "A", "offline"), ("anew", 22_000),
         ("other", 22_000, "offline")], "violates D-OTHERS"),
    "a value that the page does not have": ([("other", 20_000, "away")], "violates D-OTHERS"),
    "back without a cause, which is told to the others first": (
        [("leaves", 20_000), ("other", 20_200, "offline"), ("other", 30_000, "online"), ("me", 30_900, "A", "online")],
        "violates D-ME"),
    "news without a cause, long before the member is told anything": (
        [("leaves", 20_000), ("other", 20_200, "offline"), ("other", 30_000, "online"), ("me", 31_100, "A", "online")],
        "violates D-OTHERS"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_judged(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(DUO, played(Duo(), acts), 60_000) == expected
