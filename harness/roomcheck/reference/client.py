"""The reference room's client SDK: a member of any number of rooms, over one TCP link each.

    client = Client("127.0.0.1:4000", "ann", "ann's phone", {}, on_callback=print)
    client.call("loginRoom", room="lobby", token=make_token("ann", expires))
    client.close()

Callbacks come on the loop: onRoomStateChanged {roomID, reason, errorCode, extendedData} and onRoomUserUpdate
{roomID, updateType, users}. The state is set before its callback fires.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.events import (
    ClientInput,
    Close,
    Connect,
    Lost,
    Opened,
    Received,
    Refuse,
    SdkCall,
    Send,
    Tell,
    Tick,
)
from roomcheck.reference.sockets import Alarm, Lines, now
from roomcheck.reference.wire import timings


class RefusedCall(Exception):  # noqa: N818  a lawful answer
    """The SDK refused the call at once, with this code; no callback follows."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Client:
    """One client of one user; `device` must differ from that of every other client."""

    def __init__(
        self,
        address: str,
        user: str,
        device: str,
        constants: Mapping[str, int],
        on_callback: Callable[[str, dict[str, Any]], None],
        *,
        machine: type[ClientMachine] = ClientMachine,
    ) -> None:
        host, port = address.rsplit(":", 1)
        self._host, self._port = host, int(port)
        self._machine = machine(user, device, timings(constants))
        self._on_callback = on_callback
        self._links: dict[int, Lines] = {}
        self._attempts: dict[int, asyncio.Task[None]] = {}
        self._alarm = Alarm(lambda: self._handle(Tick()))
        self._closed = False

    def call(self, operation: str, **arguments: str) -> None:
        """loginRoom(room, token), logoutRoom(room), switchRoom(from, to, token). RefusedCall if it may not be."""
        self._handle(SdkCall(operation, arguments))

    def states(self) -> dict[str, str]:
        """The state last told, of each room that was ever named."""
        return self._machine.states()

    def close(self) -> None:
        """End the client as a killed app ends: nothing is told to anybody."""
        self._closed = True
        self._alarm.cancel()
        for task in self._attempts.values():
            task.cancel()
        for link in self._links.values():
            link.close()
        self._attempts.clear()
        self._links.clear()

    def _handle(self, event: ClientInput) -> None:
        if self._closed:
            return
        refused: int | None = None
        for effect in self._machine.handle(event, now()):
            match effect:
                case Tell(callback, fields):
                    self._on_callback(callback, fields)
                case Send(link, message):
                    if link in self._links:
                        self._links[link].send(message)
                case Connect(link):
                    self._attempts[link] = asyncio.create_task(self._connect(link))
                case Close(link):
                    if (task := self._attempts.pop(link, None)) is not None:
                        task.cancel()
                    if (lines := self._links.pop(link, None)) is not None:
                        lines.close()
                case Refuse(code):
                    refused = code
        self._alarm.set(self._machine.next_deadline())
        if refused is not None:
            raise RefusedCall(refused)

    async def _connect(self, link: int) -> None:
        def opened(lines: Lines) -> None:
            self._links[link] = lines
            self._handle(Opened(link))

        def ended(_lines: Lines) -> None:
            self._links.pop(link, None)
            self._handle(Lost(link))

        try:
            await asyncio.get_running_loop().create_connection(
                lambda: Lines(opened, lambda _lines, message: self._handle(Received(link, message)), ended),
                self._host,
                self._port,
            )
        except OSError:
            self._attempts.pop(link, None)
            self._handle(Lost(link))
        else:
            self._attempts.pop(link, None)
