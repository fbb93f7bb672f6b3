"""A false red by as short a schedule as it goes."""

from dataclasses import replace

from roomcheck.errors import RoomcheckError
from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.prove.lawful import FalseRed
from roomcheck.room import play
from roomcheck.spec.contract import Contract

TRIES = 400


def shorter(contract: Contract, found: FalseRed) -> FalseRed:
    """The same mistake, found by a random schedule, with fewer steps and rounder times."""
    from roomcheck.generate import candidates  # noqa: PLC0415  Hypothesis takes 200 ms to import

    tries = TRIES
    better = True
    while better and tries > 0:
        better = False
        for schedule in candidates(contract, found.case.schedule):
            tries -= 1
            if tries < 0:
                break
            case = replace(found.case, schedule=schedule)
            try:
                trace = play(contract, case, found.policy)
            except RoomcheckError:
                continue
            verdict = judge(contract, trace)
            again = FalseRed(case, found.policy, trace, verdict, found.why)
            if verdict.outcome is Outcome.VIOLATES and again.kind == found.kind:
                found, better = again, True
                break
    return found
