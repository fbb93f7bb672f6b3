"""`roomcheck bisect`: which version of a target, or of one of its parts, was the first to show a finding."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from roomcheck.cli.ending import cancelled_by_signals
from roomcheck.cli.files import lines_of
from roomcheck.cli.folder import held
from roomcheck.cli.matrix import LIMIT, LOG, STREAM, UNSAFE, read_names
from roomcheck.cli.pinned import missing, read_file
from roomcheck.cli.playing import INTERRUPTED, Bound, Choice
from roomcheck.cli.targets import halves_of, open_part
from roomcheck.errors import UsageError
from roomcheck.model.verdict import Outcome
from roomcheck.report.exitcode import AS_EXPECTED, INCONCLUSIVE, NOTHING
from roomcheck.report.ndjson import read_stream
from roomcheck.report.text import visible
from roomcheck.run.process import roomcheck

TIMES = 5
NAMELESS = "(no requirement)"


@dataclass(frozen=True, slots=True)
class Seen:
    """What plays of one version showed: requirement -> plays that broke it first; or why that is not known."""

    broken: Counter[str]
    plays: int
    unknown: str = ""

    def text(self) -> str:
        """For a person."""
        if self.unknown:
            return f"cannot tell: {self.unknown}"
        broken = ", ".join(f"{name} in {count} of {self.plays}" for name, count in self.broken.most_common())
        return f"violates {broken}" if broken else f"{self.plays} of {self.plays} conform"


@dataclass(frozen=True, slots=True)
class Change:
    """Where versions begin to differ: `last` is the last that is like the oldest, `first` the first that is not.

    `between` could not be told; `first` is None where all are alike.
    """

    last: str
    first: str | None
    between: tuple[str, ...] = ()


Look = Callable[[str], Awaitable[bool | None]]  # whether a version shows it; None: cannot be told


async def search(versions: Sequence[str], look: Look) -> Change | None:
    """Where the answer changes, between the oldest and the newest version that have one; None where fewer than two do.

    It is taken to change once: half of what is left is asked at a time, and what cannot be told is passed over.
    """
    known: dict[int, bool | None] = {}

    async def asked(index: int) -> bool | None:
        if index not in known:
            known[index] = await look(versions[index])
        return known[index]

    ends = []
    for order in (range(len(versions) - 1, -1, -1), range(len(versions))):
        for index in order:
            if await asked(index) is not None:
                ends.append(index)
                break
    if len(ends) < 2 or ends[0] == ends[1]:
        return None
    high, low = ends
    if known[low] == known[high]:
        return Change(versions[high], None)
    while True:
        middle = (low + high) / 2
        open_ones = [i for i in range(low + 1, high) if known.get(i, True) is not None]
        if not open_ones:
            return Change(versions[low], versions[high], tuple(versions[low + 1 : high]))
        index = min(open_ones, key=lambda i: abs(i - middle))
        answer = await asked(index)
        if answer is not None:
            low, high = (index, high) if answer == known[low] else (low, index)


@click.command()
@click.argument("schedule", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", required=True, metavar="NAME | SERVER+CLIENT", help="A target or two parts, as for replay.")
@click.option("--versions", multiple=True, callback=read_names, metavar="VERSION,...",
              help="The oldest first  [default: those that `pins` lists].")  # fmt: skip
@click.option("--pin", metavar="PIN", help="Whose versions, where the target pins several things.")
@click.option("-n", "times", type=click.IntRange(1), default=TIMES, show_default=True, help="Plays of each version.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="roomcheck-bisect",
              show_default=True, help="A folder for the reports of each version.")  # fmt: skip
@click.option("--limit", type=click.FloatRange(min=0, min_open=True), default=LIMIT, show_default=True,
              metavar="MINUTES", help="A version that takes longer cannot be told.")  # fmt: skip
def bisect(
    schedule: Path, target: str, versions: list[str], pin: str | None, times: int, out: Path, limit: float
) -> int:
    """Name the first version that shows what SCHEDULE (as `roomcheck fuzz` writes it) finds in --target.

    The newest and the oldest version are played, and then half of what is left at a time; each is fetched into a folder
    of its own. Where the newest conforms and the oldest does not, the first version that conforms is named. A version
    that cannot be installed, or that the machine could not decide, is passed over. A finding that does not show every
    time wants a greater -n. One that an option of the target allows is no violation: it is said of each version.

    \b
      roomcheck bisect found.yaml --target my-server+my-client --versions 1.0.0,1.1.0,1.2.0
      roomcheck bisect found.yaml --target my-room -n 20

    Exit codes: 0 a version is named, 2 it is one of several, or nothing could be told, 4 usage, or no version shows it.
    """  # noqa: D301  click wants the character
    at, listed = _line(target, pin)
    line = versions or listed
    if len({*line}) < 2 or len({*line}) < len(line):
        raise UsageError(
            f"there is nothing to search in the versions {', '.join(line)}: give two or more with --versions"
        )
    bound = Bound.of(Choice(target=at(line[-1])))
    if reason := missing(read_file(schedule, bound.contract), bound.contract):
        raise UsageError(f"{schedule} cannot be played on {bound.target.name}: {reason}")
    with held(out, "--out"):
        return asyncio.run(_bisect(schedule, at, line, times, out, limit * 60))


def _line(target: str, pin: str | None) -> tuple[Callable[[str], str], list[str]]:
    """What a person writes for each version of what is searched, and the versions that are listed of it."""
    words = halves_of(target)
    found = [
        (i, name, [*part.listed[name]])
        for i, part in enumerate(open_part(word) for word in words)
        for name in part.pins
        if name not in part.chosen and pin in (None, name)
    ]
    if len(found) > 1:
        found = [one for one in found if len(one[2]) > 1]
    if len(found) != 1:
        pins = ", ".join(name for word in words for name in open_part(word).pins)
        raise UsageError(f"whose versions is not clear: say --pin, of the `pins` {pins or 'none'} of {target}")
    index, name, listed = found[0]

    def at(version: str) -> str:
        sign = "," if open_part(words[index]).chosen else "@"
        return "+".join(f"{word}{sign}{name}={version}" if i == index else word for i, word in enumerate(words))

    return at, listed


async def _bisect(
    schedule: Path, at: Callable[[str], str], versions: Sequence[str], times: int, out: Path, limit: float
) -> int:  # fmt: skip
    cancelled_by_signals()
    seen: dict[str, Seen] = {}
    wanted: set[str] = set()  # what the newest version that breaks anything breaks

    async def look(version: str) -> bool | None:
        click.echo(f"playing {version} ...", err=True)
        seen[version] = await _play(schedule, at(version), times, out / UNSAFE.sub("-", version), limit)
        click.echo(f"{version}: {visible(seen[version].text())}")
        for line in _allowed(out / UNSAFE.sub("-", version) / LOG):
            click.echo(f"  {visible(line)}")
        if not wanted:
            wanted.update(seen[version].broken)
        return None if seen[version].unknown else not wanted.isdisjoint(seen[version].broken)

    try:
        change = await search(versions, look)
    except asyncio.CancelledError:
        return INTERRUPTED
    if change is None:
        click.echo("fewer than two versions can be told, so nothing is named")
        return INCONCLUSIVE
    what = ", ".join(sorted(wanted))
    if change.first is None:
        click.echo(f"{what} shows from the oldest version on that was asked: {versions[0]}" if wanted
                   else "no version shows a violation")  # fmt: skip
        return AS_EXPECTED if wanted else NOTHING
    mended = wanted.isdisjoint(seen[change.first].broken)
    does, before = ("is gone", "shows it") if mended else ("shows", "does not show it")
    if change.between:
        several = ", ".join([*change.between, change.first])
        click.echo(f"{what} {does} from one of these on: {several}; {change.last} {before}")
        return INCONCLUSIVE
    click.echo(f"{what} {does} from {change.first} on; {change.last}, the one before, {before}")
    return AS_EXPECTED


def _allowed(log: Path) -> list[str]:
    """What `roomcheck replay` said of options that allow what a schedule shows: then no version violates anything."""
    try:
        return [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("allowed by `")]
    except (OSError, ValueError):
        return []


async def _play(schedule: Path, target: str, times: int, folder: Path, limit: float) -> Seen:
    """Play the schedule on one version, in a process of its own, and read what that wrote and no call before."""
    shutil.rmtree(folder, ignore_errors=True)
    words = ["replay", str(schedule), "--target", target, "-n", str(times), "--report-dir", str(folder), "-q"]
    ended = await roomcheck(words, folder / LOG, limit)
    if ended.code is None:
        return Seen(Counter(), 0, f"it did not end within {limit:.0f} s")
    try:
        with (folder / STREAM).open(encoding="utf-8") as lines:
            _, results, footer = read_stream(lines_of(lines))
    except (OSError, ValueError):
        return Seen(Counter(), 0, ended.words)
    broken = Counter(
        (r.verdict.findings[0].requirement if r.verdict and r.verdict.findings else None) or NAMELESS
        for r in results if r.outcome is Outcome.VIOLATES
    )  # fmt: skip
    decided = [r for r in results if r.outcome in (Outcome.VIOLATES, Outcome.CONFORMS)]
    if not broken and (footer is None or not footer.complete or len(decided) < times):
        return Seen(broken, len(decided), ended.words or f"{len(decided)} of {times} plays have a verdict")
    return Seen(broken, len(decided))
