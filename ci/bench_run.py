"""What a whole run costs: its wall time against its longest case, and the memory of all its processes together.

`ci/bench_run.py [ARGUMENTS of roomcheck run]`. Memory is the sum of each process's proportional share (Pss), looked at
ten times a second, so it is told on Linux only. Cost is reported, not judged: the exit code is that of the run.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from roomcheck.run.clock import offspring


def memory(pid: int) -> dict[str, int]:
    """Kilobytes of this process and of all that it started, by what they are."""
    out: dict[str, int] = {}
    for each in (pid, *offspring(pid)):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii").splitlines()
            words = Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode().split()
        except (OSError, UnicodeDecodeError):
            continue
        name = next((w for w in words if "toxiproxy" in w or "reference." in w), "roomcheck").rpartition("/")[2]
        out[name] = out.get(name, 0) + sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return out


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "roomcheck", "run", "--quiet", "--report-dir", folder, *arguments]
        began = time.monotonic()
        run = subprocess.Popen(command)
        peak: dict[str, int] = {}
        while run.poll() is None:
            seen = memory(run.pid)
            if sum(seen.values()) > sum(peak.values()):
                peak = seen
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(0.1)
        took = time.monotonic() - began
        records = [json.loads(line) for line in (Path(folder) / "run.ndjson").read_text(encoding="utf-8").splitlines()]
    cases = [r for r in records if r["record"] == "case"]
    longest = max((r["seconds"] for r in cases), default=0.0)
    print(f"{len(cases)} cases in {took:.1f} s; the longest took {longest:.1f} s")
    print(f"over 1.1 times the longest: {took - 1.1 * longest:.1f} s")
    shares = ", ".join(f"{name} {size // 1024}" for name, size in sorted(peak.items()))
    print(f"peak memory: {sum(peak.values()) // 1024} MB ({shares})")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
