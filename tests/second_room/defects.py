"""The second room with one defect each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from roomcheck.reference.events import ClientInput, Effect, Opened
from roomcheck.reference.wire import INTERRUPTED, KICKED, LOGGED_IN_ELSEWHERE, OK
from second_room.machines import INSIDE, NEVER, Client, Place, Server, Session


@dataclass(frozen=True, slots=True)
class Defect:
    """`breaks`: the requirements, one of which a finding should name; `client` and `server`: who plays the room."""

    breaks: tuple[str, ...]
    client: type[Client] = Client
    server: type[Server] = Server


DEFECTS: dict[str, Defect] = {}
Machine = TypeVar("Machine", type[Client], type[Server])


def defect(name: str, *breaks: str) -> Callable[[Machine], Machine]:
    def register(machine: Machine) -> Machine:
        DEFECTS[name] = Defect(breaks, machine) if issubclass(machine, Client) else Defect(breaks, server=machine)
        return machine

    return register


@defect("resumed-after-a-kick", "ZX-KICK-3", "ZX-KICK-2", "ZX-MEMBERS-5")
class _ResumedAfterAKick(Server):
    """Who is kicked while it is away comes back as if nothing had been."""

    def expel(self, session: Session, code: int) -> None:
        away = session.link is None
        super().expel(session, code)
        if away and code == KICKED:
            del self.ended[session.id]


@defect("list-stays-stale", "ZX-MEMBERS-4", "ZX-MEMBERS-5")
class _ListStaysStale(Server):
    """Who resumes its session is not told who came and went meanwhile."""

    def tell_list(self, session: Session, *, resumed: bool = False) -> None:
        if not resumed:
            super().tell_list(session)


@defect("turned-away-ends-the-other", "ZX-TWIN-2", "ZX-MEMBERS-5", "ZX-TWIN-4", "ZX-TWIN-1")
class _TurnedAwayEndsTheOther(Server):
    """When a client is turned away its user's session on the other device is ended, of which that is not told."""

    def turned_away(self, link: int, room: str, user: str, wanted: str) -> None:
        super().turned_away(link, room, user, wanted)
        self.end_other(room, user)

    def enter(self, link: int, n: int, room: str, user: str, device: str, token: str, wanted: str | None) -> None:
        super().enter(link, n, room, user, device, token, wanted)
        if wanted is not None and self.ended.get(wanted) == LOGGED_IN_ELSEWHERE:
            self.end_other(room, user)

    def end_other(self, room: str, user: str) -> None:
        if (room, user) in self.sessions:
            self.end(self.sessions[room, user])


@defect("retries-never-end", "ZX-RECONNECT-6")
class _RetriesNeverEnd(Client):
    """A client retries for ever."""

    def interrupted(self, place: Place) -> None:
        super().interrupted(place)
        place.give_up_at = NEVER


@defect("timer-restarted-by-each-blip", "ZX-RECONNECT-6", "ZX-LOGIN-5")
class _TimerRestarted(Client):
    """The retry timeout counts anew from each attempt that finds somebody to connect to."""

    def handle(self, event: ClientInput, now: int) -> list[Effect]:
        if isinstance(event, Opened):
            for place in self.places.values():
                if place.give_up_at != NEVER:
                    place.give_up_at = now + self.timings.retry_timeout
        return super().handle(event, now)


@defect("queue-replayed-after-a-reset", "ZX-RECONNECT-3", "ZX-MEMBERS-5")
class _QueueReplayed(Client):
    """What was queued for the link before, the login, is sent once more over the next, before the session is resumed."""

    def ask(self, place: Place) -> None:
        session, place.session = place.session, None
        if session is not None:
            super().ask(place)
        place.session = session
        super().ask(place)


@defect("logout-waits-for-ever", "ZX-LOGOUT-1")
class _LogoutWaitsForEver(Client):
    """A goodbye whose answer is lost with the link is never told."""

    def lost(self) -> None:
        leaving = [place for place in self.places.values() if place.leaving]
        for place in leaving:
            place.gone_at = NEVER
            place.state = "LOGOUT"  # without a word
        super().lost()

    def tick(self) -> None:
        for place in self.places.values():
            if place.leaving:
                place.gone_at = max(place.gone_at, self.now + self.timings.retry_interval)
        super().tick()


@defect("second-device-not-added", "ZX-TWIN-2", "ZX-MEMBERS-1", "ZX-MEMBERS-5")
class _SecondDeviceNotAdded(Server):
    """When a user comes from a second device the others are told that it is gone, and not that it is there."""

    replacing = False

    def expel(self, session: Session, code: int) -> None:
        self.replacing = code != KICKED
        super().expel(session, code)

    def bind(self, link: int, n: int, room: str, user: str, device: str) -> None:
        super().bind(link, n, room, user, device)
        self.replacing = False

    def changed(self, room: str, but: Session | None = None) -> None:
        if not (self.replacing and but is not None and (room, but.user) in self.sessions):
            super().changed(room, but)


@defect("refused-switch-stays", "ZX-SWITCH-2", "ZX-MEMBERS-3")
class _RefusedSwitchStays(Client):
    """A switch with a bad token tells LOGOUT of the old room, whose server never hears of it."""

    def switch(self, source: Place, target: Place, token: str) -> None:
        if token.count(":"):
            super().switch(source, target, token)
            return
        self.tell(target, "LOGINING", OK)
        self.end(source, "LOGOUT", OK)
        self.enter(target, token, told=True)


@defect("kick-ends-all-rooms", "ZX-ROOMS-2", "ZX-STATE-1")
class _KickEndsAllRooms(Server):
    """A kick from one room throws out of all."""

    def kick(self, user: str, room: str) -> None:
        super().kick(user, room)
        for session in [s for s in self.sessions.values() if s.user == user]:
            self.expel(session, KICKED)


@defect("gone-told-twice", "ZX-MEMBERS-5", "ZX-RECONNECT-4", "ZX-MEMBERS-3")
class _GoneToldTwice(Client):
    """That somebody is gone is told twice."""

    def update(self, place: Place, update: str, users: Iterable[str]) -> None:
        super().update(place, update, users)
        if update == "DELETE":
            super().update(place, update, users)


@defect("reconnecting-told-twice", "ZX-RECONNECT-1", "ZX-RECONNECT-7", "ZX-STATE-1")
class _ReconnectingToldTwice(Client):
    """An attempt that fails tells RECONNECTING again."""

    def lost(self) -> None:
        before = [place for place in self.places.values() if place.state == "RECONNECTING" and place.answer_by == NEVER]
        super().lost()
        for place in before:
            self.tell(place, "RECONNECTING", INTERRUPTED)


@defect("second-reconnected-missing", "ZX-RECONNECT-7", "ZX-RECONNECT-2")
class _SecondReconnectedMissing(Client):
    """The second reconnection of a client is not told."""

    count = 0

    def accepted(self, place: Place, session: str) -> None:
        if place.state == "RECONNECTING":
            self.count += 1
            if self.count == 2:
                place.state = INSIDE[1]
        super().accepted(place, session)
