"""Scenarios whose expectation their own rules refuse, found by simulating them.

Scenario and rules are two tellings of one promise. Played on a room that keeps the promise, a scenario that is refused
by either contradicts the other, or asks for something that no fault and no call brings about.
"""

from roomcheck.errors import RoomcheckError
from roomcheck.judge import judge
from roomcheck.model.verdict import Finding, Outcome, Verdict
from roomcheck.simulate.play import simulate
from roomcheck.simulate.speech import speaks
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract


def refused(contract: Contract) -> list[tuple[Case, Verdict]]:
    """The cases that a room which keeps the contract does not pass; none if the reference room speaks another one."""
    if not speaks(contract):
        return []
    weighed = [(case, _weighed(contract, case)) for case in contract.cases]
    return [(case, verdict) for case, verdict in weighed if verdict.outcome not in _SOUND]


_SOUND = (Outcome.CONFORMS, Outcome.NOT_APPLICABLE)


def _weighed(contract: Contract, case: Case) -> Verdict:
    try:
        return judge(contract, simulate(contract, case), case)
    except RoomcheckError as e:  # a schedule that no run could play either
        seen = Finding(None, case.id, 0, "a schedule that can be played", str(e), where=str(case.where))
        return Verdict(Outcome.VIOLATES, (seen,))
