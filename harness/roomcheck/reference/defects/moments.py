"""Defects that show only when one thing happens a moment after another.

Scenarios let each step settle, so that none of them meets these; random schedules do.
"""

from roomcheck.reference.defects.registry import defect
from roomcheck.reference.machine import ClientMachine, Refuse, Room, ServerMachine, Session, Stage, State
from roomcheck.reference.wire import ALREADY_IN_ROOM, Message, Timings

FAILURES = 2  # refused logins after which a user is locked out
FLAPS = 3  # outages within the heartbeat timeout that are taken for the end


@defect("quick-outage-silent", "reconnect", "ZX-RECONNECT-1", "ZX-RECONNECT-7")
class _QuickOutageSilent(ClientMachine):
    """An outage that begins a moment after the one before ended is not told."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._back: dict[str, int] = {}
        self._silent: set[str] = set()

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason == "RECONNECTING" and self.now - self._back.get(room.name, -self.now) < self.timings.retry_interval:
            self._silent.add(room.name)
        elif reason == "RECONNECTED" and room.name in self._silent:
            self._silent.discard(room.name)
        else:
            if reason == "RECONNECTED":
                self._back[room.name] = self.now
            super()._tell_state(room, reason, code)


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
        kicked_at = self._kicked_at.get(room.name)
        recently = kicked_at is not None and self.now - kicked_at < self.timings.retry_interval
        if room.state is State.KICK_OUT and recently:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            super()._login_room(room, token)


@defect("stale-goodbye-ends-login", "login", "ZX-LOGIN-2")
class _StaleGoodbyeEndsLogin(ClientMachine):
    """The server's answer to a logout ends the login that was called meanwhile."""

    def _receive(self, room: Room, message: Message) -> None:
        if room.stage is Stage.ASKED and message.get("t") == "gone":
            self._stop(room)
        else:
            super()._receive(room, message)


@defect("fresh-session-not-kicked", "kick", "ZX-KICK-1", "ZX-KICK-2")
class _FreshSessionNotKicked(ServerMachine):
    """A kick a moment after a login is lost."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._entered: dict[str, int] = {}

    def _enter(self, session: Session) -> None:
        super()._enter(session)
        self._entered[session.id] = self.now

    def _kick(self, user: str, room: str) -> None:
        here = [s for s in self._of(user) if s.room == room]
        if not any(self.now - self._entered[s.id] < self.timings.retry_interval for s in here):
            super()._kick(user, room)


@defect("fresh-logout-not-told", "logout", "ZX-MEMBERS-3")
class _FreshLogoutNotTold(ServerMachine):
    """The others are not told of a logout a moment after the login."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._entered: dict[str, int] = {}
        self._silent = False

    def _enter(self, session: Session) -> None:
        super()._enter(session)
        self._entered[session.id] = self.now

    def _logout(self, session: Session) -> None:
        self._silent = self.now - self._entered[session.id] < self.timings.retry_interval
        super()._logout(session)
        self._silent = False

    def _announce(self, what: str, session: Session) -> None:
        if not self._silent:
            super()._announce(what, session)


@defect("kick-follows-switch", "kick", "ZX-STATE-1", "ZX-ROOMS-2")
class _KickFollowsSwitch(ServerMachine):
    """A kick from a room that the user left a moment ago hits the room that it went to."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._left: dict[tuple[str, str], int] = {}

    def _logout(self, session: Session) -> None:
        self._left[session.user, session.room] = self.now
        super()._logout(session)

    def _kick(self, user: str, room: str) -> None:
        left = self._left.get((user, room))
        gone = not any(s.room == room and not s.ended for s in self._of(user))
        if gone and left is not None and self.now - left < self.timings.retry_interval:
            for session in self._of(user):
                super()._kick(user, session.room)
        else:
            super()._kick(user, room)


@defect("second-kick-lost", "kick", "ZX-KICK-1", "ZX-KICK-2")
class _SecondKickLost(ServerMachine):
    """A user who was kicked from a room once cannot be kicked from it again."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._kicks: set[tuple[str, str]] = set()

    def _kick(self, user: str, room: str) -> None:
        if (user, room) not in self._kicks:
            if self._is_here(user, room):
                self._kicks.add((user, room))
            super()._kick(user, room)


@defect("failed-logins-lock-out", "login", "ZX-LOGIN-8", "ZX-LOGIN-2", "ZX-STATE-1")
class _FailedLoginsLockOut(ServerMachine):
    """After two refused logins of a user a valid token is refused too."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._failures: dict[str, int] = {}

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        if super()._may_enter(token, user, wanted):
            return self._failures.get(user, 0) < FAILURES
        self._failures[user] = self._failures.get(user, 0) + 1
        return False


@defect("flapping-client-dropped", "heartbeat timeout", "ZX-RECONNECT-3", "ZX-RECONNECT-4")
class _FlappingClientDropped(ServerMachine):
    """A client whose connection ends for the third time within the heartbeat timeout is dropped at once."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._ends: dict[str, list[int]] = {}

    def _unlinked(self, session: Session) -> None:
        super()._unlinked(session)
        since = self.now - self.timings.heartbeat_timeout
        ends = self._ends[session.id] = [*(at for at in self._ends.get(session.id, ()) if at > since), self.now]
        if len(ends) >= FLAPS:
            self._end(session, remember=True)


@defect("late-return-after-restart-refused", "server", "ZX-SERVER-1", "ZX-RECONNECT-2")
class _LateReturnAfterRestartRefused(ServerMachine):
    """A client that was cut off while the server restarted, and comes back late, is refused."""

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        foreign = wanted is not None and not wanted.startswith(f"{self.epoch}.")
        late = foreign and self.now >= self._recovered_at
        return not late and super()._may_enter(token, user, wanted)
