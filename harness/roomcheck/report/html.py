"""The whole run as one HTML file, for people: what was checked, what broke, and a picture of each case.

It is one of a CI job's artifacts, so it needs no network, no server and, for everything but the filter, no script:
some CI services open artifacts with scripts forbidden. Cases are `details` elements, which a browser lays out only when
they are opened; that keeps hundreds of pictures in one file quick (tests/report/test_html.py measures it), and lets a
reader without a mouse, or without eyes, use what browsers know already.

Texts come from rooms that nobody here has seen. The templates escape whatever they are given, `visible` shows what
cannot be seen, and a content security policy allows the one script that is this file's own, by its hash.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from roomcheck.model.time import show_duration
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.console import COLUMNS, NO_VERDICT, bad, by_requirement, meaning
from roomcheck.report.explain import CUT_SHORT, EXPECTED, INDENT, explain, progress, speed_text
from roomcheck.report.picture import Picture, compose, divergence_text, event_text
from roomcheck.report.svg import Drawing, draw
from roomcheck.report.text import clipped, visible
from roomcheck.spec.contract import Contract

ENDS = ("violates", NO_VERDICT, "inconclusive", EXPECTED, "conforms", "not applicable")  # the worst first
VIRTUAL = "virtual"  # a trace's clock
OPEN = 1  # so many bad cases are open from the start


@dataclass(frozen=True, slots=True)
class Shown:
    """One case as the template wants it."""

    number: int
    result: CaseResult
    name: str  # without the spec's
    outcome: str
    css: str
    why: tuple[tuple[str, str], ...]  # what of it, and the text
    link: str
    picture: Picture | None
    drawing: Drawing | None
    open: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement."""

    id: str
    level: str
    says: str
    cite: str
    counts: Counter[str]
    cases: tuple[tuple[int, str, str], ...]  # number, name, css


@dataclass(frozen=True, slots=True)
class Pictures:
    """What pictures are made of. `traces`: result's case -> its trace; a case without one has no picture.

    `link` gives the address of a trace's file as seen from the report. `contract` gives it at the speed of a trace;
    None: there are no traces either.
    """

    contract: Callable[[float], Contract] | None
    traces: Mapping[str, Trace] = field(default_factory=dict)
    link: Callable[[str], str] = lambda file: file


def write_html(header: RunHeader, results: Sequence[CaseResult], footer: RunFooter | None, pictures: Pictures) -> str:
    """The whole file as text. `footer` None: the run was cut short and left no end."""
    ordered = sorted(results, key=_weight)
    shown = [_shown(i, result, header, pictures) for i, result in enumerate(ordered, 1)]
    counts = Counter(s.outcome for s in shown)
    requirements = _requirements(header, shown)
    clock = next((t.clock for t in pictures.traces.values()), "")
    return (
        _environment()
        .get_template("report.html")
        .render(
            header=header,
            facts=_facts(header, footer, clock),
            verdict=_verdict(header, results, footer),
            counts=[(name, counts[name], _css(name)) for name in ENDS if counts[name]],
            requirements=requirements,
            checked=sum(bool(row.cases) for row in requirements),
            broken=sum(bool(row.counts[Outcome.VIOLATES]) for row in requirements),
            cases=shown,
            leniency=list(dict.fromkeys(t for r in results if r.verdict for t in r.verdict.leniency)),
            policy=policy("report.css", "report.js"),
        )
    )


def _weight(result: CaseResult) -> tuple[int, int, str]:
    """The worst first, of these the shortest schedule, as it is the easiest to understand."""
    steps = len(result.schedule.steps) if result.schedule and bad(result) else 0
    return ENDS.index(ended(result)), steps, result.case


def ended(result: CaseResult) -> str:
    """How a case ended, in one of the words of ENDS."""
    return EXPECTED if result.known else _name(result.outcome)


def anchors(results: Iterable[CaseResult]) -> dict[str, str]:
    """Where each case stands in the report of these: the case -> its element's id."""
    return {result.case: f"c{number}" for number, result in enumerate(sorted(results, key=_weight), 1)}


def _name(outcome: Outcome | None) -> str:
    return outcome.value if outcome else NO_VERDICT


def _css(name: str) -> str:
    return name.replace(" ", "-")


def _verdict(header: RunHeader, results: Sequence[CaseResult], footer: RunFooter | None) -> tuple[str, str]:
    """The run in one sentence, and its CSS class."""
    if footer is None:
        text = f"{CUT_SHORT}; {progress(header, results)}"
        return f"{text[:1].upper()}{text[1:]}", "no-verdict"
    text = meaning(results, footer)
    if not footer.complete:
        text += f"; not complete: {progress(header, results)}"
    for line in footer.died:
        text += f"; while it ran, {clipped(line)}"
    css = {0: "conforms", 1: "violates", 2: "inconclusive"}.get(footer.exit_code, "no-verdict")
    return f"{text[:1].upper()}{text[1:]} (exit code {footer.exit_code})", css


def _facts(header: RunHeader, footer: RunFooter | None, clock: str) -> list[tuple[str, str]]:
    speed = "as documented" if header.scale == 1 else speed_text(header.scale)
    late, took = "not known", "and never ended"
    if footer is not None:
        late = f"{show_duration(footer.lateness_p99)} (99 %), {show_duration(footer.lateness_max)} at worst"
        took = f"took {footer.seconds:.1f} s"
    virtual = ", in virtual time" if clock == VIRTUAL else ""
    facts = [
        ("room", header.room or "never answered"),
        ("target", header.target),
        ("spec", f"{header.spec}, revision {header.revision}"),
        ("time", f"{speed}{virtual}"),
        ("this machine was late by", late),
        ("Toxiproxy", header.toxiproxy),
        ("roomcheck", header.roomcheck),
        ("started", f"{header.started}, {took}"),
        *(("not hidden", entry) for entry in header.unhidden),
    ]
    return [(name, clipped(value)) for name, value in facts]


def _shown(number: int, result: CaseResult, header: RunHeader, pictures: Pictures) -> Shown:
    trace = pictures.traces.get(result.case)
    picture = None
    if trace and pictures.contract:
        contract = pictures.contract(trace.scale)
        case = next((case for case in contract.cases if f"{header.spec}/{case.id}" == result.case), None)
        picture = compose(trace, result.verdict, contract, case)
    return Shown(
        number=number,
        result=result,
        name=visible(result.case.removeprefix(f"{header.spec}/")),
        outcome=ended(result),
        css=_css(ended(result)),
        why=tuple(_why(explain(result, header)[1:])) if bad(result) or result.known else (),
        link=pictures.link(result.trace_file) if result.trace_file else "",
        picture=picture,
        drawing=draw(picture) if picture else None,
        open=bad(result) and number <= OPEN,
    )


def _why(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The explanation's lines as pairs; one that goes on joins the one before."""
    pairs: list[tuple[str, str]] = []
    for line in lines:
        label, text = line[:INDENT].strip(), line[INDENT:]
        if label or not pairs:
            pairs.append((label, text))
        else:
            pairs[-1] = pairs[-1][0], f"{pairs[-1][1]}; {text}"
    return pairs


def _requirements(header: RunHeader, shown: Sequence[Shown]) -> list[Row]:
    exercised: dict[str, list[tuple[Shown, Outcome | None]]] = {}
    for case in shown:
        for requirement, count in by_requirement([case.result]).items():
            exercised.setdefault(requirement, []).append((case, next(iter(count))))
    rows: list[Row] = []
    for requirement in sorted({*header.sentences, *exercised}):
        met = exercised.get(requirement, [])
        rows.append(
            Row(
                id=requirement,
                level=header.levels.get(requirement, ""),
                says=header.sentences.get(requirement, ""),
                cite=header.cites.get(requirement, ""),
                counts=Counter(_name(outcome) for _, outcome in met),
                cases=tuple((case.number, case.name, _css(_name(outcome))) for case, outcome in met),
            )
        )
    return sorted(rows, key=lambda r: (not r.counts[Outcome.VIOLATES], not r.counts[Outcome.INCONCLUSIVE]))


def _tight(markup: Markup) -> Markup:
    """Without the line ends between elements: each would be a node for the browser, of which there would be 100,000."""
    return Markup(str(markup).replace(">\n<", "><"))  # noqa: S704  what was escaped stays so


@cache
def source(name: str) -> str:
    """A file of the templates' folder."""
    return (files("roomcheck.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def policy(*names: str) -> str:
    """Nothing from anywhere, and of styles and scripts only these of the package's own."""

    def hashed(ending: str) -> str:
        digests = (hashlib.sha256(source(n).encode()).digest() for n in names if n.endswith(ending))
        return "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)

    scripts = f"; script-src{hashed('.js')}" if hashed(".js") else ""
    return f"default-src 'none'; style-src{hashed('.css')}{scripts}"


@cache
def _environment() -> Environment:
    loader = DictLoader({name: source(name) for name in ("report.html", "picture.svg")})
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(visible=visible, clipped=clipped, tight=_tight)
    environment.globals.update(
        css=Markup(source("report.css")),  # noqa: S704  the package's own files
        script=Markup(source("report.js")),  # noqa: S704
        event_text=event_text,
        divergence_text=divergence_text,
        show_duration=show_duration,
        speed_text=speed_text,
        columns=[*(o.value for o in COLUMNS), NO_VERDICT],
    )
    return environment
