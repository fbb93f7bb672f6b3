"""How many random schedules a minute are played on real sockets: one at a time, and 64 rooms in flight.

`ci/bench_fuzz.py [MANY [FEW [SEED]]]`. Both are measured in one run, on schedules that take about two seconds each at
1/100 of the documented time, without drawing and choosing. Speed is reported, not judged: exit 1 only if a schedule
does not conform.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from roomcheck.cli.files import REFERENCE, find_spec, find_target, read_spec, read_target
from roomcheck.faults import provision
from roomcheck.generate import schedules
from roomcheck.generate.collect import collect
from roomcheck.model.verdict import CaseResult, Outcome
from roomcheck.report.traces import TraceFolder
from roomcheck.run.choosing import case_of
from roomcheck.run.install import provide
from roomcheck.run.session import Plan, Session, duration
from roomcheck.spec.case import Case

MANY, FEW, SEED = 600, 12, 0
IN_FLIGHT = 64
LEAST, MOST = 1_700_000, 2_300_000  # microseconds that a schedule takes at least


async def measure(plan: Plan, cases: Sequence[Case], jobs: int) -> tuple[float, list[CaseResult], Session]:
    """Seconds, results and the session of playing these with so many at once, its start and end not counted."""
    plan.traces.folder.mkdir(exist_ok=True)
    session = Session(Plan(plan.contract, (), plan.target, plan.toxiproxy, plan.traces, jobs=jobs))
    async with session.open():
        began = time.monotonic()
        results = await session.play(cases)
        took = time.monotonic() - began
    return took, results, session


def main(many: int = MANY, few: int = FEW, seed: int = SEED) -> int:
    target = provide(read_target(find_target(REFERENCE)))
    contract = read_spec(find_spec(target.spec)).bind(
        constants=target.constants, options=target.options, scale=100, faults=target.faults, lacks=target.lacks
    )
    drawn = collect(schedules(contract), number=seed, count=8 * (many + few))
    cases = [case_of(f"random/{i}", s) for i, s in enumerate(drawn)]
    fitting = [c for c in cases if LEAST <= duration(c) <= MOST and not c.own_server][: many + few]
    print(f"{len(fitting)} schedules of {sum(map(duration, fitting)) / len(fitting) / 1e6:.2f} s on average")
    rates = []
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(contract, (), target, provision(print), TraceFolder(Path(folder), every=False))
        for jobs, chosen in ((1, fitting[:few]), (IN_FLIGHT, fitting[few:])):
            took, results, session = asyncio.run(measure(plan, chosen, jobs))
            late = session.lateness.percentile
            count = Counter(str(r.outcome) for r in results)
            bad += sum(n for outcome, n in count.items() if outcome != Outcome.CONFORMS)
            for r in results:
                if r.outcome is not Outcome.CONFORMS:
                    print(f"{r.case}: {r.outcome}: {r.message}")
            rates.append(60 * len(results) / took)
            again = sum(r.attempts > 1 for r in results)
            print(f"{jobs:3} at once: {rates[-1]:7.0f} a minute; {dict(count)}, {again} played more than once; "
                  f"lateness {late(0.5) / 1000:.1f} ms (50 %), {late(0.99) / 1000:.1f} ms (99 %)")  # fmt: skip
    print(f"side by side is {rates[1] / rates[0]:.1f} times as fast as one at a time")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4])))
