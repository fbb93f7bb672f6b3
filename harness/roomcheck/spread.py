"""Work that is independent for each of many items: done here, or by whoever can do several at once (cluster/)."""

from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """How such work is done."""

    def __call__(self, work: Callable[[S, T], R], shared: S, items: Iterable[T]) -> Generator[R, None, None]:
        """What `work(shared, item)` gives for each item, in their order.

        `work` is a function of a module and may be done elsewhere, on copies; the items may be taken ahead.
        """


def here(work: Callable[[S, T], R], shared: S, items: Iterable[T]) -> Generator[R, None, None]:
    """One after the other in this process, each when it is asked for."""
    for item in items:
        yield work(shared, item)
