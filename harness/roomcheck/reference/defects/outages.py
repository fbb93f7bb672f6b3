"""Defects of the client: how it loses the server, and how it comes back."""

from dataclasses import replace
from typing import ClassVar

from roomcheck.reference.client_machine import INSIDE, MOVES, OUTSIDE, Cause, ClientMachine, Moves, Room, Stage, State
from roomcheck.reference.defects.registry import defect
from roomcheck.reference.events import Refuse, Send
from roomcheck.reference.wire import ALREADY_IN_ROOM, INTERRUPTED, Timings

DISCONNECTED = 1002052  # a code that the contract does not want where a defect gives it


@defect("never-reconnected", "reconnect", "ZX-RECONNECT-2")
class _NeverReconnected(ClientMachine):
    """RECONNECTED is never told, although the link is back."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason != "RECONNECTED":
            super()._tell_state(room, reason, code)


@defect("second-outage-silent", "reconnect", "ZX-RECONNECT-7", "ZX-RECONNECT-1")
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


@defect("reconnecting-wrong-code", "reconnect", "ZX-RECONNECT-1")
class _ReconnectingWrongCode(ClientMachine):
    """RECONNECTING carries the code of a final disconnection."""

    moves: ClassVar[Moves] = {**MOVES, **{(s, Cause.LOST): (State.RECONNECTING, DISCONNECTED) for s in INSIDE}}


@defect("reconnected-with-error", "reconnect", "ZX-RECONNECT-2")
class _ReconnectedWithError(ClientMachine):
    """RECONNECTED still carries the error of the outage."""

    moves: ClassVar[Moves] = {**MOVES, (State.RECONNECTING, Cause.ACCEPTED): (State.RECONNECTED, INTERRUPTED)}


@defect("reconnecting-when-back", "reconnect", "ZX-RECONNECT-1")
class _ReconnectingWhenBack(ClientMachine):
    """RECONNECTING is told only once the network is back."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason == "RECONNECTED":
            super()._tell_state(room, "RECONNECTING", INTERRUPTED)
        if reason != "RECONNECTING":
            super()._tell_state(room, reason, code)


@defect("reconnecting-on-slow-link", "reconnect", "ZX-QUIET-1")
class _ReconnectingOnSlowLink(ClientMachine):
    """A heartbeat that is answered late counts as a lost link."""

    def _tick(self, room: Room) -> None:
        beat_at = room.beat_at
        super()._tick(room)
        if room.stage is Stage.ONLINE and room.beat_at != beat_at:
            # 833 ms of 7.5 s: less than a link takes that is slower by a second in one direction
            room.silent_at = min(room.silent_at, self.now + self.timings.beat // 9)


@defect("wrong-room-id", "callback", "ZX-ROOMS-1", "ZX-RECONNECT-2")
class _WrongRoomId(ClientMachine):
    """RECONNECTED names the user where the room belongs."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        super()._tell_state(Room(self.user) if reason == "RECONNECTED" else room, reason, code)


@defect("retries-never-end", "retry timeout", "ZX-RECONNECT-6", "ZX-RECONNECT-8")
class _RetriesNeverEnd(ClientMachine):
    """RECONNECT_FAILED never comes: the retries go on for ever."""

    def _give_up_at(self, room: Room) -> int | None:
        return None if room.state is State.RECONNECTING else super()._give_up_at(room)


@defect("reconnect-failed-early", "retry timeout", "ZX-RECONNECT-6")
class _ReconnectFailedEarly(ClientMachine):
    """RECONNECT_FAILED comes after half the retry timeout."""

    def _give_up_at(self, room: Room) -> int | None:
        half = self.now + self.timings.retry_timeout // 2
        return half if room.state is State.RECONNECTING else super()._give_up_at(room)


@defect("reconnect-failed-wrong-code", "retry timeout", "ZX-RECONNECT-6")
class _ReconnectFailedWrongCode(ClientMachine):
    """RECONNECT_FAILED carries the code of an interruption."""

    moves: ClassVar[Moves] = {**MOVES, (State.RECONNECTING, Cause.GAVE_UP): (State.RECONNECT_FAILED, INTERRUPTED)}


@defect("no-login-after-reconnect-failed", "retry timeout", "ZX-LOGIN-8", "ZX-LOGIN-1")
class _NoLoginAfterReconnectFailed(ClientMachine):
    """After RECONNECT_FAILED a login is refused as if the client were still in the room."""

    def _login_room(self, room: Room, token: str) -> None:
        if room.state is State.RECONNECT_FAILED:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            super()._login_room(room, token)


@defect("dropped-session-fails", "reconnect", "ZX-RECONNECT-2", "ZX-RECONNECT-6")
class _DroppedSessionFails(ClientMachine):
    """When the server has dropped the session meanwhile, the client gives up instead of logging in again."""

    def _accepted(self, room: Room, session: str, users: set[str], *, whole: bool) -> None:
        if room.state is State.RECONNECTING and session != room.session and room.link is not None:
            self._effects.append(Send(room.link, {"t": "bye"}))
            self._stop(room)
            self._move(room, Cause.GAVE_UP)
        else:
            super()._accepted(room, session, users, whole=whole)


@defect("blink-unnoticed", "reconnect", "ZX-RECONNECT-1")
class _BlinkUnnoticed(ClientMachine):
    """An outage that ends with the first attempt to come back is not told at all."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self._held: set[str] = set()

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        if reason == "RECONNECTING":
            self._held.add(room.name)
        elif not (reason == "RECONNECTED" and room.name in self._held):
            self._held.discard(room.name)
            super()._tell_state(room, reason, code)

    def _lost(self, room: Room) -> None:
        failed = room.state is State.RECONNECTING
        super()._lost(room)
        if failed and room.name in self._held:
            self._held.discard(room.name)
            super()._tell_state(room, State.RECONNECTING.value, INTERRUPTED)


@defect("loss-noticed-late", "reconnect", "ZX-RECONNECT-1")
class _LossNoticedLate(ClientMachine):
    """A silent server is believed to be there for twice as long as it may."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, replace(timings, silence=2 * timings.silence))


@defect("silence-unnoticed", "reconnect", "ZX-QUIET-2", "ZX-RECONNECT-1")
class _SilenceUnnoticed(ClientMachine):
    """Only a connection that is closed counts as lost, never one that has gone silent."""

    def _tick(self, room: Room) -> None:
        room.silent_at = max(room.silent_at, self.now + self.timings.silence)
        super()._tick(room)


@defect("kicks-itself", "reconnect", "ZX-RECONNECT-2")
class _KicksItself(ClientMachine):
    """A client that is back has a new device id, so that its own old session turns it away."""

    def _ask(self, room: Room) -> None:
        known = self.device
        if room.state is State.RECONNECTING:
            self.device = f"{known}, again"
        super()._ask(room)
        self.device = known


@defect("one-room-reconnects", "several rooms", "ZX-ROOMS-1", "ZX-RECONNECT-1")
class _OneRoomReconnects(ClientMachine):
    """Of a client in several rooms an outage is told for the first of them only."""

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        joined = [other for other in self._rooms.values() if other.state not in OUTSIDE]
        if reason not in ("RECONNECTING", "RECONNECTED") or room is joined[0]:
            super()._tell_state(room, reason, code)


@defect("tries-on-after-giving-up", "retry timeout", "ZX-RECONNECT-8", "ZX-RECONNECT-9")
class _TriesOnAfterGivingUp(ClientMachine):
    """After RECONNECT_FAILED the retries go on and bring the client back."""

    moves: ClassVar[Moves] = {
        **MOVES,
        (State.RECONNECT_FAILED, Cause.ACCEPTED): MOVES[State.RECONNECTING, Cause.ACCEPTED],
        (State.RECONNECT_FAILED, Cause.DENIED): MOVES[State.RECONNECTING, Cause.DENIED],
        (State.RECONNECT_FAILED, Cause.KICKED): MOVES[State.RECONNECTING, Cause.KICKED],
    }

    def _tick(self, room: Room) -> None:
        trying = room.state is State.RECONNECTING
        super()._tick(room)
        if trying and room.state is State.RECONNECT_FAILED:
            room.stage = Stage.WAITING
            room.retry_at = self.now + self.timings.retry_interval

    def _enter(self, room: Room, token: str) -> None:
        if room.state is State.RECONNECT_FAILED:
            self._stop(room)
        super()._enter(room, token)
