"""The harness's own connection through a member's proxy: it shows what a fault did, and sends the server not one byte.

The room's server sees a connection that is opened, stays silent and is closed, as a port scan or a health check makes.
"""

import asyncio
import contextlib
import socket
from typing import Literal, Self

from roomcheck.faults.address import blame_the_machine

DIAL_LIMIT = 1.0  # seconds; 0.4 to 2 ms measured, and the kernel accepts for a busy proxy

PILOT_LIMIT = 0.2  # seconds; 0.5 ms measured on a whole link, and on a stalled one it is never answered


class Canary:
    """One idle connection. `dial` blocks for about a millisecond; the rest belongs to the event loop."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @classmethod
    def dial(cls, address: tuple[str, int]) -> Self | None:
        """A connection through the proxy; None if the proxy does not accept any (an earlier fault)."""
        try:
            connection = socket.create_connection(address, timeout=DIAL_LIMIT)
        except OSError as e:
            blame_the_machine(e)
            return None
        connection.setblocking(False)
        return cls(connection)

    @classmethod
    def dial_through(cls, address: tuple[str, int]) -> Self | None:
        """As `dial`, and the proxy has surely taken the connection up, not only the kernel.

        A proxy takes connections up one by one. So when a second one, closed by us, is answered, the first is in place.
        """
        canary = cls.dial(address)
        pilot = cls.dial(address) if canary else None
        if pilot:
            with contextlib.closing(pilot._connection) as connection, contextlib.suppress(OSError):  # noqa: SLF001
                connection.settimeout(PILOT_LIMIT)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
        return canary

    async def end(self, within: float) -> Literal["FIN", "RST"] | None:
        """How the connection ended; None if it is open after so many seconds. What the server says is thrown away."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within):
                while await loop.sock_recv(self._connection, 65536):
                    pass
        except TimeoutError:
            return None
        except OSError:
            return "RST"
        return "FIN"

    async def unanswered(self, within: float) -> bool:
        """Close our half: a whole proxy closes the other half in 0.5 ms; True if it has not after so many seconds."""
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:  # it has ended already
            return False
        return await self.end(within) is None

    def close(self) -> None:
        self._connection.close()


async def refused(address: tuple[str, int], within: float) -> bool:
    """Whether a new connection is refused."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
        probe.setblocking(False)
        try:
            async with asyncio.timeout(within):
                await asyncio.get_running_loop().sock_connect(probe, address)
        except ConnectionRefusedError:
            return True
        except OSError as e:  # TimeoutError is one
            blame_the_machine(e)
            return False
    return False
