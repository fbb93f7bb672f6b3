"""Lobbies that keep their word while A's link breaks by chance, B watching."""

from dataclasses import dataclass

from hypothesis import strategies as st

from roomcheck.model.trace import Trace
from support.lobby import GIVE_UP, GONE_AFTER, GONE_WITHIN, LOSS, NOTICE, RETRY, SLACK
from support.tape import Tape

BLUR = 2


@dataclass(frozen=True)
class Outage:
    """A's link is down for `length` ms, `rest` ms after the last; the other numbers choose moments inside windows."""

    rest: int
    length: int
    lost: int
    back: int
    gone: int
    again: int


def outages() -> st.SearchStrategy[list[Outage]]:
    one = st.builds(
        Outage,
        rest=st.integers(600, 3000),
        length=st.one_of(
            st.integers(1, 4000),
            st.sampled_from([LOSS, GONE_AFTER, GONE_AFTER + GONE_WITHIN, GIVE_UP]).flatmap(
                lambda edge: st.integers(edge - 20, edge + 20)
            ),
        ),
        lost=st.integers(1, LOSS - BLUR),
        back=st.integers(1, RETRY - BLUR),
        gone=st.integers(GONE_AFTER + BLUR, GONE_AFTER + GONE_WITHIN - BLUR),
        again=st.integers(1, NOTICE - BLUR),
    )
    return st.lists(one, min_size=1, max_size=4)


def lawful(plan: list[Outage]) -> Trace:
    """A lobby that keeps its word, B watching A."""
    tape = Tape("A", "B", blur=BLUR)
    tape.join(0, "B")
    tape.join(100, "A", "B")
    at = 200
    for o in plan:
        down = at + o.rest
        up = down + o.length
        at = up
        tape.fault(down, "A")
        noticed = down + o.lost
        lost = noticed < up
        failed = noticed + GIVE_UP + SLACK // 2
        back = up + o.back
        gave_up = lost and failed < back
        gone = lost and down + o.gone < (back if not gave_up else failed + down + o.gone)
        if lost:
            tape.told(noticed, "A", "lost", 51)
        if gone:
            tape.heard(down + o.gone, "B", "-", "A")
        if gave_up and failed < up:
            tape.told(failed, "A", "failed", 53)
        tape.heal(up, "A")
        if gave_up and failed >= up:
            tape.told(failed, "A", "failed", 53)
        if gave_up:
            return tape.trace(max(at, failed) + 3000)
        if lost:
            tape.told(back, "A", "back")
            at = back
        if gone:
            tape.heard(back + o.again, "B", "+", "A")
            at = back + o.again
    return tape.trace(at + 3000)
