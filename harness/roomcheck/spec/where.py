"""A place in a file that a person wrote."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file, lines and columns from 1."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else ""


NOWHERE = Where()
