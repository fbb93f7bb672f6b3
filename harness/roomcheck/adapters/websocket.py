"""The dialled carrier for browsers: the same lines over a WebSocket, one message a line.

A browser page can dial in no other way. The framing is the library's, without its I/O: the connection is the one that
was accepted for either kind of dialler, so both come to one port and are told apart by their first line.
"""

import asyncio
import contextlib

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from roomcheck.adapters.messages import LINE_LIMIT

CHUNK = 1 << 16
GREETING = b"GET "  # how a WebSocket begins; a line of the protocol begins with a brace


class MessageWriter:
    """Lines out, each as one message; what a carrier asks of a stream's writer."""

    def __init__(self, protocol: ServerProtocol, writer: asyncio.StreamWriter) -> None:
        self._protocol = protocol
        self._writer = writer
        self.transport = writer.transport
        self.pump: asyncio.Task[None] | None = None  # what hears the other side, as long as that is there

    def write(self, data: bytes) -> None:
        """One whole line; nothing happens once the connection is closing."""
        with contextlib.suppress(InvalidState):
            self._protocol.send_text(data.rstrip(b"\n"))
        self.flush()

    def flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
            else:  # the closing is done, on whoever's wish
                self._writer.close()

    def close(self) -> None:
        with contextlib.suppress(InvalidState):
            self._protocol.send_close(1000)
        self.flush()
        self._writer.close()

    async def wait_closed(self) -> None:
        await self._writer.wait_closed()
        if self.pump is not None:
            await self.pump


async def upgrade(
    first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[asyncio.StreamReader, MessageWriter]:
    """Both ends as lines, for a connection whose `first` line was a WebSocket's. ConnectionError: it is none."""
    protocol = ServerProtocol(max_size=LINE_LIMIT)
    out = MessageWriter(protocol, writer)
    protocol.receive_data(first)
    while not (events := protocol.events_received()):
        if not (data := await reader.read(CHUNK)):
            raise ConnectionError("it ended within its greeting")
        protocol.receive_data(data)
    request = events[0]
    if not isinstance(request, Request):
        raise ConnectionError("it did not begin with a request")
    response = protocol.accept(request)
    protocol.send_response(response)
    out.flush()
    if response.status_code != 101:
        raise ConnectionError(f"its greeting was refused: {response.reason_phrase}")
    lines = asyncio.StreamReader(limit=LINE_LIMIT)
    out.pump = asyncio.create_task(_pump(protocol, reader, out, lines))
    return lines, out


async def _pump(
    protocol: ServerProtocol, reader: asyncio.StreamReader, out: MessageWriter, lines: asyncio.StreamReader
) -> None:
    try:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                protocol.receive_data(data)
                out.flush()  # answers to pings and to closing
                for frame in protocol.events_received():
                    if isinstance(frame, Frame) and frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                        lines.feed_data(bytes(frame.data).replace(b"\n", b" ") + b"\n" * frame.fin)
    finally:
        lines.feed_eof()
