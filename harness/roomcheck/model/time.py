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


def show_duration(micros: int) -> str:
    """Microseconds as a person reads them: '1.204 s', '35 ms', '-4.1 s'."""
    if abs(micros) >= UNITS["s"]:
        return f"{micros / UNITS['s']:.3f} s"
    return f"{micros / UNITS['ms']:.3f}".rstrip("0").rstrip(".") + " ms"
