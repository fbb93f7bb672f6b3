"""Begins the workers, or does without: Dask is imported only where there is more than one."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from roomcheck.errors import UsageError
from roomcheck.run.session import Plan, Session
from roomcheck.simulate import Virtual
from roomcheck.spread import Spread, here


@contextlib.contextmanager
def spreading(workers: int, address: str | None = None, *, jobs: int = 1) -> Iterator[Spread]:
    """What spreads work over so many processes, which are gone afterwards, or over those of a scheduler elsewhere.

    `jobs`: how many cases all of them may play at once, on sockets.

    UsageError: Dask is not installed, or nobody there can do it.
    """
    if workers == 1 and address is None:
        yield here
        return
    try:
        from roomcheck.cluster.workers import joined, started  # noqa: PLC0415  Dask takes a second to import
    except ImportError as e:
        raise UsageError(f"workers need Dask ({e}): pip install 'roomcheck[cluster]'") from e
    with joined(address) if address else started(workers, -(-jobs // workers)) as spread:
        yield spread


def simulated(virtual: Virtual, spread: Spread, conforming: Callable[[], bool]) -> Any:
    """A player that plays as `virtual` does, where `spread` does its work; `conforming`: which traces `keep` wants."""
    if spread is here:
        return virtual
    from roomcheck.cluster.player import Simulated  # noqa: PLC0415  as above
    from roomcheck.cluster.workers import Workers  # noqa: PLC0415

    assert isinstance(spread, Workers)
    return Simulated(virtual, spread, conforming)


def on_sockets(plan: Plan, spread: Spread) -> Any:
    """A session here, or a player that has one on each worker of `spread`."""
    if spread is here:
        return Session(plan)
    from roomcheck.cluster.sockets import Sockets  # noqa: PLC0415  as above
    from roomcheck.cluster.workers import Workers  # noqa: PLC0415

    assert isinstance(spread, Workers)
    if plan.target.dial:
        raise UsageError(f"the adapter of {plan.target.name} dials in by itself: play it without --workers")
    return Sockets(plan, spread)
