"""The reference room's server: `python -m roomcheck.reference.server --port N`, timings from ROOMCHECK_CONSTANTS."""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from itertools import count

from roomcheck.reference import defects
from roomcheck.reference.events import Close, Connect, Lost, Opened, Received, Refuse, Send, ServerInput, Tell, Tick
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.sockets import Alarm, Lines, now
from roomcheck.reference.wire import Message, timings

BACKLOG = 1024  # connections that wait to be accepted: every member of a run may come at once


class Server:
    """The machine on sockets. `async with Server(machine) as server: server.port`"""

    def __init__(self, machine: ServerMachine) -> None:
        self._machine = machine
        self._links: dict[int, Lines] = {}
        self._numbers: dict[Lines, int] = {}
        self._next = count(1)
        self._alarm = Alarm(lambda: self._handle(Tick()))
        self._listener: asyncio.Server | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connection, host, port, backlog=BACKLOG)
        return int(self._listener.sockets[0].getsockname()[1])

    async def serve_forever(self) -> None:
        assert self._listener is not None
        await self._listener.serve_forever()

    def kill(self) -> None:
        """Stop listening and drop every link, as a killed process would."""
        if self._listener is not None:
            self._listener.close()
        self._alarm.cancel()
        for link in self._links.values():
            link.close()
        self._links.clear()
        self._numbers.clear()

    def _connection(self) -> Lines:
        return Lines(self._on_open, self._on_message, self._on_end)

    def _on_open(self, lines: Lines) -> None:
        link = next(self._next)
        self._links[link] = lines
        self._numbers[lines] = link
        self._handle(Opened(link))

    def _on_message(self, lines: Lines, message: Message | None) -> None:
        self._handle(Received(self._numbers[lines], message))

    def _on_end(self, lines: Lines) -> None:
        link = self._numbers.pop(lines)
        del self._links[link]
        self._handle(Lost(link))

    def _handle(self, event: ServerInput) -> None:
        for effect in self._machine.handle(event, now()):
            match effect:
                case Send(link, message):
                    self._links[link].send(message)
                case Close(link):
                    lines = self._links.pop(link)
                    del self._numbers[lines]
                    lines.close()
                case Connect() | Tell() | Refuse():
                    raise AssertionError(f"not an effect of a server: {effect}")
        self._alarm.set(self._machine.next_deadline())


async def serve(host: str, port: int, defect: str | None) -> None:
    """Serve until the process ends."""
    constants = json.loads(os.environ.get("ROOMCHECK_CONSTANTS") or "{}")
    epoch = f"{os.getpid():x}-{time.time_ns():x}"
    server = Server(defects.server(defect)(epoch, timings(constants), now()))
    await server.start(host, port)
    await server.serve_forever()


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    options = argparse.ArgumentParser(prog="roomcheck.reference.server", description="the reference room's server")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True)
    defects.add_option(options)
    chosen = options.parse_args(argv)
    asyncio.run(serve(chosen.host, chosen.port, chosen.defect))


if __name__ == "__main__":
    main()
