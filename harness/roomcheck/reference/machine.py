"""The room's two state machines, without I/O, clock and randomness.

`handle(input, now)` takes what happened and the time in microseconds and returns what to do, in order; `next_deadline`
says when a `Tick` is due at the latest (an early or needless tick does no harm). Links are numbers: the client's
machine chooses them when it connects, the server's driver when it accepts.

The client's states move by the table MOVES and nowhere else. Beneath them each room has a stage, which says how far
its link is; stages are never told.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Any, ClassVar

from roomcheck.reference.wire import (
    ALREADY_IN_ROOM,
    BAD_TOKEN,
    HEARTBEAT,
    INTERRUPTED,
    KICKED,
    LOGGED_IN_ELSEWHERE,
    NOT_IN_ROOM,
    OK,
    RETRY_TIMEOUT,
    Message,
    Timings,
    token_expiry,
    token_is_genuine,
)

STATE_CALLBACK = "onRoomStateChanged"
USERS_CALLBACK = "onRoomUserUpdate"

# Inputs and effects are values that nobody changes, but not frozen: a frozen dataclass takes twice as long to make
# (0.28 against 0.14 us), and twenty minutes in a simulation make two thousand of them.

# --- inputs -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Call:
    """The application calls the client's SDK: loginRoom, logoutRoom, switchRoom."""

    operation: str
    arguments: dict[str, str]


@dataclass(slots=True)
class Opened:
    """The link was accepted."""

    link: int


@dataclass(slots=True)
class Received:
    """A message came; None: a line that is no message."""

    link: int
    message: Message | None


@dataclass(slots=True)
class Lost:
    """The link ended: FIN, RST, or it never came about. Not told of a link that the machine itself closed."""

    link: int


@dataclass(slots=True)
class Tick:
    """Time has passed."""


# --- effects ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Connect:
    """Open this link to the server (client)."""

    link: int


@dataclass(slots=True)
class Send:
    link: int
    message: Message


@dataclass(slots=True)
class Close:
    """Send what was handed over, then close; nothing more is told of the link."""

    link: int


@dataclass(slots=True)
class Tell:
    """Fire this callback of the SDK (client)."""

    callback: str
    fields: dict[str, Any]


@dataclass(slots=True)
class Refuse:
    """The call is refused with this code and changes nothing (client)."""

    code: int


ClientInput = Call | Opened | Received | Lost | Tick
ServerInput = Opened | Received | Lost | Tick
Effect = Connect | Send | Close | Tell | Refuse

# --- the client -------------------------------------------------------------------------------------------------------


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
            case Call():
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


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Session:
    """A client's membership of a room. An ended one is remembered for as long as its client may still ask for it."""

    id: str
    user: str
    device: str
    room: str
    n: int
    link: int | None
    heard_at: int
    whole: bool = True  # its client knows the whole member list
    ended: bool = False
    code: int | None = None  # what its client shall be told when it asks for a session that has ended


class ServerMachine:
    """All rooms of one server. `epoch` tells this life of the server from the ones before: sessions do not survive.

    A server that was killed has forgotten who is where, but nobody left: until a heartbeat timeout after its start a
    client that comes back is not told that those are gone who have not come back yet, but is told of those who came
    back and left again, or were kicked. A kick holds also for who has not come back yet.
    """

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        self.epoch = epoch
        self.timings = timings
        self.now = started
        self._recovered_at = started + timings.heartbeat_timeout
        self._rooms: dict[str, dict[tuple[str, str], Session]] = {}  # room -> user and device -> session
        self._users: dict[str, list[Session]] = {}  # user -> sessions that live or are remembered
        self._departed: set[tuple[str, str]] = set()  # user and room: who left before everybody is back or gone
        self._kicked: set[tuple[str, str]] = set()  # user and room: who was kicked then, and was not back itself
        self._links: dict[int, Session | None] = {}
        self._unused: dict[int, int] = {}  # links that serve no session, and since when; some serve one again
        self._numbers = count(1)
        self._alarms: list[tuple[int, int, Callable[[], None]]] = []
        self._effects: list[Effect] = []
        self._alarm(self._recovered_at, self._complete)

    def handle(self, event: ServerInput, now: int) -> list[Effect]:
        """What to do about this input."""
        self.now = now
        match event:  # the most frequent first
            case Received():
                if event.link in self._links:
                    self._receive(event.link, event.message)
            case Opened():
                self._open(event.link)
            case Lost():
                session = self._links.pop(event.link, None)
                if session is not None:
                    self._unlinked(session)
            case Tick():
                while self._alarms and self._alarms[0][0] <= now:
                    heapq.heappop(self._alarms)[2]()
        effects, self._effects = self._effects, []
        return effects

    def next_deadline(self) -> int | None:
        return self._alarms[0][0] if self._alarms else None

    # links

    def _open(self, link: int) -> None:
        self._effects.append(Send(link, {"t": "hello"}))
        self._release(link)

    def _release(self, link: int) -> None:
        """The link serves no session (any more); its client closes it, and if it does not, we do.

        Closing at once could cost the client the last message: unread heartbeats make the system send a reset.
        """
        if not self._unused:
            self._alarm(self.now + self.timings.heartbeat_timeout, self._sweep)
        self._links[link] = None
        self._unused[link] = self.now

    def _sweep(self) -> None:
        """Close the links that serve no session for a heartbeat timeout; none is left after two of them."""
        released, self._unused = self._unused, {}
        for link, since in released.items():
            if self._links.get(link, self) is not None:
                continue
            if since + self.timings.heartbeat_timeout <= self.now:
                self._close(link)
            else:
                self._unused[link] = since
        if self._unused:
            self._alarm(self.now + self.timings.heartbeat_timeout, self._sweep)

    def _unlinked(self, session: Session) -> None:
        """The client's link ended: its session goes on until the heartbeat timeout."""
        session.link = None

    def _receive(self, link: int, message: Message | None) -> None:
        session = self._links[link]
        if session is not None:
            session.heard_at = self.now
        if message is HEARTBEAT:  # nearly all messages are this one
            self._effects.append(Send(link, HEARTBEAT))
            return
        match message:
            case {
                "t": "login",
                "user": str(user),
                "device": str(device),
                "n": int(n),
                "room": str(room),
                "token": str(token),
                "session": None | str() as wanted,
            } if session is None:
                self._login(Session("", user, device, room, n, link, self.now), token, wanted)
            case {"t": "bye"}:
                if session is not None:
                    self._logout(session)
                self._effects.append(Send(link, {"t": "gone"}))
            case {"t": "kick", "user": str(user), "room": str(room)}:
                self._kick(user, room)
                self._effects.append(Send(link, {"t": "done"}))
            case _:
                if session is not None:
                    session.link = None
                self._close(link)

    def _close(self, link: int) -> None:
        self._links.pop(link, None)
        self._effects.append(Close(link))

    # sessions

    def _login(self, asked: Session, token: str, wanted: str | None) -> None:
        """A login (`wanted` None), or a client that is back and wants its session, or as good a new one, silently."""
        assert asked.link is not None
        mine = self._rooms.get(asked.room, {}).get((asked.user, asked.device))
        before = next((s for s in self._of(asked.user) if s.id == wanted), None)
        foreign = wanted is not None and not wanted.startswith(f"{self.epoch}.")  # of a life before
        if mine is not None and mine.n >= asked.n:  # an older attempt of the same device, overtaken
            self._close(asked.link)
        elif mine is not None and self._may_enter(token, asked.user, wanted):
            self._bind(mine, asked.link, asked.n)
        elif before is not None and before.code is not None:
            self._turn_away(asked.link, before.code)
        elif foreign and (asked.user, asked.room) in self._kicked:
            self._turn_away(asked.link, KICKED)
        elif wanted is not None and self._others_of(asked):
            self._turn_away(asked.link, LOGGED_IN_ELSEWHERE)
        elif not self._may_enter(token, asked.user, wanted):
            self._effects.append(Send(asked.link, {"t": "no", "n": asked.n, "code": BAD_TOKEN}))
        else:
            asked.whole = not foreign or self.now >= self._recovered_at
            self._enter(asked)

    def _may_enter(self, token: str, user: str, wanted: str | None) -> bool:
        """Whether the token is good; one that expired meanwhile still brings its owner back."""
        return token_is_genuine(token, user) and (wanted is not None or token_expiry(token) > self.now)

    def _turn_away(self, link: int, code: int) -> None:
        self._effects.append(Send(link, {"t": "out", "code": code}))
        self._release(link)

    def _enter(self, session: Session) -> None:
        assert session.link is not None
        session.id = f"{self.epoch}.{next(self._numbers)}"
        was_here = self._is_here(session.user, session.room)
        self._rooms.setdefault(session.room, {})[session.user, session.device] = session
        self._users.setdefault(session.user, []).append(session)
        self._departed.discard((session.user, session.room))
        self._alarm(self.now + self._patience(), lambda: self._check(session))
        self._supersede(session)
        self._bind(session, session.link, session.n)
        if not was_here:
            self._announce("add", session)

    def _supersede(self, session: Session) -> None:
        """One user, one device: the sessions of the others end."""
        for other in self._of(session.user):
            if other.device != session.device:
                self._expel(other, LOGGED_IN_ELSEWHERE)

    def _bind(self, session: Session, link: int, n: int) -> None:
        if session.link is not None and session.link != link:
            self._close(session.link)
        session.link, session.n, session.heard_at = link, n, self.now
        self._links[link] = session
        users = self._list(session)
        message = {"t": "in", "n": n, "session": session.id, "users": users, "whole": session.whole}
        self._effects.append(Send(link, message))
        if not session.whole:
            left = sorted(user for user, room in self._departed if room == session.room)
            self._effects += [Send(link, {"t": "del", "user": user}) for user in left]

    def _complete(self) -> None:
        """Who has not come back by now is gone."""
        self._departed.clear()
        for room in self._rooms.values():
            for session in room.values():
                if not session.whole:
                    session.whole = True
                    if session.link is not None:
                        self._effects.append(Send(session.link, {"t": "list", "users": self._list(session)}))

    def _check(self, session: Session) -> None:
        """The heartbeat alarm of a session: drop it, or look again when it may be due."""
        if session.ended:
            return
        due = session.heard_at + self._patience()
        if due > self.now:
            self._alarm(due, lambda: self._check(session))
        else:
            self._end(session, remember=True)

    def _patience(self) -> int:
        return self.timings.heartbeat_timeout

    def _logout(self, session: Session) -> None:
        if session.link is not None:
            self._release(session.link)
            session.link = None
        self._end(session, remember=False)

    def _kick(self, user: str, room: str) -> None:
        for session in self._of(user):
            if session.room == room:
                self._expel(session, KICKED)
        if self.now < self._recovered_at and not self._is_here(user, room):  # it may be on its way back
            self._kicked.add((user, room))
            self._depart(Session("", user, "", room, 0, None, self.now))
            self._alarm(self._remembered_until(), lambda: self._kicked.discard((user, room)))

    def _expel(self, session: Session, code: int) -> None:
        """The client is told now if it can be reached, and in any case when it asks for its session again."""
        if session.code is None:
            session.code = code
        if not session.ended:
            if session.link is not None:
                self._turn_away(session.link, code)
                session.link = None
            self._end(session, remember=True)

    def _end(self, session: Session, *, remember: bool) -> None:
        session.ended = True
        if session.link is not None:
            self._close(session.link)
            session.link = None
        room = self._rooms[session.room]
        del room[session.user, session.device]
        if not room:
            del self._rooms[session.room]
        if not self._is_here(session.user, session.room):
            self._depart(session)
        if remember:
            self._alarm(self._remembered_until(), lambda: self._forget(session))
        else:
            self._forget(session)

    def _depart(self, session: Session) -> None:
        """Its user is in the room no more."""
        self._announce("del", session)
        if self.now < self._recovered_at:
            self._departed.add((session.user, session.room))

    def _remembered_until(self) -> int:
        """For as long as a client may go on asking: it notices the loss late and then retries."""
        return self.now + self.timings.retry_timeout + 2 * self.timings.silence

    def _forget(self, session: Session) -> None:
        sessions = self._users[session.user]
        sessions.remove(session)
        if not sessions:
            del self._users[session.user]

    # who is where

    def _of(self, user: str) -> list[Session]:
        return list(self._users.get(user, ()))

    def _others_of(self, session: Session) -> list[Session]:
        return [s for s in self._of(session.user) if s.device != session.device and not s.ended]

    def _in(self, room: str) -> Iterable[Session]:
        return self._rooms.get(room, {}).values()

    def _is_here(self, user: str, room: str) -> bool:
        return any(s.user == user for s in self._in(room))

    def _list(self, session: Session) -> list[str]:
        return sorted({s.user for s in self._in(session.room)} - {session.user})

    def _announce(self, what: str, session: Session) -> None:
        for link in self._audience(session):
            self._effects.append(Send(link, {"t": what, "user": session.user}))

    def _audience(self, session: Session) -> Iterator[int]:
        return (s.link for s in self._in(session.room) if s.user != session.user and s.link is not None)

    def _alarm(self, at: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._alarms, (at, next(self._numbers), act))
