"""What is wrong with a file, gathered until everything was looked at."""

from collections.abc import Iterable

from roomcheck.errors import Problem, SpecError
from roomcheck.model.names import did_you_mean
from roomcheck.spec.where import Where


class Problems:
    """A list that grows. `lost` are names whose definition was itself broken: nobody hears of them twice."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.lost: set[str] = set()

    def add(self, where: Where, message: str) -> None:
        problem = Problem(where.file, where.line, where.column, message)
        if problem not in self.found:
            self.found.append(problem)

    def unknown(self, where: Where, what: str, name: str, known: Iterable[str]) -> None:
        """A name that is not among the known ones."""
        if name not in self.lost:
            self.add(where, f"unknown {what} {name!r}{did_you_mean(name, known)}")

    def raise_any(self) -> None:
        """SpecError with everything, if there is anything."""
        if self.found:
            raise SpecError(self.found)
