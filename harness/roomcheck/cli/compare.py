"""`roomcheck compare TARGET TARGET…`: the same cases on several targets, and where these tell something else."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from roomcheck.cli.ending import cancelled_by_signals
from roomcheck.cli.folder import held
from roomcheck.cli.going_on import SAID, some
from roomcheck.cli.patterns import case_option, fits
from roomcheck.cli.pinned import missing, pinned, read_file
from roomcheck.cli.playing import INTERRUPTED, Bound, Choice
from roomcheck.cli.run import selected
from roomcheck.cli.speed import scale_option
from roomcheck.errors import RoomcheckError, UsageError
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Verdict
from roomcheck.report.compare import PLAYS, Cell, Comparison, Row, Side, lines, reliable, telling
from roomcheck.report.compare_page import as_html
from roomcheck.report.traces import TraceFolder
from roomcheck.run.session import ATTEMPTS, Session
from roomcheck.spec.case import Case
from roomcheck.spec.schedule_file import case_of

JOBS = 128  # cases at once, shared by the targets: each of them needs the machine to be on time


@dataclass(slots=True)
class Contestant:
    """One target: what it plays, and what it cannot."""

    name: str
    bound: Bound
    cases: dict[str, Case]
    absent: dict[str, tuple[str, str]]  # case -> title, reason
    session: Session
    room: str = ""
    toxiproxy: str = ""
    cells: dict[str, Cell] = field(default_factory=dict)

    def hear_room(self, room: str, toxiproxy: str) -> None:
        self.room, self.toxiproxy = room, toxiproxy

    def hear_trace(self, case: Case, trace: Trace, verdict: Verdict) -> None:
        if reliable(verdict.outcome):
            self.cells[case.id].tellings.append(telling(self.bound.contract, trace))

    async def play(self, names: Iterable[str]) -> None:
        """Play these, as far as this target has them."""
        cases = [self.cases[name] for name in names if name in self.cases]
        prefix = f"{self.bound.contract.spec}/"
        for result in await self.session.play(cases, ATTEMPTS):
            cell = self.cells[result.case.removeprefix(prefix)]
            if cell.result is None or reliable(result.outcome):
                cell.result = result


@click.command()
@click.argument("targets", nargs=-1, required=True)
@click.option("--spec", help="The spec, a file or an id  [default: the targets' own].")
@case_option
@click.option("--schedule", "schedules", multiple=True, metavar="FILE",
              type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Play this schedule too, as `roomcheck fuzz` writes it.")  # fmt: skip
@click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("roomcheck-report"),
              show_default=True, help="Where compare.html and traces/ go.")  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), default=JOBS, show_default=True, help="Cases in flight at once, in all."
)
@scale_option()
@click.option("-q", "--quiet", is_flag=True, help="Only the differences and the summary.")
def compare(
    targets: tuple[str, ...], spec: str | None, patterns: tuple[str, ...], schedules: tuple[Path, ...],
    report_dir: Path, jobs: int, scale: float | None, *, quiet: bool,
) -> int:  # fmt: skip
    """Play the same cases on several TARGETS (target.yaml, folders or names) at once, and show what differs.

    NAME@VERSION is a target with another version than it pins, SERVER+CLIENT a pair of parts.

    Compared is what members are told, in which order; not when. What each play makes up, such as a connection's id, is
    compared by whether it is the same one again. The others are compared with the first target. Exit 0:
    all told the same; 1: something differs; else what kept cases from being compared.
    """
    if len(targets) < 2:
        raise UsageError("there is nothing to compare: name at least two targets")

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    bounds = [Bound.of(Choice(target=target, report_dir=report_dir, scale=scale), spec) for target in targets]
    specs = {bound.contract.spec for bound in bounds}
    if len(specs) > 1:
        raise UsageError(f"the targets have different specs, {' and '.join(sorted(specs))}: name one with --spec")
    all_cases = [_cases(bound, schedules, patterns) for bound in bounds]
    titles = {
        name: title
        for cases, absent in all_cases
        for name, title in (*((c.id, c.title) for c in cases.values()), *((n, t) for n, (t, _) in absent.items()))
    }
    if not any(cases for cases, _ in all_cases):
        raise UsageError(f"no case of {specs.pop()} fits {' '.join(f'-k {p}' for p in patterns) or 'these targets'}")
    contestants = [
        _contestant(name, bound, found, say, jobs // len(bounds) or 1)
        for name, bound, found in zip(_names(bounds), bounds, all_cases, strict=True)
    ]
    rows = [Row(name, title, [_cell(c, name) for c in contestants]) for name, title in titles.items()]
    say(f"{len(rows)} cases of {specs.pop()} on {len(bounds)} targets: {', '.join(c.name for c in contestants)}")
    with held(report_dir):
        complete = asyncio.run(_play(contestants, rows, say))
        return _finish(contestants, rows, report_dir, complete=complete)


def _names(bounds: Sequence[Bound]) -> list[str]:
    """Each target's name, with a number where two have the same."""
    names: list[str] = []
    for bound in bounds:
        same = sum(name.partition(" (")[0] == bound.target.label for name in names)
        names.append(f"{bound.target.label} ({same + 1})" if same else bound.target.label)
    return names


Found = tuple[dict[str, Case], dict[str, tuple[str, str]]]  # what a target plays, and what it cannot


def _cases(bound: Bound, schedules: Sequence[Path], patterns: Sequence[str]) -> Found:
    """Cases by their ids, and of those that cannot be played title and reason."""
    contract, target = bound.contract, bound.target
    saved, unsaved = pinned(bound)
    absent = {
        n: (t, why) for n, t, why in (*bound.spec.not_applicable(target.options, target.faults, target.lacks), *unsaved)
    }
    for path in schedules:
        schedule, name = read_file(path, contract), f"schedule/{path.stem}"
        if reason := missing(schedule, contract):
            absent[name] = f"The schedule {path}", reason
        else:
            saved.append(case_of(name, schedule, f"The schedule {path}"))
    everything = [*contract.cases, *saved]
    return (
        {case.id: case for case in selected(contract, everything, patterns, None)},
        {name: why for name, why in absent.items() if fits(name, patterns)},
    )


def _contestant(name: str, bound: Bound, found: Found, say: Callable[[str], None], jobs: int) -> Contestant:
    folder = bound.choice.report_dir / "traces" / name.replace("/", "-")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageError(f"cannot write to {folder}: {e}; choose another --report-dir") from e
    session = Session(bound.plan(say, TraceFolder(folder), jobs=jobs))
    contestant = Contestant(name, bound, *found, session)
    session.on_room, session.on_trace = contestant.hear_room, contestant.hear_trace
    return contestant


def _cell(contestant: Contestant, name: str) -> Cell:
    """The place for what this target makes of this case."""
    reason = contestant.absent.get(name, ("", "its spec has no such case"))[1]
    cell = contestant.cells[name] = Cell(absent="" if name in contestant.cases else reason)
    return cell


async def _play(contestants: Sequence[Contestant], rows: Sequence[Row], say: Callable[[str], None]) -> bool:
    """Play everything on all targets at once, and what differs again; whether nobody interrupted it."""
    cancelled_by_signals()
    telling = asyncio.create_task(tell(contestants, say))
    try:
        async with contextlib.AsyncExitStack() as stack:
            for contestant in contestants:
                await stack.enter_async_context(contestant.session.open())
            again = [row.case for row in rows]
            for _ in range(PLAYS):
                async with asyncio.TaskGroup() as group:
                    for contestant in contestants:
                        group.create_task(contestant.play(again))
                again = [row.case for row in rows if row.settle()]
                if not again:
                    break
    except asyncio.CancelledError:
        return False
    except ExceptionGroup as e:  # of the targets that failed the first is told
        known, other = e.split(RoomcheckError)
        if other is not None or known is None:
            raise
        raise known.exceptions[0] from None
    finally:
        telling.cancel()
    return True


async def tell(contestants: Sequence[Contestant], say: Callable[[str], None]) -> None:
    """How far each is, every ten seconds."""
    while True:
        await asyncio.sleep(SAID)
        say("; ".join(f"{c.name}: {len(c.session.results)} played{_now(c.session.playing)}" for c in contestants))


def _now(playing: Sequence[str]) -> str:
    """What is played at this moment."""
    return f", now {some(playing)}" if playing else ""


def _finish(contestants: Sequence[Contestant], rows: list[Row], report_dir: Path, *, complete: bool) -> int:
    contract = contestants[0].bound.contract
    sides = [Side(c.name, c.room, c.bound.contract.scale) for c in contestants]
    comparison = Comparison(contract.spec, contract.revision, sides, rows, contestants[0].toxiproxy, complete)
    for line in lines(comparison):
        click.echo(line)
    path = report_dir / "compare.html"
    try:
        path.write_text(as_html(comparison), encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write {path}: {e}; choose another --report-dir") from e
    click.echo(f"report: {path}")
    return comparison.exit_code() if complete else INTERRUPTED
