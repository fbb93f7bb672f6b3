"""A member's link as its faults leave it, and what a fault does to what is under way on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roomcheck.errors import UsageError
from roomcheck.model.fault import EFFECT, SILENT, Effect, FaultKind, Way, read_settings
from roomcheck.spec.contract import MUTE, CauseKind

WHOLE: frozenset[Way] = frozenset()
BOTH = frozenset(Way)


def alike(kind: FaultKind) -> FaultKind:
    """The kind that stands for all which a model room cannot tell from this one: it knows a fault by its effect."""
    return next(other for other in FaultKind if (EFFECT[other], SILENT.get(other)) == (EFFECT[kind], SILENT.get(kind)))


@dataclass(slots=True)
class ModelLink:
    """`silent`: the directions in which nothing passes, of these `own` by faults of its own.

    `since` is when the member last lost it or had it back, `unheard` when the server last did.
    """

    member: str
    own: frozenset[Way] = WHOLE
    server: bool = True  # whether the server runs
    silent: frozenset[Way] = WHOLE
    since: int = 0
    unheard: int = 0

    @property
    def down(self) -> bool:
        """Whether the member has lost it."""
        return bool(self.silent)

    @property
    def deaf(self) -> bool:
        """Whether nothing reaches the member."""
        return Way.DOWN in self.silent

    @property
    def mute(self) -> bool:
        """Whether nothing of the member reaches the server."""
        return Way.UP in self.silent

    @property
    def level(self) -> tuple[CauseKind, str]:
        """What it is, as a cause of rules."""
        if not self.silent:
            return CauseKind.LINK_UP, ""
        return CauseKind.LINK_DOWN, "" if self.deaf else MUTE

    def check(self, kind: FaultKind, settings: Mapping[str, Any]) -> None:
        """UsageError if the fault, or one of its settings, cannot be."""
        read_settings(kind, settings)
        if kind is FaultKind.SERVER_RESTART:
            raise UsageError(f"{kind} is a fault of the server, not of a link")
        if self.own and EFFECT[kind] is not Effect.DOWN:
            raise UsageError(f"{kind} needs a link that is up, and an earlier fault still keeps {self.member} down")
