"""Errors, split by who must act. A room that misbehaves is a finding, never an exception.

RoomcheckError
├── UsageError        the person at the command line: a file, pattern or option that does not fit     (exit 4)
│   └── SpecError     the author of a YAML file: every problem at once, each with file:line:column    (exit 4)
├── AdapterError      the adapter's author: a broken protocol, a hang, a crash                         (exit 3)
├── TargetError       whoever runs the room's server: it does not start, it died                       (exit 4)
└── HarnessError      us, Toxiproxy or the machine                                                     (exit 5)
"""

from dataclasses import dataclass


class RoomcheckError(Exception):
    """The root: its text is one clear message for the person who must act."""

    exit_code = 5


class UsageError(RoomcheckError):
    """The command line or the configuration does not fit."""

    exit_code = 4


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file: where it is (lines and columns count from 1) and what to do about it."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class SpecError(UsageError):
    """A YAML file with mistakes; `problems` holds all of them in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class AdapterError(RoomcheckError):
    """The adapter broke the protocol, hung or died; the room is not to blame."""

    exit_code = 3


class TargetError(UsageError):
    """The room's server could not be started or ended by itself."""


class HarnessError(RoomcheckError):
    """The harness, its Toxiproxy or the machine failed; nobody's room is to blame."""
