"""Server and client on real sockets, a hundred times as fast."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from roomcheck.reference.client import Client, RefusedCall
from roomcheck.reference.server import Server
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.sockets import now
from roomcheck.reference.wire import make_token, timings
from support.processes import PATIENCE

CONSTANTS = {
    "heartbeat_interval": 100_000,
    "loss_detection": 300_000,
    "retry_interval": 50_000,
    "heartbeat_timeout": 900_000,
    "retry_timeout": 2_000_000,
}


class App:
    """An application on the client SDK that can wait for what it is told."""

    def __init__(self, port: int, user: str) -> None:
        self.user = user
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._news = asyncio.Event()
        self.client = Client(f"127.0.0.1:{port}", user, f"{user}/{id(self)}", CONSTANTS, self._on_callback)

    def _on_callback(self, callback: str, fields: dict[str, Any]) -> None:
        self.told.append((callback, fields))
        self._news.set()

    def login(self) -> None:
        self.client.call("loginRoom", room="R", token=make_token(self.user, now() + 10**9))

    def reasons(self) -> list[str]:
        return [f["reason"] for _, f in self.told if "reason" in f]

    def changes(self) -> list[tuple[str, list[str]]]:
        return [(f["updateType"], [u["userID"] for u in f["users"]]) for _, f in self.told if "users" in f]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._news.clear()
                await self._news.wait()


async def started(port: int = 0) -> tuple[Server, int]:
    server = Server(ServerMachine(f"{now()}", timings(CONSTANTS), now()))
    return server, await server.start(port=port)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def settled() -> None:
        await test()
        for _ in range(5):  # what was closed is gone after a few turns of the loop
            await asyncio.sleep(0)

    asyncio.run(settled())


def test_two_members_meet_and_part() -> None:
    """Login, list, newcomer and logout over TCP."""

    async def test() -> None:
        server, port = await started()
        a, b = App(port, "a"), App(port, "b")
        a.login()
        await a.until(lambda: a.reasons() == ["LOGINING", "LOGINED"])
        b.login()
        await a.until(lambda: a.changes() == [("ADD", ["b"])])
        with pytest.raises(RefusedCall):
            b.login()
        await b.until(lambda: b.changes() == [("ADD", ["a"])])
        b.client.call("logoutRoom", room="R")
        await a.until(lambda: a.changes() == [("ADD", ["b"]), ("DELETE", ["b"])])
        assert a.client.states() == {"R": "LOGINED"}
        a.client.close()
        b.client.close()
        server.kill()

    run(test)


def test_members_survive_a_restart_of_the_server() -> None:
    """A server that is killed and started again on its port gets its members back."""

    async def test() -> None:
        server, port = await started()
        a = App(port, "a")
        a.login()
        await a.until(lambda: "LOGINED" in a.reasons())
        server.kill()
        await a.until(lambda: a.reasons()[-1] == "RECONNECTING")
        server, _ = await started(port)
        await a.until(lambda: a.reasons()[-1] == "RECONNECTED")
        a.client.close()
        server.kill()

    run(test)


def test_killed_client_is_dropped_at_the_heartbeat_timeout() -> None:
    """A client that vanishes is told as DELETE to the others, not before its time."""

    async def test() -> None:
        server, port = await started()
        a, b = App(port, "a"), App(port, "b")
        a.login()
        b.login()
        await a.until(lambda: a.changes() == [("ADD", ["b"])])
        began = now()
        b.client.close()
        await a.until(lambda: ("DELETE", ["b"]) in a.changes())
        assert now() - began >= 790_000
        a.client.close()
        server.kill()

    run(test)


def test_accepted_but_never_answered_is_retried() -> None:
    """A proxy that accepts and ends, or accepts and says nothing, is only one more failed attempt."""

    async def test() -> None:
        attempts: list[asyncio.StreamWriter] = []

        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            attempts.append(writer)
            if len(attempts) % 2:
                writer.transport.abort()

        proxy = await asyncio.start_server(answer, "127.0.0.1", 0)
        a = App(proxy.sockets[0].getsockname()[1], "a")
        a.login()
        await a.until(lambda: a.reasons() == ["LOGINING", "LOGIN_FAILED"])
        assert len(attempts) > 4
        a.client.close()
        for writer in attempts:
            writer.transport.abort()
        proxy.close()

    run(test)


GARBAGE = [
    b"\n", b"null\n", b"[]\n", b"{}\n", b"\xff\xfe\n", b"[" * 60_000 + b"\n", b"x" * 200_000, b'{"t":"login"}\n',
    b'{"t":"hb"}\n', b'{"t":"bye"}\n', b'{"t":"login","user":1,"device":2,"n":"x","room":[],"token":{},"session":3}\n',
    b'{"t":"login","user":"u","device":"d","n":1,"room":"R","token":"9' + b"9" * 5000 + b':x","session":null}\n',
    b'{"t":"login","user":"u","device":"d","n":1,"room":"R","token":"\xc2\xb2:x","session":"s"}\n', b'{"t":"kick","user":7}\n',
]  # fmt: skip


def test_server_survives_garbage() -> None:
    """Nothing that a stranger sends ends the server or disturbs a member."""

    async def test() -> None:
        server, port = await started()
        a = App(port, "a")
        a.login()
        await a.until(lambda: "LOGINED" in a.reasons())
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
        for garbage in GARBAGE:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(garbage)
            writer.write(b'{"t":"bye"}\n')
            async with asyncio.timeout(PATIENCE):
                assert json.loads(await reader.readline()) == {"t": "hello"}
                with contextlib.suppress(ConnectionError):
                    await reader.readline()  # the answer to bye, or the end
            writer.transport.abort()
        b = App(port, "b")
        b.login()
        await a.until(lambda: a.changes() == [("ADD", ["b"])])
        assert failures == []
        assert a.reasons() == ["LOGINING", "LOGINED"]
        a.client.close()
        b.client.close()
        server.kill()

    run(test)


async def adapter_and_server(*defect: str) -> tuple[asyncio.subprocess.Process, asyncio.subprocess.Process, str]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "ROOMCHECK_CONSTANTS": json.dumps(CONSTANTS)}
    module = ("-m", "roomcheck.reference.server", "--port", str(port), *defect)
    server = await asyncio.create_subprocess_exec(sys.executable, *module, env=env)
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.transport.abort()
            break
    adapter = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "roomcheck.reference.adapter", *defect,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return adapter, server, f"127.0.0.1:{port}"


@pytest.mark.parametrize("defect", [(), ("--defect", "kick-wrong-code")])
def test_adapter_and_server_play_a_kick(defect: tuple[str, ...]) -> None:
    """The two programs as a run starts them: hello, open, login, a refused login, a kick by the backend, bye."""

    async def test() -> None:
        adapter, server, address = await adapter_and_server(*defect)
        assert adapter.stdin is not None
        assert adapter.stdout is not None
        numbers = iter(range(1, 100))
        results: dict[int, dict[str, Any]] = {}
        events: list[dict[str, Any]] = []

        async def read_until(true: Callable[[], bool]) -> None:
            assert adapter.stdout is not None
            async with asyncio.timeout(PATIENCE):
                while not true():
                    message = json.loads(await adapter.stdout.readline())
                    if message["type"] == "result":
                        results[message["id"]] = message
                    elif message["type"] == "event":
                        events.append(message)

        async def ask(**message: Any) -> dict[str, Any]:
            assert adapter.stdin is not None
            number = next(numbers)
            adapter.stdin.write(json.dumps({"id": number, **message}).encode() + b"\n")
            await read_until(lambda: number in results)
            return results[number]

        hello = await ask(type="hello", protocol=[1, 1], harness="0", constants=CONSTANTS, token=None)
        assert hello["fields"]["capabilities"]["operations"] == ["loginRoom", "logoutRoom", "switchRoom"]
        await ask(type="open", member="1.A", user="ann", endpoints={"room": address}, credentials={}, options={})
        login = {"type": "call", "member": "1.A", "operation": "loginRoom"}
        assert (await ask(**login, arguments={"room": "lobby", "token": "valid"}))["status"] == "ok"
        await read_until(lambda: events[-1]["fields"]["reason"] == "LOGINED")
        refused = await ask(**login, arguments={"room": "lobby", "token": "valid"})
        assert (refused["status"], refused["fields"]) == ("refused", {"errorCode": 1002001})
        assert (await ask(type="state", member="1.A"))["fields"] == {"rooms": {"lobby": "LOGINED"}}
        kick = {"user": "ann", "room": "lobby"}
        assert (await ask(type="admin", operation="kick", arguments=kick, endpoints={"room": address}))[
            "status"
        ] == "ok"
        await read_until(lambda: events[-1]["fields"]["reason"] == "KICK_OUT")
        assert events[-1]["fields"]["errorCode"] == (1002050 if defect else 1002055)
        await ask(**login, arguments={"room": "lobby", "token": "expired"})
        await read_until(lambda: events[-1]["fields"]["reason"] == "LOGIN_FAILED")
        await ask(type="close", member="1.A")
        await ask(type="bye")
        async with asyncio.timeout(PATIENCE):
            assert await adapter.wait() == 0
        server.kill()
        await server.wait()

    run(test)
