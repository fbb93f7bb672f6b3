"""How many schedules a second one core simulates and judges: `ci/bench_simulate.py [SECONDS a case]`.

Simulating and judging are timed apart, in CPU time, each by the best of several rounds: whatever else runs here delays.
"""

import gc
import sys
import time
from collections.abc import Callable

from roomcheck.judge import judge
from roomcheck.resources import root
from roomcheck.simulate import simulate
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

SECONDS = 2.0
ROUND = 0.05  # seconds: long enough for the clock, short enough that some round is undisturbed
CASES = [
    "never-back/cut",
    "never-back/stall",
    "never-back/ghost",
    "several-outages/cut",
    "back-after-heartbeat-timeout/cut",
    "slow-link/latency",
    "same-user-in-the-same-room",
    "kick",
    "login-alone",
]


def best(do: Callable[[], object], seconds: float) -> float:
    """Seconds that one call takes, at best."""
    least = float("inf")
    until = time.process_time() + seconds
    while time.process_time() < until:
        begin = time.process_time()
        calls = 0
        while (spent := time.process_time() - begin) < ROUND:
            do()
            calls += 1
        least = min(least, spent / calls)
    return least


def contract() -> Contract:
    """The ZEGO contract in documented time."""
    text = (root() / "specs" / "zego-express" / "room-status.yaml").read_text(encoding="utf-8")
    return load_spec(text, "room-status.yaml").bind()


def main() -> None:
    """Print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    bound = contract()
    cases = {c.id: c for c in bound.cases}
    gc.freeze()
    print(f"{'case':<36}{'minutes':>8}{'simulate':>12}{'judge':>12}{'schedules/s':>13}")
    for name in CASES:
        case = cases[name]
        trace = simulate(bound, case)
        lasted = (trace.end - trace.records[0].at.lo) / 60e6
        simulating = best(lambda case=case: simulate(bound, case), seconds)
        judging = best(lambda case=case, trace=trace: judge(bound, trace, case), seconds)
        times = f"{simulating * 1e3:9.2f} ms{judging * 1e3:9.2f} ms"
        print(f"{name:<36}{lasted:8.1f}{times}{1 / (simulating + judging):13.0f}")


if __name__ == "__main__":
    main()
