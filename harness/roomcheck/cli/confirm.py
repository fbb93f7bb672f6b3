"""Playing on sockets what virtual time found: rooms with a defect each, the room without one, and hostile adapters.

Several rooms run at once, each with programs of its own. One case and one random schedule of a defect are played; where
neither shows it by its right name the next few are, since a moment that fits in virtual time may be missed in real.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from roomcheck.cli.ending import cancelled_by_signals
from roomcheck.cli.hunt import Quarry, requirements_of
from roomcheck.errors import AdapterError, RoomcheckError
from roomcheck.model.schedule import Fault
from roomcheck.model.verdict import Blame, CaseResult, Outcome
from roomcheck.reference.hostile import HOSTILE
from roomcheck.report.matrix import Ending, Kind, Played, Row
from roomcheck.run.queue import duration
from roomcheck.run.session import Plan, Session
from roomcheck.spec.case import Case

FIRST, NEXT = slice(0, 1), slice(1, 4)  # of the cases that show a defect, and of the schedules
CONFORMING_JOBS = 32  # cases at once on the conforming room, beside the others
HOSTILE_CASES = 2
MODULE = "roomcheck.reference.hostile"


async def confirm(plan: Plan, quarries: Sequence[Quarry], adapters: Iterable[str], show: Callable[[Row], None]) -> None:
    """Play everything that was chosen, on as many rooms at once; `show` is told each row when it is done."""
    gate = asyncio.Semaphore(plan.jobs)
    doubtful: list[Quarry] = []

    async def play(quarry: Quarry) -> Row:
        try:
            return await (_defect(plan, quarry) if quarry.defect else _conforming(plan, quarry, quarries))
        except RoomcheckError as e:  # one room that does not start costs the others nothing
            return replace(quarry.row, ending=Ending.BROKEN, message=str(e))

    async def one(quarry: Quarry) -> None:
        async with gate:
            row = await play(quarry)
        if row.ending is Ending.DOUBTFUL:
            doubtful.append(quarry)
        else:
            show(row)

    async def other(name: str) -> None:
        async with gate:
            show(await _hostile(plan, name))

    cancelled_by_signals()
    async with asyncio.TaskGroup() as group:
        for quarry in quarries:
            group.create_task(one(quarry))
        for name in adapters:
            group.create_task(other(name))
    for quarry in doubtful:  # again, while nothing else runs
        show(await play(quarry))


def chosen(quarry: Quarry) -> list[Case]:
    """What is played of a defect first."""
    return [*quarry.shown_by[FIRST], *quarry.chance[FIRST]]


async def _defect(plan: Plan, quarry: Quarry) -> Row:
    assert quarry.defect is not None
    extra = ("--defect", quarry.defect.name)
    defective = replace(plan, adapter_extra=extra, server_extra=extra)
    results = await _play(defective, chosen(quarry))
    row = _judged(quarry.row, results)
    further = [*quarry.shown_by[NEXT], *quarry.chance[NEXT]]
    if row.ending is not Ending.CAUGHT and further:
        row = _judged(quarry.row, [*results, *await _play(defective, further)])
    return row


async def _conforming(plan: Plan, quarry: Quarry, quarries: Sequence[Quarry]) -> Row:
    cases = {case.id: case for q in quarries for case in chosen(q)}
    results = await _play(replace(plan, jobs=CONFORMING_JOBS), list(cases.values()))
    row = replace(quarry.row, real=_played(results))
    bad = [r for r in results if r.outcome is not Outcome.CONFORMS]
    if quarry.row.ending is Ending.ACCUSED or not bad:
        return row
    worst = next((r for r in bad if r.outcome is Outcome.VIOLATES), bad[0])
    ending = Ending.ACCUSED if worst.outcome is Outcome.VIOLATES else _without_proof(worst)
    return replace(row, ending=ending, message=f"{worst.case}: {worst.message}")


def _judged(row: Row, results: Sequence[CaseResult]) -> Row:
    """The row with what was seen on sockets, which counts for more than what virtual time says."""
    row = replace(row, real=_played(results))
    if row.ending is not Ending.CAUGHT or not results:
        return row
    violating = [r for r in row.real if r.outcome == Outcome.VIOLATES]
    if any(set(p.requirements) & set(row.breaks) for p in violating):
        return row
    doubts = [r for r in results if r.outcome in (Outcome.INCONCLUSIVE, None)]
    if doubts:
        return replace(row, ending=_without_proof(doubts[0]), message=doubts[0].message)
    if violating:
        return replace(row, ending=Ending.MISNAMED, message=f"on sockets {violating[0].case}: {violating[0].seen}")
    return replace(row, ending=Ending.MISSED, message="on sockets nothing showed it")


def _without_proof(result: CaseResult) -> Ending:
    return Ending.DOUBTFUL if result.outcome is Outcome.INCONCLUSIVE else Ending.BROKEN


async def _hostile(plan: Plan, name: str) -> Row:
    """The conforming room behind an adapter that breaks the protocol: every finding must be the adapter's."""
    command = (sys.executable, "-m", MODULE, name)
    cases = sorted((c for c in plan.contract.cases if _undisturbed(c)), key=duration)[:HOSTILE_CASES]
    row = Row(
        name, Kind.ADAPTER, "adapter", (HOSTILE[name].__doc__ or "").strip(), (), Ending.MISSED, len(cases),
        message="nobody noticed",
    )  # fmt: skip
    try:
        breaking = replace(plan, target=replace(plan.target, adapter_command=command))
        results = await _play(breaking, cases, attempts=1)
    except AdapterError as e:
        return replace(row, ending=Ending.CAUGHT, message=str(e))
    except RoomcheckError as e:
        return replace(row, ending=Ending.BROKEN, message=str(e))
    blamed = [r for r in results if r.blame is not None]
    other = [r for r in blamed if r.blame is not Blame.ADAPTER]
    row = replace(row, real=_played(results))
    if other:
        return replace(row, ending=Ending.MISNAMED, message=f"{other[0].blame} was blamed: {other[0].message}")
    return replace(row, ending=Ending.CAUGHT, message=blamed[0].message) if blamed else row


def _undisturbed(case: Case) -> bool:
    return not case.own_server and not any(isinstance(step.act, Fault) for step in case.schedule.steps)


async def _play(plan: Plan, cases: Sequence[Case], attempts: int = 3) -> list[CaseResult]:
    """Play these on a room of their own. AdapterError and TargetError if it does not even start."""
    if not cases:
        return []
    session = Session(plan)
    async with session.open():
        return await session.play(cases, attempts)


def _played(results: Iterable[CaseResult]) -> tuple[Played, ...]:
    return tuple(
        Played(
            r.case.partition("/")[2].partition("/")[2],
            r.outcome.value if r.outcome else f"no verdict: {r.blame}",
            requirements_of(r.verdict) if r.verdict and r.outcome is Outcome.VIOLATES else (),
            r.message,
            round(r.seconds, 3),
        )
        for r in results
    )
