"""A second room that keeps the ZEGO contract, written from the contract alone, without I/O.

It speaks in the inputs and effects of the reference room's machines, so that it is played on sockets and in virtual
time alike, and shares nothing else with them. What it does otherwise, where the contract leaves it open:

- One link serves all rooms of a client. The server pings, the client answers; nobody greets, a login goes out at once.
- LOGOUT is told when the server has answered, or when it cannot any more; a wrong room is refused by the call's result.
- A connection that broke is replaced at once, and nothing is told if that takes but a moment.
- Who comes from a second device, or anew, is dropped and added, and the others hear both before it is answered.
- A switch tells LOGINING of the new room before LOGOUT of the old one.
- Of members whole lists are sent, never what changed. A kick of who is not there (any more) does nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

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
    ServerInput,
    Tell,
    Tick,
)
from roomcheck.reference.wire import (
    ALREADY_IN_ROOM,
    BAD_TOKEN,
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

INSIDE = ("LOGINED", "RECONNECTED")
TRYING = ("LOGINING", "RECONNECTING")
NEVER = 1 << 62


@dataclass(slots=True)
class Place:
    """A room as a client knows it. A time that is NEVER is not waited for."""

    name: str
    state: str = "LOGOUT"
    token: str = ""
    session: str | None = None
    n: int = 0  # of the request that was sent last
    known: set[str] = field(default_factory=set)
    answer_by: int = NEVER  # a login was sent; then the link counts as lost
    gone_at: int = NEVER  # a goodbye was sent; then it counts as answered
    quiet_until: int = NEVER  # the link is being replaced; then that is told
    give_up_at: int = NEVER

    @property
    def wanted(self) -> bool:
        return self.state in INSIDE + TRYING

    @property
    def leaving(self) -> bool:
        return self.gone_at != NEVER


class Client:
    """One client of one user, as the reference room's drivers want it."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        self.user = user
        self.device = device
        self.timings = timings
        self.now = 0
        self.places: dict[str, Place] = {}
        self.link: int | None = None
        self.up = False
        self.silent_at = NEVER
        self.retry_at = NEVER  # without a link, or with one that is not up
        self.numbers = count(1)
        self.effects: list[Effect] = []

    def handle(self, event: ClientInput, now: int) -> list[Effect]:
        self.now = now
        match event:
            case SdkCall(operation, arguments):
                self.call(operation, arguments)
            case Opened(link) if link == self.link:
                self.up = True
                self.silent_at = now + self.timings.silence
                for place in self.places.values():
                    if place.wanted:
                        self.ask(place)
            case Received(link, message) if link == self.link and message is not None:
                self.silent_at = now + self.timings.silence
                self.receive(message)
            case Lost(link) if link == self.link:
                self.link = None
                self.lost()
            case Tick():
                self.tick()
        if self.link is not None and not any(place.wanted for place in self.places.values()):
            self.drop()
        effects, self.effects = self.effects, []
        return effects

    def next_deadline(self) -> int | None:
        times = [t for p in self.places.values() for t in (p.answer_by, p.gone_at, p.quiet_until, p.give_up_at)]
        earliest = min([*times, self.silent_at if self.up else self.retry_at])
        return earliest if earliest < NEVER else None

    def states(self) -> dict[str, str]:
        return {name: place.state for name, place in self.places.items()}

    # what the application asks for

    def call(self, operation: str, arguments: dict[str, str]) -> None:
        place = self.place(arguments.get("room") or arguments["from"])
        if operation == "loginRoom":
            if place.wanted:
                self.effects.append(Refuse(ALREADY_IN_ROOM))
            else:
                self.enter(place, arguments["token"])
        elif not place.wanted:
            self.effects.append(Refuse(NOT_IN_ROOM))
        elif operation == "logoutRoom":
            self.leave(place)
        else:
            self.switch(place, self.place(arguments["to"]), arguments["token"])

    def switch(self, source: Place, target: Place, token: str) -> None:
        if target.wanted:
            self.effects.append(Refuse(ALREADY_IN_ROOM))
            return
        target.token = token
        self.tell(target, "LOGINING", OK)
        self.leave(source)
        self.enter(target, token, told=True)

    def enter(self, place: Place, token: str, *, told: bool = False) -> None:
        place.token, place.session, place.known = token, None, set()
        place.give_up_at = self.now + self.timings.retry_timeout
        if not told:
            self.tell(place, "LOGINING", OK)
        if self.up:
            self.ask(place)
        elif self.link is None:
            self.connect()

    def leave(self, place: Place) -> None:
        if place.leaving:
            return
        if self.up and place.state != "RECONNECTING":
            place.n = next(self.numbers)
            place.gone_at = self.now + self.timings.retry_interval * 4 // 5
            place.answer_by = NEVER
            self.send("leave", room=place.name, device=self.device, user=self.user, n=place.n)
        else:
            self.end(place, "LOGOUT", OK)

    # the link

    def connect(self) -> None:
        self.link = next(self.numbers)
        self.up = False
        self.retry_at = self.now + self.timings.retry_interval
        self.effects.append(Connect(self.link))

    def drop(self) -> None:
        assert self.link is not None
        self.effects.append(Close(self.link))
        self.link = None
        self.up = False
        self.retry_at = NEVER

    def lost(self) -> None:
        """The link is gone: another one at once, unless this one never served."""
        served = self.up and all(p.answer_by == NEVER for p in self.places.values())
        self.up = False
        for place in list(self.places.values()):
            if place.leaving:
                self.end(place, "LOGOUT", OK)
            elif place.state in INSIDE and served:
                place.quiet_until = self.now + self.timings.retry_interval // 20
            elif place.state in INSIDE:
                self.interrupted(place)
            place.answer_by = NEVER
        if not any(place.wanted for place in self.places.values()):
            self.retry_at = NEVER
        elif served:
            self.connect()
        else:
            self.retry_at = max(self.now, self.retry_at)

    def interrupted(self, place: Place) -> None:
        place.quiet_until = NEVER
        place.give_up_at = self.now + self.timings.retry_timeout
        self.tell(place, "RECONNECTING", INTERRUPTED)

    def tick(self) -> None:
        for place in list(self.places.values()):
            if self.now >= place.give_up_at:
                self.end(place, "LOGIN_FAILED" if place.state == "LOGINING" else "RECONNECT_FAILED", RETRY_TIMEOUT)
            elif self.now >= place.gone_at:
                self.end(place, "LOGOUT", OK)
            elif self.now >= place.quiet_until:
                self.interrupted(place)
        unanswered = any(self.now >= place.answer_by for place in self.places.values())
        if self.up and (unanswered or self.now >= self.silent_at):
            self.drop()
            self.up = True  # it was, until now
            self.retry_at = self.now
            self.lost()
        if not self.up and self.now >= self.retry_at:
            self.retry_at = NEVER
            if self.link is not None:
                self.drop()
            if any(place.wanted for place in self.places.values()):
                self.connect()

    def ask(self, place: Place) -> None:
        place.n = next(self.numbers)
        place.answer_by = self.now + self.timings.retry_interval
        self.send(
            "enter", room=place.name, user=self.user, device=self.device, n=place.n, token=place.token,
            session=place.session,
        )  # fmt: skip

    def send(self, what: str, **fields: Any) -> None:
        assert self.link is not None
        self.effects.append(Send(self.link, {"t": what, **fields}))

    def receive(self, message: Message) -> None:
        if message["t"] == "ping":
            self.send("pong")
            return
        place = self.place(message["room"])
        match message["t"]:
            case "in" if message["n"] == place.n and place.wanted and not place.leaving:
                self.accepted(place, message["session"])
            case "list" if place.state in INSIDE:
                self.listed(place, set(message["users"]), set(message["gone"]), whole=message["whole"])
            case "no" if message["n"] == place.n and place.state == "LOGINING":
                self.end(place, "LOGIN_FAILED", message["code"])
            case "out" if message["session"] == place.session and place.wanted:
                self.end(place, "KICK_OUT", message["code"])
            case "left" if message["n"] == place.n and place.leaving:
                self.end(place, "LOGOUT", OK)

    def accepted(self, place: Place, session: str) -> None:
        place.session = session
        place.answer_by = place.quiet_until = place.give_up_at = NEVER
        if place.state in TRYING:
            self.tell(place, "LOGINED" if place.state == "LOGINING" else "RECONNECTED", OK)

    def listed(self, place: Place, users: set[str], gone: set[str], *, whole: bool) -> None:
        users = users - {self.user}
        lost = place.known - users if whole else (place.known & gone) - users
        new = users - place.known
        place.known = (place.known - lost) | new
        for update, names in (("DELETE", lost), ("ADD", new)):
            if names:
                self.update(place, update, names)

    # what the application is told

    def end(self, place: Place, state: str, code: int) -> None:
        place.answer_by = place.gone_at = place.quiet_until = place.give_up_at = NEVER
        place.session = None
        self.tell(place, state, code)

    def tell(self, place: Place, state: str, code: int) -> None:
        place.state = state
        fields = {"roomID": place.name, "reason": state, "errorCode": code, "extendedData": {}}
        self.effects.append(Tell(STATE_CALLBACK, fields))

    def update(self, place: Place, update: str, users: Iterable[str]) -> None:
        named = [{"userID": user} for user in sorted(users)]
        self.effects.append(Tell(USERS_CALLBACK, {"roomID": place.name, "updateType": update, "users": named}))

    def place(self, name: str) -> Place:
        return self.places.setdefault(name, Place(name))


@dataclass(slots=True, eq=False)
class Session:
    id: str
    room: str
    user: str
    device: str
    link: int | None
    heard_at: int


class Server:
    """All rooms of one server; one session for each user in a room.

    Until a heartbeat timeout after its start it knows only who came and who went since then: who was there before may
    still come back, so its lists say who is surely gone, and are whole only afterwards.
    """

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        self.epoch = epoch
        self.timings = timings
        self.now = started
        self.links: set[int] = set()
        self.sessions: dict[tuple[str, str], Session] = {}  # by room and user
        self.newest: dict[tuple[str, str], int] = {}  # device and room -> the number of its last request
        self.ended: dict[str, int] = {}  # session -> why its client is turned away
        self.gone: set[tuple[str, str]] = set()  # room and user, until the lists are whole
        self.kicked: set[tuple[str, str]] = set()  # the same: kicked, and not seen since the start
        self.whole = False
        self.whole_at = started + timings.heartbeat_timeout
        self.ping_at = started
        self.due_at = self.whole_at
        self.numbers = count(1)
        self.effects: list[Effect] = []

    def handle(self, event: ServerInput, now: int) -> list[Effect]:
        self.now = now
        match event:
            case Opened(link):
                self.links.add(link)
            case Lost(link):
                self.links.discard(link)
                for session in self.over(link):
                    session.link = None
            case Received(link, message) if message is not None:
                for session in self.over(link):
                    session.heard_at = now
                self.receive(link, message)
            case Tick():
                self.tick()
        effects, self.effects = self.effects, []
        return effects

    def next_deadline(self) -> int | None:
        return min(self.ping_at, self.due_at)

    def over(self, link: int) -> list[Session]:
        return [session for session in self.sessions.values() if session.link == link]

    def receive(self, link: int, message: Message) -> None:
        match message:
            case {
                "t": "enter",
                "user": user,
                "device": device,
                "n": n,
                "room": room,
                "token": token,
                "session": wanted,
            }:
                if self.newest.get((device, room), 0) < n:
                    self.newest[device, room] = n
                    self.enter(link, n, room, user, device, token, wanted)
            case {"t": "leave", "user": user, "device": device, "n": n, "room": room}:
                self.newest[device, room] = n
                session = self.sessions.get((room, user))
                if session is not None and session.device == device:
                    self.end(session)
                self.send(link, "left", room=room, n=n)
            case {"t": "kick", "user": user, "room": room}:
                self.kick(user, room)
                self.send(link, "done")

    def enter(self, link: int, n: int, room: str, user: str, device: str, token: str, wanted: str | None) -> None:
        mine = self.sessions.get((room, user))
        others = [s for s in self.sessions.values() if s.user == user and s.device != device]
        foreign = wanted is not None and not wanted.startswith(self.epoch)
        if wanted is not None and wanted in self.ended:
            self.send(link, "out", room=room, session=wanted, code=self.ended[wanted])
        elif foreign and (room, user) in self.kicked:
            self.send(link, "out", room=room, session=wanted, code=KICKED)
        elif wanted is not None and others:
            self.turned_away(link, room, user, wanted)
        elif wanted is None and not (token_is_genuine(token, user) and token_expiry(token) > self.now):
            self.send(link, "no", room=room, n=n, code=BAD_TOKEN)
        else:
            for other in others:
                self.expel(other, LOGGED_IN_ELSEWHERE)
            if mine is not None and mine.device == device and wanted is None:
                self.end(mine)
            self.bind(link, n, room, user, device)

    def turned_away(self, link: int, room: str, user: str, wanted: str) -> None:  # noqa: ARG002  a defect asks
        """The user is there from another device."""
        self.send(link, "out", room=room, session=wanted, code=LOGGED_IN_ELSEWHERE)

    def bind(self, link: int, n: int, room: str, user: str, device: str) -> None:
        session = self.sessions.get((room, user))
        if session is None:
            session = Session(f"{self.epoch}.{next(self.numbers)}", room, user, device, link, self.now)
            self.sessions[room, user] = session
            self.due_at = min(self.due_at, self.now + self.timings.heartbeat_timeout)
            self.gone.discard((room, user))
            self.kicked.discard((room, user))
            self.tell_others(session)
            resumed = False
        else:
            session.link, session.heard_at = link, self.now
            resumed = True
        self.send(link, "in", room=room, n=n, session=session.id)
        self.tell_list(session, resumed=resumed)

    def kick(self, user: str, room: str) -> None:
        session = self.sessions.get((room, user))
        if session is not None:
            self.expel(session, KICKED)
        elif not self.whole and (room, user) not in self.gone:
            self.kicked.add((room, user))
            self.gone.add((room, user))
            self.changed(room)

    def expel(self, session: Session, code: int) -> None:
        self.ended[session.id] = code
        if session.link is not None:
            self.send(session.link, "out", room=session.room, session=session.id, code=code)
        self.end(session)

    def end(self, session: Session) -> None:
        del self.sessions[session.room, session.user]
        if not self.whole:
            self.gone.add((session.room, session.user))
        self.tell_others(session)

    def tell_others(self, session: Session) -> None:
        """That this one came or went."""
        self.changed(session.room, but=session)

    def changed(self, room: str, but: Session | None = None) -> None:
        for session in self.sessions.values():
            if session.room == room and session is not but:
                self.tell_list(session)

    def tell_list(self, session: Session, *, resumed: bool = False) -> None:  # noqa: ARG002  a defect asks
        if session.link is not None:
            users = sorted(user for room, user in self.sessions if room == session.room)
            gone = sorted(user for room, user in self.gone if room == session.room)
            self.send(session.link, "list", room=session.room, users=users, gone=gone, whole=self.whole)

    def tick(self) -> None:
        if self.now >= self.ping_at:
            self.ping_at = self.now + self.timings.beat
            for link in self.links:
                self.send(link, "ping")
        if self.now < self.due_at:
            return
        for session in list(self.sessions.values()):
            if self.now >= session.heard_at + self.timings.heartbeat_timeout:
                self.silent(session)
        if not self.whole and self.now >= self.whole_at:
            self.whole = True
            self.gone.clear()
            self.kicked.clear()
            for room in {session.room for session in self.sessions.values()}:
                self.changed(room)
        due = [session.heard_at + self.timings.heartbeat_timeout for session in self.sessions.values()]
        self.due_at = min([*due, NEVER if self.whole else self.whole_at])

    def silent(self, session: Session) -> None:
        """Not heard for the heartbeat timeout; who hears us all the same learns that it is out, and comes again."""
        self.end(session)
        if session.link in self.links:
            self.links.discard(session.link)
            self.effects.append(Close(session.link))

    def send(self, link: int, what: str, **fields: Any) -> None:
        self.effects.append(Send(link, {"t": what, **fields}))
