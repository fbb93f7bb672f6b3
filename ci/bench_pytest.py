"""How much later pytest starts with the plugin installed and unused: `ci/bench_pytest.py [TIMES]`, starts side by side.

Two starts are alike but for the plugin, in a folder without tests; Hypothesis' own plugin, which imports Hypothesis at
the end of every run, is left out of both. Exit 1 if the median of the differences is more than LIMIT. It is the
processor's time that decides: nothing waits in a start, and on a busy machine wall time says nothing of it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

TIMES = 20
LIMIT = 20.0  # milliseconds
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "-p", "no:cacheprovider")
WITHOUT = ("-p", "no:roomcheck")
NO_TESTS = 5


def start(folder: str, *words: str) -> tuple[float, float]:
    """The milliseconds, of the clock and of the processor, that pytest takes to find out that a folder has no tests."""
    began = time.monotonic()
    process = subprocess.Popen((*PYTEST, *words), cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == NO_TESTS, process.returncode
    return took * 1000, (used.ru_utime + used.ru_stime) * 1000


def main(times: int = TIMES) -> int:
    """Prints the medians; 1 if the plugin costs more than the limit."""
    with tempfile.TemporaryDirectory() as folder:
        start(folder)  # byte code is written
        pairs = [(start(folder, *WITHOUT), start(folder)) for _ in range(times)]
    for i, clock in enumerate(("the clock", "the processor")):
        without, with_it = ([pair[which][i] for pair in pairs] for which in (0, 1))
        more = statistics.median(b - a for a, b in zip(without, with_it, strict=True))
        medians = f"{statistics.median(without):.1f} ms without, {statistics.median(with_it):.1f} ms with the plugin"
        print(f"by {clock}, {times} starts each: {medians}; the difference is {more:+.1f} ms")
    return int(more > LIMIT)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
