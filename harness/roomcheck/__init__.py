"""roomcheck: does a room do what its documentation promises, callback by callback, while the network is broken?

Specs are YAML, rooms are reached through adapters, links run through real Toxiproxy proxies, and a pure judge compares
what the members were told with what the spec allows. This package refuses to know any vendor's words.

`from roomcheck import schedules` gives the Hypothesis strategy for schedules over a contract.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roomcheck.generate import schedules

__version__ = "0.1.0"
__all__ = ["schedules"]


def __getattr__(name: str) -> Any:
    """`schedules` on demand: Hypothesis takes 200 ms to import, and who only runs or judges need not wait for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from roomcheck.generate import schedules  # noqa: PLC0415

    return schedules
