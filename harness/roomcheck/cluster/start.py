"""Begins the workers, or does without: Dask is imported only where there is more than one."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from roomcheck.errors import UsageError
from roomcheck.simulate import Virtual
from roomcheck.spread import Spread, here


@contextlib.contextmanager
def spreading(workers: int, address: str | None = None) -> Iterator[Spread]:
    """What spreads work over so many processes, which are gone afterwards, or over those of a scheduler elsewhere.

    UsageError: Dask is not installed, or nobody there can do it.
    """
    if workers == 1 and address is None:
        yield here
        return
    try:
        from roomcheck.cluster.workers import joined, started  # noqa: PLC0415  Dask takes a second to import
    except ImportError as e:
        raise UsageError(f"workers need Dask ({e}): pip install 'roomcheck[cluster]'") from e
    with joined(address) if address else started(workers) as spread:
        yield spread


def simulated(virtual: Virtual, spread: Spread, conforming: Callable[[], bool]) -> Any:
    """A player that plays as `virtual` does, where `spread` does its work; `conforming`: which traces `keep` wants."""
    if spread is here:
        return virtual
    from roomcheck.cluster.player import Simulated  # noqa: PLC0415  as above
    from roomcheck.cluster.workers import Workers  # noqa: PLC0415

    assert isinstance(spread, Workers)
    return Simulated(virtual, spread, conforming)
