"""The server's state machine, without I/O, clock and randomness: the same two calls as the client's."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from roomcheck.reference.events import Close, Effect, Lost, Opened, Received, Send, ServerInput, Tick
from roomcheck.reference.wire import (
    BAD_TOKEN,
    HEARTBEAT,
    KICKED,
    LOGGED_IN_ELSEWHERE,
    Message,
    Timings,
    token_expiry,
    token_is_genuine,
)


@dataclass(slots=True, eq=False)
class ServerSession:
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
        self._rooms: dict[str, dict[tuple[str, str], ServerSession]] = {}  # room -> user and device -> session
        self._users: dict[str, list[ServerSession]] = {}  # user -> sessions that live or are remembered
        self._departed: set[tuple[str, str]] = set()  # user and room: who left before everybody is back or gone
        self._kicked: set[tuple[str, str]] = set()  # user and room: who was kicked then, and was not back itself
        self._links: dict[int, ServerSession | None] = {}
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

    def _unlinked(self, session: ServerSession) -> None:
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
                self._login(ServerSession("", user, device, room, n, link, self.now), token, wanted)
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

    def _login(self, asked: ServerSession, token: str, wanted: str | None) -> None:
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

    def _enter(self, session: ServerSession) -> None:
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

    def _supersede(self, session: ServerSession) -> None:
        """One user, one device: the sessions of the others end."""
        for other in self._of(session.user):
            if other.device != session.device:
                self._expel(other, LOGGED_IN_ELSEWHERE)

    def _bind(self, session: ServerSession, link: int, n: int) -> None:
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

    def _check(self, session: ServerSession) -> None:
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

    def _logout(self, session: ServerSession) -> None:
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
            self._depart(ServerSession("", user, "", room, 0, None, self.now))
            self._alarm(self._remembered_until(), lambda: self._kicked.discard((user, room)))

    def _expel(self, session: ServerSession, code: int) -> None:
        """The client is told now if it can be reached, and in any case when it asks for its session again."""
        if session.code is None:
            session.code = code
        if not session.ended:
            if session.link is not None:
                self._turn_away(session.link, code)
                session.link = None
            self._end(session, remember=True)

    def _end(self, session: ServerSession, *, remember: bool) -> None:
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

    def _depart(self, session: ServerSession) -> None:
        """Its user is in the room no more."""
        self._announce("del", session)
        if self.now < self._recovered_at:
            self._departed.add((session.user, session.room))

    def _remembered_until(self) -> int:
        """For as long as a client may go on asking: it notices the loss late and then retries."""
        return self.now + self.timings.retry_timeout + 2 * self.timings.silence

    def _forget(self, session: ServerSession) -> None:
        sessions = self._users[session.user]
        sessions.remove(session)
        if not sessions:
            del self._users[session.user]

    # who is where

    def _of(self, user: str) -> list[ServerSession]:
        return list(self._users.get(user, ()))

    def _others_of(self, session: ServerSession) -> list[ServerSession]:
        return [s for s in self._of(session.user) if s.device != session.device and not s.ended]

    def _in(self, room: str) -> Iterable[ServerSession]:
        return self._rooms.get(room, {}).values()

    def _is_here(self, user: str, room: str) -> bool:
        return any(s.user == user for s in self._in(room))

    def _list(self, session: ServerSession) -> list[str]:
        return sorted({s.user for s in self._in(session.room)} - {session.user})

    def _announce(self, what: str, session: ServerSession) -> None:
        for link in self._audience(session):
            self._effects.append(Send(link, {"t": what, "user": session.user}))

    def _audience(self, session: ServerSession) -> Iterator[int]:
        return (s.link for s in self._in(session.room) if s.user != session.user and s.link is not None)

    def _alarm(self, at: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._alarms, (at, next(self._numbers), act))
