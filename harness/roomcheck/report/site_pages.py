"""The site as files: pages of plain HTML that work from a folder, without scripts; badges; and everything as JSON.

The pages look like the report of a run (report/html.py) and trust no text of a room either. Each holds its own style,
as a browser takes none from another file beside a page that it was given as a file.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup
from pydantic import TypeAdapter

from roomcheck.report.explain import speed_text
from roomcheck.report.html import policy, source
from roomcheck.report.site import (
    CONFORMS,
    NOT_APPLICABLE,
    NOT_CHECKED,
    Badge,
    Case,
    Cell,
    Contract,
    Implementation,
    Site,
    Standing,
)

TEMPLATES = ("site_base.html", "site_index.html", "site_contract.html", "site_implementation.html", "badge.svg")
STYLES = ("report.css", "site.css")
DATA = "data.json"
SCHEMA = "site.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
COLORS = {"brightgreen": "#1a7f37", "orange": "#9a5200", "yellow": "#806600", "red": "#b62324", "lightgrey": "#57606a"}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")  # how a run begins its stream
CHARACTER = 6.6  # the width of one on a badge, at 11 pixels


def pages(site: Site) -> Iterator[tuple[str, str]]:
    """Each file: its place in the site, and its text. The index comes last: what it leads to is there."""
    known = {one.name: one for one in site.implementations}
    for contract in site.contracts:
        standings = [s for s in site.standings if s.contract == contract.id]
        yield contract.page, _render("site_contract.html", "../", contract=contract, standings=standings, known=known)
    contracts = {one.id: one for one in site.contracts}
    for implementation in site.implementations:
        standings = [s for s in site.standings if s.implementation == implementation.name]
        yield (
            implementation.page,
            _render("site_implementation.html", "../", one=implementation, standings=standings, contracts=contracts),
        )
    for standing in site.standings:
        name = f"badges/{standing.badge.file}"
        yield f"{name}.svg", badge_svg(standing.badge)
        yield f"{name}.json", _json(badge_data(standing.badge))
    yield SCHEMA, _json(schema())
    yield DATA, _json({"$schema": SCHEMA, **asdict(site)})
    yield "index.html", _render("site_index.html", "", site=site, known=known)


def badge_data(badge: Badge) -> dict[str, Any]:
    """What shields.io reads from an address: https://shields.io/badges/endpoint-badge."""
    return {"schemaVersion": 1, "label": badge.label, "message": badge.message, "color": badge.color}


def badge_svg(badge: Badge) -> str:
    """A badge as shields.io draws it, without asking anybody."""
    left, right = (round(len(text) * CHARACTER) + 12 for text in (badge.label, badge.message))
    return (
        _environment().get_template("badge.svg").render(badge=badge, left=left, right=right, color=COLORS[badge.color])
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of data.json."""
    made = TypeAdapter(Site).json_schema()
    made["properties"] = {"$schema": {"type": "string"}, **made["properties"]}
    return {"$schema": DIALECT, **made, "title": "roomcheck: the data of a site"}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"


def _render(template: str, up: str, **values: Any) -> str:
    return _environment().get_template(template).render(up=up, **values)


def _css(ending: str) -> str:
    return ending.replace(" ", "-")


def _said(cell: Cell) -> str:
    """How often it ended so, where that is not always."""
    if cell.ending in (CONFORMS, NOT_APPLICABLE, NOT_CHECKED) or cell.cases == 1:
        return ""
    return f"{cell.count} of {cell.cases}"


def _grouped(standing: Standing) -> list[tuple[str, list[Case]]]:
    """The findings, those that broke one requirement together: the worst first."""
    groups: dict[str, list[Case]] = {}
    for case in standing.cases:
        if case.ending not in (CONFORMS, NOT_APPLICABLE):
            groups.setdefault(case.requirement, []).append(case)
    return list(groups.items())


def _day(started: str) -> str:
    """A time of day as people read it; whatever else stands there is left as it is."""
    return f"{started[:10]} {started[11:16]}" if ISO.fullmatch(started) else started


def _columns(contract: Contract, standings: list[Standing]) -> list[tuple[str, list[Cell]]]:
    """The rows of a contract's table: requirement -> a cell for each standing; what only some know comes last."""
    by_name = [{cell.requirement: cell for cell in s.cells} for s in standings]
    names = dict.fromkeys([*(r.id for r in contract.requirements), *(name for cells in by_name for name in cells)])
    return [(n, [cells.get(n) or Cell(n, NOT_CHECKED, 0, 0, "", "") for cells in by_name]) for n in names]


def _pairs(standings: list[Standing]) -> tuple[list[str], list[str], dict[tuple[str, str], Standing]] | None:
    """Servers, clients, and who stands how, of implementations that are called SERVER+CLIENT; None of too few."""
    found = {
        (names[0], names[1]): standing
        for standing in standings
        if len(names := standing.implementation.split("+")) == 2 and all(names)
    }
    servers, clients = (sorted({names[side] for names in found}) for side in (0, 1))
    return (servers, clients, found) if len(found) > 1 else None


def _sum(standing: Standing) -> list[tuple[str, int]]:
    """How many requirements ended how, the worst first."""
    return [(ending, count) for ending, count in standing.counts.items() if ending not in (NOT_APPLICABLE, NOT_CHECKED)]


def _page(name: str, known: dict[str, Implementation]) -> str:
    return known[name].page


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=DictLoader({name: source(name) for name in TEMPLATES}), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(address=lambda path: quote(path, safe="/#"), css=_css, said=_said, day=_day)
    environment.globals.update(
        styles=[Markup(source(name)) for name in STYLES],  # noqa: S704  the package's own files
        policy=policy(*STYLES), columns=_columns, pairs=_pairs, sum_of=_sum, page=_page, grouped=_grouped,
        CONFORMS=CONFORMS, NOT_APPLICABLE=NOT_APPLICABLE, NOT_CHECKED=NOT_CHECKED, speed_text=speed_text, data=DATA,
    )  # fmt: skip
    return environment
