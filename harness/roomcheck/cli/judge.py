"""`roomcheck judge SPEC TRACE`: the verdict from the files alone."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from roomcheck.cli.files import find_spec, lines_of, read_spec
from roomcheck.errors import UsageError
from roomcheck.judge import judge as judge_trace
from roomcheck.judge.misfits import mistakes, slips
from roomcheck.judge.result import result_of
from roomcheck.model.names import nearest
from roomcheck.model.schedule import Schedule
from roomcheck.model.trace import DamagedError, read_trace
from roomcheck.model.verdict import Outcome, RunHeader
from roomcheck.report.exitcode import NOTHING, checks
from roomcheck.report.explain import explain
from roomcheck.report.picture_text import text_picture
from roomcheck.spec.case import Case
from roomcheck.spec.where import Where

CODES = {Outcome.CONFORMS: 0, Outcome.VIOLATES: 1, Outcome.INCONCLUSIVE: 2, Outcome.NOT_APPLICABLE: 4}


@click.command()
@click.argument("spec")
@click.argument("trace", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--picture", is_flag=True, help="Show what happened, lane by lane.")
def judge(spec: str, trace: Path, *, picture: bool) -> int:
    """Judge a recorded TRACE (JSON lines, see a report's traces/ folder) by SPEC, a file or an id.

    The constants and options are those that the trace was recorded with.
    """
    path = find_spec(spec)
    loaded = read_spec(path)
    numbers: list[int] = []  # of the lines that hold something
    try:
        with trace.open(encoding="utf-8") as lines:
            recorded = read_trace(_noted(lines_of(lines), numbers))
    except DamagedError as e:
        raise UsageError(f"{trace}:{e.line}: {e.why}") from e
    except (OSError, ValueError) as e:
        raise UsageError(f"{trace}: {e}") from e
    constants = {name: round(value * recorded.scale) for name, value in recorded.constants.items()}
    header = Where(str(trace), numbers[0], 1)
    said = [*(f"constants.{name}" for name in constants), *(f"options.{name}" for name in recorded.options)]
    contract = loaded.bind(
        constants=constants, options=recorded.options, scale=recorded.scale, places=dict.fromkeys(said, header)
    )
    if recorded.spec != contract.spec:
        raise UsageError(f"{trace} was recorded for {recorded.spec}, and {path} is {contract.spec}")
    case = next((c for c in contract.cases if c.id == recorded.case), None)
    if wrong := list(mistakes(contract, recorded)):
        raise UsageError("\n".join(f"{trace}:{numbers[at + 1]}: {text}" for at, text in wrong))
    verdict = judge_trace(contract, recorded, case)
    played = case or Case(recorded.case, recorded.case, "", None, Schedule((), (), (), 0), (), ())
    result = result_of(contract, played, verdict, lateness=recorded.lateness, repeat=f"roomcheck judge {spec} {trace}")
    run = RunHeader(
        target="", spec=contract.spec, revision=contract.revision, room="", toxiproxy="", scale=contract.scale,
        started="", roomcheck="", cases=1,
        sentences={r.id: r.says for r in contract.requirements.values()},
        levels={r.id: r.level for r in contract.requirements.values()},
        cites={r.id: r.cite for r in contract.requirements.values()},
    )  # fmt: skip
    near = nearest(recorded.case, (c.id for c in contract.cases))
    other = f"; did you mean {near!r}?" if near else ""
    basis = "rules and expected sequences" if case else f"rules alone (the spec has no such case{other})"
    idle = verdict.outcome is Outcome.CONFORMS and not checks([result])
    click.echo(f"{result.case}: {verdict.outcome}, {len(verdict.checks)} checks by {basis}")
    if idle:
        click.echo("nothing was checked: no rule asks for anything that happened here, which is no success either")
    if verdict.findings:
        click.echo("\n".join(explain(result, run)))
    for at, text in slips(contract, recorded, case):
        click.echo(f"{trace}:{numbers[at + 1]}: {text}", err=True)
    if picture:
        click.echo("")
        click.echo("\n".join(text_picture(recorded, verdict, width(), contract=contract, case=case)))
    return NOTHING if idle else CODES[verdict.outcome]


def _noted(lines: Iterable[str], numbers: list[int]) -> Iterator[str]:
    """The lines; the numbers of those that hold something are noted."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            numbers.append(number)
        yield line


def width() -> int:
    """That of the terminal; in a file or a log as wide as code."""
    return max(shutil.get_terminal_size((100, 40)).columns - 1, 60)
