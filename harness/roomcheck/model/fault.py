"""The fault catalogue's names, what each does to a member's link as far as a judge must know, and their settings.

Settings are checked because some values kill Toxiproxy, and all its proxies with it, at the next byte: a slicer whose
variation exceeds its size, a negative rate. Unknown attributes it ignores silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from roomcheck.errors import UsageError


class Effect(StrEnum):
    """What a fault does to a link."""

    DOWN = "down"  # nothing passes until the heal
    BROKEN = "broken"  # what was connected is dead or dying; new connections pass at once
    DEGRADED = "degraded"  # everything passes, later or in pieces


class Way(StrEnum):
    """One direction of a link."""

    UP = "upstream"  # from the client to the server
    DOWN = "downstream"  # from the server to the client


class FaultKind(StrEnum):
    """The catalogue (design section 7).

    A stall holds what is sent, closes too, until the heal, which delivers it on the same connection. A ghost loses it,
    and the heal ends every connection, for both sides. Each of the two exists in one direction also: a member that is
    deaf is told nothing while what it sends arrives, one that is mute hears everything while nothing that it sends
    arrives (HELD and LOST say which way). New connections are made under all of these, and are as deaf or mute.
    """

    CUT = "cut"
    RESET = "reset"
    STALL = "stall"
    GHOST = "ghost"
    DEAF_STALL = "deaf-stall"  # what the server sends is held
    DEAF_BLACKHOLE = "deaf-blackhole"  # what the server sends is lost
    MUTE_STALL = "mute-stall"  # what the client sends is held
    MUTE_BLACKHOLE = "mute-blackhole"  # what the client sends is lost
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
    FaultKind.DEAF_STALL: Effect.DOWN,
    FaultKind.DEAF_BLACKHOLE: Effect.DOWN,
    FaultKind.MUTE_STALL: Effect.DOWN,
    FaultKind.MUTE_BLACKHOLE: Effect.DOWN,
    FaultKind.REFUSE: Effect.DOWN,
    FaultKind.SERVER_RESTART: Effect.DOWN,
    FaultKind.HALF_OPEN_SERVER_TOLD: Effect.BROKEN,
    FaultKind.HALF_OPEN_CLIENT_TOLD: Effect.BROKEN,
    FaultKind.TRUNCATE: Effect.BROKEN,
    FaultKind.LATENCY: Effect.DEGRADED,
    FaultKind.THROTTLE: Effect.DEGRADED,
    FaultKind.SLICE: Effect.DEGRADED,
}

# which way a silent link holds what is sent, or loses it; a judge may know more of it than Effect.DOWN says
HELD: Mapping[FaultKind, tuple[Way, ...]] = {
    FaultKind.STALL: (Way.UP, Way.DOWN),
    FaultKind.DEAF_STALL: (Way.DOWN,),
    FaultKind.MUTE_STALL: (Way.UP,),
}
LOST: Mapping[FaultKind, tuple[Way, ...]] = {
    FaultKind.GHOST: (Way.UP, Way.DOWN),
    FaultKind.DEAF_BLACKHOLE: (Way.DOWN,),
    FaultKind.MUTE_BLACKHOLE: (Way.UP,),
}
# the directions in which nothing passes under a fault that lasts
SILENT: Mapping[FaultKind, tuple[Way, ...]] = {
    kind: {**HELD, **LOST}.get(kind, (Way.UP, Way.DOWN)) for kind in FaultKind if EFFECT[kind] is Effect.DOWN
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A number that a schedule may give: its default, its least value, and whether it is a duration (microseconds)."""

    default: int
    least: int
    duration: bool = False
    most: int = 1 << 31


# Defaults: small enough that a room scaled a hundredfold must not notice a degraded link, large enough to be measured.
# A slice costs a wake-up of the proxy: with 5 bytes each, a login on a busy machine took half a second.
SETTINGS: dict[FaultKind, dict[str, Setting]] = {
    FaultKind.LATENCY: {"latency": Setting(5_000, 1, duration=True)},  # of each direction
    FaultKind.THROTTLE: {"rate": Setting(64, 1)},  # KB/s of each direction
    FaultKind.SLICE: {"size": Setting(20, 1), "variation": Setting(10, 0), "delay": Setting(200, 0, duration=True)},
    FaultKind.TRUNCATE: {"bytes": Setting(1, 1), "within": Setting(20_000, 0, duration=True, most=600_000_000)},
}


def read_settings(kind: FaultKind, given: Mapping[str, Any]) -> dict[str, int]:
    """The settings with defaults filled in. UsageError names what does not fit."""
    known = SETTINGS.get(kind, {})
    for name, value in given.items():
        if name not in known:
            raise UsageError(f"{kind} has no setting {name!r}; it has {', '.join(known) or 'none'}")
        setting = known[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
            raise UsageError(f"{kind}: {name} is a whole number{' of microseconds' * setting.duration}, not {value!r}")
        if not setting.least <= value <= setting.most:
            raise UsageError(f"{kind}: {name} lies between {setting.least} and {setting.most}, not at {value}")
    read = {name: int(given.get(name, setting.default)) for name, setting in known.items()}
    if kind is FaultKind.SLICE and read["variation"] >= read["size"]:
        raise UsageError(f"slice: variation {read['variation']} must be smaller than size {read['size']}")
    return read
