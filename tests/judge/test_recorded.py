"""Real runs, judged again: what was a violation stays one, and for the same requirement."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from roomcheck.errors import SpecError
from roomcheck.judge import judge
from roomcheck.model.time import Instant
from roomcheck.model.trace import Called, Told, Trace, read_trace
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.spec.load import Spec, load_spec
from support.spoiling import spoilt

ROOT = Path(__file__).parents[2]
TRACES = ROOT / "fixtures" / "traces"
VERDICTS: dict[str, str] = yaml.safe_load((TRACES / "verdicts.yaml").read_text(encoding="utf-8"))


def recorded(name: str) -> Trace:
    with (TRACES / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return read_trace(lines)


@pytest.fixture(scope="module")
def spec() -> Spec:
    file = "specs/zego-express/room-status.yaml"
    return load_spec((ROOT / file).read_text(encoding="utf-8"), file)


def verdict(spec: Spec, trace: Trace) -> Verdict:
    """By the contract with the constants and options of the run."""
    constants = {name: round(value * trace.scale) for name, value in trace.constants.items()}
    contract = spec.bind(constants, trace.options, trace.scale)
    case = next((c for c in contract.cases if c.id == trace.case), None)
    assert (case is None) == trace.case.startswith("random/")
    return judge(contract, trace, case)


def shown(verdict: Verdict) -> str:
    """As verdicts.yaml has it: the outcome, and the requirement of the earliest finding."""
    return " ".join([verdict.outcome.value, *(f.requirement or "nothing" for f in verdict.findings[:1])])


@pytest.mark.parametrize("name", VERDICTS)
def test_a_recorded_run_keeps_its_verdict(spec: Spec, name: str) -> None:
    """Outcome, and the requirement of the earliest finding."""
    assert shown(verdict(spec, recorded(name))) == VERDICTS[name]


def test_every_recorded_run_has_a_verdict() -> None:
    """No file is there for nothing."""
    assert {path.name.removesuffix(".jsonl") for path in TRACES.glob("*.jsonl")} == set(VERDICTS)


def test_recorded_runs_say_nothing_of_the_machine() -> None:
    """No paths; the clock begins with the trace; all together are small."""
    files = list(TRACES.glob("*.jsonl"))
    assert sum(path.stat().st_size for path in files) < 400_000
    for path in files:
        trace = recorded(path.name.removesuffix(".jsonl"))
        assert min(record.at.lo for record in trace.records) == 1_000_000
        _, _, records = path.read_text(encoding="utf-8").partition("\n")
        assert not [mark for mark in ("/", "\\", "127.0.0.1") if mark in records]


def lines_of(name: str) -> list[str]:
    return (TRACES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


@given(lines=st.sampled_from(sorted(VERDICTS)).flatmap(lambda name: spoilt(lines_of(name))))
def test_a_damaged_trace_is_judged_or_refused(spec: Spec, lines: list[str]) -> None:
    """What can be read can be judged, whatever it says."""
    try:
        trace = read_trace(lines)
        constants = {name: round(value * trace.scale) for name, value in trace.constants.items()}
        contract = spec.bind(constants, trace.options, trace.scale)
    except (ValueError, SpecError):
        return  # told in one line
    case = next((c for c in contract.cases if c.id == trace.case), None)
    assert judge(contract, trace, case).outcome in Outcome


def test_what_may_come_is_said_once(spec: Spec) -> None:
    """Several rules may lead to one state in the same words."""
    trace = recorded(next(iter(VERDICTS)))
    told = Told(
        "A", 2, "onRoomStateChanged", {"roomID": "r", "reason": "KICK_OUT", "errorCode": 1002050}, Instant(9, 9)
    )
    first = replace(told, n=1, fields={"roomID": "r", "reason": "LOGINING", "errorCode": 0}, at=Instant(8, 8))
    call = Called(1, "A", "loginRoom", {"room": "R", "token": "wrong"}, Instant(7, 7))
    one = replace(trace, case="random/1", rooms={"R": "r"}, records=(call, first, told), end=10)

    (finding,) = verdict(spec, one).findings
    assert finding.seen == ("KICK_OUT has no cause while LOGINING; what may come: LOGIN_FAILED after LOGINING")
