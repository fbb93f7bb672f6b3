"""`roomcheck defects`: the proof that the harness finds what is wrong, as a matrix of requirements and defects."""

import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from roomcheck.cli.files import REFERENCE
from roomcheck.cli.hunt import Quarry, draw, hunt
from roomcheck.cli.playing import INTERRUPTED, Bound, Choice
from roomcheck.errors import UsageError
from roomcheck.reference.defects import DEFECTS, Defect
from roomcheck.report.matrix import GOOD, Ending, Kind, Matrix, Requirement, Row, as_html, as_json, line, summary
from roomcheck.spec.schedule_file import write_schedule

SCHEDULES = 2_000
JOBS = 4
VIOLATION, INCONCLUSIVE, HARNESS = 1, 2, 5


@click.command()
@click.option("-k", "patterns", multiple=True, metavar="PATTERN", help="Only defects whose name holds or matches this.")
@click.option("--schedules", type=click.IntRange(1), default=SCHEDULES, show_default=True,
              help="Random schedules, at most so many on each.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same schedules.")
@click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("roomcheck-report"),
              show_default=True, help="Where defects.html, defects.json and schedules/ go.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), default=JOBS, show_default=True, help="Rooms at once, on sockets.")
@click.option("--simulate", is_flag=True, help="In virtual time only: no sockets, and no hostile adapters.")
@click.option("-q", "--quiet", is_flag=True, help="Only what did not end as it should, and the summary.")
def defects(
    patterns: tuple[str, ...], schedules: int, seed: int, report_dir: Path, jobs: int, *, simulate: bool, quiet: bool
) -> int:
    """Play scenarios and random schedules on rooms with one defect each, and show what found which.

    Everything is played in virtual time first. Then the shortest case and the shortest random schedule that show a
    defect are played on a real room that has it, and all of them on the room that has none; hostile adapters must be
    blamed as adapters. Exit 0: each defect was caught by the name of a requirement that it breaks, each requirement
    has such a defect, and the conforming room stayed clean.
    """
    began = time.monotonic()
    chosen = selected(patterns)
    bound = Bound.of(Choice(
        target=REFERENCE, report_dir=report_dir, junit=None, junit_strict=False, ndjson=None, jobs=jobs, scale=None,
        real_time=False, defect=None, simulate=simulate, quiet=quiet,
    ))  # fmt: skip
    contract = bound.contract
    folder = report_dir / "schedules"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageError(f"cannot write to {report_dir}: {e}; choose another --report-dir") from e
    matrix = Matrix(
        contract.spec, contract.revision, bound.target.name, contract.scale, seed,
        "virtual time" if simulate else "sockets",
        tuple(Requirement(r.id, r.level, r.says) for r in contract.requirements.values()),
        schedules=schedules, whole=not patterns,
    )  # fmt: skip

    def show(row: Row) -> None:
        if not quiet or row.ending not in GOOD:
            click.echo(line(row))

    interrupted = False
    try:
        _say(quiet, f"drawing {schedules} random schedules of {contract.spec}, seed {seed}")
        drawn = draw(contract, seed, schedules)
        for defect in (None, *chosen):
            quarry = hunt(contract, defect, contract.cases, drawn)
            _keep(bound, quarry, folder)
            matrix.rows.append(quarry.row)
            show(quarry.row)
        matrix.complete = True
    except KeyboardInterrupt:
        interrupted = True
    matrix.seconds = round(time.monotonic() - began, 1)
    _write(matrix, report_dir)
    click.echo("")
    for text in summary(matrix):
        click.echo(text)
    click.echo(f"{matrix.seconds:.0f} s; {report_dir / 'defects.html'}, {report_dir / 'defects.json'}")
    if interrupted:
        click.echo("roomcheck: interrupted", err=True)
        return INTERRUPTED
    return code_of(matrix)


def selected(patterns: Sequence[str]) -> list[Defect]:
    """The defects whose name holds one of the patterns, or matches it. UsageError if there is none."""
    chosen = [
        d for d in DEFECTS.values() if not patterns or any(p in d.name or fnmatchcase(d.name, p) for p in patterns)
    ]
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


def _say(quiet: bool, text: str) -> None:  # noqa: FBT001
    if not quiet:
        click.echo(text)


def _keep(bound: Bound, quarry: Quarry, folder: Path) -> None:
    pass


def _write(matrix: Matrix, folder: Path) -> None:
    (folder / "defects.json").write_text(as_json(matrix), encoding="utf-8")
