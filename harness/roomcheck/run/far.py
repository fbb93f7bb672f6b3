"""Whether the hosts that members reach by the forward proxy were there at all: without them nobody proves anything."""

from collections.abc import Iterable

from roomcheck.errors import TargetError

OUT_OF_REACH = "out of reach: "  # begins the line in which roomcheck.forward says so


def none_out_of_reach(printed: Iterable[str]) -> None:
    """TargetError if the forward proxy, which printed this, has reached no host yet and could not reach one now."""
    for line in printed:
        if line.startswith(OUT_OF_REACH):
            where = line.removeprefix(OUT_OF_REACH)
            raise TargetError(f"none of the hosts under `internet` could be reached: {where}; is this machine online?")
