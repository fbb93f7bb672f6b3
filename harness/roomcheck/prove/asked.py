"""What a case is played for: what its scenario says, or what a lawful room does in it that the contract promises."""

from roomcheck.errors import RoomcheckError
from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.room import Policy, perform
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract

PROMPT = Policy(eagerness=0.0)


def asked(contract: Contract, case: Case) -> tuple[str, ...]:
    """The requirements of a case, in the contract's order where the scenario does not name them."""
    if case.requirements:
        return case.requirements
    try:
        verdict = judge(contract, perform(contract, case, PROMPT).trace, case)
    except RoomcheckError:  # a schedule that no run could play either
        return ()
    found = {check.requirement for check in verdict.checks if check.outcome is Outcome.CONFORMS}
    return tuple(name for name in contract.requirements if name in found)


def unproven(contract: Contract) -> list[str]:
    """Requirements that no case is played for."""
    proven = {name for case in contract.cases for name in asked(contract, case)}
    return [name for name in contract.requirements if name not in proven]
