"""`roomcheck run`: plays every case of a spec on a target, and writes the reports."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

import click

from roomcheck.cli.files import REFERENCE, find_spec, find_target, read_spec, read_target
from roomcheck.errors import HarnessError, RoomcheckError, UsageError
from roomcheck.faults import provision
from roomcheck.model.verdict import CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.console import Console
from roomcheck.report.exitcode import exit_code
from roomcheck.report.junit import write_junit
from roomcheck.report.ndjson import StreamWriter
from roomcheck.run.session import Plan, Session
from roomcheck.spec.contract import Case, Contract
from roomcheck.spec.target import Target

DEFAULT_SPEC = "zego-express/room-status"
LEVELS = ("must", "should", "may")
INTERRUPTED = 130


def selected(contract: Contract, patterns: Sequence[str], level: str | None) -> tuple[Case, ...]:
    """The cases whose id holds one of the patterns (or matches it, where it has * or ?), and verify such a level."""
    strict = LEVELS[: LEVELS.index(level) + 1] if level else LEVELS

    def wanted(case: Case) -> bool:
        named = not patterns or any(p in case.id or fnmatchcase(case.id, p) for p in patterns)
        levels = [contract.requirements[r].level for r in case.requirements]
        return named and (level is None or any(x in strict for x in levels))

    return tuple(c for c in contract.cases if wanted(c))


@click.command()
@click.argument("spec", required=False)
@click.option("--target", default=REFERENCE, show_default=True, help="A target.yaml, its folder, or a known name.")
@click.option("-k", "patterns", multiple=True, metavar="PATTERN", help="Only cases whose id holds or matches this.")
@click.option("--level", type=click.Choice(LEVELS), help="Only cases that verify a requirement at least this strict.")
@click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("roomcheck-report"),
              show_default=True, help="Where junit.xml, run.ndjson and traces/ go.")  # fmt: skip
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="The JUnit file, elsewhere.")
@click.option("--junit-strict", is_flag=True, help="Leave out of the JUnit file what the strictest schema forbids.")
@click.option("--ndjson", type=click.Path(dir_okay=False, path_type=Path), help="The NDJSON stream, elsewhere.")
@click.option("--jobs", type=click.IntRange(1), default=256, show_default=True, help="Cases in flight at once.")
@click.option("--scale", type=click.FloatRange(1), metavar="X", help="Run X times faster than documented.")
@click.option("--real-time", is_flag=True, help="Run with the documented times; the same as --scale 1.")
@click.option("--defect", metavar="NAME", help="Pass --defect NAME on to the target's programs: see a run fail.")
@click.option("-q", "--quiet", is_flag=True, help="Only findings and the summary.")
def run(
    spec: str | None,
    target: str,
    patterns: tuple[str, ...],
    level: str | None,
    report_dir: Path,
    junit: Path | None,
    ndjson: Path | None,
    jobs: int,
    scale: float | None,
    defect: str | None,
    *,
    junit_strict: bool,
    real_time: bool,
    quiet: bool,
) -> int:
    """Play every case of SPEC (a file or an id; by default the target's own) on a target, and judge what was told.

    With no arguments at all: the ZEGO contract on the reference room, a hundred times faster than documented.
    """
    if real_time and scale is not None:
        raise UsageError("--real-time and --scale exclude each other")
    room = read_target(find_target(target))
    path = find_spec(spec or room.spec)
    loaded = read_spec(path)
    factor = 1.0 if real_time else scale or room.scale or 1.0
    contract = loaded.bind(
        constants=room.constants,
        options=room.options,
        scale=factor,
        faults=room.faults,
        lacks=room.lacks,
        places=room.places,
    )
    cases = selected(contract, patterns, level)
    if not cases:
        chosen = " ".join([*(f"-k {p}" for p in patterns), *([f"--level {level}"] if level else [])])
        raise UsageError(f"no case of {contract.spec} fits {chosen or 'this target'}: `roomcheck list` shows them all")
    traces = report_dir / "traces"
    try:
        traces.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageError(f"cannot write to {report_dir}: {e}; choose another --report-dir") from e
    say = (lambda _text: None) if quiet else (lambda text: click.echo(text, err=True))
    toxiproxy = provision(say)
    words = ["roomcheck run", *([spec] if spec else []), *([f"--target {target}"] if target != REFERENCE else [])]
    words += [*([f"--scale {scale:g}"] if scale else []), *(["--real-time"] if real_time else [])]
    words += [f"--defect {defect}"] if defect else []
    extra = ("--defect", defect) if defect else ()
    plan = Plan(
        contract=contract, cases=cases, target=room, toxiproxy=toxiproxy, traces=traces, jobs=jobs,
        adapter_extra=extra, server_extra=extra, repeat=lambda case: " ".join([*words, f"-k {case.id}"]),
    )  # fmt: skip
    files = Files(junit or report_dir / "junit.xml", ndjson or report_dir / "run.ndjson", junit_strict)
    absent = () if patterns else tuple(
        lacking(contract, case_id, title, reason)
        for case_id, title, reason in loaded.not_applicable(room.options, room.faults, room.lacks)
    )  # fmt: skip
    return asyncio.run(_run(plan, absent, files, Console(quiet=quiet)))


@dataclass(frozen=True, slots=True)
class Files:
    """Where the reports go."""

    junit: Path
    ndjson: Path
    strict: bool


def lacking(contract: Contract, case_id: str, title: str, reason: str) -> CaseResult:
    """The result of a case that this target cannot be asked."""
    return CaseResult(
        case=f"{contract.spec}/{case_id}", scenario=case_id.split("/", maxsplit=1)[0], title=title, fault=None,
        outcome=Outcome.NOT_APPLICABLE, blame=None, message=reason, verdict=None, seconds=0.0, attempts=0,
    )  # fmt: skip


def header_of(contract: Contract, target: Target, room: str, toxiproxy: str, cases: int) -> RunHeader:
    """What a run is, for its reports."""
    return RunHeader(
        target=target.name,
        spec=contract.spec,
        revision=contract.revision,
        room=room,
        toxiproxy=toxiproxy,
        scale=contract.scale,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        roomcheck=version("roomcheck"),
        cases=cases,
        sentences={r.id: r.says for r in contract.requirements.values()},
        levels={r.id: r.level for r in contract.requirements.values()},
        cites={r.id: r.cite for r in contract.requirements.values()},
    )


async def _run(plan: Plan, absent: Sequence[CaseResult], files: Files, console: Console) -> int:
    """Play, and write the reports whatever happens; returns the exit code."""
    began = time.monotonic()
    session = Session(plan)
    header = header_of(plan.contract, plan.target, "", plan.toxiproxy.version, len(plan.cases) + len(absent))
    try:
        stream_file = files.ndjson.open("w", encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write {files.ndjson}: {e}") from e
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    begun = False
    failure: RoomcheckError | None = None
    with stream_file, console:
        stream = StreamWriter(stream_file)

        def on_room(room: str, toxiproxy: str) -> None:
            nonlocal header, begun
            header = header_of(plan.contract, plan.target, room, toxiproxy, header.cases)
            begun = True
            stream.header(header)
            console.start(header)
            for result in absent:
                stream.result(result)
                console.case(result)

        def on_case(result: CaseResult) -> None:
            stream.result(result)
            console.case(result)

        session.on_room, session.on_case, session.on_tick = on_room, on_case, console.tick
        interrupted = False
        try:
            await session.run()
        except asyncio.CancelledError:
            interrupted = True
        except RoomcheckError as e:
            failure = e
        if not begun:  # there was no room, or no time, to begin with
            stream.header(header)
            for result in absent:
                stream.result(result)
        results = [*absent, *session.results]
        code = INTERRUPTED if interrupted else failure.exit_code if failure else exit_code(results)
        late = session.lateness.percentile
        complete = not interrupted and failure is None
        footer = RunFooter(code, time.monotonic() - began, late(0.99), late(1.0), complete)
        messages = [str(failure)] if failure else []
        # a report that cannot be written costs neither the other reports nor the summary
        try:
            stream.footer(footer)
        except HarnessError as e:
            messages.append(str(e))
            footer = replace(footer, exit_code=e.exit_code)
        try:
            text = write_junit(header, results, footer, strict=files.strict)
            files.junit.parent.mkdir(parents=True, exist_ok=True)
            files.junit.write_text(text, encoding="utf-8")
        except OSError as e:
            messages.append(f"cannot write {files.junit}: {e}; choose another --report-dir or --junit")
            footer = replace(footer, exit_code=HarnessError.exit_code)
        if begun:
            console.finish(results, footer, {"JUnit": files.junit, "stream": files.ndjson, "traces": plan.traces})
    for message in messages or ([] if begun else ["interrupted"]):
        click.echo(f"roomcheck: {message}", err=True)
    return footer.exit_code
