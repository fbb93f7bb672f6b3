"""What each fault needs of a proxy: the toxics armed before clients connect, and the settings that a schedule may give.

Toxics switched by toxicity in place leave live connections alone. One that is added or removed while a client has given
up and dialled again can block the server for 10 to 25 s (seen with a real SDK); armed and switched it never did. So
whatever must be switched on a link with dead connections is armed at toxicity 0 beforehand, where it costs nothing.

Settings are checked here because some values kill the server, and all its proxies with it, at the next byte: a slicer
whose variation exceeds its size, a negative rate. Unknown attributes it ignores silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roomcheck.errors import UsageError
from roomcheck.faults.client import Stream, Toxic
from roomcheck.model.fault import FaultKind

BOTH: tuple[Stream, Stream] = ("upstream", "downstream")
HOUR = 3_600_000  # milliseconds that slow_close holds a close: longer than any case

HOLD = tuple(Toxic("slow_close", s, {"delay": HOUR}, on=False) for s in BOTH)  # hides a FIN
HOLD_UP, HOLD_DOWN = HOLD[:1], HOLD[1:]
HALT = tuple(Toxic("bandwidth", s, {"rate": 0}, on=False) for s in BOTH)  # stops bytes, loses none
SWALLOW = tuple(Toxic("timeout", s, {"timeout": 0}) for s in BOTH)  # loses bytes; its removal ends the link
SWALLOW_UP, SWALLOW_DOWN = SWALLOW
RESET = (Toxic("reset_peer", "downstream", {"timeout": 0}, on=False),)  # in the list: every end arrives as RST

# The order within a chain matters: with HOLD last, an ended ghost stays connected for an hour.
ARMED: dict[FaultKind, tuple[Toxic, ...]] = {
    FaultKind.RESET: RESET,
    FaultKind.STALL: HOLD + HALT,
    FaultKind.GHOST: HOLD,
    FaultKind.HALF_OPEN_SERVER_TOLD: HOLD,
    FaultKind.HALF_OPEN_CLIENT_TOLD: HOLD,
}
_CHAIN = (*RESET, *HOLD, *HALT)


def armed(kinds: set[FaultKind]) -> tuple[Toxic, ...]:
    """The toxics to put in place, off, in the order of the chain."""
    wanted = {toxic.name for kind in kinds for toxic in ARMED.get(kind, ())}
    return tuple(toxic for toxic in _CHAIN if toxic.name in wanted)


@dataclass(frozen=True, slots=True)
class Setting:
    """A number that a schedule may give: its default, its least value, and whether it is a duration (microseconds)."""

    default: int
    least: int
    duration: bool = False
    most: int = 1 << 31


# Defaults: small enough that a room scaled a hundredfold must not notice a degraded link, large enough to be measured.
SETTINGS: dict[FaultKind, dict[str, Setting]] = {
    FaultKind.LATENCY: {"latency": Setting(5_000, 1, duration=True)},  # of each direction
    FaultKind.THROTTLE: {"rate": Setting(64, 1)},  # KB/s of each direction
    FaultKind.SLICE: {"size": Setting(5, 1), "variation": Setting(2, 0), "delay": Setting(200, 0, duration=True)},
    FaultKind.TRUNCATE: {"bytes": Setting(1, 1), "within": Setting(20_000, 0, duration=True, most=5_000_000)},
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


def degraded(kind: FaultKind, settings: Mapping[str, int]) -> tuple[Toxic, ...]:
    """The toxics of a degraded link, on, from settings that were read."""
    match kind:
        case FaultKind.LATENCY:
            # Toxiproxy counts milliseconds; a latency that is scaled to less still is one
            name, attributes = "latency", {"latency": max(1, round(settings["latency"] / 1000)), "jitter": 0}
        case FaultKind.THROTTLE:
            name, attributes = "bandwidth", {"rate": settings["rate"]}
        case FaultKind.SLICE:
            name = "slicer"
            attributes = {
                "average_size": settings["size"],
                "size_variation": settings["variation"],
                "delay": settings["delay"],
            }
        case FaultKind.TRUNCATE:
            name, attributes = "limit_data", {"bytes": settings["bytes"]}
        case _:
            return ()
    return tuple(Toxic(name, stream, attributes, label=kind.value) for stream in BOTH)


def lasting(kind: FaultKind, settings: Mapping[str, int]) -> tuple[Toxic, ...]:
    """The toxics that are on for as long as the fault lasts, by which it can be read back."""
    match kind:
        case FaultKind.STALL:
            return HOLD + HALT
        case FaultKind.GHOST:
            return HOLD + SWALLOW
        case FaultKind.HALF_OPEN_SERVER_TOLD:
            return HOLD_DOWN
        case FaultKind.HALF_OPEN_CLIENT_TOLD:
            return HOLD_UP
        case FaultKind.TRUNCATE:
            return ()
        case _:
            return degraded(kind, settings)
