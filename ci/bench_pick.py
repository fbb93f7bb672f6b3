"""What choosing saves: executions until every triple of a pool is met, as drawn and as picked by prediction.

`ci/bench_pick.py [POOL [SEED]]`. A triple is (state, cause, fault), counted from what the conforming room really tells
in virtual time; the pool's schedules are drawn without choosing, and every triple that any of them meets is wanted.
Then the pool is put in order by `run.fuzz.pick`, which knows the schedules and the contract but no trace, and counted
again. The wanted share is the hard end: triples that one schedule in thousands meets.
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence

from roomcheck.generate import schedules
from roomcheck.generate.collect import collect
from roomcheck.judge.coverage import Triple, met
from roomcheck.judge.nominal import nominal
from roomcheck.resources import root
from roomcheck.run.fuzz import case_of, pick
from roomcheck.simulate import simulate
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

POOL, SEED = 6_000, 0
SHARES = (0.9, 0.99, 1.0)
RARE = 8  # triples that are named at the end


def contract() -> Contract:
    """The ZEGO contract, a hundred times faster than documented, as `roomcheck fuzz` plays it."""
    text = (root() / "specs" / "zego-express" / "room-status.yaml").read_text(encoding="utf-8")
    return load_spec(text, "room-status.yaml").bind(scale=100)


def executions(found: Sequence[frozenset[Triple]], wanted: int, share: float) -> int:
    """How many of these have to be played until so large a share of all triples is met."""
    seen: set[Triple] = set()
    for number, triples in enumerate(found, 1):
        seen |= triples
        if len(seen) >= share * wanted:
            return number
    return len(found)


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else POOL
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    bound = contract()
    pool = collect(schedules(bound), number=seed, count=count)
    real = {id(s): met(bound, simulate(bound, case_of(f"pool/{i}", s))) for i, s in enumerate(pool)}
    began = time.process_time()
    order = pick(bound, pool, len(pool), set())
    spent = time.process_time() - began
    drawn, picked = [real[id(s)] for s in pool], [real[id(s)] for s in order]
    often = Counter(t for triples in drawn for t in triples)
    print(f"{len(pool)} schedules of seed {seed} meet {len(often)} triples; choosing took {spent:.1f} s of one core")
    print(f"{'triples met':>12}{'as drawn':>12}{'picked':>12}{'ratio':>12}")
    for share in SHARES:
        a, b = executions(drawn, len(often), share), executions(picked, len(often), share)
        print(f"{share:>12.0%}{a:>12}{b:>12}{f'1 : {a / b:.1f}':>12}")
    predicted = {t for s in pool for t in met(bound, nominal(bound, s))}
    print(f"{sum(n == 1 for n in often.values())} triples are met by one schedule only; "
          f"{len(set(often) - predicted)} are predicted of none")  # fmt: skip
    last = {t: next(i for i, f in enumerate(picked, 1) if t in f) for t in often}
    for triple in sorted(last, key=lambda t: -last[t])[:RARE]:
        word = "predicted" if triple in predicted else "not predicted"
        print(f"  last met: {', '.join(triple)}: schedule {last[triple]}, {often[triple]} in the pool, {word}")


if __name__ == "__main__":
    main()
