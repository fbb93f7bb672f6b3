"""`roomcheck finding`: what a case of a run found, as a text for the issue tracker of whoever maintains it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.report import contract_of, moved
from roomcheck.cli.shards import read_part
from roomcheck.errors import SpecError, UsageError
from roomcheck.model.time import parse_duration
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, Outcome, RunHeader
from roomcheck.report.text import clipped
from roomcheck.report.traces import TraceFolder
from roomcheck.report.upstream import sighting, upstream_text
from roomcheck.spec.schedule_file import write_schedule

FILE = "steps.yaml"


@click.command()
@click.argument("stream", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("case", required=False)
def finding(stream: Path, case: str | None) -> int:
    """Write what CASE found as Markdown for an upstream issue: to the output, with a word about it beside it.

    STREAM is the run.ndjson of a run, with its traces beside it. CASE is one that violates its contract, by its name or
    a part that no other has; without one, those that there are are listed. Of the cases that found the same the one
    with the fewest steps is told.

    The text has the versions, what the document says and where, the steps, what was received and when, how often it
    was seen, and the command that repeats it. Read it before you file it: it says what was seen, not whose fault it is.

    \b
      roomcheck run --target broker
      roomcheck finding roomcheck-report/run.ndjson
      roomcheck finding roomcheck-report/run.ndjson kick > issue.md
    """  # noqa: D301  click wants the character
    try:
        header, results, _ = read_part(stream)
    except (OSError, ValueError) as e:
        raise UsageError(f"{stream} is no stream of a run: {e}") from e
    if case is None:
        return _listed(results, header)
    chosen = _chosen(results, header, case)
    try:
        seen = sighting(results, chosen)
    except ValueError as e:
        raise UsageError(str(e)) from e
    result = replace(seen.result, trace_file=moved(seen.result.trace_file, stream))
    if result.case != chosen.case:
        click.echo(f"roomcheck: {_name(result, header)} shows the same in fewer steps, and is told", err=True)
    if result.known:
        click.echo(f"roomcheck: it is known: {clipped(result.known)}", err=True)
    trace = TraceFolder(stream.parent / "traces").read([result]).get(result.case)
    if trace is None:
        click.echo("roomcheck: there is no trace of it, so the text has no callbacks", err=True)
    schedule, settings = _material(header, result, trace)
    click.echo(
        upstream_text(header, seen, trace, repeat=_repeat(header, result), schedule=schedule, settings=settings),
        nl=False,
    )
    return 0


def _name(result: CaseResult, header: RunHeader) -> str:
    return clipped(result.case.removeprefix(f"{header.spec}/"))


def _listed(results: Sequence[CaseResult], header: RunHeader) -> int:
    found = [r for r in results if r.outcome is Outcome.VIOLATES]
    if not found:
        raise UsageError("no case of this run violates its contract: there is nothing to tell anybody")
    for result in found:
        click.echo(f"{_name(result, header)}: {clipped(result.message)}")
    return 0


def _chosen(results: Sequence[CaseResult], header: RunHeader, case: str) -> CaseResult:
    """The case of this name, or the only one that violates with this in its name."""
    exact = [r for r in results if case in (r.case, r.case.removeprefix(f"{header.spec}/"))]
    if exact:
        return exact[0]
    parts = [r for r in results if case in r.case and r.outcome is Outcome.VIOLATES]
    if len(parts) == 1:
        return parts[0]
    if parts:
        raise UsageError(f"{case!r} is a part of {', '.join(_name(r, header) for r in parts)}: name one of them")
    raise UsageError(f"no case that violates its contract has {case!r} in its name; without a name they are listed")


def _material(header: RunHeader, result: CaseResult, trace: Trace | None) -> tuple[str, dict[str, int]]:
    """The schedule as a file, where the command needs one, and the constants that the run had set otherwise."""
    try:
        spec = read_spec(find_spec(header.file or header.spec))
        made = contract_of(None, header, {result.case: trace} if trace else {})
        contract = made(result.scale or header.scale) if made else spec.bind(scale=result.scale or header.scale)
        usual = spec.bind().constants
    except (SpecError, UsageError) as e:
        click.echo(f"roomcheck: the contract is not here, so the text has no schedule: {e}", err=True)
        return "", {}
    changed = {name: round(value * contract.scale) for name, value in contract.constants.items()}
    given = {name for name, constant in spec.shape.constants.items() if _given(str(constant.value))}
    settings = {name: changed[name] for name in given & changed.keys() if changed[name] != usual[name]} if trace else {}
    settings = dict(sorted(settings.items()))
    if result.repeat.startswith("roomcheck run") or result.schedule is None:
        return "", settings
    try:
        return write_schedule(contract, result.schedule, title=result.title), settings
    except (ValueError, LookupError) as e:
        click.echo(f"roomcheck: its schedule cannot be written as a file: {e}", err=True)
        return "", settings


def _given(value: str) -> bool:
    """Whether a constant stands in the spec as a time, and is not made of others."""
    try:
        parse_duration(value)
    except ValueError:
        return False
    return True


def _repeat(header: RunHeader, result: CaseResult) -> str:
    """One command that needs no file of this machine but the schedule."""
    if result.repeat.startswith("roomcheck run"):
        return result.repeat
    replay = re.fullmatch(r"roomcheck replay \S+(.*)", result.repeat)
    words = replay[1] if replay else f" --target {header.target}"
    return f"roomcheck replay {FILE}{words}"
