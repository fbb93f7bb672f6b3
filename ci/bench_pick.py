"""What choosing saves: executions until so many triples are met, by schedules as chance gives them and as picked.

`ci/bench_pick.py [DRAWS [SEED]]`. A triple is (state, cause, fault), counted from what the conforming room really tells
in virtual time. So many schedules are played as drawn; then a tenth of them as `roomcheck fuzz` picks them, which knows
the contract and the schedules but no trace. All draw by the same strategy, with other seeds. Many triples are met by
one schedule in thousands, so that no two runs meet the same ones: the last line says how many of those that chance met
were not met by those picked, and how many as many schedules by chance once more did not meet.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from roomcheck.generate import schedules
from roomcheck.generate.collect import collect
from roomcheck.judge.coverage import Triple, met
from roomcheck.model.schedule import Schedule
from roomcheck.resources import root
from roomcheck.run.choosing import case_of, draw
from roomcheck.run.fuzz import CHUNK
from roomcheck.simulate import simulate
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

DRAWS, SEED = 20_000, 0
TENTH = 10
AGAIN = 500  # as far from the seeds of what is played as drawn are those of what is drawn once more
OTHER = 1_000  # so far from the seeds of what is played as drawn are those of what is picked
SHARES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


def contract() -> Contract:
    """The ZEGO contract, a hundred times faster than documented, as `roomcheck fuzz` plays it."""
    text = (root() / "specs" / "zego-express" / "room-status.yaml").read_text(encoding="utf-8")
    return load_spec(text, "room-status.yaml").bind(scale=100)


def as_drawn(bound: Contract, count: int, seed: int) -> Iterator[Schedule]:
    strategy = schedules(bound)
    for number, start in enumerate(range(0, count, CHUNK), seed):
        yield from collect(strategy, number=number, count=min(CHUNK, count - start))


def picked(bound: Contract, count: int, seed: int) -> Iterator[Schedule]:
    expected: Counter[object] = Counter()
    for number, start in enumerate(range(0, count, CHUNK), seed + OTHER):
        yield from (schedule for schedule, _ in draw(bound, number, min(CHUNK, count - start), expected))


def count(bound: Contract, played: Iterable[Schedule]) -> tuple[Counter[Triple], list[int]]:
    """How often each triple was really met, and how many were after each execution."""
    often: Counter[Triple] = Counter()
    growth = []
    for number, schedule in enumerate(played):
        often.update(met(bound, simulate(bound, case_of(f"played/{number}", schedule))))
        growth.append(len(often))
    return often, growth


def first(growth: list[int], wanted: float) -> int | None:
    """The execution by which so many triples were met."""
    return next((number for number, triples in enumerate(growth, 1) if triples >= wanted), None)


def main() -> None:
    """Print the table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    bound = contract()
    began = time.process_time()
    chance, slow = count(bound, as_drawn(bound, draws, seed))
    middle = time.process_time()
    chosen, fast = count(bound, picked(bound, draws // TENTH, seed))
    end = time.process_time()
    print(f"{draws} schedules as drawn meet {len(chance)} triples ({1e3 * (middle - began) / draws:.1f} ms each), "
          f"{len(fast)} picked ones {len(chosen)} ({1e3 * (end - middle) / len(fast):.1f} ms each)")  # fmt: skip
    print(f"{'triples met':>12}{'as drawn':>12}{'picked':>12}{'ratio':>10}")
    for share in SHARES:
        wanted = share * len(chance)
        drawn, needed = first(slow, wanted), first(fast, wanted)
        ratio = f"1 : {drawn / needed:.1f}" if drawn and needed else "-"
        print(f"{round(wanted):>12}{drawn or '-':>12}{needed or '-':>12}{ratio:>10}")
    again, _ = count(bound, as_drawn(bound, draws, seed + AGAIN))
    missed, twice = chance.keys() - chosen.keys(), chance.keys() - again.keys()
    print(
        f"{len(missed)} of the {len(chance)} were not met by those picked, {len(twice)} not by {draws} by chance once "
        f"more; those picked met {len(chosen.keys() - chance.keys())} others"
    )


if __name__ == "__main__":
    main()
