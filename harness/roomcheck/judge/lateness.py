"""What a late machine excuses, and what it does not.

A machine that is late moves what is done and received, and it can do more: what a room waits for comes after the room
has given it up, and the room then acts on a timeout that it would not have had. A machine that was later, or kept a
process waiting for longer, than the narrowest window of the contract therefore excuses what is overdue, what comes too
early (heartbeats that were held back open a window early) and what timeouts lead to (a room that had to wait may report
timeouts of its own).

It does not excuse a callback that no timeout leads to and that is refused wherever the instants are moved to and
however long anything is waited for: a wrong code, something received twice, a kick that nobody ordered. Nor does it
excuse a member that is given up earlier than all who may have held its last heartbeat back can explain, or a callback
that comes so much too early after a state, a call or an act that no lateness of these explains it.
"""

from collections.abc import Generator, Mapping
from dataclasses import replace
from math import log10

from roomcheck.judge.hypothesis import Mode, Rejection
from roomcheck.judge.observer import Observer
from roomcheck.judge.route import Router
from roomcheck.judge.view import Simulation
from roomcheck.judge.windows import BREAKS
from roomcheck.model.time import Instant
from roomcheck.model.trace import Record, Told, Trace
from roomcheck.spec.contract import CauseKind, Contract, End

Stray = tuple[str, int, Rejection]  # the member, when, and why its callback fits no view
Views = Mapping[tuple[str, ...], Simulation | Observer]  # by what each is of, as in a Router

FOREVER = 1 << 60  # microseconds
HELD = 2  # the member and the proxy may each hold a last heartbeat back, so that a loss begins so much earlier
SPARE = 1.25  # what a machine is late by differs from run to run


def narrowest(contract: Contract) -> int:
    """The narrowest window in which a rule of the contract lets something be told, in microseconds."""
    windows = [r.within for v in contract.views for r in v.rules if r.within and not r.silent]
    return min([*windows, *(v.presence.delivery for v in contract.views if v.presence)], default=0)


def in_time(contract: Contract, trace: Trace) -> bool:
    """Whether the machine was so little late that it excuses nothing."""
    return max(trace.lateness, trace.starved) <= narrowest(contract)


def deciding_speed(contract: Contract, trace: Trace) -> float:
    """How much faster than documented a case in doubt should be played on a machine as late as here; 1: not at all.

    Then the narrowest window is wider than the machine was late. A round number, and at most half of what it was.
    """
    late = max(trace.lateness, trace.starved, 1)
    speed = min(contract.scale / 2, contract.scale * narrowest(contract) / late / SPARE)
    if speed < 1:
        return 1.0
    digit = 10 ** int(log10(speed))
    return float(speed // digit * digit)


def inexcusable(contract: Contract, trace: Trace) -> Generator[None, None, tuple[Views, list[Stray]]]:
    """The views, and the callbacks that fit no view, whose refusal no lateness excuses; with pauses in between."""
    late = trace.patience
    records = tuple(_moved(record, late) for record in trace.records)
    forever = replace(trace, records=records, lateness=FOREVER, starved=0)
    router = Router(contract, forever, Mode.WIDE, held_back=HELD * late)
    yield from router.steps()
    views = {
        key: view
        for key, view in router.views.items()
        if view.refused and _by_a_callback(trace, key[1], view) and _withstands(contract, view) > late
    }
    # a value that the spec does not know may be that of a timeout; a user whom it does not know is not
    states = {name for view in contract.views if view.hearing is None for name in view.callbacks}
    named = {(r.member, r.at.hi) for r in trace.records if isinstance(r, Told) and r.callback not in states}
    return views, [stray for stray in router.strays if stray[:2] in named]


def _moved(record: Record, late: int) -> Record:
    """The record with its instant as uncertain as the machine was late: acts take effect later, callbacks are older."""
    at = record.at
    return replace(
        record, at=Instant(at.lo - late, at.hi) if isinstance(record, Told) else Instant(at.lo, at.hi + late)
    )


def _by_a_callback(trace: Trace, member: str, view: Simulation | Observer) -> bool:
    return any(
        isinstance(r, Told)
        and (r.member, r.at.hi) == (member, view.refused_at)
        and r.callback in (*view.view.callbacks, *view.view.lists)
        for r in trace.records
    )


def _withstands(contract: Contract, refused: Simulation | Observer) -> int:
    """The lateness (microseconds) from which on a timeout may have led a conforming room to what was refused.

    What follows a lost link can be expected after the `after` of its rule; what no rule leads to, at once. An observer
    that is cut off for so long that it notices may be told its list anew, but of nobody who was given up too early.
    """
    view, value = refused.view, refused.told
    rules = [r for r in view.rules if r.to is not None and not r.silent and view.told[r.to] == value]
    least = [r.after for r in rules if r.cause.kind in BREAKS or (r.after and r.cause.kind is CauseKind.ENTERED)]
    if view.presence is not None:
        least = [ending.after for ending in view.presence.endings if ending.kind is End.LOSS]
    elif not rules:
        return 0
    if view.hearing is not None and refused.rejections[0].window is None:
        own = (r for v in contract.views if v.hearing is None for r in v.rules)
        least += [r.after + r.within for r in own if r.cause.kind is CauseKind.LINK_DOWN]
    return min(least, default=FOREVER)
