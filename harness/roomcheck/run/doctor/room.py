"""Does traffic go through the proxy, and does the room do what its target declares?"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from roomcheck.adapters import StampedCallback
from roomcheck.errors import SpecError
from roomcheck.judge import judge
from roomcheck.judge.result import weigh
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Fault, Step
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Blame, Outcome, Verdict
from roomcheck.run.doctor.adapter import expected
from roomcheck.run.doctor.line import Observation, finding, not_tried, ok
from roomcheck.run.play import Ground, Play
from roomcheck.run.queue import duration
from roomcheck.spec.case import Case, Entry, Item, Unordered
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import Spec
from roomcheck.spec.target import Target

PATIENCE = 2_000_000  # microseconds that a login gets in which nothing may come of it
LONGEST = 60_000_000  # microseconds that a case may take here; longer ones are for a whole run
TRIES = 3
# by which a constant may be off, the nearest first
FACTORS = (1.25, 0.8, 2, 0.5, 10, 0.1)
STRETCH = 1.25  # a constant that a window depends on moves it when it is longer by this


async def bypass(ground: Ground, case: Case, number: int, told: list[tuple[str, StampedCallback]]) -> Observation:
    """The same calls with every proxy off: what was `told` with the proxies on must not all be told again."""
    check = "proxy: bypass"
    off = tuple(Step(Fault(member.name, FaultKind.REFUSE)) for member in case.schedule.members)
    schedule = replace(case.schedule, steps=off + case.schedule.steps, watch=min(PATIENCE, case.schedule.watch))
    play = Play(ground, replace(case, schedule=schedule), number, ground.server, enough=expected(ground.contract, case))
    await play.run()
    before, after = _outline(ground.contract, told), _outline(ground.contract, play.events)
    if not before:
        return not_tried(check, f"nothing was told in {case.id} with the proxy on")
    if after[: len(before)] == before:
        return finding(
            check, Blame.ADAPTER,
            f"with every proxy off, {case.id} went as with them on ({', '.join(text for _, text in after)}): "
            "the room is reached past the proxy, and no fault can bite",
            "give the SDK the addresses in `endpoints` of open and no other; look for addresses that it gets from "
            "its own configuration, from the server, or from UDP",
        )  # fmt: skip
    return ok(check, f"with the proxies off, {case.id} does not get through")


def _outline(contract: Contract, told: list[tuple[str, StampedCallback]]) -> list[tuple[str, str]]:
    """Who was told what, as far as views look at it."""
    views = {name: view for view in contract.views for name in view.callbacks}
    seen = ((m, e, views.get(e.callback)) for m, e in told)
    return [(m, str(view.value(e.callback, e.fields)) if view else e.callback) for m, e, view in seen]


# --- what the target declares -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declared:
    """A constant that target.yaml sets, and the shortest case with a window that depends on it.

    None of the cases that need a server of their own: here one server serves all, and they would end it for the others.
    """

    name: str
    value: int
    case: Case | None
    times: Callable[[float], Contract]  # the contract with the constant so many times as long


def declared(spec: Spec, target: Target, contract: Contract) -> Iterator[Declared]:
    """Found by making the constant longer and looking which expected windows move."""
    for name, text in target.constants.items():

        def times(factor: float, name: str = name, text: str = text) -> Contract:
            return spec.bind(
                constants={**target.constants, name: f"{factor:g} * ({text})"}, options=target.options,
                scale=contract.scale, faults=target.faults, lacks=target.lacks,
            )  # fmt: skip

        longer = times(STRETCH)
        windows = {case.id: _windows(case) for case in longer.cases}
        cases = [case for case in contract.cases if not case.own_server]
        moved = [case for case in cases if _windows(case) != windows.get(case.id, _windows(case))]
        yield Declared(name, contract.constants[name], min(moved, key=duration, default=None), times)


def _windows(case: Case) -> list[tuple[int, int | None]]:
    """Of the callbacks that must come."""
    entries = [entry for line in case.lines for item in line.items for entry in _entries(item)]
    return [(entry.after, entry.within) for entry in entries if not entry.optional]


def _entries(item: Item) -> tuple[Entry, ...]:
    match item:
        case Entry():
            return (item,)
        case Unordered():
            return item.entries
        case _:
            return ()


async def constants(ground: Ground, found: list[Declared], number: int, repeat: str) -> list[Observation]:
    """A case for each, side by side."""
    cases = {one.case.id: one.case for one in found if one.case and duration(one.case) <= LONGEST}
    numbers = {case: number + place * TRIES for place, case in enumerate(cases)}
    judged = await asyncio.gather(*(_judged(ground, case, numbers[name]) for name, case in cases.items()))
    played = dict(zip(cases, judged, strict=True))
    return [_constant(one, played, repeat) for one in found]


async def _judged(ground: Ground, case: Case, number: int) -> tuple[Trace, Verdict]:
    """Played up to three times while the machine is too slow to tell."""
    for attempt in range(TRIES):
        trace = await Play(ground, case, number + attempt, ground.server).run()
        verdict = judge(ground.contract, trace, case)
        if verdict.outcome is not Outcome.INCONCLUSIVE:
            break
    return trace, verdict


def _constant(one: Declared, played: Mapping[str, tuple[Trace, Verdict]], repeat: str) -> Observation:
    check, value = f"room: {one.name}", show_duration(one.value)
    if one.case is None:
        return not_tried(check, f"{value} declared; no case that can be played here has a window that depends on it")
    again = f"{repeat} -k {one.case.id}"
    if one.case.id not in played:
        return not_tried(check, f"{value} declared; {one.case.id} takes {show_duration(duration(one.case))}", again)
    trace, verdict = played[one.case.id]
    match verdict.outcome:
        case Outcome.CONFORMS:
            return ok(check, f"{value} declared; {one.case.id} agrees{_margin(verdict)}")
        case Outcome.VIOLATES:
            text = f"{value} declared, and in {one.case.id} {_story(verdict)}"
            factor = next((factor for factor in FACTORS if _agrees(one, trace, factor)), None)
            if factor is None:
                least, most = (show_duration(round(one.value * factor)) for factor in (min(FACTORS), max(FACTORS)))
                reason = f"; no value from {least} to {most} would make it lawful, so it is not this constant"
                return finding(f"room: {one.case.id}", Blame.ROOM, text + reason, f"see what a whole run says: {again}")
            text += f"; with {show_duration(round(one.value * factor))} it would agree"
            return finding(check, Blame.ROOM, text, f"declare what the room does, or mend the room: {again}")
        case _:
            return not_tried(check, f"{value} declared; this machine was too slow to tell ({one.case.id})", again)


def _agrees(one: Declared, trace: Trace, factor: float) -> bool:
    """Whether what was told is lawful with the constant so many times as long.

    With a longer one the trace may end too early to tell. With a shorter one doubt is this machine's: it proves none.
    """
    try:
        contract = one.times(factor)
    except SpecError:  # the contract does not bear that value
        return False
    case = next((c for c in contract.cases if one.case and c.id == one.case.id), None)
    outcome = judge(contract, trace, case).outcome
    return outcome is Outcome.CONFORMS or (factor > 1 and outcome is Outcome.INCONCLUSIVE)


def _story(verdict: Verdict) -> str:
    first: Any = verdict.findings[0] if verdict.findings else None
    return weigh(verdict)[1] + (f"; expected: {first.expected}" if first and first.expected else "")


def _margin(verdict: Verdict) -> str:
    margins = [c.margin for c in verdict.checks if c.margin is not None]
    return f", the nearest edge of a window {show_duration(min(margins))} away" if margins else ""
