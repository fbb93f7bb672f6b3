"""One server, its clients and the links between them, moved by a single queue of events in virtual time."""

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from roomcheck.errors import AdapterError
from roomcheck.model.fault import LOST, FaultKind
from roomcheck.reference.calls import DONE, admin_message
from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.events import (
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
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.wire import HEARTBEAT, Timings, encode
from roomcheck.simulate.network import LATENCY, UNUSED, Connection, Item, SimulatedLink, Way

TICK = Tick()
NEVER = 1 << 62

Told = Callable[["Client", str, dict[str, Any]], None]
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


class World:
    """Virtual time is `now`, in microseconds. `told` hears every callback; it may set `halt` to end a `run`."""

    def __init__(self, start: int, timings: Timings, told: Told, machine: type[ServerMachine]) -> None:
        self.now = start
        self.halt = False
        self._timings = timings
        self._told = told
        self._server_machine = machine
        self._lives = 0
        self._number = 0
        self._until = start
        self._queue: list[tuple[int, int, Act, Any, Any]] = []
        self._clients: dict[SimulatedLink, Client] = {}
        self._answers: list[Any] = []
        self._server: Server | None = None
        self.start_server()

    def client(self, member: str, user: str, device: str, machine: type[ClientMachine]) -> Client:
        """A new member, on a link of its own."""
        client = Client(member, user, machine(user, device, self._timings))
        self._clients[client.link] = client
        return client

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

    # --- acts -------------------------------------------------------------------------------------------------------

    def call(self, client: Client, operation: str, arguments: dict[str, str]) -> int | None:
        """Call the member's SDK; the code if it refuses. KeyError if an argument is missing."""
        return self._client(client, SdkCall(operation, arguments))

    def admin(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """The backend's own line to the server, which no fault touches. AdapterError if nobody answers."""
        if self._server is None:
            raise AdapterError(f"{operation}: the adapter could not even try: the server is down")
        self._number += 1
        number = self._number
        self._answers.clear()
        self._serve(Opened(number))
        self._serve(Received(number, admin_message(operation, arguments)))
        self._serve(Lost(number))
        if not any(answer.get("t") == DONE for answer in self._answers):
            raise AdapterError(f"{operation}: the adapter could not even try: the server did not answer")

    def fault(self, client: Client, kind: FaultKind, settings: Mapping[str, Any]) -> int:
        """Put a fault on a member's link; returns when it has surely taken effect. UsageError if it does not fit."""
        link = client.link
        read = link.check(kind, settings)
        again = kind in link.delays
        link.put(kind, read)
        for connection in list(link.connections.values()):
            match kind:
                case FaultKind.CUT | FaultKind.RESET | FaultKind.REFUSE:
                    self._end_both(connection)
                case _ if kind in LOST:
                    connection.lose(LOST[kind])
                case FaultKind.HALF_OPEN_SERVER_TOLD:
                    self._end_way(connection.up)
                case FaultKind.HALF_OPEN_CLIENT_TOLD:
                    self._end_way(connection.down)
                case _ if again:
                    self._release(connection, held=False)
                case _:
                    pass
        if kind is FaultKind.TRUNCATE:
            self._push(self.now + read["within"], self._close_the_rest, link, None)
            return self.now + read["within"]
        return self.now

    def heal(self, client: Client) -> None:
        """Take every fault off a member's link."""
        link = client.link
        lost = link.lost
        link.whole()
        for connection in list(link.connections.values()):
            if lost:
                self._end_both(connection)
            else:
                self._release(connection, held=True)
                self._show(connection)

    def kill_server(self) -> None:
        """The server's process is gone, and its connections end."""
        if self._server is None:
            return
        for link in self._clients:
            for connection in link.connections.values():
                self._show(connection)
        connections = self._server.connections
        self._server.alarm = NEVER
        self._server = None
        for connection in connections.values():
            self._close_server(connection)

    def start_server(self) -> None:
        """Start the server, unless it runs; it knows nothing of a life before."""
        if self._server is None:
            self._lives += 1
            self._server = Server(self._server_machine(f"life{self._lives}", self._timings, self.now))
            self._alarm(self._server)

    # --- machines ---------------------------------------------------------------------------------------------------

    def _client(self, client: Client, event: ClientInput) -> int | None:
        refused = None
        effects = client.machine.handle(event, self.now)
        if effects:
            refused = self._obey(client, effects)
        self._alarm(client)
        return refused

    def _obey(self, client: Client, effects: list[Effect]) -> int | None:
        """Do what a client's machine says; the code if it refuses the call."""
        refused: int | None = None
        for effect in effects:
            match effect:
                case Send(link, message):
                    if link in client.connections:
                        self._send(client.connections[link].up, message)
                case Connect(link):
                    self._connect(client, link)
                case Close(link):
                    if link in client.connections:
                        self._close_client(client.connections.pop(link))
                case Tell(callback, fields):
                    self._told(client, callback, fields)
                case Refuse(code):
                    refused = code
        return refused

    def _serve(self, event: ServerInput) -> None:
        server = self._server
        assert server is not None
        self._obey_server(server, server.machine.handle(event, self.now))
        self._alarm(server)

    def _obey_server(self, server: Server, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(link, message):
                    if link in server.connections:
                        self._send(server.connections[link].down, message)
                    else:  # the backend's
                        self._answers.append(message)
                case Close(link):
                    if link in server.connections:
                        self._close_server(server.connections.pop(link))
                case Connect() | Tell() | Refuse():
                    raise AssertionError(f"not an effect of a server: {effect}")

    def _alarm(self, owner: Client | Server) -> None:
        """Ring when the machine is due; an alarm that comes too early does no harm, and is then set again."""
        due = owner.machine.next_deadline()
        if due is None:
            return
        due = max(due, self.now)  # what should have been rings now, as on sockets: time goes one way
        if due < owner.alarm:
            owner.alarm = due
            self._number += 1
            heapq.heappush(self._queue, (due, self._number, self._ring, owner, due))

    def _ring(self, owner: Client | Server, at: int) -> None:
        if at != owner.alarm:
            return
        owner.alarm = NEVER
        if isinstance(owner, Server):
            self._serve(TICK)
            return
        effects = owner.machine.handle(TICK, at)
        due = owner.machine.next_deadline()
        last = effects[-1] if effects else None
        if isinstance(last, Connect):
            if len(effects) > 1:
                self._obey(owner, effects[:-1])
            if self._connect(owner, last.link, due or 0):
                return
        elif isinstance(last, Send) and last.message is HEARTBEAT and len(effects) == 1:
            if self._beat(owner, last, due or 0):
                return
        else:
            self._obey(owner, effects)
        self._alarm(owner)

    # Most of a long case is heartbeats, there and back, and attempts to connect. Where nothing else is due meanwhile
    # such a story is one event and not three: the machines get the same inputs at the same times.

    def _passed(self, due: int) -> bool:
        """Let a message's time pass, unless something else happens in it; `due`: also something that is not queued."""
        at = self.now + LATENCY
        if self.halt or at >= due or at > self._until or (self._queue and self._queue[0][0] <= at):
            return False
        self.now = at
        return True

    def _beat(self, client: Client, beat: Send, due: int) -> bool:
        """Carry a heartbeat to the server, and its answer back; False if that is left to the queue."""
        connection = client.connections.get(beat.link)
        server = self._server
        if connection is None or server is None or not connection.sound or not self._passed(due):
            self._obey(client, [beat])
            return False
        effects = server.machine.handle(Received(connection.number, HEARTBEAT), self.now)
        self._alarm(server)
        only = effects[0] if len(effects) == 1 else None
        if isinstance(only, Send) and only.link == connection.number and self._passed(due):
            self._client(client, Received(beat.link, only.message))
            return True
        self._obey_server(server, effects)
        return False

    # --- the network ------------------------------------------------------------------------------------------------

    def _push(self, at: int, act: Act, target: Any, what: Any) -> None:
        self._number += 1
        heapq.heappush(self._queue, (at, self._number, act, target, what))

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
