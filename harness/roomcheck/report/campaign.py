"""A campaign for people and programs: what was played, what was met and when, what was found and how to repeat it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from roomcheck.report.html import policy, source
from roomcheck.report.text import clipped, visible

TEMPLATE = "campaign.html"
VERSION = 1
WIDTH, HEIGHT, LEFT, BOTTOM = 720.0, 220.0, 44.0, 24.0  # of the picture, in pixels
MOST = 400  # points of its line; of more it would show no more


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of finding. Times are ISO 8601; `confirmed` and `again` are empty until it was played again."""

    kind: str
    case: str
    message: str
    count: int
    first: str
    last: str
    confirmed: str
    again: str  # 16 of 16
    steps: tuple[int, int] | None  # as found, and made shorter
    file: str
    repeat: str


@dataclass(frozen=True, slots=True)
class Point:
    """After so many schedules so many triples were met."""

    schedules: int
    at: str
    triples: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a campaign stands. `facts` say what it is about; `outcomes` count its schedules."""

    folder: str
    facts: Mapping[str, str]
    began: str
    until: str  # when something was played last
    sittings: int  # processes that searched
    seconds: float  # of all of them
    played: int
    outcomes: Mapping[str, int]
    triples: int
    rules: int
    requirements: int
    quiet: int  # schedules since the last that met a triple that none met before
    curve: Sequence[Point]
    findings: Sequence[Row]
    more: str  # the command that goes on


def seconds_between(began: str, until: str) -> float:
    """Of two times in ISO 8601."""
    return (datetime.fromisoformat(until) - datetime.fromisoformat(began)).total_seconds()


def lines(campaign: Standing) -> Iterator[str]:
    """The table for a terminal."""
    yield from map(visible, _lines(campaign))


def _lines(c: Standing) -> Iterator[str]:
    facts = ", ".join(f"{name} {value}" for name, value in c.facts.items() if value)
    yield f"campaign {c.folder}: {facts}"
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in c.outcomes.items()) or "nothing yet"
    yield f"played    {c.played} schedules in {_time(c.seconds)} ({_calls(c.sittings)}): {outcomes}"
    yield (
        f"met       {c.triples} (state, cause, fault) triples, {c.rules} rules, {c.requirements} requirements;"
        f" nothing new in the last {c.quiet} schedules"
    )
    for point in _some(c.curve, 6):
        yield f"  {point.triples:>6} after {point.schedules} schedules, {point.at}"
    yield f"found     {len(c.findings)} kinds of findings" + (":" if c.findings else "")
    for row in c.findings:
        yield ""
        yield f"  {row.kind}: {clipped(row.message)}"
        confirmed = f"last confirmed {row.confirmed} ({row.again})" if row.confirmed else "not confirmed"
        yield f"    {row.count} schedules, first seen {row.first}, last {row.last}; {confirmed}{_shorter(row)}"
        yield f"    {row.repeat or 'no file yet: the same search goes on with it'}"
    yield ""
    yield f"go on with: {c.more}"


def as_json(campaign: Standing) -> str:
    """The same for programs; its shape changes only with `version`."""
    return json.dumps({"version": VERSION, **asdict(campaign)}, indent=1, default=dict) + "\n"


def as_html(campaign: Standing) -> str:
    """One page that needs nothing else."""
    return _environment().get_template(TEMPLATE).render(
        c=campaign, time=_time(campaign.seconds), calls=_calls(campaign.sittings), plot=_plot(campaign),
        left=LEFT, right=WIDTH, bottom=HEIGHT - BOTTOM, height=HEIGHT, policy=policy("report.css"),
        points=_some(campaign.curve, 12),
    )  # fmt: skip


def _plot(campaign: Standing) -> str:
    """The line of triples over schedules: it rises where one was met first."""
    wide, high = max(campaign.played, 1), max(campaign.triples, 1)

    def at(schedules: int, triples: int) -> str:
        x = LEFT + (WIDTH - LEFT) * schedules / wide
        y = (HEIGHT - BOTTOM) * (1 - triples / high) + 4
        return f"{x:.1f},{y:.1f}"

    corners = [at(0, 0)]
    before = 0
    for point in _some(campaign.curve, MOST):
        corners += [at(point.schedules, before), at(point.schedules, point.triples)]
        before = point.triples
    return " ".join([*corners, at(campaign.played, before)])


def _some(points: Sequence[Point], most: int) -> list[Point]:
    """So many of them, evenly, with the last."""
    step = max(1, -(-len(points) // most))
    return [*points[len(points) - 1 :: -step]][::-1] if points else []


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def _calls(sittings: int) -> str:
    return "one call" if sittings == 1 else f"{sittings} calls"


def _shorter(row: Row) -> str:
    return f"; {row.steps[0]} steps made {row.steps[1]}" if row.steps and row.steps[1] < row.steps[0] else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=DictLoader({TEMPLATE: source(TEMPLATE)}), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(visible=visible, clipped=clipped)
    environment.globals.update(css=Markup(source("report.css")), shorter=_shorter)  # noqa: S704  the package's own file
    return environment
