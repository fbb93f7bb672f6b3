"""`roomcheck judge SPEC TRACE`: the verdict from the files alone."""

from pathlib import Path

import click

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.errors import UsageError
from roomcheck.judge import judge as judge_trace
from roomcheck.model.trace import read_trace
from roomcheck.model.verdict import Blame, CaseResult, Outcome, RunHeader
from roomcheck.report.explain import explain

CODES = {Outcome.CONFORMS: 0, Outcome.VIOLATES: 1, Outcome.INCONCLUSIVE: 2, Outcome.NOT_APPLICABLE: 4}
BLAMES = {Outcome.VIOLATES: Blame.ROOM, Outcome.INCONCLUSIVE: Blame.MACHINE}


@click.command()
@click.argument("spec")
@click.argument("trace", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def judge(spec: str, trace: Path) -> int:
    """Judge a recorded TRACE (JSON lines, see a report's traces/ folder) by SPEC, a file or an id.

    The constants and options are those that the trace was recorded with.
    """
    path = find_spec(spec)
    loaded = read_spec(path)
    try:
        with trace.open(encoding="utf-8") as lines:
            recorded = read_trace(lines)
    except (ValueError, UnicodeDecodeError) as e:
        raise UsageError(f"{trace}: {e}") from e
    constants = {name: round(value * recorded.scale) for name, value in recorded.constants.items()}
    contract = loaded.bind(constants=constants, options=recorded.options, scale=recorded.scale)
    if recorded.spec != contract.spec:
        raise UsageError(f"{trace} was recorded for {recorded.spec}, and {path} is {contract.spec}")
    case = next((c for c in contract.cases if c.id == recorded.case), None)
    verdict = judge_trace(contract, recorded, case)
    first = verdict.findings[0] if verdict.findings else None
    result = CaseResult(
        case=f"{contract.spec}/{recorded.case}",
        scenario=recorded.scenario or recorded.case,
        title=case.title if case else "",
        fault=case.fault if case else None,
        outcome=verdict.outcome,
        blame=BLAMES.get(verdict.outcome),
        message=f"{first.view}: {first.seen}" if first else "",
        verdict=verdict,
        seconds=0.0,
        attempts=1,
        requirements=case.requirements if case else (),
        file=case.where.file if case else "",
        line=case.where.line if case else 0,
        repeat=f"roomcheck judge {spec} {trace}",
        lateness=recorded.lateness,
        schedule=case.schedule if case else None,
    )
    header = RunHeader(
        target="", spec=contract.spec, revision=contract.revision, room="", toxiproxy="", scale=contract.scale,
        started="", roomcheck="", cases=1,
        sentences={r.id: r.says for r in contract.requirements.values()},
        levels={r.id: r.level for r in contract.requirements.values()},
        cites={r.id: r.cite for r in contract.requirements.values()},
    )  # fmt: skip
    basis = "rules and expected sequences" if case else "rules alone (the spec has no such case)"
    click.echo(f"{result.case}: {verdict.outcome}, {len(verdict.checks)} checks by {basis}")
    if verdict.findings:
        click.echo("\n".join(explain(result, header)))
    return CODES[verdict.outcome]
