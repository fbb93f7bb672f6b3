"""`roomcheck report STREAM`: the JUnit file and the HTML page of a run, from its stream."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import click

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.playing import pictures_of
from roomcheck.cli.shards import read_part
from roomcheck.errors import SpecError, UsageError
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import RunHeader
from roomcheck.report.console import meaning
from roomcheck.report.exitcode import VIOLATION
from roomcheck.report.explain import CUT_SHORT, progress
from roomcheck.report.html import write_html
from roomcheck.report.junit import write_junit
from roomcheck.report.merge import merged, missing_shards
from roomcheck.report.traces import TraceFolder
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import Spec

INTERRUPTED = 130


@click.command()
@click.argument("streams", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path),
              help="Where report.html and junit.xml go  [default: beside the first stream].")  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="The page for people, elsewhere.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="The JUnit file, elsewhere.")
@click.option("--junit-strict", is_flag=True, help="Leave out of the JUnit file what the strictest schema forbids.")
@click.option("--spec", help="The spec, where that of the stream is not where it was.")
def report(
    streams: tuple[Path, ...], report_dir: Path | None, html: Path | None, junit: Path | None, spec: str | None,
    *, junit_strict: bool,
) -> int:  # fmt: skip
    """Make JUnit and HTML from STREAMS (each a run.ndjson), also from one that was cut short.

    Several are made one: the shards of a run, or runs of some cases each.

    A run writes both itself when it ends; this is for a run that was killed, or whose reports were lost. Pictures are
    made from the traces beside the stream. Exits with the run's code, or with 130 if it was cut short or
    a shard is missing and nothing that is there violates.
    """
    parts = []
    for stream in streams:
        try:
            header, results, footer = read_part(stream)
        except (OSError, ValueError) as e:
            raise UsageError(f"{stream} is no stream of a run: {e}") from e
        results = [replace(r, trace_file=moved(r.trace_file, stream)) for r in results]
        parts.append((header, results, footer))
    try:
        header, results, footer = merged(parts)
    except ValueError as e:
        raise UsageError(f"these streams are no parts of one run: {e}") from e
    folder = report_dir or streams[0].parent
    traces = TraceFolder(streams[0].parent / "traces").read(results)
    try:
        contract = contract_of(spec, header, traces)
    except SpecError:
        raise
    except UsageError as e:
        if spec:
            raise
        click.echo(f"roomcheck: the report has no pictures: {e} (--spec names it)", err=True)
        contract = None
    junit = junit or folder / "junit.xml"
    html = html or folder / "report.html"
    pictures = pictures_of(contract, html.parent, traces if contract else {})
    _write(junit, write_junit(header, results, footer, strict=junit_strict))
    _write(html, write_html(header, results, footer, pictures))
    said = f"{meaning(results, footer)} (exit code {footer.exit_code})" if footer else CUT_SHORT
    if footer is None or not footer.complete:
        said += f"; {progress(header, results)}"
    missing = missing_shards([header for header, _, _ in parts])
    if missing:
        said += f"; not complete: nothing of part {' and '.join(missing)} of this run"
    click.echo(f"report:    {html}\nJUnit:     {junit}\n{said}")
    return footer.exit_code if footer and not (missing and footer.exit_code != VIOLATION) else INTERRUPTED


def moved(name: str, stream: Path) -> str:
    """Where a trace is now: beside the stream, wherever that was moved to, or where the run wrote it."""
    beside = stream.parent / "traces" / Path(name).name
    return str(beside) if name and beside.is_file() else name


def contract_of(
    spec: str | None, header: RunHeader, traces: Mapping[str, Trace], load: Callable[[Path], Spec] = read_spec
) -> Callable[[float], Contract] | None:
    """The contract as the traces were recorded with it; None without a trace. UsageError: its file is not known."""
    trace = next(iter(traces.values()), None)
    if trace is None:
        return None
    loaded = load(find_spec(spec or header.file or header.spec))
    constants = {name: round(value * trace.scale) for name, value in trace.constants.items()}
    return cache(lambda scale: loaded.bind(constants=constants, options=trace.options, scale=scale))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write {path}: {e}; choose another --report-dir, --html or --junit") from e
