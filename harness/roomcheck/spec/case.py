"""A case: a scenario under one fault, and what its members are expected to be told. All times are microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roomcheck.model.schedule import Schedule
from roomcheck.spec.where import NOWHERE, Where

OFFLINE = "offline"  # the tag of scenarios that need none


@dataclass(frozen=True, slots=True)
class Entry:
    """One expected callback. The window counts from the label `of` (None: no window, order only)."""

    view: str
    value: Any  # what stands for what it tells
    pattern: Mapping[str, Any]
    room: str | None  # alias; None where the callback names no room
    of: str | None = None
    after: int = 0
    within: int | None = None
    about: int = 0
    label: str | None = None
    optional: bool = False
    requirement: str | None = None
    text: str = ""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these sequences."""

    branches: tuple[tuple["Item", ...], ...]


@dataclass(frozen=True, slots=True)
class Unordered:
    """All of these, in any order."""

    entries: tuple[Entry, ...]


Item = Entry | AnyOf | Unordered


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one observer is told: about itself (about None), about one user (alias), or about anyone (ANYONE)."""

    observer: str
    about: str | None
    items: tuple[Item, ...]
    open: bool = False  # others: allowed
    where: Where = NOWHERE


ANYONE = "anyone"


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario under one fault: `id` is scenario or scenario/fault. The schedule is in this contract's time."""

    id: str
    scenario: str
    title: str
    fault: str | None
    schedule: Schedule
    lines: tuple[Expectation, ...]
    requirements: tuple[str, ...]
    tags: tuple[str, ...] = ()
    own_server: bool = False
    where: Where = NOWHERE
