"""`roomcheck replay`: plays a schedule from a file, as often as asked."""

from pathlib import Path
from typing import Any

import click

from roomcheck.cli.pinned import missing, pin, read_file
from roomcheck.cli.playing import Bound, Choice, Reports, play, playing
from roomcheck.errors import UsageError
from roomcheck.model.verdict import Outcome
from roomcheck.run.fuzz import case_of
from roomcheck.run.session import ATTEMPTS

JOBS = 64


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-n", "times", type=click.IntRange(1), default=1, show_default=True, help="Play it so often, at once.")
@click.option("--pin", "keep", is_flag=True, help="Copy it to roomcheck-schedules/, which `roomcheck run` plays too.")
@playing
def replay(choice: Choice, file: Path, times: int, *, keep: bool) -> int:
    """Play the schedule in FILE (as `roomcheck fuzz` writes it) on a target, and judge what was told by the rules.

    No chance is involved: the file says what is done and when.
    """
    bound = Bound.of(choice)
    schedule = read_file(file, bound.contract)
    if reason := missing(schedule, bound.contract):
        raise UsageError(f"{file} cannot be played on {bound.target.name}: {reason}")
    if keep:
        click.echo(f"pinned as {pin(file)}", err=True)
    cases = [case_of(f"replay/{file.stem}" + (f"/{i + 1}" if times > 1 else ""), schedule) for i in range(times)]
    repeat = " ".join([f"roomcheck replay {file}", *choice.words])

    async def work(player: Any, reports: Reports) -> None:
        await player.play(cases, ATTEMPTS)
        if times > 1:
            violating = sum(r.outcome is Outcome.VIOLATES for r in reports.results)
            click.echo(f"{violating} of {times} violate", err=True)

    return play(bound, work, cases=times, repeat=lambda _case: repeat, jobs=JOBS)
