"""A member's link as its faults leave it, and what a fault does to what is under way on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roomcheck.errors import UsageError
from roomcheck.model.fault import EFFECT, Effect, FaultKind, read_settings


def alike(kind: FaultKind) -> FaultKind:
    """The kind that stands for all which a model room cannot tell from this one: it knows a fault by its effect."""
    return next(other for other in FaultKind if EFFECT[other] is EFFECT[kind])


@dataclass(slots=True)
class Link:
    """`since` is when it last went down or came up, `broken` when a fault last broke what was connected."""

    member: str
    down: bool = False
    since: int = 0
    own: FaultKind | None = None  # that keeps it down
    server: bool = True  # whether the server runs
    broken: int = -1

    def check(self, kind: FaultKind, settings: Mapping[str, Any]) -> None:
        """UsageError if the fault, or one of its settings, cannot be."""
        read_settings(kind, settings)
        if kind is FaultKind.SERVER_RESTART:
            raise UsageError(f"{kind} is a fault of the server, not of a link")
        if self.own is not None and EFFECT[kind] is not Effect.DOWN:
            raise UsageError(f"{kind} needs a link that is up, and an earlier fault still keeps {self.member} down")
