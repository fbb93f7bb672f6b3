"""One server, its clients and the links between them, in virtual time."""

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
from roomcheck.reference.wire import HEARTBEAT, Timings
from roomcheck.simulate.carrier import NEVER, Carrier, Client, Server

TICK = Tick()

Told = Callable[["Client", str, dict[str, Any]], None]


class World(Carrier):
    """The machines of a server and its clients. `told` hears every callback; it may set `halt` to end a `run`."""

    def __init__(self, start: int, timings: Timings, told: Told, machine: type[ServerMachine]) -> None:
        super().__init__(start)
        self._timings = timings
        self._told = told
        self._server_machine = machine
        self._lives = 0
        self._answers: list[Any] = []
        self.start_server()

    def client(self, member: str, user: str, device: str, machine: type[ClientMachine]) -> Client:
        """A new member, on a link of its own."""
        client = Client(member, user, machine(user, device, self._timings))
        self._clients[client.link] = client
        return client

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
            self._push(due, self._ring, owner, due)

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
