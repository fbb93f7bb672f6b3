"""Defects that show only when one thing happens a moment after another.

Scenarios let each step settle, so that none of them meets these; random schedules do.
"""

from typing import ClassVar

from roomcheck.reference.client_machine import MOVES, Cause, ClientMachine, Moves, Room, Stage, State
from roomcheck.reference.defects.registry import defect
from roomcheck.reference.events import Refuse
from roomcheck.reference.server_machine import ServerMachine, ServerSession
from roomcheck.reference.wire import ALREADY_IN_ROOM, KICKED, Timings

DAY = 86_400_000_000  # longer ago than any moment
FAILURES = 2  # refused logins after which a user is locked out


@defect("quick-outage-silent", "reconnect", "ZX-RECONNECT-1", "ZX-RECONNECT-7")
class _QuickOutageSilent(ClientMachine):
    """An outage that begins a moment after the one before ended is not told."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._back: dict[str, int] = {}
        self._silent: set[str] = set()

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason == "RECONNECTING" and self.now - self._back.get(room.name, -DAY) < self.timings.retry_interval:
            self._silent.add(room.name)
        elif reason == "RECONNECTED" and room.name in self._silent:
            self._silent.discard(room.name)
        else:
            if reason == "RECONNECTED":
                self._back[room.name] = self.now
            super()._tell_state(room, reason, code)


@defect("logout-right-after-return-undone", "logout", "ZX-LOGOUT-1", "ZX-STATE-1")
class _LogoutRightAfterReturnUndone(ClientMachine):
    """A logout a moment after RECONNECTED is told, and the client reconnects all the same."""

    moves: ClassVar[Moves] = {
        **MOVES,
        **{(State.LOGOUT, cause): move for (state, cause), move in MOVES.items() if state is State.RECONNECTING},
    }

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._back: dict[str, int] = {}

    def _accepted(self, room: Room, session: str, users: set[str], *, whole: bool) -> None:
        if room.state is State.RECONNECTING:
            self._back[room.name] = self.now
        super()._accepted(room, session, users, whole=whole)

    def _leave(self, room: Room) -> None:
        recently = self.now - self._back.get(room.name, -DAY) < self.timings.silence
        if room.state is State.RECONNECTED and recently:
            self._close(room)
            room.stage = Stage.WAITING
            room.retry_at = self.now + self.timings.retry_interval
            room.give_up_at = self._give_up_at(room)
            self._move(room, Cause.LOGOUT)
        else:
            super()._leave(room)


@defect("login-right-after-kick-refused", "kick", "ZX-LOGIN-8", "ZX-LOGIN-1")
class _LoginRightAfterKickRefused(ClientMachine):
    """For a moment after KICK_OUT a login is refused as if the client were still in the room."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._kicked_at: dict[str, int] = {}

    def _kicked(self, room: Room, code: int) -> None:
        self._kicked_at[room.name] = self.now
        super()._kicked(room, code)

    def _login_room(self, room: Room, token: str) -> None:
        recently = self.now - self._kicked_at.get(room.name, -DAY) < self.timings.retry_interval
        if room.state is State.KICK_OUT and recently:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            super()._login_room(room, token)


@defect("login-right-after-logout-stuck", "login", "ZX-LOGIN-2")
class _LoginRightAfterLogoutStuck(ClientMachine):
    """The end of a logout ends the login that was called a moment later."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._left: dict[str, int] = {}

    def _leave(self, room: Room) -> None:
        self._left[room.name] = self.now
        super()._leave(room)

    def _enter(self, room: Room, token: str) -> None:
        super()._enter(room, token)
        if self.now - self._left.get(room.name, -DAY) < self.timings.retry_interval:
            self._stop(room)


@defect("fresh-session-not-kicked", "kick", "ZX-KICK-1", "ZX-KICK-2")
class _FreshSessionNotKicked(ServerMachine):
    """A kick a moment after a login is lost."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._entered: dict[str, int] = {}

    def _enter(self, session: ServerSession) -> None:
        super()._enter(session)
        self._entered[session.id] = self.now

    def _kick(self, user: str, room: str) -> None:
        here = [s for s in self._of(user) if s.room == room]
        if not any(self.now - self._entered[s.id] < self.timings.retry_interval for s in here):
            super()._kick(user, room)


@defect("fresh-logout-not-told", "logout", "ZX-MEMBERS-3", "ZX-LOGOUT-3")
class _FreshLogoutNotTold(ServerMachine):
    """The others are not told of a logout a moment after the login."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._entered: dict[str, int] = {}
        self._silent = False

    def _enter(self, session: ServerSession) -> None:
        super()._enter(session)
        self._entered[session.id] = self.now

    def _logout(self, session: ServerSession) -> None:
        self._silent = self.now - self._entered[session.id] < self.timings.retry_interval
        super()._logout(session)
        self._silent = False

    def _announce(self, what: str, session: ServerSession) -> None:
        if not self._silent:
            super()._announce(what, session)


@defect("kick-right-after-return-lost", "kick", "ZX-KICK-1")
class _KickRightAfterReturnLost(ServerMachine):
    """A client that is kicked a moment after it came back is dropped, but is not told."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._back: dict[str, int] = {}

    def _bind(self, session: ServerSession, link: int, n: int) -> None:
        if session.n != n:
            self._back[session.id] = self.now
        super()._bind(session, link, n)

    def _turn_away(self, link: int, code: int) -> None:
        session = self._links.get(link)
        recently = session is not None and self.now - self._back.get(session.id, -DAY) < self.timings.silence
        if recently and code == KICKED:
            self._release(link)
        else:
            super()._turn_away(link, code)


@defect("second-kick-lost", "kick", "ZX-KICK-1", "ZX-KICK-2", "ZX-KICK-3")
class _SecondKickLost(ServerMachine):
    """After a kick from a room, whoever is kicked next from there stays in it."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._kicked_from: set[str] = set()

    def _kick(self, user: str, room: str) -> None:
        if room in self._kicked_from:
            self._kicked_from.discard(room)
        else:
            self._kicked_from.add(room)
            super()._kick(user, room)


@defect("failed-logins-lock-out", "login", "ZX-LOGIN-2", "ZX-LOGIN-8")
class _FailedLoginsLockOut(ServerMachine):
    """After two refused logins of a user further ones are not answered."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._failures: dict[str, int] = {}

    def _login(self, asked: ServerSession, token: str, wanted: str | None) -> None:
        failures = self._failures.get(asked.user, 0)
        if not self._may_enter(token, asked.user, wanted):
            self._failures[asked.user] = failures + 1
        elif failures >= FAILURES:
            return
        super()._login(asked, token, wanted)


@defect("flapping-client-dropped", "heartbeat timeout", "ZX-RECONNECT-3", "ZX-RECONNECT-4", "ZX-MEMBERS-5")
class _FlappingClientDropped(ServerMachine):
    """A client whose connection ends twice within a moment is dropped at once."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._ended: dict[str, int] = {}

    def _unlinked(self, session: ServerSession) -> None:
        super()._unlinked(session)
        before, self._ended[session.id] = self._ended.get(session.id, -DAY), self.now
        if self.now - before < self.timings.silence:
            self._end(session, remember=True)
