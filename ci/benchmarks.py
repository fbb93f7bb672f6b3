"""Runs ci/bench_NAME.py, all or those named: `ci/bench [--against REV] [--rounds N] [NAME ...]`.

With --against each is run in turn as it was at REV and as it is here, so that both meet the same machine: the package,
the specs and the benchmark are those of each commit, what they depend on is what is installed here. Of every number in
a line that both print the medians are shown, and how many times as large it is here; the last line is the processor
time of the whole benchmark. Nothing is judged: the exit code is the first of the benchmarks here that is not 0.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"(?<![\w./-])[-+]?\d[\d,]*(?:\.\d+)?")
ROUNDS = 3

Line = tuple[str, int]  # its text without the numbers, and how often that was there before


@dataclass(frozen=True, slots=True)
class Ran:
    """A benchmark that has ended: what it printed, and the seconds of processor time that it took."""

    code: int
    out: str

    def numbers(self) -> dict[Line, list[float]]:
        """Those of each line."""
        seen: Counter[str] = Counter()
        found: dict[Line, list[float]] = {}
        for line in self.out.splitlines():
            text = " ".join(NUMBER.sub("#", line).split())
            found[text, seen[text]] = [float(number.replace(",", "")) for number in NUMBER.findall(line)]
            seen[text] += 1
        return found


def run(tree: Path, name: str) -> Ran:
    """With the package of this tree, whatever is installed."""
    env = {**os.environ, "PYTHONPATH": str(tree / "harness")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, f"ci/{name}"], cwd=tree, env=env, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    error = done.stderr if done.returncode else ""
    return Ran(done.returncode, f"{done.stdout}{error}\n{took:.2f} s of processor time")


def extract(revision: str, folder: Path) -> Path:
    """The tree of a commit."""
    words = ["git", "-C", str(ROOT), "archive", "--format=tar", revision]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"ci/bench: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def medians(runs: Sequence[Ran]) -> dict[Line, list[float]]:
    """Of every number in a line that all of them printed."""
    found: defaultdict[Line, list[list[float]]] = defaultdict(list)
    for ran in runs:
        for line, numbers in ran.numbers().items():
            found[line].append(numbers)
    return {
        line: [statistics.median(values) for values in zip(*rows, strict=True)]
        for line, rows in found.items()
        if len(rows) == len(runs)
    }


def filled(line: Line, numbers: Sequence[float]) -> str:
    values = iter(numbers)
    return re.sub("#", lambda _: f"{next(values):,.10g}", line[0])


def compare(name: str, revision: str, then: Path, rounds: int) -> int:
    """Both in alternation, and every other round the other one first."""
    runs: dict[Path, list[Ran]] = {then: [], ROOT: []}
    for number in range(rounds):
        for tree in list(runs)[:: -1 if number % 2 else 1]:
            runs[tree].append(run(tree, name))
    old, new = medians(runs[then]), medians(runs[ROOT])
    width = max(len(revision), len("here"))
    for line, numbers in new.items():
        if not numbers or line not in old:
            print(f"{'':{width}}  {filled(line, numbers)}" if line[0] else "")
            continue
        ratios = [f"{now / before:.2f}" if before else "-" for before, now in zip(old[line], numbers, strict=True)]
        print(f"{revision:{width}}  {filled(line, old[line])}")
        print(f"{'here':{width}}  {filled(line, numbers)}")
        print(f"{'times':{width}}  {' '.join(ratios)}")
    return next((ran.code for ran in runs[ROOT] if ran.code), 0)


def main(argv: Sequence[str]) -> int:
    every = sorted(path.name for path in (ROOT / "ci").glob("bench_*.py"))
    parser = argparse.ArgumentParser("ci/bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="judge, simulate, ...: all if none is named")
    parser.add_argument("--against", metavar="REV", help="an earlier commit to compare with")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each with --against (%(default)s)")
    given = parser.parse_args(argv)
    names = [f"bench_{name}.py" for name in given.names] or every
    if unknown := set(names) - set(every):
        parser.error(f"there is no {', no '.join(f'ci/{name}' for name in sorted(unknown))}")
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        then = extract(given.against, Path(folder)) if given.against else None
        for name in names:
            print(f"== {name}", flush=True)
            if then and (then / "ci" / name).exists():
                ended = compare(name, given.against, then, max(1, given.rounds))
            else:
                if then:
                    print(f"{given.against} has no {name}")
                ended = subprocess.run([sys.executable, f"ci/{name}"], cwd=ROOT, check=False).returncode
            code = code or ended
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
