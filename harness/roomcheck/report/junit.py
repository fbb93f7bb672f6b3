"""JUnit XML that GitLab, Jenkins, the GitHub reporters and Testmo read, through junit-xml 1.9.

That library is kept for its shape and mended where it was measured to be wrong: it writes nothing for a failure
without a message (the case would pass), drops or refuses control characters, loses line ends in attributes, writes
times in exponent form, knows no properties of a case and leaves the root without a name. So texts are made visible
first, and the root and the serialisation are ours. What goes where:

- failure: the room broke its contract. `type` is the requirement, the text is the explanation.
- error: no verdict about the room (inconclusive, adapter, harness, machine, target); `type` says which.
- skipped: the case does not apply to this target, or its failure is a known one.

A run that ended early, or checked nothing, has an error of its own: a reader that sees only this file must not see a
shorter or an empty list of successes.

Several CI systems count only the first of two cases with the same classname and name: names hold spec, scenario and
fault. The dot in a classname is what Jenkins splits into package and class.
"""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from junit_xml import TestCase, TestSuite

from roomcheck.model.time import show_duration
from roomcheck.model.verdict import CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.exitcode import NOTHING, checks, exit_code
from roomcheck.report.explain import CUT_SHORT, EXPECTED, explain, progress
from roomcheck.report.text import clipped, visible

STRICT_CASE = {"name", "classname", "time"}  # what junit-10.xsd knows of a case
STEP = {Outcome.CONFORMS: "step[passed]", Outcome.VIOLATES: "step[failure]"}


def write_junit(
    header: RunHeader, results: Sequence[CaseResult], footer: RunFooter | None, *, strict: bool = False
) -> str:
    """The whole file as text. `strict`: only what Jenkins' xunit plugin allows, properties inside system-out.

    `footer` None: the run was cut short and left no end.
    """
    results = [*results, *_run_error(header, results, footer)]
    names = Counter[str]()
    cases = []
    for result in results:
        name = visible(result.case)
        names[name] += 1
        cases.append(_case(result, header, name if names[name] == 1 else f"{name} ({names[name]})"))
    name = visible(f"{header.spec} on {header.target}")
    suite = _Suite(name, [case for case, _ in cases], properties=dict(_run_properties(header, footer)))
    element = suite.build_xml_doc()
    _mend(element, [(result.seconds, list(properties)) for result, (_, properties) in zip(results, cases, strict=True)])
    if strict:
        _restrict(element)
    root = _root(element, header, strict=strict)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _run_error(header: RunHeader, results: Sequence[CaseResult], footer: RunFooter | None) -> Iterator[CaseResult]:
    if footer is None or not footer.complete:
        what = CUT_SHORT if footer is None else "the run ended early"
        message = f"{what}: {progress(header, results)}"
    elif exit_code(results) == NOTHING and not checks(results):
        message = "the run checked nothing"
    else:
        return
    yield CaseResult(
        case=f"{header.spec}/the run itself", scenario="run", title="", fault=None, outcome=None, blame=None,
        message=message, verdict=None, seconds=0.0, attempts=1,
    )  # fmt: skip


class _Suite(TestSuite):  # type: ignore[misc] # junit-xml publishes no types
    """The library's suite, with a type."""

    def build_xml_doc(self, encoding: str | None = None) -> ET.Element:
        element: ET.Element = super().build_xml_doc(encoding=encoding)
        return element


def _case(result: CaseResult, header: RunHeader, name: str) -> tuple[Any, Iterator[tuple[str, str]]]:
    case = TestCase(
        name,
        visible(f"{header.target}.{result.scenario.replace('.', '-')}"),
        file=visible(result.file) or None,
        line=str(result.line) if result.line > 0 else None,
        stdout=_output(result) or None,
        allow_multiple_subelements=True,
    )
    first = result.verdict.findings[0] if result.verdict and result.verdict.findings else None
    message = clipped(result.message or (first.seen if first else "")) or "no message"
    match result.outcome:
        case Outcome.VIOLATES if result.known:
            message = clipped(f"{EXPECTED}, {result.known}: {message}")
            case.add_skipped_info(message, message)  # GitLab shows the text, others the attribute
        case Outcome.VIOLATES:
            kind = first.requirement if first else None
            case.add_failure_info(message, "\n".join(explain(result, header)), visible(kind or "violates"))
        case Outcome.INCONCLUSIVE:
            case.add_error_info(message, "\n".join(explain(result, header)), "inconclusive")
        case None:
            kind = result.blame.value if result.blame else "no verdict"
            case.add_error_info(message, "\n".join(explain(result, header)), kind)
        case Outcome.NOT_APPLICABLE:
            case.add_skipped_info(message, message)
        case Outcome.CONFORMS:
            pass
    return case, _properties(result)


def _output(result: CaseResult) -> str:
    leniency = result.verdict.leniency if result.verdict else ()
    lines = [clipped(result.title), *(f"lenient: {clipped(text)}" for text in leniency), *map(clipped, result.log)]
    lines = [_unlinked(line) for line in lines]
    if result.trace_file:
        lines.append(f"[[ATTACHMENT|{visible(result.trace_file)}]]")
    return "\n".join(filter(None, lines))


def _unlinked(text: str) -> str:
    """Without the brackets that would make GitLab or Testmo attach a file that a room's text names."""
    return text.replace("[[", "[ [").replace("]]", "] ]")


def _properties(result: CaseResult) -> Iterator[tuple[str, str]]:
    if result.fault:
        yield "fault", result.fault
    for requirement in result.requirements:
        yield "requirement", requirement
    if result.blame:
        yield "blame", result.blame.value
    yield "attempts", str(result.attempts)
    yield from [("scale", f"{result.scale:g}")] if result.scale else []
    yield "lateness", show_duration(result.lateness)
    if result.repeat:
        yield "repeat", result.repeat
    if result.trace_file:
        yield "attachment", result.trace_file
    for check in result.verdict.checks if result.verdict else ():
        outcome = "" if check.outcome in STEP else f" - {check.outcome.value}"
        reason = f" - {check.reason}" if check.reason else ""
        yield STEP.get(check.outcome, "step"), f"{check.requirement}: {check.what}{outcome}{reason}"


def _run_properties(header: RunHeader, footer: RunFooter | None) -> Iterator[tuple[str, str]]:
    values = {
        "target": header.target,
        "spec": header.spec,
        "revision": header.revision,
        "room": header.room,
        "toxiproxy": header.toxiproxy,
        "scale": f"{header.scale:g}",
        "roomcheck": header.roomcheck,
        "complete": str(footer is not None and footer.complete).lower(),
        **({"not hidden": "; ".join(header.unhidden)} if header.unhidden else {}),
    }
    if footer is not None:
        values |= {
            "lateness p99": show_duration(footer.lateness_p99),
            "lateness max": show_duration(footer.lateness_max),
            "exit code": str(footer.exit_code),
            **({"died": "; ".join(footer.died)} if footer.died else {}),
        }
    for name, value in values.items():
        yield name, clipped(value)


def _mend(suite: ET.Element, cases: Sequence[tuple[float, list[tuple[str, str]]]]) -> None:
    """Times as schemas want them, properties of cases, and no attribute that the current schema does not know."""
    suite.attrib.pop("disabled", None)
    suite.set("time", f"{sum(seconds for seconds, _ in cases):.3f}")
    for element, (seconds, properties) in zip(suite.iter("testcase"), cases, strict=True):
        element.set("time", f"{seconds:.3f}")
        holder = ET.Element("properties")
        for name, value in properties:
            ET.SubElement(holder, "property", name=name, value=clipped(value))
        element.insert(0, holder)
    for element in suite.iter("skipped"):
        element.attrib.pop("type", None)


def _restrict(suite: ET.Element) -> None:
    """Moves the properties of each case into its system-out, and leaves out attributes that junit-10.xsd forbids."""
    for case in suite.iter("testcase"):
        for name in set(case.attrib) - STRICT_CASE:
            del case.attrib[name]
        holder = case.find("properties")
        assert holder is not None
        case.remove(holder)
        lines = [f"[[PROPERTY|{p.get('name')}={_unlinked(p.get('value', ''))}]]" for p in holder]
        out = case.find("system-out")
        if out is None:
            out = ET.SubElement(case, "system-out")
        out.text = "\n".join([*([out.text] if out.text else []), *lines])


def _root(suite: ET.Element, header: RunHeader, *, strict: bool) -> ET.Element:
    root = ET.Element("testsuites", name="roomcheck")
    for name in ("tests", "failures", "errors", "time"):
        root.set(name, suite.get(name, "0"))
    if not strict:
        root.set("skipped", suite.get("skipped", "0"))
    started = _plain_time(header.started)
    if started:
        suite.set("timestamp", started)
        if not strict:
            root.set("timestamp", started)
    root.append(suite)
    return root


def _plain_time(started: str) -> str:
    """ISO 8601 in UTC without a zone, as all schemas take it; nothing where the run did not say."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return ""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
