"""Defects of the client: logging in and out, changing the room, being removed."""

from typing import ClassVar

from roomcheck.reference.client_machine import MOVES, OUTSIDE, Cause, ClientMachine, Moves, Room, Stage, State
from roomcheck.reference.defects.registry import defect
from roomcheck.reference.events import Refuse
from roomcheck.reference.wire import ALREADY_IN_ROOM, INTERRUPTED, OK, Timings

CONNECT_FAILED = 1002030  # a code that the contract does not want where a defect gives it


@defect("logined-without-logining", "login", "ZX-LOGIN-1")
class _LoginedWithoutLogining(ClientMachine):
    """LOGINING is never told."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason != "LOGINING":
            super()._tell_state(room, reason, code)


@defect("logined-twice", "login", "ZX-LOGIN-2")
class _LoginedTwice(ClientMachine):
    """LOGINED is told twice."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        super()._tell_state(room, reason, code)
        if reason == "LOGINED":
            super()._tell_state(room, reason, code)


@defect("login-failed-wrong-code", "token", "ZX-LOGIN-3", "ZX-SWITCH-3")
class _LoginFailedWrongCode(ClientMachine):
    """A login that its token fails carries the code of a failed connection."""

    moves: ClassVar[Moves] = {**MOVES, (State.LOGINING, Cause.DENIED): (State.LOGIN_FAILED, CONNECT_FAILED)}


@defect("login-not-held", "login", "ZX-LOGIN-4", "ZX-LOGIN-5")
class _LoginNotHeld(ClientMachine):
    """A login without network fails at once instead of being retried."""

    def _give_up_at(self, room: Room) -> int | None:
        soon = self.now + self.timings.retry_interval
        return soon if room.state is State.LOGINING else super()._give_up_at(room)


@defect("login-never-gives-up", "login", "ZX-LOGIN-5")
class _LoginNeverGivesUp(ClientMachine):
    """A login without network is retried for ever; LOGIN_FAILED never comes."""

    def _give_up_at(self, room: Room) -> int | None:
        return None if room.state is State.LOGINING else super()._give_up_at(room)


@defect("double-login-logs-out", "login", "ZX-LOGIN-6", "ZX-LOGIN-7")
class _DoubleLoginLogsOut(ClientMachine):
    """A second login to the same room is refused, and ends the first."""

    def _login_room(self, room: Room, token: str) -> None:
        super()._login_room(room, token)
        if self._effects and isinstance(self._effects[-1], Refuse):
            self._leave(room)


@defect("double-login-accepted", "login", "ZX-LOGIN-6", "ZX-LOGIN-7")
class _DoubleLoginAccepted(ClientMachine):
    """A second login to the same room is answered as if nothing were wrong."""

    def _login_room(self, room: Room, token: str) -> None:
        if room.state in OUTSIDE:
            super()._login_room(room, token)


@defect("logout-wrong-room-leaves", "logout", "ZX-LOGOUT-2")
class _LogoutWrongRoomLeaves(ClientMachine):
    """Leaving a room that was not joined leaves the room that was."""

    def _logout_room(self, room: Room) -> None:
        wrong = room.state in OUTSIDE
        super()._logout_room(room)
        if wrong:
            for other in self._rooms.values():
                if other.state not in OUTSIDE:
                    self._leave(other)


@defect("logout-failed-silent", "logout", "ZX-LOGOUT-2")
class _LogoutFailedSilent(ClientMachine):
    """Leaving a room that was not joined is not answered."""

    def _logout_room(self, room: Room) -> None:
        if room.state not in OUTSIDE:
            super()._logout_room(room)


@defect("offline-logout-silent", "logout", "ZX-LOGOUT-3", "ZX-LOGOUT-1")
class _OfflineLogoutSilent(ClientMachine):
    """A logout without network is obeyed but LOGOUT is not told."""

    def _leave(self, room: Room) -> None:
        if room.state is State.RECONNECTING:
            self._stop(room)
            room.state = State.LOGOUT
        else:
            super()._leave(room)


@defect("offline-logout-retried", "logout", "ZX-LOGOUT-3", "ZX-LOGOUT-1")
class _OfflineLogoutRetried(ClientMachine):
    """A logout without network is told, but the retries go on and bring the client back."""

    moves: ClassVar[Moves] = {
        **MOVES,
        **{(State.LOGOUT, cause): move for (state, cause), move in MOVES.items() if state is State.RECONNECTING},
    }

    def _leave(self, room: Room) -> None:
        if room.state is State.RECONNECTING:
            self._move(room, Cause.LOGOUT)
        else:
            super()._leave(room)


@defect("switch-misses-logout", "switch", "ZX-SWITCH-1")
class _SwitchMissesLogout(ClientMachine):
    """switchRoom does not tell LOGOUT of the room that was left."""

    _switching = False

    def _switch_room(self, source: Room, target: Room, token: str) -> None:
        self._switching = True
        super()._switch_room(source, target, token)
        self._switching = False

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if not (self._switching and reason == "LOGOUT"):
            super()._tell_state(room, reason, code)


@defect("switch-stays-behind", "switch", "ZX-SWITCH-2", "ZX-MEMBERS-3")
class _SwitchStaysBehind(ClientMachine):
    """switchRoom tells LOGOUT of the old room, but the server is not told that the client left."""

    def _switch_room(self, source: Room, target: Room, token: str) -> None:
        if source.state in OUTSIDE or target.state not in OUTSIDE:
            super()._switch_room(source, target, token)
        else:
            self._stop(source)
            self._move(source, Cause.LOGOUT)
            self._enter(target, token)


@defect("kick-not-told", "kick", "ZX-KICK-1")
class _KickNotTold(ClientMachine):
    """KICK_OUT is never told."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason != "KICK_OUT":
            super()._tell_state(room, reason, code)


@defect("reconnect-after-kick", "kick", "ZX-KICK-1")
class _ReconnectAfterKick(ClientMachine):
    """A client that was kicked reconnects as after an outage."""

    moves: ClassVar[Moves] = {**MOVES, (State.KICK_OUT, Cause.LOST): (State.RECONNECTING, INTERRUPTED)}

    def _kicked(self, room: Room, code: int) -> None:
        super()._kicked(room, code)
        room.session = None
        room.stage = Stage.WAITING
        room.retry_at = self.now + self.timings.retry_interval
        self._move(room, Cause.LOST)
        room.give_up_at = self._give_up_at(room)


@defect("login-stuck", "login", "ZX-LOGIN-4", "ZX-LOGIN-2")
class _LoginStuck(ClientMachine):
    """A login whose connection does not come about or breaks is not tried again."""

    def _lost(self, room: Room) -> None:
        super()._lost(room)
        if room.state is State.LOGINING and room.give_up_at is not None:
            room.retry_at = room.give_up_at


@defect("login-repeats-logining", "login", "ZX-LOGIN-4", "ZX-STATE-1")
class _LoginRepeatsLogining(ClientMachine):
    """LOGINING is told again with each further attempt."""

    def _attempt(self, room: Room) -> None:
        if room.state is State.LOGINING and room.stage is not Stage.NONE:
            self._tell_state(room, State.LOGINING.value, OK)
        super()._attempt(room)


@defect("reconnecting-while-logging-in", "login", "ZX-STATE-1", "ZX-LOGIN-4")
class _ReconnectingWhileLoggingIn(ClientMachine):
    """A login that loses its connection is told as RECONNECTING."""

    def _lost(self, room: Room) -> None:
        super()._lost(room)
        if room.state is State.LOGINING:
            self._tell_state(room, State.RECONNECTING.value, INTERRUPTED)


@defect("no-login-after-login-failed", "login", "ZX-LOGIN-8", "ZX-LOGIN-1")
class _NoLoginAfterLoginFailed(ClientMachine):
    """After LOGIN_FAILED a login is refused as if the client were in the room."""

    def _login_room(self, room: Room, token: str) -> None:
        if room.state is State.LOGIN_FAILED:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            super()._login_room(room, token)


@defect("second-login-evicts-first", "several rooms", "ZX-ROOMS-1", "ZX-ROOMS-2")
class _SecondLoginEvictsFirst(ClientMachine):
    """A login to a second room leaves the first one."""

    def _enter(self, room: Room, token: str) -> None:
        for other in self._rooms.values():
            if other is not room and other.state not in OUTSIDE:
                self._leave(other)
        super()._enter(room, token)


@defect("logout-leaves-all-rooms", "several rooms", "ZX-ROOMS-2", "ZX-ROOMS-1")
class _LogoutLeavesAllRooms(ClientMachine):
    """A logout of one room leaves all others too."""

    def _logout_room(self, room: Room) -> None:
        super()._logout_room(room)
        for other in self._rooms.values():
            if other.state not in OUTSIDE:
                self._leave(other)


@defect("logout-wrong-code", "logout", "ZX-LOGOUT-1")
class _LogoutWrongCode(ClientMachine):
    """LOGOUT carries the code of an interruption."""

    moves: ClassVar[Moves] = {
        **MOVES, **{key: (State.LOGOUT, INTERRUPTED) for key in MOVES if key[1] is Cause.LOGOUT},
    }  # fmt: skip


@defect("refused-switch-silent", "switch", "ZX-SWITCH-3", "ZX-LOGIN-3")
class _RefusedSwitchSilent(ClientMachine):
    """A switch whose target refuses the token ends without LOGIN_FAILED."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._switched_to: Room | None = None

    def _switch_room(self, source: Room, target: Room, token: str) -> None:
        self._switched_to = target
        super()._switch_room(source, target, token)

    def _login_room(self, room: Room, token: str) -> None:
        self._switched_to = None
        super()._login_room(room, token)

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if not (reason == "LOGIN_FAILED" and room is self._switched_to):
            super()._tell_state(room, reason, code)


@defect("switch-from-nowhere", "switch", "ZX-SWITCH-4")
class _SwitchFromNowhere(ClientMachine):
    """switchRoom from a room that was not joined enters the target all the same."""

    def _switch_room(self, source: Room, target: Room, token: str) -> None:
        if source.state in OUTSIDE and target.state in OUTSIDE:
            self._enter(target, token)
        else:
            super()._switch_room(source, target, token)


@defect("no-login-after-kick", "kick", "ZX-LOGIN-8", "ZX-LOGIN-1")
class _NoLoginAfterKick(ClientMachine):
    """After KICK_OUT a login is refused as if the client were still in the room."""

    def _login_room(self, room: Room, token: str) -> None:
        if room.state is State.KICK_OUT:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            super()._login_room(room, token)


@defect("kick-code-missing", "kick", "ZX-KICK-1", "ZX-TWIN-1")
class _KickCodeMissing(ClientMachine):
    """KICK_OUT carries no error."""

    def _kicked(self, room: Room, code: int) -> None:  # noqa: ARG002
        super()._kicked(room, OK)


@defect("kick-told-twice", "kick", "ZX-KICK-1")
class _KickToldTwice(ClientMachine):
    """After KICK_OUT the end of the membership is told once more, as LOGOUT."""

    def _kicked(self, room: Room, code: int) -> None:
        super()._kicked(room, code)
        self._tell_state(room, State.LOGOUT.value, OK)
