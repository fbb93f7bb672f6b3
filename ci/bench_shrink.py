"""How short counterexamples become, for ten defects: `ci/bench_shrink.py [SCHEDULES] [sockets]`, else in virtual time.

For each defect random schedules are played; each kind of finding that names a requirement which the defect breaks is
confirmed and made simpler, as `roomcheck fuzz` does it, and what is left is then played ten times more. Exit 1 if a
defect for which four steps are enough (see FEWEST) keeps more than four, or shows in less than all ten.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from roomcheck.cli.files import REFERENCE, find_spec, find_target, read_spec, read_target
from roomcheck.faults import provision
from roomcheck.reference import defects
from roomcheck.report.traces import TraceFolder
from roomcheck.run.choosing import case_of, draw
from roomcheck.run.fuzz import Found, Fuzz, shows
from roomcheck.run.install import provide
from roomcheck.run.session import ATTEMPTS, Plan, Session
from roomcheck.simulate import Virtual
from roomcheck.spec.contract import Contract

SCHEDULES = 300
AGAIN = 10
IN_FLIGHT = 64
FOUR = 4
FEWEST = {  # the fewest steps that can show it, counted by hand
    "never-reconnected": 2,  # login, a fault that breaks the connection
    "no-delete-after-kick": 3,  # two logins, kick
    "kick-wrong-code": 2,  # login, kick
    "login-not-held": 2,  # fault, login
    "logout-failed-silent": 1,  # logout
    "double-login-accepted": 2,  # login, login
    "duplicate-login-wrong-code": 2,  # login, login of the other device
    "leave-told-late": 3,  # two logins, fault
    "retries-never-end": 2,  # login, a fault that keeps the link down
    "login-failed-wrong-code": 1,  # login with a wrong token
}


def bound() -> Contract:
    """The ZEGO contract, a hundred times faster than documented, as `roomcheck fuzz` plays it."""
    target = provide(read_target(find_target(REFERENCE)))
    return read_spec(find_spec(target.spec)).bind(
        constants=target.constants, options=target.options, scale=100, faults=target.faults, lacks=target.lacks
    )


@asynccontextmanager
async def room(contract: Contract, name: str, world: str) -> AsyncIterator[Virtual | Session]:
    """Rooms with this defect, in virtual time or on sockets."""
    if world == "virtual":
        yield Virtual(contract, defects.client(name), defects.server(name))
        return
    extra = ("--defect", name)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Plan(
            contract, (), provide(read_target(find_target(REFERENCE))), provision(print),
            TraceFolder(Path(folder), every=False),
            jobs=IN_FLIGHT, adapter_extra=extra, server_extra=extra,
        ))  # fmt: skip
        async with session.open():
            yield session


async def shrunk(contract: Contract, name: str, world: str, count: int) -> list[tuple[Found, int]]:
    """What the search finds of this defect by its right name, and how often that shows in so many rooms more."""
    first = [schedule for schedule, _ in draw(contract, 0, count, Counter())]
    async with room(contract, name, world) as player:
        virtual = Virtual(contract, defects.client(name), defects.server(name)) if world == "sockets" else None
        fuzzing = Fuzz(contract, player, 0, schedules=len(first), first=first, virtual=virtual)
        player.on_case, player.on_trace = fuzzing.hear, fuzzing.met
        await fuzzing.run()
        out = []
        for number, found in enumerate(fuzzing.found.values()):
            if found.kind in defects.DEFECTS[name].breaks:
                cases = [case_of(f"again/{number}-{i}", found.schedule) for i in range(AGAIN)]
                results = await player.play(cases, ATTEMPTS)
                out.append((found, sum(shows(result, found.kind) for result in results)))
        return out


def main() -> int:
    """Print the table."""
    world = "sockets" if "sockets" in sys.argv[1:] else "virtual"
    count = next((int(word) for word in sys.argv[1:] if word.isdigit()), SCHEDULES)
    contract = bound()
    print(f"{'defect':<32}{'requirement':<16}{'before':>7}{'after':>6}{'fewest':>7}{'rounds':>7}{'sure':>10}"
          f"{'again':>7}{'seconds':>9}")  # fmt: skip
    bad = 0
    for name, fewest in FEWEST.items():
        found = asyncio.run(shrunk(contract, name, world, count))
        for one, again in found:
            after = len(one.schedule.steps)
            bad += after > FOUR >= fewest or again < AGAIN
            print(f"{name:<32}{one.kind:<16}{one.steps_before:>7}{after:>6}{fewest:>7}{one.rounds:>7}"
                  f"{one.again!s:>10}{again:>4}/{AGAIN}{one.seconds:>9.1f}", flush=True)  # fmt: skip
        if not found:
            print(f"{name:<32}not found in {count} schedules")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
