import dataclasses
import io
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml
from lxml import etree

from report.samples import ALL, FOOTER, HEADER, HOSTILE, absent, broken, doubtful, good, hostile, result, violating
from roomcheck.model.verdict import Blame, CaseResult, Outcome, RunFooter, Verdict
from roomcheck.report.junit import write_junit

SCHEMAS = Path(__file__).parent / "schemas"
JENKINS = ("junit-10-2014", "junit-10-surefire")
TESTMO = "testmo-style"


@cache
def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / f"{name}.xsd"))


def check(text: str, name: str) -> None:
    schema(name).assertValid(etree.fromstring(text.encode()))


def parsed(*results: CaseResult, strict: bool = False) -> ET.Element:
    return ET.fromstring(write_junit(HEADER, results, FOOTER, strict=strict))  # noqa: S314 # our own text


def only_case(each: CaseResult, *, strict: bool = False) -> ET.Element:
    case = parsed(each, strict=strict).find("testsuite/testcase")
    assert case is not None
    return case


@pytest.mark.parametrize("name", [*JENKINS, TESTMO])
@pytest.mark.parametrize("results", [ALL, (), tuple(map(hostile, HOSTILE))], ids=["all", "none", "hostile"])
def test_the_strict_form_is_valid_everywhere(name: str, results: tuple[CaseResult, ...]) -> None:
    """Both revisions of Jenkins' schema and Testmo's format take it."""
    check(write_junit(HEADER, results, FOOTER, strict=True), name)


@pytest.mark.parametrize("results", [ALL, (), tuple(map(hostile, HOSTILE))], ids=["all", "none", "hostile"])
def test_the_full_form_is_valid_for_testmo(results: tuple[CaseResult, ...]) -> None:
    """Properties of cases, files and lines are what Testmo documents."""
    check(write_junit(HEADER, results, FOOTER), TESTMO)


@given(st.text(st.characters(), max_size=200))
def test_no_text_breaks_the_file(text: str) -> None:
    """Whatever a room says, the file parses and has one failing case with a message."""
    case = only_case(hostile(text))
    failure = case.find("failure")

    assert failure is not None
    assert failure.get("message")


@pytest.mark.parametrize(
    ("each", "element", "kind"),
    [
        (violating(), "failure", "R-1"),
        (doubtful(), "error", "inconclusive"),
        (broken(), "error", "adapter"),
        (broken(blame=Blame.HARNESS), "error", "harness"),
        (broken(blame=Blame.MACHINE), "error", "machine"),
        (broken(blame=Blame.TARGET), "error", "target"),
        (absent(), "skipped", None),
    ],
)
def test_failure_error_and_skipped_are_kept_apart(each: CaseResult, element: str, kind: str | None) -> None:
    """Only the room's own violations are failures."""
    case = only_case(each)

    assert [e.tag for e in case if e.tag in ("failure", "error", "skipped")] == [element]
    found = case.find(element)
    assert found is not None
    assert found.get("type") == kind


def test_a_good_case_has_neither() -> None:
    """No failure, error or skipped where the case conformed."""
    assert not [e.tag for e in only_case(good()) if e.tag in ("failure", "error", "skipped")]


@pytest.mark.parametrize("outcome", [Outcome.VIOLATES, Outcome.INCONCLUSIVE, None, Outcome.NOT_APPLICABLE])
def test_a_result_without_a_word_is_not_a_pass(outcome: Outcome | None) -> None:
    """The library writes nothing for an empty message, and the case would pass."""
    case = only_case(result(outcome=outcome, verdict=None, message=""))

    assert [e for e in case if e.tag in ("failure", "error", "skipped")]


def test_the_failure_holds_the_explanation() -> None:
    """A reader of the CI page needs no other file."""
    failure = only_case(violating()).find("failure")

    assert failure is not None
    assert failure.text is not None
    assert "A lost link is told." in failure.text
    assert failure.text.endswith("roomcheck run -k vendor/status/back/cut")


def test_names_hold_spec_scenario_and_fault() -> None:
    """GitLab counts only the first of two equal names."""
    case = only_case(violating())

    assert case.get("name") == "vendor/status/back/cut"
    assert case.get("classname") == "reference.back"
    assert (case.get("file"), case.get("line")) == ("specs/vendor/status.yaml", "120")


def test_equal_names_are_numbered() -> None:
    """Two results of one case stay two cases."""
    names = [e.get("name") for e in parsed(good(), good(), good()).iter("testcase")]

    assert names == ["vendor/status/back/cut", "vendor/status/back/cut (2)", "vendor/status/back/cut (3)"]


def test_a_dot_in_a_scenario_makes_no_package() -> None:
    """Jenkins splits a classname at its last dot."""
    each = dataclasses.replace(good(), scenario="v1.2")

    assert only_case(each).get("classname") == "reference.v1-2"


def test_times_are_plain_decimals() -> None:
    """Sums of floats and tiny times keep three decimals."""
    root = parsed(good(), dataclasses.replace(good(), case="vendor/status/x/cut", seconds=1e-5))

    assert [e.get("time") for e in root.iter("testcase")] == ["0.300", "0.000"]


def test_the_root_counts_everything() -> None:
    """Consumers that read only the root see the same numbers."""
    root = parsed(*ALL)

    assert root.attrib == {
        "name": "roomcheck",
        "tests": "5",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
        "time": "1.500",
        "timestamp": "2026-11-24T02:00:00",
    }


def errors(footer: RunFooter, *results: CaseResult) -> list[str | None]:
    root = ET.fromstring(write_junit(HEADER, results, footer))  # noqa: S314
    return [e.get("message") for e in root.iter("error")]


def test_a_run_that_ended_early_is_no_shorter_success() -> None:
    """Ctrl-C or a dead Toxiproxy leaves an error beside the cases that passed."""
    footer = dataclasses.replace(FOOTER, complete=False)

    assert errors(footer, good()) == ["the run ended early: 1 of 4 cases have a result"]


def test_a_run_without_an_end_was_cut_short() -> None:
    """What is made of a killed run's stream has an error too, claims no lateness or exit code, and is valid."""
    text = write_junit(HEADER, [good()], None)

    (error,) = ET.fromstring(text).iter("error")  # noqa: S314
    message = "the run was cut short: its stream has no end: 1 of 4 cases have a result"
    assert error.get("message") == message
    assert "lateness max" not in text
    assert "exit code" not in text
    assert 'name="complete" value="false"' in text
    check(text, TESTMO)
    for name in JENKINS:
        check(write_junit(HEADER, [good()], None, strict=True), name)


@pytest.mark.parametrize("results", [(), (absent(),)])
def test_a_run_that_checked_nothing_has_an_error(results: tuple[CaseResult, ...]) -> None:
    """An empty file would be a vacuous green."""
    assert errors(FOOTER, *results) == ["the run checked nothing"]


def test_a_whole_run_has_no_error_of_its_own() -> None:
    """Nothing is added to a run that did what it should."""
    assert errors(FOOTER, good(), absent()) == []


@pytest.mark.parametrize("started", ["", "yesterday"])
def test_a_run_without_a_time_of_day_has_no_timestamp(started: str) -> None:
    """Nothing is made up where the run did not say when it began."""
    text = write_junit(dataclasses.replace(HEADER, started=started), ALL, FOOTER)

    assert "timestamp" not in text
    check(text, TESTMO)


def test_the_time_of_day_is_utc() -> None:
    """Schemas take no zone, so the zone is taken out."""
    text = write_junit(dataclasses.replace(HEADER, started="2026-11-24T04:00:00+02:00"), ALL, FOOTER)

    assert 'timestamp="2026-11-24T02:00:00"' in text


def test_properties_tell_how_the_case_was_played() -> None:
    """Fault, requirements, steps with their outcome and the trace are properties, before anything else."""
    case = only_case(violating())
    found = [(p.get("name"), p.get("value")) for p in case.iter("property")]

    assert case[0].tag == "properties"
    assert ("fault", "cut") in found
    assert ("requirement", "R-2") in found
    assert ("attachment", "roomcheck-report/traces/back.cut.jsonl") in found
    assert [f for f in found if f[0] and f[0].startswith("step")] == [
        ("step[failure]", "R-1: B: DELETE"),
        ("step[passed]", "R-2: B: ADD"),
        ("step", "R-2: B: ADD again - not applicable - called off"),
    ]


def test_the_strict_form_keeps_the_properties_as_text() -> None:
    """Nothing is lost: properties move into system-out."""
    case = only_case(violating(), strict=True)

    assert case.find("properties") is None
    assert "[[PROPERTY|fault=cut]]" in (case.findtext("system-out") or "")


def test_the_trace_is_attached() -> None:
    """GitLab reads the attachment from system-out."""
    assert "[[ATTACHMENT|roomcheck-report/traces/back.cut.jsonl]]" in (only_case(good()).findtext("system-out") or "")


@pytest.mark.parametrize("strict", [False, True])
def test_a_room_cannot_attach_files(strict: bool) -> None:  # noqa: FBT001
    """Text of a room that looks like an attachment is not one."""
    out = only_case(hostile("[[ATTACHMENT|/secret]]"), strict=strict).findtext("system-out") or ""

    assert "[[ATTACHMENT|/secret]]" not in out
    assert out.count("[[ATTACHMENT|") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_are_visible(text: str) -> None:
    """No escape code, no lost character: what the library drops is written out."""
    written = write_junit(HEADER, [hostile(text)], FOOTER)

    assert all(line.isprintable() for line in written.split("\n"))
    assert len(list(ET.fromstring(written).iter("failure"))) == 1  # noqa: S314


@pytest.mark.parametrize("strict", [False, True])
def test_another_reader_agrees(strict: bool) -> None:  # noqa: FBT001
    """Junitparser reads the same numbers, names and messages back."""
    text = write_junit(HEADER, ALL, FOOTER, strict=strict)
    xml = JUnitXml.fromroot(etree.parse(io.BytesIO(text.encode())).getroot())
    suite = next(iter(xml))

    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 2, 1)
    assert [case.name for case in suite] == [r.case for r in ALL]
    assert [type(r).__name__ for case in suite for r in case.result] == ["Failure", "Error", "Error", "Skipped"]
    assert [r.message for case in suite for r in case.result] == [r.message for r in ALL if r.message]


def test_a_violation_without_a_requirement_has_a_type() -> None:
    """Readers group failures by type."""
    each = result(outcome=Outcome.VIOLATES, verdict=Verdict(Outcome.VIOLATES), message="odd")
    failure = only_case(each).find("failure")

    assert failure is not None
    assert failure.get("type") == "violates"
