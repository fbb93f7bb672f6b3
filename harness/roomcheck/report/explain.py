"""Why a case did not conform, in at most twenty lines that a person can act on without opening another file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roomcheck.model.fault import SETTINGS, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule, Step, Wait
from roomcheck.model.time import show_duration
from roomcheck.model.verdict import Blame, CaseResult, Finding, Outcome, RunHeader
from roomcheck.report.text import clipped, visible

LINES = 20
SCHEDULE_LINES = 3
SCHEDULE_WIDTH = 100
LOG = 3  # last lines of what the adapter, the server or the harness said, of each
PROGRAMS = ("adapter", "server")
INDENT = 11
EXPECTED = "expected failure"
CUT_SHORT = "the run was cut short: its stream has no end"


def explain(result: CaseResult, header: RunHeader) -> list[str]:
    """At most 20 lines, safe to print: what was required, expected and seen, by how much, and how to repeat it."""
    lines = [headline(result)]
    findings = result.verdict.findings if result.verdict else ()
    if findings:
        lines += _finding(findings[0], header, result)
        lines += _more(findings[1:])
    else:
        lines += [_line("because", result.message)] if result.message else []
    lines += _log(result.log)
    lines += [_line("needs", result.advice)] if result.advice else []
    last = [*_schedule(result.schedule), *_places(result, findings)]
    return lines[: LINES - len(last)] + last


def headline(result: CaseResult) -> str:
    """The case and how it ended, on one line: `spec/scenario/fault: violates (room)`."""
    ended = result.outcome.value if result.outcome else "no verdict"
    if result.outcome is Outcome.INCONCLUSIVE:
        tries = "1 try" if result.attempts == 1 else f"{result.attempts} tries"
        ended = f"inconclusive after {tries}, not counted as a pass"
    if result.blame is Blame.LIST:
        return clipped(result.case) + ": not as listed"
    if result.known:
        ended = f"{EXPECTED}, {clipped(result.known)}"
    return clipped(result.case) + f": {ended}" + (f" ({result.blame.value})" if result.blame else "")


def progress(header: RunHeader, results: Sequence[CaseResult]) -> str:
    """How far a run came that did not end by itself; a search does not know how many cases it will have."""
    if not header.cases:
        return f"{len(results)} cases have a result"
    return f"{len(results)} of {header.cases} cases have a result"


def _line(label: str, text: object) -> str:
    return f"  {label:<{INDENT - 2}}" + clipped(text)


def speed_text(scale: float) -> str:
    """How fast something was played."""
    return "in real time" if scale == 1 else f"{scale:g} times faster than documented"


def _finding(finding: Finding, header: RunHeader, result: CaseResult) -> Iterator[str]:
    name = finding.requirement
    if name:
        level = header.levels.get(name, "")
        cite = header.cites.get(name, "")
        says = header.sentences.get(name, "")
        yield _line("breaks", f"{name}{f' ({level})' if level else ''}: {says}")
        if cite:
            yield _line("source", cite)
    late = f"; this machine was at most {show_duration(result.lateness)} late" if result.lateness else ""
    yield _line("where", f"{finding.view}, {show_duration(finding.at)} after the first act{late}")
    yield _line("expected", finding.expected)
    yield _line("seen", seen_of(finding))
    if finding.miss:
        yield _line("off by", show_duration(finding.miss))
    if (scale := result.scale or header.scale) != 1:
        yield _line("times", f"{speed_text(scale)}: a second here is {scale:g} s of the document")
    further = [m for m in finding.misses if m != finding.seen]
    if further:
        yield _line("or", further[0])


def seen_of(finding: Finding) -> str:
    """What was seen, without what was expected in its place."""
    return finding.seen.removeprefix(f"{finding.expected}: ").removeprefix(f"expected {finding.expected}, ")


def _more(findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        first = findings[0]
        name = f"{first.requirement}, " if first.requirement else ""
        rest = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        yield _line("then", f"{name}{first.view} at {show_duration(first.at)}: {first.seen}") + rest


def _log(log: Sequence[str]) -> Iterator[str]:
    """The last lines of each program, `adapter  Traceback (most recent call last):`."""
    by_whom: dict[str, list[str]] = {}
    for text in log:
        whose, colon, line = text.partition(": ")
        known = colon and whose in PROGRAMS
        by_whom.setdefault(whose if known else "log", []).append(line if known else text)
    for whose, lines in by_whom.items():
        yield from (_line(whose, line) for line in lines[-LOG:])


def _places(result: CaseResult, findings: Sequence[Finding]) -> Iterator[str]:
    rule = next((f.where for f in findings), "")
    case = f"{result.file}:{result.line}" if result.file else ""
    if rule or case:
        label = "entry" if result.blame is Blame.LIST else "spec"
        yield _line(label, ", ".join(dict.fromkeys(filter(None, (rule, case)))))
    # Whole, whatever its length: these two are there to be copied.
    if result.trace_file:
        yield f"  {'trace':<{INDENT - 2}}" + visible(result.trace_file)
    if result.repeat:
        yield f"  {'repeat':<{INDENT - 2}}" + visible(result.repeat)


def _schedule(schedule: Schedule | None) -> list[str]:
    """The steps on at most three lines, `A loginRoom as T0; 3.000 s later: cut A as T3`; the end is left out first."""
    if schedule is None or not schedule.steps:
        return []
    rows = [""]
    for step in schedule.steps:
        text = clipped(show_step(step))
        joined = f"{rows[-1]}; {text}" if rows[-1] else text
        if len(joined) <= SCHEDULE_WIDTH or not rows[-1]:
            rows[-1] = joined
        else:
            rows.append(text)
    if len(rows) > SCHEDULE_LINES:
        rows = [*rows[: SCHEDULE_LINES - 1], f"{rows[SCHEDULE_LINES - 1]}; ..."]
    return [_line("schedule" if i == 0 else "", row) for i, row in enumerate(rows)]


def show_step(step: Step) -> str:
    """A step as a person says it: `at T3 + 1.500 s: heal A as T5`."""
    when = ""
    if step.when.label is not None:
        sign = "-" if step.when.offset < 0 else "+"
        shift = f" {sign} {show_duration(abs(step.when.offset))}" if step.when.offset else ""
        when = f"at {step.when.label}{shift}: "
    elif step.when.offset:
        when = f"{show_duration(step.when.offset)} later: "
    return when + _act(step) + (f" as {step.label}" if step.label else "")


def _act(step: Step) -> str:
    match step.act:
        case Call(member, operation, args):
            return f"{member} {operation}{_args(args)}"
        case Admin(operation, args):
            return f"admin {operation}{_args(args)}"
        case Fault(member, kind, settings, _):
            return f"{kind.value} {member or 'the server'}{_args(_with_units(kind, settings))}"
        case Heal(member):
            return f"heal {member or 'the server'}"
        case Wait():
            return "wait"


def _with_units(kind: FaultKind, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings as a person reads them, defaults included: a latency of 5 ms, not of 5000."""
    known = SETTINGS.get(kind, {})
    return {
        name: show_duration(value) if name in known and known[name].duration and isinstance(value, int) else value
        for name, value in {**{name: setting.default for name, setting in known.items()}, **settings}.items()
    }


def _args(args: Mapping[str, Any]) -> str:
    return f"({', '.join(f'{k} {v}' for k, v in args.items())})" if args else ""
