"""Scenarios whose expectation their own rules refuse, found by simulating them.

Scenario and rules are two tellings of one promise. Played on a room that keeps the promise, a scenario that is refused
by either contradicts the other, or asks for something that no fault and no call brings about.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from roomcheck.errors import RoomcheckError
from roomcheck.judge import judge
from roomcheck.model.verdict import Finding, Outcome, Verdict
from roomcheck.reference.calls import REFUSAL, TELLS
from roomcheck.simulate.play import simulate
from roomcheck.spec.contract import Case, Contract


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


def speaks(contract: Contract) -> bool:
    """Whether the reference room tells this contract's callbacks, with its states and codes."""
    return all(_tells(callback, fields) for callback, fields in _demands(contract))


def _demands(contract: Contract) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """What the rules want to be told by each callback, and (None) by a refusal."""
    for view in contract.views:
        yield view.callback, {}
        for rule in view.rules:
            if rule.answer is not None:
                yield None, rule.answer
            elif rule.to is not None:
                yield view.callback, {view.field: view.told[rule.to], **rule.pattern}


def _tells(callback: str | None, fields: Mapping[str, Any]) -> bool:
    known = REFUSAL if callback is None else TELLS.get(callback)
    return known is not None and all(value in known[name] for name, value in fields.items() if name in known)
