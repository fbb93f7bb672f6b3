"""The comparison of several targets as one self-contained HTML page: a matrix of cases and targets, and what differs.

It looks like the report of a run (report/html.py) and trusts no text of a room either. It has no script at all.
"""

from functools import cache

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from roomcheck.model.verdict import CaseResult
from roomcheck.report.compare import Cell, Comparison, Ending, marked, sequences, summary
from roomcheck.report.console import NO_VERDICT
from roomcheck.report.html import policy, source
from roomcheck.report.text import clipped, visible

TEMPLATE = "compare.html"
CSS = {
    Ending.DIFFERS: "violates", Ending.UNCOMPARED: "inconclusive", Ending.VARIES: "not-applicable",
    Ending.ALIKE: "conforms",
}  # fmt: skip


def as_html(comparison: Comparison) -> str:
    """The whole file as text."""
    names = [side.name for side in comparison.sides]
    details = [
        (row, [(place, list(sequences(row, names, place))) for place in _places(row.cells)])
        for row in comparison.ended(Ending.DIFFERS)
    ]
    rows = sorted(comparison.rows, key=lambda row: list(Ending).index(row.ending))
    return _environment().get_template(TEMPLATE).render(
        m=comparison, names=names, rows=rows, details=details, summary=summary(comparison), policy=policy("report.css")
    )  # fmt: skip


def _places(cells: list[Cell]) -> list[str]:
    return list(dict.fromkeys(place for cell in cells for place in cell.apart))


def _judged(result: CaseResult | None) -> tuple[str, str]:
    """A verdict's name, and its CSS class."""
    if result is None:
        return "", ""
    name = result.outcome.value if result.outcome else NO_VERDICT
    return name, name.replace(" ", "-")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=DictLoader({TEMPLATE: source(TEMPLATE)}), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(visible=visible, clipped=clipped)
    environment.globals.update(
        css=Markup(source("report.css")),  # noqa: S704  the package's own file
        ending_css=CSS, Ending=Ending, judged=_judged, marked=marked,
    )  # fmt: skip
    return environment
