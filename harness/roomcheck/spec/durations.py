"""Times as a person would write them: `heartbeat_timeout + 1s`, `45s`, `23.456s`; the other way of expressions.py."""

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction

from roomcheck.model.time import UNITS
from roomcheck.spec.contract import Contract

BESIDE = 20  # `constant + 1s` reads better than the sum up to 1/20 of the constant; beyond, the sum does


class Durations:
    """Microseconds of a contract as expressions that mean exactly them."""

    def __init__(self, contract: Contract) -> None:
        self.scale = Fraction(contract.scale)
        self._written: dict[int, str] = {0: "0s"}
        named = sorted(contract.constants, key=lambda name: name in contract.typical)  # what is judged comes first
        self.constants = {name: contract.constants[name] for name in named if contract.constants[name]}

    def write(self, micros: int) -> str:
        """The first of these that means it: a constant, one and a little, plain digits, a sum of two, more digits."""
        if micros not in self._written:
            self._written[micros] = next(self._ways(micros))
        return self._written[micros]

    def roughness(self, micros: int) -> int:
        """How much there is to read: a name counts one, a number as many as it has digits."""
        words = (word for word in self.write(micros).split() if word not in "+-")
        return sum(len(_digits(word)) if word[0].isdigit() else 1 for word in words)

    def _ways(self, micros: int) -> Iterator[str]:
        plain = show(simplest(micros, self.scale))
        yield from (name for name, value in self.constants.items() if value == micros)
        yield from self._beside(micros)
        if re.fullmatch(r"[1-9]|[1-9]5", _digits(plain)):
            yield plain
        yield from self._sums(micros)
        yield plain

    def _beside(self, micros: int) -> Iterator[str]:
        """A constant and a nice little more or less, the least first."""
        for name, value in sorted(self.constants.items(), key=lambda item: abs(micros - item[1])):
            rest = abs(micros - value)
            if not rest or rest * BESIDE > value:
                continue
            little = simplest(rest, self.scale)
            exact = value * self.scale + (little if micros > value else -little)
            if len(_digits(show(little))) == 1 and round(exact / self.scale) == micros:
                yield f"{name} {'+' if micros > value else '-'} {show(little)}"

    def _sums(self, micros: int) -> Iterator[str]:
        for (a, x), (b, y) in itertools.product(self.constants.items(), repeat=2):
            if x + y == micros and x >= y:
                yield f"{a} + {b}"
            elif x - y == micros:
                yield f"{a} - {b}"


def simplest(micros: int, scale: Fraction) -> Fraction:
    """The documented microseconds with the fewest digits that are these when scaled."""
    exact = micros * scale
    power = Fraction(10) ** (len(str(int(exact))) + 1)
    while True:
        power /= 10
        grid = round(exact / power) * power
        if round(grid / scale) == micros:
            return grid


def show(micros: Fraction) -> str:
    """A duration in the unit that a person would choose: 20min, 90s, 1.5s, 250ms."""
    whole_ones = (unit for unit in ("h", "min") if micros % UNITS[unit] == 0)
    unit = next(whole_ones, None) or next((unit for unit in ("s", "ms") if micros >= UNITS[unit]), "us")
    value = micros / UNITS[unit]
    whole, rest = divmod(value, 1)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{whole}{'.' if digits else ''}{digits}{unit}"


def _digits(duration: str) -> str:
    """The digits that say it, without the noughts before and behind: 1 of 10ms, 15 of 1.5s."""
    return "".join(filter(str.isdigit, duration)).strip("0")
