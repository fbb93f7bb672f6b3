"""A search on workers, one of which is killed or stopped every 20 s: `python ci/chaos_workers.py 3000 --every 20`.

It passes if every schedule has exactly one final result, none is an error, no room is accused but one with `--defect`,
which must be, and no process and no port is left. `--seed N` repeats who is hit and how; further words go to
`roomcheck fuzz` (such as `--defect never-reconnected`). It ends with 1 if anything was wrong.
"""

import argparse
import contextlib
import json
import os
import random  # noqa: TID251 (from a seed that is printed)
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
from chaos import MARK, processes

WORKER = "spawn_main"  # in a worker's command line
SAME = re.compile(r"(\d+) schedules showed it")
SPARE = 600.0  # seconds beside those that were given
PAUSE = threading.Event()


def workers(mark: str) -> list[psutil.Process]:
    found = []
    for process in processes(mark):
        with contextlib.suppress(psutil.Error):
            if WORKER in " ".join(process.cmdline()):
                found.append(process)
    return found


def listening(found: list[psutil.Process]) -> set[int]:
    ports: set[int] = set()
    for process in found:
        with contextlib.suppress(psutil.Error):
            ports |= {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    return ports


def wrong_in(stream: Path, schedules: int, code: int, *, defect: bool) -> list[str]:
    """What the stream says that it should not."""
    records = [json.loads(line) for line in stream.read_text(encoding="utf-8").splitlines()]
    cases = [record for record in records if record["record"] == "case"]
    showed = [SAME.search(case["message"]) for case in cases]
    played = sum(int(match[1]) if match else 1 for match in showed)
    counts = Counter(case["outcome"] or f"no verdict ({case['blame']})" for case in cases)
    print(f"exit {code}: {played} schedules, {dict(counts)}, {records[-1].get('died')}", flush=True)
    twice = [case for case, times in Counter(case["case"] for case in cases).items() if times > 1]
    return [
        *([f"{played} final results of {schedules}"] if played != schedules else []),
        *([f"twice: {twice}"] if twice else []),
        *(["some have no verdict"] if any(name.startswith("no verdict") for name in counts) else []),
        *(["the room was accused"] if counts["violates"] and not defect else []),
        *(["the defect was not found"] if defect and not counts["violates"] else []),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schedules", type=int, nargs="?", default=3_000)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two hits")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0, help="that it may take")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 30))
    given, words = parser.parse_known_args()
    print(f"seed {given.seed}", flush=True)
    chance = random.Random(given.seed)  # noqa: S311
    folder = Path(tempfile.mkdtemp(prefix="roomcheck-chaos-"))
    stream = folder / "run.ndjson"
    mark = secrets.token_hex(8)
    hits: Counter[str] = Counter()
    seen: set[int] = set()
    wrong: list[str] = []
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "roomcheck", "fuzz", "-q", "--workers", str(given.workers), "--schedules",
         str(given.schedules), "--report-dir", str(folder), "--database", str(folder / "database"), *words],
        env={**os.environ, MARK: mark}, stdin=subprocess.DEVNULL, start_new_session=True,
    ) as search:  # fmt: skip
        while search.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                search.wait(given.every)
            if time.monotonic() - began > 60 * given.minutes + SPARE:
                wrong.append("it had not ended")
                search.kill()
            if not stream.exists() or '"record": "room"' not in stream.read_text(encoding="utf-8"):
                continue
            seen |= listening(processes(mark))
            if search.poll() is None and (there := workers(mark)):
                how = chance.choice((signal.SIGKILL, signal.SIGSTOP))
                with contextlib.suppress(psutil.NoSuchProcess):
                    chance.choice(there).send_signal(how)
                    hits[how.name] += 1
    print(f"{time.monotonic() - began:.0f} s, {dict(hits)}", flush=True)
    wrong += wrong_in(stream, given.schedules, search.returncode, defect="--defect" in words)
    deadline = time.monotonic() + 10
    while (left := processes(mark)) and time.monotonic() < deadline:
        PAUSE.wait(0.1)
    if left:
        wrong.append(f"{len(left)} processes are left")
    if ports := seen & {c.laddr.port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN}:
        wrong.append(f"ports are left: {sorted(ports)}")
    for process in left:
        process.kill()
    print("\n".join(f"WRONG: {text}" for text in wrong) or "as it should be", flush=True)
    if not wrong:
        shutil.rmtree(folder)
    else:
        print(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
