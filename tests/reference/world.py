"""A world in virtual time: one server, its clients, and networks that can be cut, stalled and slowed."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.events import (
    STATE_CALLBACK,
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
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.wire import HEARTBEAT, Timings, decode, encode, make_token

SECOND = 1_000_000
DAY = 86_400 * SECOND

Network = Literal["up", "cut", "stall", "ghost"]


@dataclass(eq=False)
class Connection:
    """A TCP connection between a client's link and a server's; `held` is what a stalled network has not delivered."""

    client: "Client"
    link: int
    server_link: int
    dead: bool = False  # for good, neither side told
    ended: bool = False
    held: list[Callable[[], None]] = field(default_factory=list)


class Client:
    """A client and what its application was told; times in seconds since the world began."""

    def __init__(self, world: "World", user: str, device: str, machine: type[ClientMachine]) -> None:
        self.world = world
        self.user = user
        self.machine = machine(user, device, world.timings)
        self.network: Network = "up"
        self.latency = 50_000
        self.told: list[tuple[float, str, dict[str, Any]]] = []
        self.refused: list[int] = []

    def login(self, room: str = "R", token: str | None = None) -> None:
        self.call("loginRoom", room=room, token=self.token() if token is None else token)

    def logout(self, room: str = "R") -> None:
        self.call("logoutRoom", room=room)

    def switch(self, source: str, target: str) -> None:
        self.call("switchRoom", **{"from": source, "to": target, "token": self.token()})

    def token(self, valid_for: int = DAY) -> str:
        return make_token(self.user, self.world.now + valid_for)

    def call(self, operation: str, **arguments: str) -> None:
        self.world.act(self, self.machine.handle(SdkCall(operation, arguments), self.world.now))

    def states(self, room: str = "R") -> list[tuple[float, str, int]]:
        """(seconds, reason, code) of each state told of the room."""
        return [
            (at, f["reason"], f["errorCode"]) for at, c, f in self.told if c == STATE_CALLBACK and f["roomID"] == room
        ]

    def reasons(self, room: str = "R") -> list[str]:
        return [reason for _, reason, _ in self.states(room)]

    def users(self, room: str = "R") -> list[tuple[float, str, list[str]]]:
        """(seconds, ADD or DELETE, user ids) of each update told of the room."""
        return [
            (at, f["updateType"], [u["userID"] for u in f["users"]])
            for at, c, f in self.told
            if c != STATE_CALLBACK and f["roomID"] == room
        ]

    def changes(self, room: str = "R") -> list[tuple[str, list[str]]]:
        return [(update, users) for _, update, users in self.users(room)]

    def forget(self) -> None:
        """Look only at what comes from here on."""
        self.told.clear()

    def cut(self) -> None:
        """FIN on what is connected, new connections refused."""
        self.network = "cut"
        for c in self.world.connections_of(self):
            self.world.end(c, tell_client=True, tell_server=True)

    def stall(self) -> None:
        """Nothing passes, nothing is lost, new connections are accepted."""
        self.network = "stall"

    def ghost(self) -> None:
        """What is connected is dead for good, as is what connects from now on; neither side is told."""
        self.network = "ghost"
        for c in self.world.connections_of(self):
            c.dead = True

    def heal(self) -> None:
        self.network = "up"
        for c in self.world.connections_of(self):
            held, c.held = c.held, []
            for deliver in held:
                self.world.after(self.latency, deliver)


class World:
    def __init__(
        self,
        client: type[ClientMachine] = ClientMachine,
        server: type[ServerMachine] = ServerMachine,
        timings: Timings | None = None,
    ) -> None:
        self.timings = timings or Timings()
        self.now = 0
        self._client_machine = client
        self._server_machine = server
        self._lives = count(1)
        self._numbers = count(1)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self.clients: list[Client] = []
        self.connections: list[Connection] = []
        self.server: ServerMachine | None = None
        self.answers: list[str] = []  # to acts of the backend
        self.messages = 0  # that clients sent, other than heartbeats
        self.start_server()

    def client(self, user: str, device: str = "phone") -> Client:
        c = Client(self, user, f"{user}/{device}", self._client_machine)
        self.clients.append(c)
        return c

    def members(self, *users: str) -> list[Client]:
        """Clients that are in room R, and have been told so."""
        clients = [self.client(u) for u in users]
        for c in clients:
            c.login()
            self.run(1)
        for c in clients:
            c.forget()
        return clients

    def start_server(self) -> None:
        self.server = self._server_machine(f"life{next(self._lives)}", self.timings, self.now)

    def kill_server(self) -> None:
        self.server = None
        for c in list(self.connections):
            self.end(c, tell_client=True, tell_server=False)

    def kick(self, user: str, room: str = "R") -> None:
        assert self.server is not None
        link = -next(self._numbers)
        self._act_server(self.server.handle(Opened(link), self.now))
        kick = Received(link, {"t": "kick", "user": user, "room": room})
        self._act_server(self.server.handle(kick, self.now))
        self.server.handle(Lost(link), self.now)

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self.now + round(seconds * SECOND)
        while (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            if self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            else:
                self._tick()
        self.now = until

    def _next(self) -> int | None:
        machines = [c.machine for c in self.clients] + ([self.server] if self.server else [])
        due = [d for m in machines if (d := m.next_deadline()) is not None]
        return min(due + ([self._queue[0][0]] if self._queue else []), default=None)

    def _tick(self) -> None:
        if self.server is not None and (d := self.server.next_deadline()) is not None and d <= self.now:
            self._act_server(self.server.handle(Tick(), self.now))
        for c in self.clients:
            if (d := c.machine.next_deadline()) is not None and d <= self.now:
                self.act(c, c.machine.handle(Tick(), self.now))

    def after(self, delay: int, do: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay, next(self._numbers), do))

    def connections_of(self, client: Client) -> list[Connection]:
        return [c for c in self.connections if c.client is client]

    def end(self, connection: Connection, *, tell_client: bool, tell_server: bool) -> None:
        """The connection ends now, for those who are told."""
        connection.ended = True
        self.connections.remove(connection)
        if tell_client:
            self.act(connection.client, connection.client.machine.handle(Lost(connection.link), self.now))
        if tell_server and self.server is not None:
            self._act_server(self.server.handle(Lost(connection.server_link), self.now))

    def act(self, client: Client, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Tell(callback, fields):
                    client.told.append((self.now / SECOND, callback, fields))
                case Refuse(code):
                    client.refused.append(code)
                case Connect(link):
                    self._connect(client, link)
                case Send(link, message):
                    self.messages += message is not HEARTBEAT
                    for c in self._at(client, link):
                        self._carry(c, lambda c=c, m=message: self._at_server(c, Received(c.server_link, wired(m))))  # type: ignore[misc]
                case Close(link):
                    for c in self._at(client, link):
                        self._carry(c, lambda c=c: self._closed_by_client(c))  # type: ignore[misc]

    def _act_server(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(link, message):
                    if link < 0:
                        self.answers.append(message["t"])
                    for c in self._from(link):
                        self._carry(c, lambda c=c, m=message: self._at_client(c, Received(c.link, wired(m))))  # type: ignore[misc]
                case Close(link):
                    for c in self._from(link):
                        self._carry(c, lambda c=c: self._closed_by_server(c))  # type: ignore[misc]
                case _:
                    raise AssertionError(effect)

    def _at(self, client: Client, link: int) -> list[Connection]:
        return [c for c in self.connections if c.client is client and c.link == link]

    def _from(self, link: int) -> list[Connection]:
        return [c for c in self.connections if c.server_link == link]

    def _carry(self, c: Connection, deliver: Callable[[], None]) -> None:
        if c.dead:
            return
        if c.client.network == "stall":
            c.held.append(deliver)
        else:
            self.after(c.client.latency, lambda: self._arrive(c, deliver))

    def _arrive(self, c: Connection, deliver: Callable[[], None]) -> None:
        if c.dead:
            return
        if c.client.network == "stall":
            c.held.append(deliver)
        else:
            deliver()

    def _at_server(self, c: Connection, event: Received | Opened) -> None:
        if self.server is not None and not c.ended:
            self._act_server(self.server.handle(event, self.now))

    def _at_client(self, c: Connection, event: Received | Opened) -> None:
        if not c.ended:
            self.act(c.client, c.client.machine.handle(event, self.now))

    def _closed_by_client(self, c: Connection) -> None:
        if not c.ended:
            self.end(c, tell_client=False, tell_server=True)

    def _closed_by_server(self, c: Connection) -> None:
        if not c.ended:
            self.end(c, tell_client=True, tell_server=False)

    def _connect(self, client: Client, link: int) -> None:
        if client.network == "cut" or self.server is None:
            self.after(0, lambda: self.act(client, client.machine.handle(Lost(link), self.now)))
            return
        c = Connection(client, link, next(self._numbers), dead=client.network == "ghost")
        self.connections.append(c)
        self.after(0, lambda: self._at_client(c, Opened(link)))
        self._carry(c, lambda: self._at_server(c, Opened(c.server_link)))


def wired(message: dict[str, Any]) -> dict[str, Any]:
    """The message as it comes out at the other end of a real wire."""
    decoded = decode(encode(message).strip())
    assert decoded is not None
    return decoded
