"""The edge that client and server share: lines over TCP that never wait for a reader, and an alarm clock."""

import asyncio
from collections.abc import Callable

from roomcheck.reference.wire import LINE_LIMIT, Message, decode, encode

BACKLOG_LIMIT = 1_048_576  # bytes that may wait for a peer that does not read, behind the system's own buffers


class Lines(asyncio.Protocol):
    """One connection. `on_message` gets each message (None: no message), `on_end` the end, unless we closed."""

    def __init__(
        self,
        on_open: Callable[["Lines"], None],
        on_message: Callable[["Lines", Message | None], None],
        on_end: Callable[["Lines"], None],
    ) -> None:
        self._on_open = on_open
        self._on_message = on_message
        self._on_end = on_end
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._on_open(self)

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if self._closed:
                return
            self._on_message(self, decode(line))
        if len(self._buffer) > LINE_LIMIT:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self._closed:
            self._closed = True
            self._on_end(self)

    def send(self, message: Message) -> None:
        """Hand the message over; a peer that has long not read is cut off."""
        assert self._transport is not None
        if self._closed:
            return
        self._transport.write(encode(message))
        if self._transport.get_write_buffer_size() > BACKLOG_LIMIT:
            self._end()

    def close(self) -> None:
        """End the connection; what the system's buffers took is still delivered, and nothing is waited for."""
        self._closed = True
        if self._transport is not None:
            if self._transport.get_write_buffer_size():
                self._transport.abort()
            else:
                self._transport.close()

    def _end(self) -> None:
        """End it as if the peer had: asyncio calls connection_lost."""
        assert self._transport is not None
        self._transport.abort()


class Alarm:
    """Calls `ring` at the deadline that was last set, or before; set it again after each ring."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: int | None) -> None:
        """In microseconds of the loop's clock. A later deadline than before costs nothing: the alarm just rings."""
        if deadline is None:
            self.cancel()
            return
        at = deadline / 1e6
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._fire)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._ring()


def now() -> int:
    """Microseconds of the loop's clock, which is the machine's monotonic clock."""
    return round(asyncio.get_running_loop().time() * 1e6)
