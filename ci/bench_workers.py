"""How much faster several workers search in virtual time than one.

`ci/bench_workers.py [SCHEDULES [WORKERS [ROUNDS]]]`

A whole search is measured, drawing, choosing, playing and judging, without the start of the workers; one worker and
several in alternation, every round with another seed. What sending costs is how long this process computes for each
schedule while the workers play them. Reported, not judged.
"""

import asyncio
import statistics
import sys
import time

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cluster import simulated, spreading
from roomcheck.run.choosing import case_of, draw
from roomcheck.run.fuzz import Fuzz
from roomcheck.simulate import Virtual
from roomcheck.spec.contract import Contract
from roomcheck.spread import Spread, here

SCHEDULES, WORKERS, ROUNDS = 500, 2, 5


def search(contract: Contract, spread: Spread, seed: int, schedules: int) -> float:
    """Schedules a second."""
    player = simulated(Virtual(contract), spread, lambda: False)
    fuzzing = Fuzz(contract, player, seed, schedules=schedules, waits=False, spread=spread)
    player.on_case = fuzzing.hear
    if spread is here:
        player.on_trace = fuzzing.met
    else:
        player.on_met = fuzzing.coverage.add
    began = time.monotonic()
    asyncio.run(fuzzing.run())
    return fuzzing.played / (time.monotonic() - began)


def sending(contract: Contract, spread: Spread, schedules: int) -> float:
    """Milliseconds of processor time for each schedule, of this process."""
    cases = [case_of(f"random/{i}", s) for i, (s, _) in enumerate(draw(contract, 1_000, schedules, None))]
    player = simulated(Virtual(contract), spread, lambda: False)
    asyncio.run(player.play(cases))
    began = time.process_time()
    asyncio.run(player.play(cases))
    return (time.process_time() - began) / len(cases) * 1e3


def main(schedules: int = SCHEDULES, workers: int = WORKERS, rounds: int = ROUNDS) -> None:
    contract = read_spec(find_spec("zego-express/room-status")).bind(scale=100)
    rates: dict[int, list[float]] = {1: [], workers: []}
    began = time.monotonic()
    with spreading(workers) as spread:
        print(f"{workers} workers started in {time.monotonic() - began:.1f} s")
        search(contract, spread, 999, schedules // 10)  # what they import
        for seed in range(rounds):
            for number in list(rates)[:: -1 if seed % 2 else 1]:
                rates[number].append(search(contract, here if number == 1 else spread, seed, schedules))
        for number, each in rates.items():
            print(f"{number} workers: {statistics.median(each):.1f} schedules/s ({min(each):.1f} to {max(each):.1f})")
        ratios = [many / one for one, many in zip(*rates.values(), strict=True)]
        print(f"{statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})")
        print(f"sending: {sending(contract, spread, schedules):.2f} ms a schedule")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
