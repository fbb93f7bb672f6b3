"""A verdict as the result of a case: who it points at, in one line."""

from roomcheck.model.verdict import Blame, CaseResult, Outcome, Verdict
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract


def weigh(verdict: Verdict) -> tuple[Blame | None, str]:
    """Who a verdict points at, and its first finding in one line."""
    first = verdict.findings[0] if verdict.findings else None
    text = f"{first.view}: {first.seen}" if first else ""
    match verdict.outcome:
        case Outcome.VIOLATES:
            return Blame.ROOM, text
        case Outcome.INCONCLUSIVE:
            return Blame.MACHINE, text
        case Outcome.NOT_APPLICABLE if verdict.checks:
            return None, verdict.checks[0].reason
        case _:
            return None, ""


def result_of(
    contract: Contract,
    case: Case,
    verdict: Verdict | None,
    *,
    failure: tuple[Blame, str] | None = None,
    seconds: float = 0.0,
    attempts: int = 1,
    lateness: int = 0,
    trace_file: str = "",
    repeat: str = "",
    advice: str = "",
    log: tuple[str, ...] = (),
) -> CaseResult:
    """How a case ended: with a verdict, or (`failure`) without one and who is to blame for that."""
    blame, message = failure or (weigh(verdict) if verdict else (None, ""))
    return CaseResult(
        case=f"{contract.spec}/{case.id}",
        scenario=case.scenario,
        title=case.title,
        fault=case.fault,
        outcome=verdict.outcome if verdict else None,
        blame=blame,
        message=message,
        verdict=verdict,
        seconds=seconds,
        attempts=attempts,
        requirements=case.requirements or _checked(verdict),
        file=case.where.file,
        line=case.where.line,
        trace_file=trace_file,
        repeat=repeat,
        lateness=lateness,
        scale=contract.scale,
        advice=advice if verdict and verdict.outcome is Outcome.INCONCLUSIVE else "",
        log=log,
        schedule=case.schedule,
    )


def _checked(verdict: Verdict | None) -> tuple[str, ...]:
    """What a case turned out to be for that does not say it."""
    return tuple(dict.fromkeys(c.requirement for c in verdict.checks if c.requirement)) if verdict else ()
