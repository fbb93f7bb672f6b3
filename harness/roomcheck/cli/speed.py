"""The option --scale: how much faster than documented a room is played."""

import re
from collections.abc import Callable
from typing import Any

import click

from roomcheck.spec.target import Target


class _Scale(click.ParamType["float | None"]):
    """A number of at least 1; `auto` is None."""

    name = "scale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if value == "auto":
            return None
        return click.FloatRange(1).convert(value, param, ctx)


def scale_option(more: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--scale auto` is None: begin as fast as the target says, and play what is in doubt again more slowly."""
    return click.option(
        "--scale", type=_Scale(), metavar="auto|X", default="auto", show_default=True,
        help="How many times faster than documented; auto: as fast as this machine bears, and what is in doubt again "
        f"more slowly{more}.",
    )  # fmt: skip


def restarts_anywhere(target: Target) -> bool:
    """Whether a second server and adapter of this target can be started beside the first."""
    free = all(re.search(r"\{[^{}]+\}\Z", address) for address in target.endpoints.values())
    return free and bool(target.server_command) and bool(target.adapter_command) and not target.dial
