"""A vendor that counts the devices of a user: traces are judged."""

import pytest

from roomcheck.model.fault import FaultKind
from support.vendors import CONFORMS, Act, Places, contract, judged, played

TALLY = contract("tally")


class Tally(Places):
    """B, A and A2 have entered, at 5, 10 and 15 s; B was told of A once."""

    def __init__(self) -> None:
        super().__init__("A", "B", "A2", users={"A2": "A"})
        self.enters(5000, "B")
        self.enters(10_000, "A")
        self.other(10_100, "online")
        self.other(10_100, "online", "A", "B")
        self.enters(15_000, "A2")
        self.other(15_100, "online", "A2", "B")


LOST: list[Act] = [("fault", 20_000, "A", FaultKind.GHOST), ("me", 27_000, "A", "offline")]
TRACES: dict[str, tuple[list[Act], str]] = {
    "a device leaves, and then the other one": (
        [("leaves", 20_000, "A2"), ("leaves", 60_000, "A"), ("other", 60_200, "offline")], CONFORMS),
    "the older device leaves first": (
        [("leaves", 20_000, "A"), ("leaves", 60_000, "A2"), ("other", 60_200, "offline")], CONFORMS),
    "told gone with the first": ([("leaves", 20_000, "A2"), ("other", 20_200, "offline")], "violates D-DEVICES"),
    "told gone with the older one": ([("leaves", 20_000, "A"), ("other", 20_200, "offline")], "violates D-DEVICES"),
    "told gone with the first, and the other one leaves soon after": (
        [("leaves", 20_000, "A2"), ("other", 20_200, "offline"), ("leaves", 21_800, "A")], "violates D-DEVICES"),
    "told gone with the first, and that is taken back": (
        [("leaves", 20_000, "A2"), ("other", 20_200, "offline"), ("other", 20_600, "online")], "violates D-DEVICES"),
    "never told gone": ([("leaves", 20_000, "A2"), ("leaves", 60_000, "A")], "violates D-OTHERS"),
    "told of the second device, too": ([("other", 15_200, "offline"), ("other", 15_300, "online")], "violates D-OTHERS"),
    "one device is lost, and the other one leaves later": (
        [*LOST, ("leaves", 60_000, "A2"), ("other", 60_200, "offline")], CONFORMS),
    "one device is lost, and the user is told gone": ([*LOST, ("other", 33_000, "offline")], "violates D-DEVICES"),
    "one device is lost, the other one leaves before that is noticed, and the user is gone at once": (
        [*LOST, ("leaves", 28_000, "A2"), ("other", 28_200, "offline")], CONFORMS),
    "one device is lost, the other one leaves, and the lost one is waited for": (
        [*LOST, ("leaves", 28_000, "A2"), ("other", 35_500, "offline")], CONFORMS),
    "one device is lost, the other one leaves, and the user is never told gone": (
        [*LOST, ("leaves", 28_000, "A2")], "violates D-GONE"),
    "one device was lost long ago, and the goodbye of the other one is not told": (
        [*LOST, ("leaves", 60_000, "A2")], "violates D-OTHERS"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACES)
def test_devices_are_counted(name: str) -> None:
    acts, expected = TRACES[name]

    assert judged(TALLY, played(Tally(), acts), 90_000) == expected
