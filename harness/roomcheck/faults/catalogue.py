"""What each fault needs of a proxy: the toxics armed before clients connect, and those that its settings make.

Toxics switched by toxicity in place leave live connections alone. One that is added or removed while a client has given
up and dialled again can block the server for 10 to 25 s (seen with a real SDK); armed and switched it never did. So
whatever must be switched on a link with dead connections is armed at toxicity 0 beforehand, where it costs nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from roomcheck.faults.client import Stream, Toxic
from roomcheck.model.fault import HELD, LOST, FaultKind, Way

BOTH: tuple[Stream, Stream] = ("upstream", "downstream")
HOUR = 3_600_000  # milliseconds

HOLD = tuple(Toxic("slow_close", s, {"delay": HOUR}, on=False) for s in BOTH)  # hides a FIN
HOLD_UP, HOLD_DOWN = HOLD[:1], HOLD[1:]
HALT = tuple(Toxic("bandwidth", s, {"rate": 0}, on=False) for s in BOTH)  # stops bytes, loses none
SWALLOW = tuple(Toxic("timeout", s, {"timeout": 0}) for s in BOTH)  # loses bytes; its removal ends the link
SWALLOW_UP, SWALLOW_DOWN = SWALLOW
RESET = (Toxic("reset_peer", "downstream", {"timeout": 0}, on=False),)  # in the list: every end arrives as RST


def of(ways: Iterable[Way], toxics: Iterable[Toxic]) -> tuple[Toxic, ...]:
    """Those of these directions."""
    wanted = set(ways)
    return tuple(toxic for toxic in toxics if toxic.stream in wanted)


def held_for(toxic: Toxic, milliseconds: int) -> Toxic:
    """The same, and if it holds closes, no longer than this."""
    return replace(toxic, attributes={"delay": milliseconds}) if toxic in HOLD else toxic


# The order within a chain matters: with HOLD last, an ended ghost stays connected for an hour.
ARMED: dict[FaultKind, tuple[Toxic, ...]] = {
    FaultKind.RESET: RESET,
    **{kind: of(ways, HOLD + HALT) for kind, ways in HELD.items()},
    **{kind: of(ways, HOLD) for kind, ways in LOST.items()},
    FaultKind.HALF_OPEN_SERVER_TOLD: HOLD,
    FaultKind.HALF_OPEN_CLIENT_TOLD: HOLD,
}
_CHAIN = (*RESET, *HOLD, *HALT)


def armed(kinds: set[FaultKind]) -> tuple[Toxic, ...]:
    """The toxics to put in place, off, in the order of the chain."""
    wanted = {toxic.name for kind in kinds for toxic in ARMED.get(kind, ())}
    return tuple(toxic for toxic in _CHAIN if toxic.name in wanted)


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
        case _ if kind in HELD:
            return of(HELD[kind], HOLD + HALT)
        case _ if kind in LOST:
            return of(LOST[kind], HOLD + SWALLOW)
        case FaultKind.HALF_OPEN_SERVER_TOLD:
            return HOLD_DOWN
        case FaultKind.HALF_OPEN_CLIENT_TOLD:
            return HOLD_UP
        case FaultKind.TRUNCATE:
            return ()
        case _:
            return degraded(kind, settings)
