"""A part of a run that is started again when it has died, and given up when that does not help; who has to act."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from roomcheck.errors import AdapterError, HarnessError, RoomcheckError, TargetError
from roomcheck.model.verdict import Blame
from roomcheck.spec.target import FORWARD, Target

RESTARTS = 10  # of one part in a run: whatever dies more often will not stay
FAILURES = 2  # starts that failed one after the other: each may take as long as the target allows

T = TypeVar("T")


@dataclass(slots=True)
class Mending:
    """One part: its `name` in messages, and the `error` that names who must act on it."""

    name: str
    error: type[RoomcheckError]
    restarts: int = 0
    _failures: int = 0
    _given_up: str = ""

    async def again(self, start: Callable[[], Awaitable[T]], why: str) -> T:
        """The part, started again; `why` says how it ended. Its error, at once, when it has been given up."""
        if not self._given_up and self.restarts == RESTARTS:
            self._given_up = f"{self.name} died more than {RESTARTS} times; last: {why}"
        if self._given_up:
            raise self.error(self._given_up)
        self.restarts += 1
        try:
            part = await start()
        except RoomcheckError as e:
            self._failures += 1
            if self._failures == FAILURES:
                self._given_up = f"{self.name} cannot be started again: {e}"
            raise
        self._failures = 0
        return part


def of_server(target: Target) -> Mending:
    """Of what stands behind the members' proxies: the room's server, or the way to one that is somebody else's."""
    if FORWARD in (target.server_command or ()):
        return Mending("the forward proxy", HarnessError)
    return Mending(f"the server of {target.name}", TargetError)


def blamed(error: Exception) -> tuple[Blame, str]:
    """Who has to act when a case ends without a trace, and on what."""
    match error:
        case AdapterError():
            return Blame.ADAPTER, str(error)
        case TargetError():
            return Blame.TARGET, str(error)
        case HarnessError():
            return Blame.HARNESS, str(error)
        case _:
            return Blame.HARNESS, f"{type(error).__name__}: {error}"
