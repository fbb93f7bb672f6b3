"""What choosing saves: executions until every triple of a pool is met, as drawn and as picked by prediction.

`ci/bench_pick.py [POOL [SEED]]`. A triple is (state, cause, fault), counted from what the conforming room really tells
in virtual time; the pool's schedules are drawn without choosing, and every triple that any of them meets is wanted.
Then the pool is put in order by `run.fuzz.pick`, which knows the schedules and the contract but no trace, and counted
again; and once more, picked out of a pool so many times as large, since drawing costs little and playing much. The
hard end are triples that one schedule in thousands meets.
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence

from roomcheck.generate import schedules
from roomcheck.generate.collect import collect
from roomcheck.judge.coverage import Triple, met
from roomcheck.judge.nominal import nominal
from roomcheck.model.schedule import Schedule
from roomcheck.resources import root
from roomcheck.run.fuzz import case_of, pick
from roomcheck.simulate import simulate
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

POOL, SEED = 6_000, 0
WIDER = 3  # as run.fuzz draws so many for each that it plays
SHARES = (0.5, 0.9, 0.95, 0.99, 1.0)
RARE = 8  # triples that are named at the end


def contract() -> Contract:
    """The ZEGO contract, a hundred times faster than documented, as `roomcheck fuzz` plays it."""
    text = (root() / "specs" / "zego-express" / "room-status.yaml").read_text(encoding="utf-8")
    return load_spec(text, "room-status.yaml").bind(scale=100)


def executions(found: Sequence[frozenset[Triple]], wanted: int, share: float) -> int | None:
    """How many of these have to be played until so large a share of all triples is met."""
    seen: set[Triple] = set()
    for number, triples in enumerate(found, 1):
        seen |= triples
        if len(seen) >= share * wanted:
            return number
    return None


def count(bound: Contract, pool: Sequence[Schedule]) -> list[frozenset[Triple]]:
    """What each of them really meets."""
    return [met(bound, simulate(bound, case_of(f"pool/{i}", s))) for i, s in enumerate(pool)]


def main() -> None:
    """Print the table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else POOL
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    bound = contract()
    strategy = schedules(bound)
    pool = collect(strategy, number=seed, count=draws)
    drawn = count(bound, pool)
    often = Counter(t for triples in drawn for t in triples)
    wider = list(pool)
    for number in range(seed + 1, seed + WIDER):
        wider += collect(strategy, number=number, count=draws)
    began = time.process_time()
    same = pick(bound, pool, len(pool), Counter())
    spent = (time.process_time() - began) / len(pool)
    orders = {
        "as drawn": drawn,
        "picked": count(bound, same),
        f"from {WIDER} x": [f & often.keys() for f in count(bound, pick(bound, wider, len(pool), Counter()))],
    }
    print(f"{draws} draws of seed {seed}: {len(pool)} different schedules, which meet {len(often)} triples;")
    print(
        f"{sum(n == 1 for n in often.values())} of these are met by one schedule only. "
        f"Choosing takes {spent * 1e3:.2f} ms each."
    )
    print(f"{'triples met':>12}" + "".join(f"{name:>24}" for name in orders))
    for share in SHARES:
        needed = {name: executions(found, len(often), share) for name, found in orders.items()}
        print(f"{share:>12.0%}" + "".join(f"{_shown(n, needed['as drawn']):>24}" for n in needed.values()))
    predicted = {t for s in pool for t in met(bound, nominal(bound, s))}
    print(
        f"{len(set(often) - predicted)} triples are predicted of no schedule of the pool; "
        "the last that were met, picked:"
    )
    last = {t: next(i for i, f in enumerate(orders["picked"], 1) if t in f) for t in often}
    for triple in sorted(last, key=lambda t: -last[t])[:RARE]:
        word = "predicted" if triple in predicted else "not predicted"
        print(f"  {', '.join(triple)}: execution {last[triple]}, met by {often[triple]} of the pool, {word}")


def _shown(needed: int | None, drawn: int | None) -> str:
    if needed is None or drawn is None:
        return "never"
    return f"{needed} (1 : {drawn / needed:.1f})"


if __name__ == "__main__":
    main()
