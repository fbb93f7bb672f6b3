"""The option `--workers` of the commands whose work can be spread."""

import os
from collections.abc import Callable
from typing import Any

import click

AUTO = "auto"


def _number(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    """How many; `auto` is as many as there are cores for this process."""
    if value == AUTO:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if value.isdecimal() and int(value):
        return int(value)
    raise click.BadParameter(f"{value!r} is neither a number from 1 nor {AUTO!r}")


def workers_option(does: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a command: what so many processes do."""
    of_this_machine = click.option(
        "--workers", default="1", show_default=True, metavar=f"N|{AUTO}", callback=_number,
        help=f"Let so many processes {does}, by Dask (pip install 'roomcheck[cluster]'); {AUTO}: one for each core.",
    )  # fmt: skip
    of_others = click.option(
        "--cluster", metavar="tcp://HOST:PORT", help="Let the workers of this Dask scheduler do it."
    )
    return lambda command: of_this_machine(of_others(command))
