"""The client's state machine, without I/O, clock and randomness.

`handle(input, now)` takes what happened and the time in microseconds and returns what to do, in order; `next_deadline`
says when a `Tick` is due at the latest (an early or needless tick does no harm). So does the server's.

The states move by the table MOVES and nowhere else. Beneath them each room has a stage, which says how far its link
is; stages are never told.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Any, ClassVar

from roomcheck.reference.events import (
    STATE_CALLBACK,
    USERS_CALLBACK,
    ClientInput,
    Close,
    Connect,
    Effect,
    Lost,
    Opened,
    Received,
    Refuse,
    SdkCall,
    Send,
    Tell,
    Tick,
)
from roomcheck.reference.wire import (
    ALREADY_IN_ROOM,
    HEARTBEAT,
    INTERRUPTED,
    NOT_IN_ROOM,
    OK,
    RETRY_TIMEOUT,
    Message,
    Timings,
)


class State(Enum):
    """The contract's states; the value is the reason that callbacks carry."""

    LOGINING = "LOGINING"
    LOGINED = "LOGINED"
    LOGIN_FAILED = "LOGIN_FAILED"
    RECONNECTING = "RECONNECTING"
    RECONNECTED = "RECONNECTED"
    RECONNECT_FAILED = "RECONNECT_FAILED"
    KICK_OUT = "KICK_OUT"
    LOGOUT = "LOGOUT"


class Cause(Enum):
    """What moves a client's state."""

    LOGIN = auto()  # the application calls
    LOGOUT = auto()
    ACCEPTED = auto()  # the server answers
    DENIED = auto()
    KICKED = auto()
    LOST = auto()  # the link ended or went silent
    GAVE_UP = auto()  # the retry timeout passed


Moves = dict[tuple[State, Cause], tuple[State, int | None]]

OUTSIDE = (State.LOGOUT, State.LOGIN_FAILED, State.RECONNECT_FAILED, State.KICK_OUT)
INSIDE = (State.LOGINED, State.RECONNECTED)
TRYING = (State.LOGINING, State.RECONNECTING)

# (state, cause) -> (state, code); code None: the server's
MOVES: Moves = {
    **{(state, Cause.LOGIN): (State.LOGINING, OK) for state in OUTSIDE},
    **{(state, Cause.LOGOUT): (State.LOGOUT, OK) for state in INSIDE + TRYING},
    **{(state, Cause.LOST): (State.RECONNECTING, INTERRUPTED) for state in INSIDE},
    **{(state, Cause.KICKED): (State.KICK_OUT, None) for state in (*INSIDE, State.RECONNECTING)},
    (State.LOGINING, Cause.ACCEPTED): (State.LOGINED, OK),
    (State.LOGINING, Cause.DENIED): (State.LOGIN_FAILED, None),
    (State.LOGINING, Cause.GAVE_UP): (State.LOGIN_FAILED, RETRY_TIMEOUT),
    (State.RECONNECTING, Cause.ACCEPTED): (State.RECONNECTED, OK),
    (State.RECONNECTING, Cause.DENIED): (State.RECONNECT_FAILED, None),  # its token expired meanwhile
    (State.RECONNECTING, Cause.GAVE_UP): (State.RECONNECT_FAILED, RETRY_TIMEOUT),
}


class Stage(Enum):
    """How far a room's link is."""

    NONE = auto()
    WAITING = auto()  # for the next attempt
    CONNECTING = auto()  # until the server's hello
    ASKED = auto()  # logged in or resumed, not answered yet
    ONLINE = auto()
    LEAVING = auto()  # said bye, not answered yet


@dataclass(slots=True)
class Room:
    """A room as one client knows it; `known` is the member list that the application was told."""

    name: str
    state: State = State.LOGOUT
    stage: Stage = Stage.NONE
    token: str = ""
    link: int | None = None
    session: str | None = None
    asked: int = 0  # the number of the login that waits for its answer
    known: set[str] = field(default_factory=set)
    retry_at: int = 0  # CONNECTING, ASKED, WAITING: the next attempt; LEAVING: when to stop waiting for the answer
    give_up_at: int | None = None
    beat_at: int = 0
    silent_at: int = 0

    def deadline(self) -> int | None:
        """When something is due if nothing happens."""
        if self.stage is Stage.NONE:
            return None
        if self.stage is Stage.ONLINE:
            return min(self.beat_at, self.silent_at)
        if self.give_up_at is None or self.retry_at < self.give_up_at:
            return self.retry_at
        return self.give_up_at


class ClientMachine:
    """One client of one user: any number of rooms, each with a link and a state of its own.

    `device` tells this client from every other one of the same user.
    """

    moves: ClassVar[Moves] = MOVES

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        self.user = user
        self.device = device
        self.timings = timings
        self.now = 0
        self._rooms: dict[str, Room] = {}
        self._links: dict[int, Room] = {}
        self._numbers = count(1)
        self._effects: list[Effect] = []

    def handle(self, event: ClientInput, now: int) -> list[Effect]:
        """What to do about this input."""
        self.now = now
        match event:  # the most frequent first
            case Tick():
                for known in list(self._rooms.values()):
                    self._tick(known)
            case Received():
                if (room := self._links.get(event.link)) is not None and event.message is not None:
                    self._receive(room, event.message)
            case Lost():
                if (room := self._links.pop(event.link, None)) is not None:
                    room.link = None
                    self._lost(room)
            case Opened():
                if (room := self._links.get(event.link)) is not None:
                    room.retry_at = now + self.timings.retry_interval
            case SdkCall():
                self._call(event.operation, event.arguments)
        effects, self._effects = self._effects, []
        return effects

    def next_deadline(self) -> int | None:
        """When a Tick is due at the latest, if nothing comes before."""
        earliest: int | None = None
        for room in self._rooms.values():
            due = room.deadline()
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    def states(self) -> dict[str, str]:
        """The state that was last told, of each room that was ever named."""
        return {room.name: room.state.value for room in self._rooms.values()}

    # what the application asks for

    def _call(self, operation: str, arguments: dict[str, str]) -> None:
        match operation:
            case "loginRoom":
                self._login_room(self._room(arguments["room"]), arguments["token"])
            case "logoutRoom":
                self._logout_room(self._room(arguments["room"]))
            case "switchRoom":
                source, target = self._room(arguments["from"]), self._room(arguments["to"])
                self._switch_room(source, target, arguments["token"])
            case _:
                raise LookupError(f"no operation {operation!r}")

    def _login_room(self, room: Room, token: str) -> None:
        if room.state not in OUTSIDE:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            self._enter(room, token)

    def _logout_room(self, room: Room) -> None:
        if room.state in OUTSIDE:
            self._tell_state(room, "LOGOUT_FAILED", NOT_IN_ROOM)
        else:
            self._leave(room)

    def _switch_room(self, source: Room, target: Room, token: str) -> None:
        if source.state in OUTSIDE:
            self._effects.append(Refuse(NOT_IN_ROOM))
        elif target.state not in OUTSIDE:
            self._effects.append(Refuse(ALREADY_IN_ROOM))
        else:
            self._leave(source)
            self._enter(target, token)

    def _enter(self, room: Room, token: str) -> None:
        room.token = token
        room.session = None
        room.known = set()
        self._move(room, Cause.LOGIN)
        room.give_up_at = self._give_up_at(room)
        if room.stage is Stage.LEAVING:  # behind the bye on the same link, so that the server sees them in this order
            self._ask(room)
        else:
            self._attempt(room)

    def _leave(self, room: Room) -> None:
        if room.stage in (Stage.ASKED, Stage.ONLINE) and room.link is not None:
            self._effects.append(Send(room.link, {"t": "bye"}))
            room.stage = Stage.LEAVING
            room.retry_at = self.now + self.timings.silence
            room.give_up_at = None
        else:
            self._stop(room)
        self._move(room, Cause.LOGOUT)

    # the link and what comes over it

    def _attempt(self, room: Room) -> None:
        room.link = next(self._numbers)
        self._links[room.link] = room
        room.stage = Stage.CONNECTING
        room.retry_at = self.now + self.timings.retry_interval
        self._effects.append(Connect(room.link))

    def _ask(self, room: Room) -> None:
        assert room.link is not None
        room.stage = Stage.ASKED
        # the server was there just now, so the answer gets as long again
        room.retry_at = self.now + self.timings.retry_interval
        room.asked = next(self._numbers)
        message = {
            "t": "login",
            "user": self.user,
            "device": self.device,
            "n": room.asked,
            "room": room.name,
            "token": room.token,
            "session": room.session,
        }
        self._effects.append(Send(room.link, message))

    def _receive(self, room: Room, message: Message) -> None:
        room.silent_at = self.now + self.timings.silence
        if message is HEARTBEAT:  # nearly all messages are this one
            return
        match (room.stage, message.get("t")):
            case (Stage.CONNECTING, "hello"):
                self._ask(room)
            case (Stage.ASKED, "in") if message["n"] == room.asked:
                self._accepted(room, message["session"], set(message["users"]), whole=message["whole"])
            case (Stage.ASKED, "no") if message["n"] == room.asked:
                self._stop(room)
                self._move(room, Cause.DENIED, message["code"])
            case (Stage.ASKED | Stage.ONLINE, "out") if room.state is not State.LOGINING:  # else about a login before
                self._kicked(room, message["code"])
            case (Stage.ONLINE, "add"):
                self._update(room, {message["user"]} - room.known, set())
            case (Stage.ONLINE, "del"):
                self._update(room, set(), {message["user"]} & room.known)
            case (Stage.ONLINE, "list"):
                self._listed(room, set(message["users"]))
            case (Stage.LEAVING, "gone"):
                self._stop(room)
            case _:
                pass

    def _accepted(self, room: Room, session: str, users: set[str], *, whole: bool) -> None:
        room.stage = Stage.ONLINE
        room.session = session
        room.give_up_at = None
        room.beat_at = self.now + self.timings.beat
        self._move(room, Cause.ACCEPTED)
        self._listed(room, users if whole else users | room.known)

    def _listed(self, room: Room, users: set[str]) -> None:
        """The server's whole list: the application is told the difference."""
        self._update(room, users - room.known, room.known - users)

    def _kicked(self, room: Room, code: int) -> None:
        self._stop(room)
        self._move(room, Cause.KICKED, code)

    def _update(self, room: Room, new: set[str], gone: set[str]) -> None:
        room.known = (room.known - gone) | new
        if gone:
            self._tell_users(room, "DELETE", sorted(gone))
        if new:
            self._tell_users(room, "ADD", sorted(new))

    def _lost(self, room: Room) -> None:
        if room.stage is Stage.ONLINE:
            room.stage = Stage.WAITING
            room.retry_at = self.now + self.timings.retry_interval
            self._move(room, Cause.LOST)
            room.give_up_at = self._give_up_at(room)
        elif room.stage is Stage.LEAVING:
            room.stage = Stage.NONE
        else:
            room.stage = Stage.WAITING

    def _give_up_at(self, room: Room) -> int | None:  # noqa: ARG002 - a defect looks at the room
        return self.now + self.timings.retry_timeout

    def _tick(self, room: Room) -> None:
        if room.stage is Stage.NONE:
            return
        if room.give_up_at is not None and self.now >= room.give_up_at:
            self._stop(room)
            self._move(room, Cause.GAVE_UP)
        elif room.stage is Stage.ONLINE:
            slept = self.now - room.silent_at
            if slept > self.timings.beat // 8:
                # this very process did not run when it should have: its own sleep is no silence of the server's
                room.silent_at = self.now + min(slept, self.timings.beat)
            if self.now >= room.silent_at:
                self._close(room)
                self._lost(room)
            elif self.now >= room.beat_at and room.link is not None:
                room.beat_at = self.now + self.timings.beat
                self._effects.append(Send(room.link, HEARTBEAT))
        elif self.now >= room.retry_at:
            self._close(room)
            if room.stage is Stage.LEAVING:
                room.stage = Stage.NONE
            else:
                self._attempt(room)

    def _stop(self, room: Room) -> None:
        self._close(room)
        room.stage = Stage.NONE
        room.give_up_at = None

    def _close(self, room: Room) -> None:
        if room.link is not None:
            del self._links[room.link]
            self._effects.append(Close(room.link))
            room.link = None

    # what the application is told

    def _move(self, room: Room, cause: Cause, code: int | None = None) -> None:
        room.state, fixed = self.moves[room.state, cause]
        self._tell_state(room, room.state.value, code if fixed is None else fixed)

    def _tell_state(self, room: Room, reason: str, code: int | None) -> None:
        fields: dict[str, Any] = {"roomID": room.name, "reason": reason, "errorCode": code, "extendedData": {}}
        self._effects.append(Tell(STATE_CALLBACK, fields))

    def _tell_users(self, room: Room, update: str, users: list[str]) -> None:
        fields: dict[str, Any] = {"roomID": room.name, "updateType": update, "users": [{"userID": u} for u in users]}
        self._effects.append(Tell(USERS_CALLBACK, fields))

    def _room(self, name: str) -> Room:
        return self._rooms.setdefault(name, Room(name))
