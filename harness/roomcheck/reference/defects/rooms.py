"""Defects of the server."""

from collections.abc import Iterator
from itertools import islice

from roomcheck.reference.defects.registry import defect
from roomcheck.reference.server_machine import ServerMachine, ServerSession
from roomcheck.reference.wire import KICKED, LOGGED_IN_ELSEWHERE, Timings, token_expiry, token_is_genuine


@defect("leave-told-early", "heartbeat timeout", "ZX-RECONNECT-4", "ZX-RECONNECT-3")
class _LeaveToldEarly(ServerMachine):
    """A client that is cut off is dropped after half the heartbeat timeout."""

    def _patience(self) -> int:
        return self.timings.heartbeat_timeout // 2


@defect("leave-told-late", "heartbeat timeout", "ZX-RECONNECT-4")
class _LeaveToldLate(ServerMachine):
    """A client that is cut off is dropped only after one and a half heartbeat timeouts."""

    def _patience(self) -> int:
        return self.timings.heartbeat_timeout * 3 // 2


@defect("leave-never-told", "heartbeat timeout", "ZX-RECONNECT-4")
class _LeaveNeverTold(ServerMachine):
    """A client that is cut off stays a member for ever."""

    def _check(self, session: ServerSession) -> None:
        pass


@defect("leave-at-disconnect", "heartbeat timeout", "ZX-RECONNECT-3", "ZX-RECONNECT-4")
class _LeaveAtDisconnect(ServerMachine):
    """A client whose connection ends is dropped at once."""

    def _unlinked(self, session: ServerSession) -> None:
        super()._unlinked(session)
        self._end(session, remember=True)


@defect("return-not-announced", "members", "ZX-RECONNECT-5")
class _ReturnNotAnnounced(ServerMachine):
    """A client that comes back after it was dropped is not announced to the others."""

    _returning = False

    def _login(self, asked: ServerSession, token: str, wanted: str | None) -> None:
        self._returning = wanted is not None
        super()._login(asked, token, wanted)
        self._returning = False

    def _announce(self, what: str, session: ServerSession) -> None:
        if not (self._returning and what == "add"):
            super()._announce(what, session)


@defect("newcomer-not-announced", "members", "ZX-MEMBERS-1")
class _NewcomerNotAnnounced(ServerMachine):
    """Nobody is told of a client that logs in."""

    def _announce(self, what: str, session: ServerSession) -> None:
        if what != "add":
            super()._announce(what, session)


@defect("list-names-self", "members", "ZX-MEMBERS-5", "ZX-MEMBERS-2")
class _ListNamesSelf(ServerMachine):
    """The member list after a login holds the client itself."""

    def _list(self, session: ServerSession) -> list[str]:
        return [*super()._list(session), session.user]


@defect("no-delete-after-logout", "members", "ZX-MEMBERS-3")
class _NoDeleteAfterLogout(ServerMachine):
    """The others are not told that a client logged out."""

    _leaving = False

    def _logout(self, session: ServerSession) -> None:
        self._leaving = True
        super()._logout(session)
        self._leaving = False

    def _announce(self, what: str, session: ServerSession) -> None:
        if not self._leaving:
            super()._announce(what, session)


@defect("no-delete-after-kick", "kick", "ZX-KICK-2")
class _NoDeleteAfterKick(ServerMachine):
    """The others are not told that a client was kicked."""

    _kicking = False

    def _kick(self, user: str, room: str) -> None:
        self._kicking = True
        super()._kick(user, room)
        self._kicking = False

    def _announce(self, what: str, session: ServerSession) -> None:
        if not self._kicking:
            super()._announce(what, session)


@defect("kick-wrong-code", "kick", "ZX-KICK-1")
class _KickWrongCode(ServerMachine):
    """A kick by the backend carries the code of a login elsewhere."""

    def _expel(self, session: ServerSession, code: int) -> None:
        super()._expel(session, LOGGED_IN_ELSEWHERE if code == KICKED else code)


@defect("kick-kills-all-rooms", "kick", "ZX-ROOMS-2")
class _KickKillsAllRooms(ServerMachine):
    """A kick from one room ends the client's membership of every room."""

    def _kick(self, user: str, room: str) -> None:  # noqa: ARG002
        for session in self._of(user):
            super()._kick(user, session.room)


@defect("kick-forgotten", "kick", "ZX-KICK-3")
class _KickForgotten(ServerMachine):
    """A client that was kicked while it was cut off comes back as if nothing had happened."""

    def _expel(self, session: ServerSession, code: int) -> None:
        super()._expel(session, code)
        if code == KICKED:
            session.code = None


@defect("duplicate-login-allowed", "duplicate login", "ZX-TWIN-1")
class _DuplicateLoginAllowed(ServerMachine):
    """A user may be logged in on two devices at once."""

    def _supersede(self, session: ServerSession) -> None:
        pass

    def _others_of(self, session: ServerSession) -> list[ServerSession]:  # noqa: ARG002
        return []


@defect("duplicate-login-wrong-code", "duplicate login", "ZX-TWIN-1", "ZX-TWIN-4")
class _DuplicateLoginWrongCode(ServerMachine):
    """The older of two logins of a user is told that the backend kicked it."""

    def _expel(self, session: ServerSession, code: int) -> None:
        super()._expel(session, KICKED if code == LOGGED_IN_ELSEWHERE else code)


@defect("wrong-token-accepted", "token", "ZX-LOGIN-3")
class _WrongTokenAccepted(ServerMachine):
    """A token that nobody issued is accepted."""

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        return not token_is_genuine(token, user) or super()._may_enter(token, user, wanted)


@defect("expired-token-accepted", "token", "ZX-LOGIN-3")
class _ExpiredTokenAccepted(ServerMachine):
    """A token that has expired is accepted."""

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        return super()._may_enter(token, user, wanted) or (
            token_is_genuine(token, user) and token_expiry(token) <= self.now
        )


@defect("gone-told-to-one", "heartbeat timeout", "ZX-RECONNECT-4")
class _GoneToldToOne(ServerMachine):
    """That a client was dropped is told to one of the others only."""

    _dropping = False

    def _check(self, session: ServerSession) -> None:
        self._dropping = True
        super()._check(session)
        self._dropping = False

    def _audience(self, session: ServerSession) -> Iterator[int]:
        return islice(super()._audience(session), 1 if self._dropping else None)


@defect("restart-forgets-clients", "server", "ZX-SERVER-1", "ZX-RECONNECT-2")
class _RestartForgetsClients(ServerMachine):
    """A server that was restarted refuses to take back whom it does not know."""

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        known = wanted is None or wanted.startswith(f"{self.epoch}.")
        return known and super()._may_enter(token, user, wanted)


@defect("switch-not-announced", "switch", "ZX-SWITCH-2", "ZX-MEMBERS-1")
class _SwitchNotAnnounced(ServerMachine):
    """Who comes from another room at once is not announced in the new one."""

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self._left: dict[str, tuple[str, int]] = {}

    def _logout(self, session: ServerSession) -> None:
        self._left[session.user] = session.room, self.now
        super()._logout(session)

    def _announce(self, what: str, session: ServerSession) -> None:
        room, at = self._left.get(session.user, (session.room, 0))
        if not (what == "add" and room != session.room and self.now - at < self.timings.retry_interval):
            super()._announce(what, session)


@defect("takeover-not-told", "duplicate login", "ZX-TWIN-3")
class _TakeoverNotTold(ServerMachine):
    """When a user logs in to another room on another device, the room that it was in is not told."""

    _taking_over = ""

    def _supersede(self, session: ServerSession) -> None:
        self._taking_over = session.room
        super()._supersede(session)
        self._taking_over = ""

    def _announce(self, what: str, session: ServerSession) -> None:
        if self._taking_over in ("", session.room):
            super()._announce(what, session)


@defect("takeover-deletes", "duplicate login", "ZX-TWIN-2")
class _TakeoverDeletes(ServerMachine):
    """When a user changes its device within a room, the others are told that it is gone."""

    def _supersede(self, session: ServerSession) -> None:
        older = [s for s in self._in(session.room) if s.user == session.user and s.device != session.device]
        super()._supersede(session)
        if older:
            self._announce("del", session)


@defect("older-device-takes-back", "duplicate login", "ZX-TWIN-4", "ZX-STATE-1")
class _OlderDeviceTakesBack(ServerMachine):
    """A device that was cut off while its user logged in elsewhere throws the newer one out when it is back."""

    def _expel(self, session: ServerSession, code: int) -> None:
        cut_off = session.link is None
        super()._expel(session, code)
        if cut_off and code == LOGGED_IN_ELSEWHERE:
            session.code = None

    def _others_of(self, session: ServerSession) -> list[ServerSession]:  # noqa: ARG002
        return []
