"""One exit code for a whole run, so that a CI job can tell a broken promise from a broken adapter or machine."""

from collections.abc import Iterable, Sequence

from roomcheck.model.verdict import Blame, CaseResult, Outcome

AS_EXPECTED, VIOLATION, INCONCLUSIVE, ADAPTER, NOTHING, HARNESS = 0, 1, 2, 3, 4, 5

# A proof against the room counts first, whatever else went wrong; doubt counts last, since a better run may end it.
# A target whose server died is the configuration's matter (4), like every TargetError.
PRECEDENCE = (VIOLATION, ADAPTER, HARNESS, NOTHING, INCONCLUSIVE)
NO_VERDICT = {
    Blame.ADAPTER: ADAPTER,
    Blame.HARNESS: HARNESS,
    Blame.MACHINE: HARNESS,
    Blame.TARGET: NOTHING,
    Blame.ROOM: VIOLATION,
    Blame.LIST: VIOLATION,
    None: HARNESS,
}


def exit_code(results: Sequence[CaseResult], died: Iterable[int] = ()) -> int:
    """0 as expected, 1 violation, 2 inconclusive, 3 adapter, 4 target or nothing checked, 5 harness or machine.

    Cases that do not apply count as neither, and a known failure is as expected.
    When nothing went wrong but nothing was checked either, it is 4. `died`: the codes of what died by itself and was
    started again, whatever came of its cases then: 3 for an adapter, 4 for a server.
    """
    codes = {_code(result) for result in results} | set(died)
    for code in PRECEDENCE:
        if code in codes:
            return code
    return AS_EXPECTED if checks(results) else NOTHING


def checks(results: Iterable[CaseResult]) -> int:
    """How many checks of these cases came to a verdict."""
    verdicts = [result.verdict for result in results if result.verdict]
    return sum(check.outcome is not Outcome.NOT_APPLICABLE for verdict in verdicts for check in verdict.checks)


def _code(result: CaseResult) -> int:
    match result.outcome:
        case Outcome.VIOLATES:
            return AS_EXPECTED if result.known else VIOLATION
        case Outcome.INCONCLUSIVE:
            return INCONCLUSIVE
        case None:
            return NO_VERDICT[result.blame]
        case _:
            return AS_EXPECTED
