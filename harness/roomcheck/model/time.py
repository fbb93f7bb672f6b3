"""Time as integers of microseconds, and instants as intervals that surely hold the true moment."""

import re
from dataclasses import dataclass
from typing import NewType

from roomcheck.model.plain import Plain

Micros = NewType("Micros", int)

UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|min|h)\Z")


@dataclass(frozen=True, slots=True, order=True)
class Instant(Plain):
    """An interval of microseconds that surely holds the true moment: call and return, stamp less lag."""

    lo: int
    hi: int


def parse_duration(text: str) -> Micros:
    """'90s', '1.5min', '120ms' -> microseconds. ValueError if it is none."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 90s, 120ms or 20min")
    return Micros(round(float(match[1]) * UNITS[match[2]]))


def show_window(after: int, within: int, about: int = 0) -> str:
    """`after` to `after` plus `within`: '0 ms to 15 ms'; about a time: 'about 20 min (19 min 58 s to 20 min 2 s)'."""
    if about:
        return f"about {_spelt(about)} ({_spelt(after)} to {_spelt(after + within)})"
    return f"{show_duration(after)} to {show_duration(after + within)}"


def _spelt(micros: int) -> str:
    """Microseconds without a nought too many: '1 h 2 min', '19 min 58 s', '2.5 s', '350 ms'."""
    parts = []
    for unit in ("h", "min"):
        whole, micros = divmod(micros, UNITS[unit])
        if whole:
            parts.append(f"{whole} {unit}")
    if micros or not parts:
        unit = "s" if parts or micros >= UNITS["s"] else "ms"
        parts.append(f"{micros / UNITS[unit]:.3f}".rstrip("0").rstrip(".") + f" {unit}")
    return " ".join(parts)


def show_duration(micros: int) -> str:
    """Microseconds as a person reads them: '1.204 s', '35 ms', '-4.1 s'."""
    if abs(micros) >= UNITS["s"]:
        return f"{micros / UNITS['s']:.3f} s"
    return f"{micros / UNITS['ms']:.3f}".rstrip("0").rstrip(".") + " ms"
