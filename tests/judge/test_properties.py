"""What chance adds: traces made by the rules never violate, and an edit that breaks a window never conforms."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from roomcheck.judge import judge
from roomcheck.model.time import Instant
from roomcheck.model.trace import Record, Told, Trace
from roomcheck.model.verdict import Outcome
from support.lobby import GIVE_UP, MS, SLACK, lobby
from support.outages import Outage, lawful, outages

LOBBY = lobby()


@given(outages())
def test_a_trace_made_from_the_rules_is_never_a_violation(plan: list[Outage]) -> None:
    """At most the blur at an edge makes it inconclusive."""
    verdict = judge(LOBBY, lawful(plan))
    assert verdict.outcome is not Outcome.VIOLATES, verdict.findings


def told(trace: Trace) -> list[int]:
    return [i for i, r in enumerate(trace.records) if isinstance(r, Told)]


def edited(trace: Trace, index: int, *records: Record) -> Trace:
    kept = list(trace.records)
    kept[index : index + 1] = records
    return replace(trace, records=tuple(kept))


@given(outages(), st.data())
def test_a_missing_callback_never_conforms(plan: list[Outage], data: st.DataObject) -> None:
    """Whichever it is: each one was owed, or the next one has no cause without it."""
    trace = lawful(plan)
    index = data.draw(st.sampled_from(told(trace)))
    assert judge(LOBBY, edited(trace, index)).outcome is not Outcome.CONFORMS


@given(outages(), st.data())
def test_a_repeated_callback_never_conforms(plan: list[Outage], data: st.DataObject) -> None:
    """Nothing is told twice."""
    trace = lawful(plan)
    index = data.draw(st.sampled_from(told(trace)))
    record = trace.records[index]
    assert isinstance(record, Told)
    again = replace(record, at=Instant(record.at.lo + MS, record.at.hi + MS))
    assert judge(LOBBY, edited(trace, index, record, again)).outcome is not Outcome.CONFORMS


@given(outages(), st.data(), st.integers(GIVE_UP + SLACK, 5000))
def test_a_callback_far_too_late_never_conforms(plan: list[Outage], data: st.DataObject, late: int) -> None:
    """Later than any window allows."""
    trace = lawful(plan)
    index = data.draw(st.sampled_from(told(trace)))
    record = trace.records[index]
    assert isinstance(record, Told)
    moved = replace(record, at=Instant(record.at.lo + late * MS, record.at.hi + late * MS))
    longer = replace(edited(trace, index, moved), end=trace.end + 6000 * MS)
    assert judge(LOBBY, longer).outcome is not Outcome.CONFORMS


@given(outages(), st.data())
def test_a_wrong_code_never_conforms(plan: list[Outage], data: st.DataObject) -> None:
    """Codes are part of every rule of the own view."""
    trace = lawful(plan)
    mine = [i for i in told(trace) if "code" in getattr(trace.records[i], "fields", {})]
    index = data.draw(st.sampled_from(mine))
    record = trace.records[index]
    assert isinstance(record, Told)
    wrong = replace(record, fields={**record.fields, "code": 99})
    assert judge(LOBBY, edited(trace, index, wrong)).outcome is not Outcome.CONFORMS


@given(outages())
@settings(max_examples=30)
def test_a_wider_measurement_never_turns_a_pass_into_a_violation(plan: list[Outage]) -> None:
    """More lateness only adds doubt."""
    trace = lawful(plan)
    verdict = judge(LOBBY, replace(trace, lateness=500 * MS))
    assert verdict.outcome is judge(LOBBY, trace).outcome or verdict.outcome is Outcome.INCONCLUSIVE
