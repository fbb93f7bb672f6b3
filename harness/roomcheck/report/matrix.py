"""The kill matrix: which defect breaks which requirement, and what found it. Values, and the three ways to show them.

A defect is caught rightly if something that was played on it violates the contract and names a requirement that the
defect is said to break. A requirement is proven if some defect that is said to break it is caught with its name.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from roomcheck.report.text import clipped, visible

VERSION = 1
TEMPLATE = "defects.html.j2"
NAME_WIDTH = 34
FIRST, LATER = "first", "later"


class Kind(StrEnum):
    """What stands in a row of the matrix."""

    CONFORMING = "conforming"
    CLIENT = "client"
    SERVER = "server"
    ADAPTER = "adapter"


class Ending(StrEnum):
    """How a row ended."""

    CAUGHT = "caught"
    CLEAN = "clean"  # the conforming room, as it should
    MISNAMED = "misnamed"  # caught, but with other requirements only, or blamed as another
    MISSED = "missed"
    ACCUSED = "accused"  # the conforming room violates
    DOUBTFUL = "doubtful"  # this machine could not tell
    BROKEN = "broken"  # no verdict
    UNPLAYED = "not played"


GOOD = (Ending.CAUGHT, Ending.CLEAN, Ending.UNPLAYED)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One case or random schedule that showed something: the requirements that it named, the first finding's first."""

    case: str
    requirements: tuple[str, ...]
    seen: str
    length: int  # microseconds that playing takes at least
    steps: int


@dataclass(frozen=True, slots=True)
class Played:
    """One case on real sockets."""

    case: str
    outcome: str
    requirements: tuple[str, ...]
    seen: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One room, or one adapter, and everything that was found about it.

    `tried` counts the random schedules until the first that violated, or all of them; `by_chance` are the first of
    those. `real` is what was played on sockets, empty in a simulation.
    """

    name: str
    kind: Kind
    topic: str
    sentence: str
    breaks: tuple[str, ...]
    ending: Ending
    cases: int = 0
    by_case: tuple[Sighting, ...] = ()
    tried: int = 0
    by_chance: tuple[Sighting, ...] = ()
    real: tuple[Played, ...] = ()
    message: str = ""
    file: str = ""  # the schedule by chance, for `roomcheck replay`

    @property
    def named(self) -> dict[str, str]:
        """Requirement -> "first" if it was the first finding somewhere, else "later"."""
        seen: tuple[Sighting | Played, ...] = (*self.by_case, *self.by_chance, *self.real)
        lists = [s.requirements for s in seen]
        later = {name: LATER for names in lists for name in names}
        return later | {names[0]: FIRST for names in lists if names}

    @property
    def rightly(self) -> tuple[str, ...]:
        """Those that were named and that it breaks."""
        return tuple(name for name in self.breaks if name in self.named)

    @property
    def only_by_chance(self) -> bool:
        return bool(self.by_chance) and not self.by_case


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of the contract."""

    id: str
    level: str
    says: str


@dataclass(slots=True)
class Matrix:
    """Everything that a run of `roomcheck defects` found, as far as it got."""

    spec: str
    revision: str
    target: str
    scale: float
    seed: int
    mode: str
    requirements: tuple[Requirement, ...]
    schedules: int = 0
    rows: list[Row] = field(default_factory=list)
    whole: bool = True  # all defects were asked for, so that every requirement should be broken by one
    complete: bool = False
    seconds: float = 0.0

    @property
    def defects(self) -> list[Row]:
        return [row for row in self.rows if row.kind in (Kind.CLIENT, Kind.SERVER)]

    def proven_by(self, requirement: str) -> list[str]:
        """The defects that break it and were caught with its name."""
        return [row.name for row in self.defects if requirement in row.rightly]

    @property
    def unproven(self) -> list[str]:
        return [r.id for r in self.requirements if not self.proven_by(r.id)]

    def good(self) -> bool:
        """Whether all ended as they should."""
        return all(row.ending in GOOD for row in self.rows) and not (self.whole and self.unproven)


def line(row: Row) -> str:
    """A row for the console."""
    head = f"{row.ending.value:<10} {row.name:<{NAME_WIDTH}}"
    if row.kind is Kind.ADAPTER:
        return f"{head} {clipped(row.message)}"
    if row.kind is Kind.CONFORMING:
        return f"{head} {row.cases} cases, {row.tried} random schedules{_real(row)}"
    named = ", ".join(row.rightly or [f"{name} instead of {' or '.join(row.breaks)}" for name in list(row.named)[:1]])
    cases = f"{len(row.by_case)} cases ({row.by_case[0].case})" if row.by_case else "no case"
    if row.by_chance:
        chance = f"random schedule {row.tried} ({row.by_chance[0].steps} steps)"
    else:
        chance = f"none of {row.tried} random schedules"
    return f"{head} {named or '-'}: {cases}, {chance}{_real(row)}{f'; {clipped(row.message)}' if row.message else ''}"


def _real(row: Row) -> str:
    if not row.real:
        return ""
    showing = sum(p.outcome == "violates" for p in row.real)
    return f"; on sockets {showing} of {len(row.real)} violated"


def summary(matrix: Matrix) -> Iterator[str]:
    """How many defects prove each requirement, and how all ended."""
    for requirement in matrix.requirements:
        names = matrix.proven_by(requirement.id)
        first = sum(row.named.get(requirement.id) == FIRST for row in matrix.rows if row.name in names)
        said = f"{len(names):>3} defects" + (f" ({first} by its first finding)" if names else "")
        yield f"{requirement.id:<18} {said:<36} {_some(names)}"
    yield ""
    yield f"{len(matrix.defects)} defects: {_counts(matrix.defects)}; {_chance(matrix)}"
    others = [row for row in matrix.rows if row not in matrix.defects]
    for row in others:
        if row.kind is Kind.CONFORMING:
            yield f"the conforming room: {row.ending.value}"
    adapters = [row for row in others if row.kind is Kind.ADAPTER]
    if adapters:
        yield f"{len(adapters)} hostile adapters: {_counts(adapters)}"
    proven = len(matrix.requirements) - len(matrix.unproven)
    yield f"{proven} of {len(matrix.requirements)} requirements have a defect that breaks them and is caught by name"
    if matrix.whole and matrix.unproven:
        yield f"without one: {', '.join(matrix.unproven)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _counts(rows: Iterable[Row]) -> str:
    endings = [row.ending for row in rows]
    return ", ".join(f"{endings.count(e)} {e.value}" for e in Ending if e in endings) or "none"


def _chance(matrix: Matrix) -> str:
    caught = [row for row in matrix.defects if row.by_chance]
    only = sum(row.only_by_chance for row in caught)
    return f"{len(caught)} shown by random schedules, {only} of these by no scenario"


def as_json(matrix: Matrix) -> str:
    """The report for programs; its shape changes only with `version`."""
    head = {name: getattr(matrix, name) for name in (
        "spec", "revision", "target", "scale", "seed", "mode", "schedules", "complete", "seconds",
    )}  # fmt: skip
    document = {
        "version": VERSION,
        **head,
        "good": matrix.good(),
        "requirements": [{**asdict(r), "proven by": matrix.proven_by(r.id)} for r in matrix.requirements],
        "rows": [_row(row) for row in matrix.rows],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _row(row: Row) -> dict[str, Any]:
    return {**asdict(row), "named": row.named, "rightly": row.rightly, "only_by_chance": row.only_by_chance}


def as_html(matrix: Matrix) -> str:
    """One self-contained page."""
    template = _environment().get_template(TEMPLATE)
    return template.render(m=matrix, Kind=Kind, Ending=Ending, GOOD=GOOD, chance=_chance(matrix))


@cache
def _environment() -> Environment:
    text = files("roomcheck.report").joinpath("templates", TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(
        loader=DictLoader({TEMPLATE: text}), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["visible"] = visible
    return environment
