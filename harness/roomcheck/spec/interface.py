"""What a member of a room can call, and what it is told, as an adapter passes both on. All times are microseconds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Path:
    """Where in a callback's fields something stands: 'users[].userID' is (('users', True), ('userID', False))."""

    steps: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Callback:
    """`room` finds the room's real name in the fields, `about` the real names of the users concerned.

    One that has one of the values that are `ignored` in each field of one of these patterns tells nothing. Without
    fields: one that tells no state is no finding.
    """

    name: str
    room: Path | None
    about: Path | None
    fields: Mapping[str, str]  # name -> type: str, int, list, any, code
    ignored: tuple[Mapping[str, tuple[Any, ...]], ...] = ()

    def ignores(self, fields: Mapping[str, Any], *, stateless: bool) -> bool:
        """Whether it has the values that are ignored; `stateless`: it tells no state."""
        return any(
            all(fields.get(name) in values for name, values in pattern.items()) and (bool(pattern) or stateless)
            for pattern in self.ignored
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """What a member (or, `admin`, the backend) can do. `rooms` and `users` name the arguments that hold aliases.

    A step that calls it has settled when its member was told one of `settles` in the room of the call, or after
    `settle_within` microseconds.
    """

    name: str
    admin: bool
    rooms: tuple[str, ...]
    users: tuple[str, ...]
    args: Mapping[str, tuple[Any, ...]]  # argument -> its lawful values, the first is the default
    settles: frozenset[str] = frozenset()
    settle_within: int = 0

    def concerned(self, args: Mapping[str, Any], everybody: Iterable[str]) -> tuple[str, ...]:
        """The users that an act of the backend is about: those that it names, or everybody where it names none."""
        named = (str(args[name]) for name in self.users if name in args)
        return tuple(dict.fromkeys(named if self.users else everybody))
