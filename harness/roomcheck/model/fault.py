"""The fault catalogue's names, and what each does to a member's link as far as a judge must know."""

from enum import StrEnum


class Effect(StrEnum):
    """What a fault does to a link."""

    DOWN = "down"  # nothing passes until the heal
    BROKEN = "broken"  # what was connected is dead or dying; new connections pass at once
    DEGRADED = "degraded"  # everything passes, later or in pieces


class FaultKind(StrEnum):
    """The catalogue (design section 7)."""

    CUT = "cut"
    RESET = "reset"
    STALL = "stall"
    GHOST = "ghost"
    HALF_OPEN_SERVER_TOLD = "half-open-server-told"
    HALF_OPEN_CLIENT_TOLD = "half-open-client-told"
    REFUSE = "refuse"
    LATENCY = "latency"
    THROTTLE = "throttle"
    SLICE = "slice"
    TRUNCATE = "truncate"
    SERVER_RESTART = "server-restart"  # the server is killed: every member's link is down until it is up again


EFFECT: dict[FaultKind, Effect] = {
    FaultKind.CUT: Effect.DOWN,
    FaultKind.RESET: Effect.DOWN,
    FaultKind.STALL: Effect.DOWN,
    FaultKind.GHOST: Effect.DOWN,
    FaultKind.REFUSE: Effect.DOWN,
    FaultKind.SERVER_RESTART: Effect.DOWN,
    FaultKind.HALF_OPEN_SERVER_TOLD: Effect.BROKEN,
    FaultKind.HALF_OPEN_CLIENT_TOLD: Effect.BROKEN,
    FaultKind.TRUNCATE: Effect.BROKEN,
    FaultKind.LATENCY: Effect.DEGRADED,
    FaultKind.THROTTLE: Effect.DEGRADED,
    FaultKind.SLICE: Effect.DEGRADED,
}
