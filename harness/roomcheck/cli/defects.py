"""`roomcheck defects`: the proof that the harness finds what is wrong, as a matrix of requirements and defects."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from roomcheck.cli.confirm import confirm
from roomcheck.cli.ending import ending_signals
from roomcheck.cli.folder import held
from roomcheck.cli.going_on import going_on, some
from roomcheck.cli.hunt import Quarry, draw, hunted
from roomcheck.cli.patterns import fits, pattern_option
from roomcheck.cli.playing import INTERRUPTED, Bound, Choice
from roomcheck.cli.speed import scale_option
from roomcheck.cli.workers import workers_option
from roomcheck.cluster import spreading
from roomcheck.errors import HarnessError, RoomcheckError, UsageError
from roomcheck.reference.defects import DEFECTS, Defect
from roomcheck.reference.defects.registry import SHORTER
from roomcheck.reference.hostile import HOSTILE
from roomcheck.report.matrix import GOOD, Ending, Matrix, Requirement, Row, as_html, as_json, line, summary
from roomcheck.report.traces import TraceFolder
from roomcheck.spec.schedule_file import write_schedule
from roomcheck.spread import Spread

SCHEDULES = 2_000
JOBS = 4
# Several rooms start while others are played, which makes this machine late by tens of milliseconds: at this speed the
# narrowest window of the contract is 160 ms wide. In virtual time nothing is late, and the target's own speed will do.
SCALE = 25.0
TOLD = 20  # rooms, between two lines of progress
VIOLATION, INCONCLUSIVE, HARNESS = 1, 2, 5


@click.command()
@pattern_option("defects whose name")
@click.option("--schedules", type=click.IntRange(1), default=SCHEDULES, show_default=True,
              help="Random schedules, at most so many on each.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same schedules.")
@click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("roomcheck-report"),
              show_default=True, help="Where defects.html, defects.json and schedules/ go.")  # fmt: skip
@workers_option("play what is played in virtual time")
@click.option("--jobs", type=click.IntRange(1), default=JOBS, show_default=True, help="Rooms at once, on sockets.")
@scale_option(f"; on sockets from {SCALE:g} down")
@click.option("--simulate", is_flag=True, help="In virtual time only: no sockets, and no hostile adapters.")
@click.option("-q", "--quiet", is_flag=True, help="Only what did not end as it should, and the summary.")
def defects(
    patterns: tuple[str, ...],
    schedules: int,
    seed: int,
    report_dir: Path,
    workers: int,
    cluster: str | None,
    jobs: int,
    scale: float | None,
    *,
    simulate: bool,
    quiet: bool,
) -> int:
    """Play scenarios and random schedules on rooms with one defect each, and show what found which.

    Everything is played in virtual time first. Then the shortest case and the shortest random schedule that show a
    defect are played on a real room that has it, and all of them on the room that has none; hostile adapters must be
    blamed as adapters. Exit 0: each defect was caught by the name of a requirement that it breaks, each requirement
    has such a defect, and the conforming room stayed clean.
    """
    began = time.monotonic()
    chosen = selected(patterns)
    choice = Choice(report_dir=report_dir, jobs=jobs, scale=scale, simulate=simulate, quiet=quiet)
    bound = Bound.of(choice) if simulate else Bound.of(choice, constants=SHORTER, fastest=SCALE)
    contract = bound.contract
    try:
        (report_dir / "schedules").mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageError(f"cannot write to {report_dir}: {e}; choose another --report-dir") from e
    matrix = Matrix(
        contract.spec, contract.revision, bound.target.name, contract.scale, seed,
        "virtual time" if simulate else "sockets",
        tuple(Requirement(r.id, r.level, r.says) for r in contract.requirements.values()),
        schedules=schedules, whole=not patterns,
    )  # fmt: skip

    def show(row: Row) -> None:
        places = [i for i, known in enumerate(matrix.rows) if known.name == row.name]
        matrix.rows[slice(*([places[0], places[0] + 1] if places else [len(matrix.rows), None]))] = [row]
        if not quiet or row.ending not in GOOD:
            click.echo(line(row))

    failure: BaseException | None = None
    with held(report_dir), _interruptible():
        try:
            with spreading(workers, cluster) as spread:
                shown = show if simulate else lambda _row: None
                quarries = _simulate(bound, matrix, chosen, shown, spread, quiet=quiet)
            if not simulate:
                _say(f"{len(quarries)} rooms in virtual time: {time.monotonic() - began:.0f} s", quiet=quiet)
                _on_sockets(bound, quarries, () if patterns else tuple(HOSTILE), show, jobs=jobs, quiet=quiet)
            matrix.complete = True
        except (KeyboardInterrupt, asyncio.CancelledError, RoomcheckError) as e:
            failure = e
    if not (simulate or matrix.complete):
        matrix.rows = [r if r.real or r.ending is not Ending.CAUGHT else replace(r, ending=Ending.UNPLAYED)
                       for r in matrix.rows]  # fmt: skip
    matrix.seconds = round(time.monotonic() - began, 1)
    _finish(matrix, report_dir)
    if isinstance(failure, RoomcheckError):
        raise failure
    if failure is not None:
        click.echo("roomcheck: interrupted", err=True)
        return INTERRUPTED
    return code_of(matrix)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the work as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _simulate(
    bound: Bound, matrix: Matrix, chosen: Sequence[Defect], show: Callable[[Row], None], spread: Spread, *, quiet: bool
) -> list[Quarry]:
    """The conforming room and all defects in virtual time; each row stands in the matrix as soon as it is known."""
    contract = bound.contract
    _say(f"drawing {matrix.schedules} random schedules of {contract.spec}, seed {matrix.seed}", quiet=quiet)
    quarries: list[Quarry] = []
    for quarry in hunted(contract, chosen, draw(contract, matrix.seed, matrix.schedules, spread), spread):
        quarry.row = replace(quarry.row, file=_keep(bound, quarry))
        quarries.append(quarry)
        matrix.rows.append(quarry.row)
        show(quarry.row)
        if not bound.choice.simulate and len(quarries) % TOLD == 0:
            _say(f"{len(quarries)} of {1 + len(chosen)} rooms in virtual time", quiet=quiet)
    return quarries


def _on_sockets(
    bound: Bound, quarries: Sequence[Quarry], adapters: Sequence[str], show: Callable[[Row], None], *, jobs: int,
    quiet: bool,
) -> None:  # fmt: skip
    folder = bound.choice.report_dir / "traces"
    folder.mkdir(parents=True, exist_ok=True)
    plan = bound.plan(lambda text: _say(text, quiet=quiet), TraceFolder(folder, every=False), jobs=jobs)
    left = [quarry.row.name for quarry in quarries] + [*adapters]

    def shown(row: Row) -> None:
        left.remove(row.name)
        show(row)

    with going_on(lambda: f"on sockets, still {len(left)} rooms: {some(left)}", lambda text: _say(text, quiet=quiet)):
        asyncio.run(confirm(plan, quarries, adapters, shown))


def selected(patterns: Sequence[str]) -> list[Defect]:
    """The defects whose name holds one of the patterns, or matches it. UsageError if there is none."""
    chosen = [d for d in DEFECTS.values() if fits(d.name, patterns)]
    if not chosen:
        raise UsageError(f"no defect fits {' '.join(patterns)}; there are: {', '.join(sorted(DEFECTS))}")
    return chosen


def code_of(matrix: Matrix) -> int:
    """0 as it should be, 1 not so, 5 something has no verdict, 2 this machine could not tell."""
    endings = {row.ending for row in matrix.rows}
    if endings & {Ending.MISNAMED, Ending.MISSED, Ending.ACCUSED}:
        return VIOLATION
    if Ending.BROKEN in endings:
        return HARNESS
    if Ending.DOUBTFUL in endings:
        return INCONCLUSIVE
    return 0 if matrix.good() else VIOLATION


def _say(text: str, *, quiet: bool) -> None:
    if not quiet:
        click.echo(text)


def _keep(bound: Bound, quarry: Quarry) -> str:
    """Write the best random schedule that shows the defect; returns the file's name, if there is one."""
    if quarry.defect is None or not quarry.chance:
        return ""
    sighting = quarry.row.by_chance[0]
    notes = {"defect": quarry.defect.name, "requirement": sighting.requirements[0], "seen": sighting.seen}
    text = write_schedule(bound.contract, quarry.chance[0].schedule, title=quarry.defect.sentence, notes=notes)
    path = bound.choice.report_dir / "schedules" / f"{quarry.defect.name}.yaml"
    _write(path, text)
    return str(path)


def _finish(matrix: Matrix, folder: Path) -> None:
    """The reports and the summary."""
    page, data = folder / "defects.html", folder / "defects.json"
    _write(data, as_json(matrix))
    _write(page, as_html(matrix))
    for text in ("", *summary(matrix), f"{matrix.seconds:.0f} s; {page}, {data}"):
        click.echo(text)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as e:
        raise HarnessError(f"cannot write {path}: {e}; free some space or choose another --report-dir") from e
