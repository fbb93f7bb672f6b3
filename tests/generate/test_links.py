"""Which act may come when."""

import pytest

from roomcheck.generate.links import Act, Links
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Wait

CUT, SLOW = Fault("A", FaultKind.CUT), Fault("A", FaultKind.LATENCY)
TRUNCATE, HALF_OPEN = Fault("A", FaultKind.TRUNCATE), Fault("A", FaultKind.HALF_OPEN_SERVER_TOLD)
SERVER = Fault(None, FaultKind.SERVER_RESTART)


@pytest.mark.parametrize(
    ("before", "act", "lawful"),
    [
        ([], CUT, True),
        ([CUT], SLOW, False),
        ([CUT, Heal("A")], SLOW, True),
        ([CUT], Fault("A", FaultKind.STALL), True),
        ([SLOW], CUT, True),
        ([SLOW, CUT], SLOW, False),
        ([CUT], Fault("B", FaultKind.LATENCY), True),
        ([HALF_OPEN], TRUNCATE, False),
        ([HALF_OPEN, Heal("A")], TRUNCATE, True),
        ([HALF_OPEN], Fault("B", FaultKind.TRUNCATE), True),
        ([HALF_OPEN], SLOW, True),
        ([TRUNCATE], HALF_OPEN, True),
        ([], Heal("A"), False),
        ([SLOW], Heal("A"), True),
        ([SERVER], SERVER, False),
        ([SERVER], SLOW, False),
        ([SERVER], CUT, True),
        ([SERVER], Admin("kick"), False),
        ([SERVER], Call("A", "join"), True),
        ([SERVER, Heal(None)], Admin("kick"), True),
        ([], Heal(None), False),
        ([], Wait(), True),
    ],
)
def test_an_act_that_the_runner_would_refuse_is_known(before: list[Act], act: Act, lawful: bool) -> None:  # noqa: FBT001
    """By what happened to the links before."""
    links = Links()
    for earlier in [Wait(), *before]:
        links.take(earlier)

    assert links.allow(act) is lawful
