"""What carries the messages: connections over simulated links, moved by a single queue of events in virtual time."""

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.events import (
    ClientInput,
    Lost,
    Opened,
    Received,
    ServerInput,
)
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.wire import encode
from roomcheck.simulate.network import LATENCY, UNUSED, Connection, Item, SimulatedLink, Way

NEVER = 1 << 62

Act = Callable[[Any, Any], None]


class Client:
    """A member's machine, its link, and the connections that it holds by its own numbers for them."""

    __slots__ = ("alarm", "connections", "link", "machine", "member", "user")

    def __init__(self, member: str, user: str, machine: ClientMachine) -> None:
        self.member = member
        self.user = user  # the real name
        self.machine = machine
        self.link = SimulatedLink(member)
        self.connections: dict[int, Connection] = {}
        self.alarm = NEVER  # when its machine's alarm rings that was last set


class Server:
    """One life of the server."""

    __slots__ = ("alarm", "connections", "machine")

    def __init__(self, machine: ServerMachine) -> None:
        self.machine = machine
        self.connections: dict[int, Connection] = {}
        self.alarm = NEVER


class Carrier(ABC):
    """Virtual time is `now`, in microseconds. Whoever has the machines hands them what arrives."""

    def __init__(self, start: int) -> None:
        self.now = start
        self.halt = False
        self._number = 0
        self._until = start
        self._queue: list[tuple[int, int, Act, Any, Any]] = []
        self._clients: dict[SimulatedLink, Client] = {}
        self._server: Server | None = None

    def run(self, until: int) -> None:
        """Let time pass, up to this moment and everything that happens at it, or until somebody sets `halt`."""
        self._until = until
        queue = self._queue
        pop = heapq.heappop
        while queue and queue[0][0] <= until and not self.halt:
            self.now, _, act, target, what = pop(queue)
            act(target, what)
        if not self.halt:
            self.now = max(self.now, until)

    @abstractmethod
    def _client(self, client: Client, event: ClientInput) -> int | None:
        """Hand something to a client's machine; the code if it refuses the call."""

    @abstractmethod
    def _serve(self, event: ServerInput) -> None:
        """Hand something to the server's machine."""

    def _push(self, at: int, act: Act, target: Any, what: Any) -> None:
        self._number += 1
        heapq.heappush(self._queue, (at, self._number, act, target, what))

    def _passed(self, due: int) -> bool:
        """Let a message's time pass, unless something else happens in it; `due`: also something that is not queued."""
        at = self.now + LATENCY
        if self.halt or at >= due or at > self._until or (self._queue and self._queue[0][0] <= at):
            return False
        self.now = at
        return True

    def _connect(self, client: Client, number: int, due: int = 0) -> bool:
        """Open a connection; False if what comes of it is left to the queue. `due`: as in `_passed`."""
        what: Any = number
        act: Act = self._refused
        if not client.link.disabled:
            self._number += 1
            what = connection = Connection(client.link, number, self._number)
            act = self._opened
            client.connections[number] = connection
            client.link.connections[connection.number] = connection
        if self._passed(due):
            act(client, what)
            return True
        self._push(self.now + LATENCY, act, client, what)
        return False

    def _refused(self, client: Client, number: int) -> None:
        self._client(client, Lost(number))

    def _opened(self, client: Client, connection: Connection) -> None:
        if connection.client:
            self._client(client, Opened(connection.client_link))
        if self._server is None:
            connection.server = False
            self._lose_client(connection)
        elif connection.server:
            # Attempts over a link on which nothing passes are most of a long outage. The server could only greet them,
            # and nearly all are given up before the heal: it hears of those that are left then, or when it ends.
            connection.unseen = True
            if not connection.link.silent:
                self._show(connection)

    def _show(self, connection: Connection) -> None:
        """Tell the server of a connection, unless it knows of it."""
        if connection.unseen and self._server is not None and connection.server:
            connection.unseen = False
            self._server.connections[connection.number] = connection
            self._serve(Opened(connection.number))

    def _send(self, way: Way, item: Item) -> None:
        if way.dead:
            return
        link = way.connection.link
        if link.plain:
            self._push(self.now + LATENCY, self._arrived, way, item)
        elif link.holds(way, item):
            way.held = (*way.held, item)
        else:
            at = link.arrival(way, item, self.now)
            way.late = (*way.late, (at, item))
            self._push(at, self._came, way, None)

    def _came(self, way: Way, _: None) -> None:
        if way.late and way.late[0][0] <= self.now:
            item = way.late[0][1]
            way.late = way.late[1:]
            self._arrived(way, item)

    def _arrived(self, way: Way, item: Item) -> None:
        if way.dead:
            return
        connection = way.connection
        if item is None:
            (self._lose_server if way.up else self._lose_client)(connection)
            return
        if way.budget is not None:
            way.budget -= len(encode(item))
            if way.budget < 0:
                self._end_way(way)
                return
        if way.up:
            if connection.server:
                self._serve(Received(connection.number, item))
        elif connection.client:
            self._client(self._clients[connection.link], Received(connection.client_link, item))
        if way.budget == 0:
            self._end_way(way)

    # the ends of connections

    def _close_client(self, connection: Connection) -> None:
        connection.client = False
        if connection.unseen:
            connection.server = False
            connection.forget()
        else:
            connection.forget()
            self._send(connection.up, None)

    def _close_server(self, connection: Connection) -> None:
        connection.server = False
        connection.forget()
        self._send(connection.down, None)

    def _lose_client(self, connection: Connection, _: None = None) -> None:
        if connection.client:
            connection.client = False
            connection.forget()
            client = self._clients[connection.link]
            del client.connections[connection.client_link]
            self._client(client, Lost(connection.client_link))

    def _lose_server(self, connection: Connection, _: None = None) -> None:
        if connection.server:
            connection.server = False
            connection.forget()
            if self._server is not None and self._server.connections.pop(connection.number, None) is not None:
                self._serve(Lost(connection.number))

    def _end_way(self, way: Way) -> None:
        """One direction ends: its receiver is told, and the proxy closes the other one as if the receiver had."""
        if way.dead:
            return
        way.dead = True
        connection = way.connection
        self._push(self.now + LATENCY, self._lose_server if way.up else self._lose_client, connection, None)
        self._send(connection.down if way.up else connection.up, None)

    def _end_both(self, connection: Connection) -> None:
        """The proxy ends the connection: both sides are told, what is under way is lost."""
        connection.kill()
        self._push(self.now + LATENCY, self._lose_client, connection, None)
        self._push(self.now + LATENCY, self._lose_server, connection, None)

    def _close_the_rest(self, link: SimulatedLink, _: None) -> None:
        """The moment of a truncate is over."""
        link.budget = None
        for connection in list(link.connections.values()):
            connection.up.budget = connection.down.budget = None
            self._end_way(connection.up)

    def _release(self, connection: Connection, *, held: bool) -> None:
        """What is late comes now, and behind it what was held."""
        for way in (connection.up, connection.down):
            items = [item for _, item in way.late]
            way.late, way.free = (), UNUSED
            if held:
                items += way.held
                way.held = ()
            for item in items:
                self._push(self.now + LATENCY, self._arrived, way, item)
