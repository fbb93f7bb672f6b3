"""Whether virtual time tells what sockets tell: `ci/bench_worlds.py [SCHEDULES]`, 1,000 by default.

For each view (a member, a callback, a room) the callbacks are compared in their order with all their fields, and
their times since the act before them from which they agree best: an act that sockets made wait moves all that follows,
but what was caused by an earlier one. A race decides where they differ but virtual time tells the same once acts
are moved by a few milliseconds, or another room on sockets tells what virtual time told, or one of them another thing
again. What is left is printed, and the exit code is 1.
"""

import asyncio
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from roomcheck.cli.files import REFERENCE, find_spec, find_target, read_spec, read_target
from roomcheck.faults import provision
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Marked, Told, Trace
from roomcheck.report.traces import TraceFolder
from roomcheck.run.choosing import case_of, draw
from roomcheck.run.install import provide
from roomcheck.run.session import Plan, Session
from roomcheck.simulate import simulate
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract

SCHEDULES = 1000
AGAIN = 8  # rooms on sockets
NUDGES = 64  # plays in virtual time
EARLIER, LATER = (
    1,
    8,
)  # milliseconds by which an act is moved at most: on sockets a login takes longer, and so does an act
SHOWN = 5
Story = dict[tuple[Any, ...], list[Any]]


def story(trace: Trace) -> tuple[Story, dict[tuple[Any, ...], list[int]]]:
    """What was told and answered, by view, and when (microseconds since the first act)."""
    names = {real: alias for table in (trace.users, trace.rooms) for alias, real in table.items()}
    first = next((r.at.lo for r in trace.records if isinstance(r, Called | Faulted | Healed | Marked)), 0)
    told: Story = defaultdict(list)
    times: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for record in trace.records:
        if isinstance(record, Told):
            fields = renamed(record.fields, names)
            view = record.member, record.callback, fields.get("roomID")
            told[view].append(fields)
            times[view].append(record.at.hi - first)
        elif isinstance(record, Answered):
            told[(record.member, "answers")].append((record.status, renamed(record.fields, names)))
    return dict(told), times


def renamed(value: Any, names: dict[str, str]) -> Any:
    """Users and rooms by the names that the schedule has for them."""
    if isinstance(value, dict):
        return {key: renamed(v, names) for key, v in value.items()}
    if isinstance(value, list):
        return [renamed(v, names) for v in value]
    return names.get(value, value) if isinstance(value, str) else value


def acts(trace: Trace) -> dict[str, int]:
    """When each act was over, by its label (microseconds since the first)."""
    done = {r.label: r.at for r in trace.records if isinstance(r, Called | Faulted | Healed | Marked) and r.label}
    first = min((at.lo for at in done.values()), default=0)
    return {label: at.hi - first for label, at in done.items()}


def distances(virtual: Trace, real: Trace) -> Iterable[int]:
    """By how much the times of the same callbacks differ, in microseconds."""
    (_, told), (_, really) = story(virtual), story(real)
    begun, done = acts(virtual), acts(real)
    for view in told:
        for at, when in zip(told[view], really[view], strict=True):
            before = [label for label, act in begun.items() if act <= at and label in done]
            yield min((abs(at - begun[label] - when + done[label]) for label in before), default=abs(at - when))


def moved(case: Case, number: int) -> Case:
    """With each act a little earlier or later, in one of NUDGES ways."""
    steps = []
    for i, step in enumerate(case.schedule.steps):
        nudge = (number * (2 * i + 3) + number // LATER) % (EARLIER + LATER + 1) - EARLIER
        offset = max(0, step.when.offset + 1000 * nudge)
        steps.append(replace(step, when=replace(step.when, offset=offset)))
    return replace(case, schedule=replace(case.schedule, steps=tuple(steps)))


async def played(contract: Contract, cases: Iterable[Case]) -> dict[str, Trace]:
    """The traces of these on sockets, many at once."""
    target = provide(read_target(find_target(REFERENCE)))
    traces: dict[str, Trace] = {}
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(contract, (), target, provision(print), TraceFolder(Path(folder), every=False), jobs=64)
        session = Session(plan, on_trace=lambda case, trace, _verdict: traces.__setitem__(case.id, trace))
        async with session.open():
            await session.play(cases, 1)
    return traces


def main() -> int:
    """Print how many agree, how far their times are apart, and whatever is not explained."""
    count = next((int(word) for word in sys.argv[1:] if word.isdigit()), SCHEDULES)
    target = provide(read_target(find_target(REFERENCE)))
    contract = read_spec(find_spec(target.spec)).bind(
        constants=target.constants, options=target.options, scale=100, faults=target.faults, lacks=target.lacks
    )
    cases = [case_of(f"worlds/{i}", schedule) for i, (schedule, _) in enumerate(draw(contract, 7, count, Counter()))]
    real = asyncio.run(played(contract, cases))
    differ, same, nudged = [], 0, 0
    apart: list[int] = []
    for case in cases:
        virtual = simulate(contract, case)
        told, really = story(virtual)[0], story(real[case.id])[0]
        if told == really:
            same += 1
            apart += distances(virtual, real[case.id])
        elif any(story(simulate(contract, moved(case, n)))[0] == really for n in range(NUDGES)):
            nudged += 1
        else:
            differ.append((case, told, really))
    again = [case_of(f"{case.id}/{n}", case.schedule) for case, _, _ in differ for n in range(AGAIN)]
    more = asyncio.run(played(contract, again)) if again else {}
    left = []
    either = several = 0
    for case, told, really in differ:
        others = [story(more[f"{case.id}/{n}"])[0] for n in range(AGAIN) if f"{case.id}/{n}" in more]
        if told in others:
            either += 1
        elif any(other != really for other in others):
            several += 1
        else:
            left.append((case, told, really))
    cuts = quantiles(apart, n=1000)
    print(f"{len(cases)} schedules: {same} tell the same at once, {nudged} more if acts are moved by milliseconds")
    print(f"{either} more in one of {AGAIN} other rooms, {several} are told in several ways on sockets only")
    print(f"{len(left)} differ always")
    print(f"{len(apart)} times are {cuts[499] / 1e3:.1f} ms apart (50 %), {cuts[989] / 1e3:.1f} (99 %), "
          f"{max(apart) / 1e3:.1f} at most")  # fmt: skip
    for case, told, really in left[:SHOWN]:
        print(case.id, *case.schedule.steps, sep="\n  ")
        for view in told | really:
            if told.get(view) != really.get(view):
                print(f"  {view}\n    virtual {told.get(view)}\n    sockets {really.get(view)}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
