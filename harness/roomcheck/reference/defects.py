"""Rooms that keep the contract but for one defect each, taken from mistakes that real SDKs and servers made.

`--defect NAME` of the adapter and of the server chooses one; a defect of the other side changes nothing here, so that
both can always be given the same name. Each defect is a machine with one habit changed; its docstring says which.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

from roomcheck.reference.machine import (
    INSIDE,
    MOVES,
    OUTSIDE,
    Cause,
    ClientMachine,
    Moves,
    Refuse,
    Room,
    Send,
    ServerMachine,
    Session,
    Stage,
    State,
)
from roomcheck.reference.wire import (
    ALREADY_IN_ROOM,
    INTERRUPTED,
    KICKED,
    LOGGED_IN_ELSEWHERE,
    Timings,
    token_expiry,
    token_is_genuine,
)

CONNECT_FAILED = 1002030  # codes that the contract does not want where these defects give them
DISCONNECTED = 1002052


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: what it is about, in a sentence what goes wrong, and the machine that has it."""

    name: str
    topic: str
    sentence: str
    side: Literal["client", "server"]
    machine: type[ClientMachine] | type[ServerMachine]


DEFECTS: dict[str, Defect] = {}

Machine = TypeVar("Machine", type[ClientMachine], type[ServerMachine])


def client(name: str | None) -> type[ClientMachine]:
    """The client's machine with this defect; the conforming one for None and for a defect of the server."""
    machine = DEFECTS[name].machine if name else ClientMachine
    return machine if issubclass(machine, ClientMachine) else ClientMachine


def server(name: str | None) -> type[ServerMachine]:
    """The server's machine with this defect; the conforming one for None and for a defect of the client."""
    machine = DEFECTS[name].machine if name else ServerMachine
    return machine if issubclass(machine, ServerMachine) else ServerMachine


def add_option(options: argparse.ArgumentParser) -> None:
    """`--defect NAME`; an unknown name is an error that lists all."""
    options.add_argument("--defect", type=_known, metavar="NAME", help="run with this one defect")


def _known(name: str) -> str:
    if name in DEFECTS:
        return name
    raise argparse.ArgumentTypeError(f"unknown defect {name!r}; there are: {', '.join(sorted(DEFECTS))}")


def _defect(name: str, topic: str) -> Callable[[Machine], Machine]:
    def register(machine: Machine) -> Machine:
        side: Literal["client", "server"] = "client" if issubclass(machine, ClientMachine) else "server"
        DEFECTS[name] = Defect(name, topic, (machine.__doc__ or name).strip(), side, machine)
        return machine

    return register


# --- the client: states and their codes -------------------------------------------------------------------------------


@_defect("never-reconnected", "reconnect")
class _NeverReconnected(ClientMachine):
    """RECONNECTED is never told, although the link is back."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason != "RECONNECTED":
            super()._tell_state(room, reason, code)


@_defect("second-outage-silent", "reconnect")
class _SecondOutageSilent(ClientMachine):
    """Only the first outage of a room is told; later ones pass in silence."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._over: set[str] = set()

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if room.name in self._over and reason in ("RECONNECTING", "RECONNECTED"):
            return
        if reason == "RECONNECTED":
            self._over.add(room.name)
        super()._tell_state(room, reason, code)


@_defect("reconnecting-wrong-code", "reconnect")
class _ReconnectingWrongCode(ClientMachine):
    """RECONNECTING carries the code of a final disconnection."""

    moves: ClassVar[Moves] = {**MOVES, **{(s, Cause.LOST): (State.RECONNECTING, DISCONNECTED) for s in INSIDE}}


@_defect("reconnected-with-error", "reconnect")
class _ReconnectedWithError(ClientMachine):
    """RECONNECTED still carries the error of the outage."""

    moves: ClassVar[Moves] = {**MOVES, (State.RECONNECTING, Cause.ACCEPTED): (State.RECONNECTED, INTERRUPTED)}


@_defect("reconnecting-when-back", "reconnect")
class _ReconnectingWhenBack(ClientMachine):
    """RECONNECTING is told only once the network is back."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason == "RECONNECTED":
            super()._tell_state(room, "RECONNECTING", INTERRUPTED)
        if reason != "RECONNECTING":
            super()._tell_state(room, reason, code)


@_defect("reconnecting-on-slow-link", "reconnect")
class _ReconnectingOnSlowLink(ClientMachine):
    """A heartbeat that is answered late counts as a lost link."""

    def _tick(self, room: Room) -> None:
        beat_at = room.beat_at
        super()._tick(room)
        if room.stage is Stage.ONLINE and room.beat_at != beat_at:
            # 833 ms of 7.5 s: less than a link takes that is slower by a second in one direction
            room.silent_at = min(room.silent_at, self.now + self.timings.beat // 9)


@_defect("wrong-room-id", "callback")
class _WrongRoomId(ClientMachine):
    """RECONNECTED names the user where the room belongs."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        super()._tell_state(Room(self.user) if reason == "RECONNECTED" else room, reason, code)


@_defect("retries-never-end", "retry timeout")
class _RetriesNeverEnd(ClientMachine):
    """RECONNECT_FAILED never comes: the retries go on for ever."""

    def _give_up_at(self, room: Room) -> int | None:
        return None if room.state is State.RECONNECTING else super()._give_up_at(room)


@_defect("reconnect-failed-early", "retry timeout")
class _ReconnectFailedEarly(ClientMachine):
    """RECONNECT_FAILED comes after half the retry timeout."""

    def _give_up_at(self, room: Room) -> int | None:
        half = self.now + self.timings.retry_timeout // 2
        return half if room.state is State.RECONNECTING else super()._give_up_at(room)


@_defect("reconnect-failed-wrong-code", "retry timeout")
class _ReconnectFailedWrongCode(ClientMachine):
    """RECONNECT_FAILED carries the code of an interruption."""

    moves: ClassVar[Moves] = {**MOVES, (State.RECONNECTING, Cause.GAVE_UP): (State.RECONNECT_FAILED, INTERRUPTED)}


@_defect("no-login-after-reconnect-failed", "retry timeout")
class _NoLoginAfterReconnectFailed(ClientMachine):
    """After RECONNECT_FAILED a login is refused as if the client were still in the room."""

    def _login_room(self, room: Room, token: str) -> None:
        if room.state is State.RECONNECT_FAILED:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            super()._login_room(room, token)


@_defect("dropped-session-fails", "reconnect")
class _DroppedSessionFails(ClientMachine):
    """When the server has dropped the session meanwhile, the client gives up instead of logging in again."""

    def _accepted(self, room: Room, session: str, users: set[str], *, whole: bool) -> None:
        if room.state is State.RECONNECTING and session != room.session and room.link is not None:
            self._effects.append(Send(room.link, {"t": "bye"}))
            self._stop(room)
            self._move(room, Cause.GAVE_UP)
        else:
            super()._accepted(room, session, users, whole=whole)


@_defect("logined-without-logining", "login")
class _LoginedWithoutLogining(ClientMachine):
    """LOGINING is never told."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason != "LOGINING":
            super()._tell_state(room, reason, code)


@_defect("logined-twice", "login")
class _LoginedTwice(ClientMachine):
    """LOGINED is told twice."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        super()._tell_state(room, reason, code)
        if reason == "LOGINED":
            super()._tell_state(room, reason, code)


@_defect("login-failed-wrong-code", "token")
class _LoginFailedWrongCode(ClientMachine):
    """A login that its token fails carries the code of a failed connection."""

    moves: ClassVar[Moves] = {**MOVES, (State.LOGINING, Cause.DENIED): (State.LOGIN_FAILED, CONNECT_FAILED)}


@_defect("login-not-held", "login")
class _LoginNotHeld(ClientMachine):
    """A login without network fails at once instead of being retried."""

    def _give_up_at(self, room: Room) -> int | None:
        soon = self.now + self.timings.retry_interval
        return soon if room.state is State.LOGINING else super()._give_up_at(room)


@_defect("login-never-gives-up", "login")
class _LoginNeverGivesUp(ClientMachine):
    """A login without network is retried for ever; LOGIN_FAILED never comes."""

    def _give_up_at(self, room: Room) -> int | None:
        return None if room.state is State.LOGINING else super()._give_up_at(room)


@_defect("double-login-logs-out", "login")
class _DoubleLoginLogsOut(ClientMachine):
    """A second login to the same room is refused, and ends the first."""

    def _login_room(self, room: Room, token: str) -> None:
        super()._login_room(room, token)
        if self._effects and isinstance(self._effects[-1], Refuse):
            self._leave(room)


@_defect("double-login-accepted", "login")
class _DoubleLoginAccepted(ClientMachine):
    """A second login to the same room is answered as if nothing were wrong."""

    def _login_room(self, room: Room, token: str) -> None:
        if room.state in OUTSIDE:
            super()._login_room(room, token)


@_defect("logout-wrong-room-leaves", "logout")
class _LogoutWrongRoomLeaves(ClientMachine):
    """Leaving a room that was not joined leaves the room that was."""

    def _logout_room(self, room: Room) -> None:
        wrong = room.state in OUTSIDE
        super()._logout_room(room)
        if wrong:
            for other in self._rooms.values():
                if other.state not in OUTSIDE:
                    self._leave(other)


@_defect("logout-failed-silent", "logout")
class _LogoutFailedSilent(ClientMachine):
    """Leaving a room that was not joined is not answered."""

    def _logout_room(self, room: Room) -> None:
        if room.state not in OUTSIDE:
            super()._logout_room(room)


@_defect("offline-logout-silent", "logout")
class _OfflineLogoutSilent(ClientMachine):
    """A logout without network is obeyed but LOGOUT is not told."""

    def _leave(self, room: Room) -> None:
        if room.state is State.RECONNECTING:
            self._stop(room)
            room.state = State.LOGOUT
        else:
            super()._leave(room)


@_defect("offline-logout-retried", "logout")
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


@_defect("switch-misses-logout", "switch")
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


@_defect("switch-stays-behind", "switch")
class _SwitchStaysBehind(ClientMachine):
    """switchRoom tells LOGOUT of the old room, but the server is not told that the client left."""

    def _switch_room(self, source: Room, target: Room, token: str) -> None:
        if source.state in OUTSIDE or target.state not in OUTSIDE:
            super()._switch_room(source, target, token)
        else:
            self._stop(source)
            self._move(source, Cause.LOGOUT)
            self._enter(target, token)


@_defect("kick-not-told", "kick")
class _KickNotTold(ClientMachine):
    """KICK_OUT is never told."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason != "KICK_OUT":
            super()._tell_state(room, reason, code)


@_defect("reconnect-after-kick", "kick")
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


# --- the client: the member list --------------------------------------------------------------------------------------


@_defect("double-add", "members")
class _DoubleAdd(ClientMachine):
    """Every ADD is told twice."""

    def _tell_users(self, room: Room, update: str, users: list[str]) -> None:
        super()._tell_users(room, update, users)
        if update == "ADD":
            super()._tell_users(room, update, users)


@_defect("double-delete", "members")
class _DoubleDelete(ClientMachine):
    """Every DELETE is told twice."""

    def _tell_users(self, room: Room, update: str, users: list[str]) -> None:
        super()._tell_users(room, update, users)
        if update == "DELETE":
            super()._tell_users(room, update, users)


@_defect("no-list-after-login", "members")
class _NoListAfterLogin(ClientMachine):
    """After a login the members who were there before are not told."""

    def _listed(self, room: Room, users: set[str]) -> None:
        if room.state is State.LOGINED:
            room.known = users
        else:
            super()._listed(room, users)


@_defect("list-misses-one", "members")
class _ListMissesOne(ClientMachine):
    """After a login the members come one by one, and the last of them is missing."""

    def _listed(self, room: Room, users: set[str]) -> None:
        if room.state is State.LOGINED:
            for user in sorted(users)[:-1]:
                self._update(room, {user}, set())
            room.known = users
        else:
            super()._listed(room, users)


@_defect("list-not-refreshed", "members")
class _ListNotRefreshed(ClientMachine):
    """After a reconnect nothing tells who came and went meanwhile."""

    def _listed(self, room: Room, users: set[str]) -> None:
        if room.state is State.RECONNECTED:
            room.known = users
        else:
            super()._listed(room, users)


# --- the server -------------------------------------------------------------------------------------------------------


@_defect("leave-told-early", "heartbeat timeout")
class _LeaveToldEarly(ServerMachine):
    """A client that is cut off is dropped after half the heartbeat timeout."""

    def _patience(self) -> int:
        return self.timings.heartbeat_timeout // 2


@_defect("leave-told-late", "heartbeat timeout")
class _LeaveToldLate(ServerMachine):
    """A client that is cut off is dropped only after one and a half heartbeat timeouts."""

    def _patience(self) -> int:
        return self.timings.heartbeat_timeout * 3 // 2


@_defect("leave-never-told", "heartbeat timeout")
class _LeaveNeverTold(ServerMachine):
    """A client that is cut off stays a member for ever."""

    def _check(self, session: Session) -> None:
        pass


@_defect("leave-at-disconnect", "heartbeat timeout")
class _LeaveAtDisconnect(ServerMachine):
    """A client whose connection ends is dropped at once."""

    def _unlinked(self, session: Session) -> None:
        super()._unlinked(session)
        self._end(session, remember=True)


@_defect("return-not-announced", "members")
class _ReturnNotAnnounced(ServerMachine):
    """A client that comes back after it was dropped is not announced to the others."""

    _returning = False

    def _login(self, asked: Session, token: str, wanted: str | None) -> None:
        self._returning = wanted is not None
        super()._login(asked, token, wanted)
        self._returning = False

    def _announce(self, what: str, session: Session) -> None:
        if not (self._returning and what == "add"):
            super()._announce(what, session)


@_defect("newcomer-not-announced", "members")
class _NewcomerNotAnnounced(ServerMachine):
    """Nobody is told of a client that logs in."""

    def _announce(self, what: str, session: Session) -> None:
        if what != "add":
            super()._announce(what, session)


@_defect("list-names-self", "members")
class _ListNamesSelf(ServerMachine):
    """The member list after a login holds the client itself."""

    def _list(self, session: Session) -> list[str]:
        return [*super()._list(session), session.user]


@_defect("no-delete-after-logout", "members")
class _NoDeleteAfterLogout(ServerMachine):
    """The others are not told that a client logged out."""

    _leaving = False

    def _logout(self, session: Session) -> None:
        self._leaving = True
        super()._logout(session)
        self._leaving = False

    def _announce(self, what: str, session: Session) -> None:
        if not self._leaving:
            super()._announce(what, session)


@_defect("no-delete-after-kick", "kick")
class _NoDeleteAfterKick(ServerMachine):
    """The others are not told that a client was kicked."""

    _kicking = False

    def _kick(self, user: str, room: str) -> None:
        self._kicking = True
        super()._kick(user, room)
        self._kicking = False

    def _announce(self, what: str, session: Session) -> None:
        if not self._kicking:
            super()._announce(what, session)


@_defect("kick-wrong-code", "kick")
class _KickWrongCode(ServerMachine):
    """A kick by the backend carries the code of a login elsewhere."""

    def _expel(self, session: Session, code: int) -> None:
        super()._expel(session, LOGGED_IN_ELSEWHERE if code == KICKED else code)


@_defect("kick-kills-all-rooms", "kick")
class _KickKillsAllRooms(ServerMachine):
    """A kick from one room ends the client's membership of every room."""

    def _kick(self, user: str, room: str) -> None:  # noqa: ARG002
        for session in self._of(user):
            super()._kick(user, session.room)


@_defect("kick-forgotten", "kick")
class _KickForgotten(ServerMachine):
    """A client that was kicked while it was cut off comes back as if nothing had happened."""

    def _expel(self, session: Session, code: int) -> None:
        super()._expel(session, code)
        if code == KICKED:
            session.code = None


@_defect("duplicate-login-allowed", "duplicate login")
class _DuplicateLoginAllowed(ServerMachine):
    """A user may be logged in on two devices at once."""

    def _supersede(self, session: Session) -> None:
        pass

    def _others_of(self, session: Session) -> list[Session]:  # noqa: ARG002
        return []


@_defect("duplicate-login-wrong-code", "duplicate login")
class _DuplicateLoginWrongCode(ServerMachine):
    """The older of two logins of a user is told that the backend kicked it."""

    def _expel(self, session: Session, code: int) -> None:
        super()._expel(session, KICKED if code == LOGGED_IN_ELSEWHERE else code)


@_defect("wrong-token-accepted", "token")
class _WrongTokenAccepted(ServerMachine):
    """A token that nobody issued is accepted."""

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        return not token_is_genuine(token, user) or super()._may_enter(token, user, wanted)


@_defect("expired-token-accepted", "token")
class _ExpiredTokenAccepted(ServerMachine):
    """A token that has expired is accepted."""

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        return super()._may_enter(token, user, wanted) or (
            token_is_genuine(token, user) and token_expiry(token) <= self.now
        )
