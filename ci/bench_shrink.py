"""How short counterexamples become: `ci/bench_shrink.py [SCHEDULES]`, in virtual time, for ten defects.

For each defect random schedules are played until some violate; each kind of finding that names a requirement which the
defect breaks is confirmed and made simpler, as `roomcheck fuzz` does it. Exit 1 if a defect for which four steps are
enough (see FEWEST) keeps more than four.
"""

import asyncio
import sys
import time

from roomcheck.generate import schedules
from roomcheck.generate.collect import collect
from roomcheck.reference import defects
from roomcheck.resources import root
from roomcheck.run.fuzz import Found, Fuzz
from roomcheck.simulate import Virtual
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

SCHEDULES = 1_000
FOUR = 4
FEWEST = {  # the fewest steps that can show it, counted by hand
    "never-reconnected": 2,  # login, a fault that breaks the connection
    "fresh-session-not-kicked": 2,  # login, kick
    "kick-wrong-code": 2,  # login, kick
    "login-not-held": 2,  # fault, login
    "logout-failed-silent": 1,  # logout
    "double-login-accepted": 2,  # login, login
    "duplicate-login-wrong-code": 2,  # login, login of the other device
    "leave-told-late": 3,  # two logins, fault
    "switch-misses-logout": 2,  # login, switch
    "login-right-after-logout-stuck": 3,  # login, logout, login
}


def contract() -> Contract:
    """The ZEGO contract, a hundred times faster than documented, as `roomcheck fuzz` plays it."""
    text = (root() / "specs" / "zego-express" / "room-status.yaml").read_text(encoding="utf-8")
    return load_spec(text, "room-status.yaml").bind(scale=100)


def shrunk(name: str, fuzzing: Fuzz) -> list[Found]:
    """What the search found of this defect, by its right name."""
    asyncio.run(fuzzing.run())
    breaks = defects.DEFECTS[name].breaks
    return [found for found in fuzzing.found.values() if found.kind[0] in breaks]


def main() -> int:
    """Print the table."""
    bound = contract()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SCHEDULES
    first = collect(schedules(bound), number=0, count=count)
    print(
        f"{'defect':<32}{'requirement':<16}{'before':>8}{'after':>7}{'fewest':>8}{'rounds':>8}{'again':>7}{'seconds':>9}"
    )
    long = 0
    for name, fewest in FEWEST.items():
        player = Virtual(bound, defects.client(name), defects.server(name))
        fuzzing = Fuzz(bound, player, 0, schedules=len(first), first=first)
        player.on_case, player.on_trace = fuzzing.hear, fuzzing.met
        began = time.process_time()
        found = shrunk(name, fuzzing)
        spent = time.process_time() - began
        for one in found:
            after = len(one.schedule.steps)
            long += after > FOUR >= fewest
            print(f"{name:<32}{one.kind[0]:<16}{one.steps_before:>8}{after:>7}{fewest:>8}{one.rounds:>8}"
                  f"{one.confirmed:>5}/5{one.seconds:>9.1f}")  # fmt: skip
        if not found:
            print(f"{name:<32}not found in {len(first)} schedules, {spent:.0f} s")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
