"""`roomcheck replay`: plays a schedule from a file, as often as asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from roomcheck.cli.fuzz import carry_out
from roomcheck.cli.fuzz import keep as write
from roomcheck.cli.pinned import missing, pin, read_file
from roomcheck.cli.playing import Bound, Choice, Reports, play, playing, still_played
from roomcheck.errors import UsageError
from roomcheck.judge import judge
from roomcheck.model.schedule import Schedule
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Outcome
from roomcheck.report.text import clipped
from roomcheck.run.choosing import IN_FLIGHT
from roomcheck.run.fuzz import IN_REAL_TIME, Found, Fuzz
from roomcheck.run.session import ATTEMPTS
from roomcheck.spec.schedule_file import case_of

JOBS = 64
SHRINK_FOR = 600.0  # seconds at most, of which a round that is under way is played to its end
SHORTER = "-shorter"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-n", "times", type=click.IntRange(1), default=1, show_default=True, help="Play it so often, at once.")
@click.option("--pin", "keep", is_flag=True, help="Copy it to roomcheck-schedules/, which `roomcheck run` plays too.")
@click.option("--shrink", is_flag=True, help="Make a schedule that violates as short as it goes, in a file beside it.")
@playing
def replay(choice: Choice, file: Path, times: int, *, keep: bool, shrink: bool) -> int:
    """Play the schedule in FILE (as `roomcheck fuzz` writes it) on a target, and judge what was told by the rules.

    No chance is involved: the file says what is done and when. Where it conforms only because of an option that
    target.yaml sets, that is said. With --shrink, a schedule that violates is played again in several rooms at once and
    made shorter, as a search does, and what comes of it is kept as FILE-shorter.yaml.
    """
    bound = Bound.of(choice)
    schedule = read_file(file, bound.contract)
    if reason := missing(schedule, bound.contract):
        raise UsageError(f"{file} cannot be played on {bound.target.name}: {reason}")
    if keep:
        click.echo(f"pinned as {pin(file)}", err=True)
    cases = [case_of(f"replay/{file.stem}" + (f"/{i + 1}" if times > 1 else ""), schedule) for i in range(times)]
    repeat = " ".join([f"roomcheck replay {file}", *choice.words])
    if shrink:
        return _shrunk(bound, [case.schedule for case in cases], file, repeat)
    conforming: list[Trace] = []

    async def work(player: Any, reports: Reports) -> None:
        player.on_trace = lambda _case, trace, verdict: (
            conforming.append(trace) if verdict.outcome is Outcome.CONFORMS else None
        )
        with still_played(player, reports):
            await player.play(cases, ATTEMPTS)
        if times > 1:
            violating = sum(r.outcome is Outcome.VIOLATES for r in reports.results)
            click.echo(f"{violating} of {times} violate", err=True)

    code = play(bound, work, cases=times, repeat=lambda _case: repeat, jobs=JOBS)
    for line in allowed(bound, conforming):
        click.echo(line)
    return code


def _shrunk(bound: Bound, schedules: Sequence[Schedule], file: Path, repeat: str) -> int:
    """A search that plays these alone; returns the exit code."""
    jobs = IN_REAL_TIME if bound.contract.scale == 1 else IN_FLIGHT
    stem = file.stem.partition(SHORTER)[0]
    kept: list[Path] = []

    def keep(found: Found) -> str:
        other = f"-{found.kind.rpartition('/')[2]}" if kept else ""
        kept.append(file.with_name(f"{stem}{SHORTER}{other}.yaml"))
        return write(found, bound, kept[-1])

    async def work(player: Any, reports: Reports) -> None:
        search = Fuzz(
            bound.contract, player, 0, len(schedules), min(bound.choice.jobs or jobs, bound.target.jobs or jobs),
            first=schedules, first_name=f"replay/{file.stem}", shrink_for=SHRINK_FOR, keep=keep,
            on_result=reports.result, on_kind=reports.console.confirming,
        )  # fmt: skip
        await carry_out(search, player, reports.console)
        for found, path in zip(search.found.values(), kept, strict=True):
            again = f"{found.again} plays show {found.kind}"
            click.echo(f"{found.steps_before} steps became {len(found.schedule.steps)}, {again}: {path}")
        if not kept:
            click.echo(f"{file} violates nothing, so nothing is made shorter", err=True)

    return play(bound, work, cases=len(schedules), repeat=lambda _case: repeat, jobs=jobs, every_trace=False)


def allowed(bound: Bound, traces: list[Trace]) -> Iterator[str]:
    """What these traces, which conform, would break if the target had not chosen another option than the spec's own."""
    options = bound.target.options
    for name, value in options.items():
        usual = bound.spec.shape.options[name].default
        if not traces or value == usual:
            continue
        contract = bound.under({**options, name: usual})
        broken = [v.findings[0] for trace in traces if (v := judge(contract, trace)).outcome is Outcome.VIOLATES]
        if broken:
            first = broken[0]
            yield (
                f"allowed by `{name}: {value}` in {bound.target.places[f'options.{name}']}: with `{name}: {usual}` "
                f"{len(broken)} of the {len(traces)} that conform would violate {first.requirement}: "
                f"{clipped(f'{first.view}: {first.seen}')}"
            )
