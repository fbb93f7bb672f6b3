"""Whether a late machine changes a verdict: whole runs on the conforming reference room, and rooms with a defect each.

`ci/under_load.py [quiet|busy|half|nice] [--loops 6] [--runs 10] [--times 3] [--defect NAME…]`. `busy` keeps so many
loops going beside the runs, `half` gives them half a core (a cgroup, which takes root), `nice` runs them with nice 19
beside two loops. Of a defect those cases are played that verify a requirement which it breaks. Exit 0: no run accused
the conforming room, at most 1 % of its cases were inconclusive, and each defect was caught by its name each time.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from roomcheck.cli.playing import Bound, Choice
from roomcheck.reference.defects import DEFECTS

LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"
GROUPS = (  # of cgroups version 2 and 1: a folder for ours, the file that limits it, and half a core there
    (Path("/sys/fs/cgroup/roomcheck-half"), "cpu.max", "50000 100000"),
    (Path("/sys/fs/cgroup/cpu/roomcheck-half"), "cpu.cfs_quota_us", "50000"),
)
# Twelve of all topics.
CAUGHT = (
    "kick-wrong-code", "kick-not-told", "duplicate-login-wrong-code", "leave-told-early", "leave-never-told",
    "logined-twice", "login-failed-wrong-code", "logout-wrong-code", "double-delete", "never-reconnected",
    "reconnect-failed-early", "switch-not-announced",
)  # fmt: skip
SHARE = 0.01


@contextlib.contextmanager
def half_a_core() -> Iterator[list[str]]:
    """What a command begins with to be in a group that gets half a core."""
    for folder, file, limit in GROUPS:
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            (folder / file).write_text(limit, encoding="ascii")
            try:
                yield ["sh", "-c", f'echo $$ >{folder}/cgroup.procs && exec "$@"', "sh"]
            finally:
                folder.rmdir()
            return
    sys.exit("half a core takes a cgroup that may be written: be root, outside of a container that hides them")


@contextlib.contextmanager
def loops(count: int) -> Iterator[None]:
    """So many processes that want a core each; they end with this one."""
    running = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def play(before: Sequence[str], words: Sequence[str]) -> tuple[int, float, list[dict[str, object]]]:
    """The exit code of a run, how long it took, and the results of its cases."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        done = subprocess.run(
            [*before, sys.executable, "-m", "roomcheck", "run", "-q", "--report-dir", folder, *words],
            stdout=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        took = time.monotonic() - began
        stream = Path(folder) / "run.ndjson"
        records = [json.loads(line) for line in stream.read_text(encoding="utf-8").splitlines()]
    return done.returncode, took, [record for record in records if record["record"] == "case"]


def show(name: str, code: int, took: float, cases: Sequence[dict[str, object]], verdict: str) -> None:
    """One line of the table."""
    ends = Counter(str(case["outcome"]) for case in cases)
    speeds = Counter(case["scale"] for case in cases if case["scale"])
    again = sum(int(str(case["attempts"])) > 1 for case in cases)
    at = ", ".join(f"{count} at {scale:g}" for scale, count in sorted(speeds.items(), reverse=True))
    told = f"{ends['conforms']:4} {ends['violates']:4} {ends['inconclusive']:4} {again:5}"
    print(f"{name:28} exit {code} {took:6.1f} s {told}  {at}{verdict and f'  {verdict}'}", flush=True)


def conforming(before: Sequence[str], runs: int) -> bool:
    """Whole runs on the room that keeps its contract."""
    every = Counter[str]()
    for number in range(1, runs + 1):
        code, took, cases = play(before, ())
        show(f"conforming, run {number}", code, took, cases, "")
        every.update(str(case["outcome"]) for case in cases)
    return every["violates"] == 0 and every["inconclusive"] <= SHARE * every.total()


def defect(before: Sequence[str], name: str) -> bool:
    """Whether a run says exit 1 and names what the defect breaks."""
    breaks = set(DEFECTS[name].breaks)
    verifying = [case.id for case in Bound.of(Choice()).contract.cases if breaks & set(case.requirements)]
    words = ["--defect", name, *(word for case in verifying for word in ("-k", f"{case[:-1]}?"))]
    code, took, cases = play(before, words)
    named = {
        finding["requirement"]
        for case in cases
        if case["outcome"] == "violates"
        for finding in case["verdict"]["findings"]  # type: ignore[index]
    }
    right = code == 1 and bool(named & breaks)
    show(name, code, took, cases, "" if right else f"MISSED, named {', '.join(sorted(map(str, named))) or 'nothing'}")
    return right


def main() -> int:
    # else the run that it has started would go on: killed, that ends all that is its own
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("how", nargs="?", choices=("quiet", "busy", "half", "nice"), default="busy")
    options.add_argument("--loops", type=int, default=6)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--times", type=int, default=3)
    options.add_argument("--defect", action="append", choices=sorted(DEFECTS))
    given = options.parse_args()
    beside = {"busy": given.loops, "nice": 2}.get(given.how, 0)
    with contextlib.ExitStack() as stack:
        stack.enter_context(loops(beside))
        before = stack.enter_context(half_a_core()) if given.how == "half" else []
        before = ["nice", "-n", "19"] if given.how == "nice" else before
        print(f"{given.how}, {os.cpu_count()} cores, {beside} loops beside; load before {os.getloadavg()[0]:.1f}")
        print(f"{'':28} {'':6} {'':8} conf viol inco again")
        fine = [conforming(before, given.runs)]
        fine += [defect(before, name) for name in given.defect or CAUGHT for _ in range(given.times)]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
