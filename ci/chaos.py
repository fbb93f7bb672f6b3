"""One process of each run is killed, stopped, or stopped and continued at a random moment: `python ci/chaos.py 100`.

A run passes if it ends within its longest case and a minute, accuses no room, names the process at fault, and comes to
a verdict on every case. `--seed N` repeats the moments, further words go to `roomcheck run` (such as `-k kick`). Runs
whose harness is killed must leave no process and a stream that can be read. It ends with 1 if any run did not pass.
"""

import argparse
import contextlib
import json
import os
import random  # noqa: TID251 (from a seed that is printed)
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "ROOMCHECK_CHAOS"
WHO = {
    "server": "reference.server",
    "adapter": "reference.adapter",
    "Toxiproxy": "toxiproxy-server",
    "harness": "",
}
HOW = ("kill", "stop", "stop and continue")
NAMED = {"server": "the server of reference", "adapter": "the adapter", "Toxiproxy": "Toxiproxy", "harness": ""}
LONGEST = 13.0  # seconds, of the reference room's cases
SPARE = 60.0
BUSY = 4  # times as long on a machine that has much else to do: --busy
EARLIEST, LATEST = 0.0, 16.0  # seconds after the stream is there, between which the moment lies
PAUSES = (0.02, 3.0)  # seconds that a stop may last
PAUSE = threading.Event()


@dataclass(frozen=True)
class Plan:
    """What happens to whom, and when."""

    who: str
    how: str
    after: float
    lasts: float

    def __str__(self) -> str:
        lasts = f" {self.lasts:.2f} s later" if self.how == HOW[2] else ""
        return f"{self.how}{lasts}: {self.who} after {self.after:.2f} s"


def plan(chance: random.Random) -> Plan:
    who, how = chance.choice(list(WHO)), chance.choice(HOW)
    if who == "harness" and how == "stop":
        how = HOW[2]  # nobody ends what stands still for ever
    return Plan(who, how, chance.uniform(EARLIEST, LATEST), chance.uniform(*PAUSES))


def processes(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def victim(who: str, mark: str, harness: int) -> psutil.Process | None:
    if who == "harness":
        return psutil.Process(harness)
    for process in processes(mark):
        with contextlib.suppress(psutil.Error):
            if process.pid != harness and WHO[who] in " ".join(process.cmdline()):
                return process
    return None


def hit(planned: Plan, mark: str, harness: int) -> bool:
    """Whether it was still there to be hit."""
    found = victim(planned.who, mark, harness)
    with contextlib.suppress(psutil.NoSuchProcess):
        if found is not None:
            found.send_signal(signal.SIGKILL if planned.how == "kill" else signal.SIGSTOP)
            if planned.how == HOW[2]:
                PAUSE.wait(planned.lasts)
                with contextlib.suppress(psutil.NoSuchProcess):  # a part that stands still is ended, and started again
                    found.send_signal(signal.SIGCONT)
            return True
    return False


def one(planned: Plan, words: Sequence[str], limit: float) -> tuple[list[str], str]:
    """What is wrong with this run, and a line on it."""
    folder = Path(tempfile.mkdtemp(prefix="roomcheck-chaos-"))
    mark = secrets.token_hex(8)
    stream = folder / "run.ndjson"
    began = time.monotonic()
    with (folder / "said").open("w+", encoding="utf-8") as said, subprocess.Popen(
        [sys.executable, "-m", "roomcheck", "run", "--report-dir", str(folder), *words],
        env={**os.environ, MARK: mark}, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
    ) as run:  # fmt: skip
        while not stream.exists() and run.poll() is None:
            PAUSE.wait(0.02)
        PAUSE.wait(planned.after)
        was_there = run.poll() is None and hit(planned, mark, run.pid)
        wrong = []
        try:
            run.wait(limit)
        except subprocess.TimeoutExpired:
            wrong.append(f"it had not ended after {limit:.0f} s")
            run.kill()
        took = time.monotonic() - began
        run.wait()
        said.seek(0)
        text = said.read()
    records = [json.loads(line) for line in stream.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    cases = [r for r in records if r["record"] == "case"]
    counts = Counter(r["outcome"] or f"no verdict ({r['blame']})" for r in cases)
    killed = planned.who == "harness" and planned.how == "kill" and was_there
    total = records[0]["cases"] if records else 0
    if counts["violates"]:
        wrong.append(f"the room was accused {counts['violates']} times")
    begun = any(r["record"] == "room" for r in records)
    early = not begun and was_there and planned.who in text  # hit while it was started: no case can be judged then
    if not killed and not early and not wrong:
        if run.returncode not in (0, 2, 3, 4, 5):
            wrong.append(f"it ended with {run.returncode}")
        if any(name.startswith("no verdict") for name in counts) or len(cases) != total:
            wrong.append(f"{total - sum(counts[o] for o in ('conforms', 'inconclusive', 'not applicable'))} no verdict")
        touched = any(r["attempts"] > 1 for r in cases)
        if was_there and planned.how != HOW[2] and touched and NAMED[planned.who] not in text:
            wrong.append(f"{planned.who} was not named")
        if "Traceback" in text:
            wrong.append("a traceback")
    deadline = time.monotonic() + 10
    while (left := processes(mark)) and time.monotonic() < deadline:
        PAUSE.wait(0.1)
    if left:
        wrong.append(f"{len(left)} processes are left")
        for process in left:
            process.kill()
    line = f"exit {run.returncode} after {took:.0f} s, {dict(counts)}{'' if was_there else ', nobody was hit'}"
    if not wrong:
        shutil.rmtree(folder)
    return wrong, line + (f", see {folder}" if wrong else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=10)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 30))
    parser.add_argument("--busy", action="store_true", help=f"grant {BUSY} times as long")
    given, words = parser.parse_known_args()
    print(f"seed {given.seed}", flush=True)
    chance = random.Random(given.seed)  # noqa: S311
    failed = 0
    for number in range(1, given.runs + 1):
        planned = plan(chance)
        wrong, line = one(planned, words, (LONGEST + SPARE) * (BUSY if given.busy else 1))
        failed += bool(wrong)
        print(f"{number}. {planned}: {line}{''.join(f' - WRONG: {w}' for w in wrong)}", flush=True)
    print(f"{given.runs - failed} of {given.runs} runs ended as they should", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
