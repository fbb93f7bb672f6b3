"""`-k PATTERN`: which cases, or which defects, by their names."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import click


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name holds one of the patterns, or is matched by it as a whole; all are if there is none."""
    return not patterns or any(p in name or fnmatchcase(name, p) for p in patterns)


def pattern_option(names: str, example: str = "") -> Callable[[Any], Any]:
    """The option, as the argument `patterns`."""
    return click.option(
        "-k", "patterns", multiple=True, metavar="PATTERN",
        help=f"Only {names} contains PATTERN, or is matched by it from end to end: * is any text, ? one character, "
        f"[abc] one of these. Given again it adds to them.{example}",
    )  # fmt: skip


case_option = pattern_option(
    "cases whose id", " -k kick takes each that has kick in it, -k '[k]ick' the case kick alone."
)
