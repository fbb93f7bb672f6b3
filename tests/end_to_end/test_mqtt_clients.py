"""The MQTT clients that ship, each with a broker of our own that ends connections at a chosen packet."""

import asyncio

import pytest

from roomcheck.adapters import AdapterHost
from roomcheck.cli.targets import open_part
from roomcheck.errors import TargetError
from roomcheck.run.install import provide
from support.processes import PATIENCE

SECOND = 1_000_000
CONSTANTS = {
    "keep_alive": 60 * SECOND,
    "session_expiry": 60 * SECOND,
    "will_delay": SECOND,
    "call_limit": 60 * SECOND,
    "retry_delay": SECOND // 10,
}
CONNECT, PUBLISH, SUBSCRIBE = 1, 3, 8


class Broker:
    """A broker that ends the first connection at its SUBSCRIBE, the second one when it has subscribed and published.

    It knows the client's session from the second connection on. `subscribed`: the connections on which it was sent a
    SUBSCRIBE; `back`: somebody published over the third one; `left`: it said goodbye.
    """

    def __init__(self) -> None:
        self.connections = self.published = 0
        self.subscribed: list[int] = []
        self.back, self.left = asyncio.Event(), asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while not self.ended(number, *await packet(reader), writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    def ended(self, number: int, kind: int, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if kind == CONNECT:
            writer.write(bytes([0x20, 3, number > 1, 0, 0]))
        elif kind == SUBSCRIBE:
            self.subscribed.append(number)
            if number == 1:
                return True
            writer.write(bytes([0x90, 4, *body[:2], 0, 1]))
        elif kind == PUBLISH:
            topic = int.from_bytes(body[:2])
            writer.write(bytes([0x40, 2, *body[2 + topic : 4 + topic]]))
            if number == 2:  # one that it sends again may come before its SUBSCRIBE
                self.published += 1
                return 2 in self.subscribed or self.published == 2
            (self.left if body.endswith(b"gone left") else self.back).set()
        return False


async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, length, shift = (await reader.readexactly(1))[0] >> 4, 0, 0
    while True:
        (digit,) = await reader.readexactly(1)
        length |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            return kind, await reader.readexactly(length)


@pytest.mark.night  # it fetches all three, and builds one
@pytest.mark.parametrize("name", ["paho", "autopaho", "mqttjs"])
def test_a_lost_subscribe_is_sent_again(name: str) -> None:
    """Also in a session that is resumed, until it was acknowledged, and not after that."""
    try:
        client = provide(open_part(name))
    except TargetError as e:
        pytest.skip(f"{name} is not played on this machine: {e}")

    async def play() -> Broker:
        broker = Broker()
        server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
        address = "{}:{}".format(*server.sockets[0].getsockname())
        host = await AdapterHost.start(client.adapter_command, constants=CONSTANTS)
        try:
            await host.request("open", member="1.A", user="a", endpoints={"broker": address})
            given = {"room": "r", "ticket": "valid", "session": "kept", "will": "delayed"}
            await host.request("call", PATIENCE, member="1.A", operation="connect", arguments=given)
            async with asyncio.timeout(PATIENCE):
                await broker.back.wait()
            await host.request("call", PATIENCE, member="1.A", operation="disconnect", arguments={"room": "r"})
            async with asyncio.timeout(PATIENCE):
                await broker.left.wait()
            await host.request("close", PATIENCE, member="1.A")
        finally:
            await host.stop()
            server.close()
        return broker

    assert asyncio.run(play()).subscribed == [1, 2]
