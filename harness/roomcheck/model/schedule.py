"""A schedule is a value: members, and steps with the moment each begins. A scenario makes one, and so does chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from roomcheck.model.fault import FaultKind
from roomcheck.model.plain import Plain


@dataclass(frozen=True, slots=True)
class Member(Plain):
    """One client. Two members may be the same user (a duplicate login). `user` is an alias, not the real name."""

    name: str
    user: str


@dataclass(frozen=True, slots=True)
class When(Plain):
    """When a step begins: `offset` microseconds after the label, or (label None) after the step before has settled."""

    label: str | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Call(Plain):
    """A member calls an operation of its SDK. `args` holds every argument, rooms as aliases (R, R2)."""

    member: str
    operation: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admin(Plain):
    """An act of the room's backend (kick). `args` holds users and rooms as aliases."""

    operation: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault(Plain):
    """A fault on a member's link (`member` None: on the server, server-restart). `settings`: see the catalogue."""

    member: str | None
    kind: FaultKind
    settings: Mapping[str, Any] = field(default_factory=dict)
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Heal(Plain):
    """The end of whatever fault a member's link (None: the server) has."""

    member: str | None


@dataclass(frozen=True, slots=True)
class Wait(Plain):
    """Nothing happens; only the moment counts."""


@dataclass(frozen=True, slots=True)
class Step(Plain):
    """An act, when it begins, and the label that names the moment."""

    act: Call | Admin | Fault | Heal | Wait
    when: When = When()
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule(Plain):
    """Members and steps; `watch` is how long to go on observing after the last step, in microseconds.

    `pace`, in microseconds too, passes between a step that has settled and one that names no moment; None: the
    contract's.
    """

    members: tuple[Member, ...]
    rooms: tuple[str, ...]
    steps: tuple[Step, ...]
    watch: int
    pace: int | None = None

    @property
    def second_session(self) -> bool:
        """Whether two members are of one user."""
        return len({member.user for member in self.members}) < len(self.members)
