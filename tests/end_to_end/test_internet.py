"""What cannot be pointed elsewhere is broken too: a forward proxy behind each member's own, TLS and names unchanged."""

import asyncio
import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidProxyStatus

from roomcheck.adapters import AdapterHost
from roomcheck.faults import Link, Provisioned, ToxiproxyServer, provision
from roomcheck.forward import listed
from roomcheck.model.fault import EFFECT, SILENT, Effect, FaultKind, Way
from roomcheck.report.exitcode import AS_EXPECTED, NOTHING
from roomcheck.run.install import provide
from roomcheck.run.server import Server
from roomcheck.spec.target import load_target
from support.browsers import driver, packages
from support.runs import Running, run, until

ON_A_LINK = sorted(set(FaultKind) - {FaultKind.SERVER_RESTART})
SHORT = 0.5  # seconds in which what must not come had the time to come
LIMIT = 60.0
ANSWER = 2.5  # seconds for each of two answers within a call of a page, which the kit gives up after six
TARGET = "{target: t, spec: s, adapter: {dial: true}, internet: [localhost, '*.example.org:443']}"


@dataclass(slots=True)
class Far:
    """A server of TLS that says what it hears, under a name; `hosts` are those that its clients asked for.

    `heard`: how many messages came.
    """

    port: int
    trust: ssl.SSLContext
    hosts: set[str] = field(default_factory=set)
    heard: int = 0

    @property
    def url(self) -> str:
        return f"wss://localhost:{self.port}"


@contextlib.asynccontextmanager
async def far_server() -> AsyncIterator[Far]:
    authority = trustme.CA()
    own, trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(own)
    authority.configure_trust(trust)
    far = Far(0, trust)

    async def answer(connection: ServerConnection) -> None:
        assert connection.request is not None
        far.hosts.add(connection.request.headers["Host"])
        with contextlib.suppress(ConnectionClosed):
            async for text in connection:
                far.heard += 1
                await connection.send(text)

    async with serve(answer, "127.0.0.1", 0, ssl=own, close_timeout=0.1) as server:
        far.port = next(iter(server.sockets)).getsockname()[1]
        yield far


@pytest.fixture(scope="module")
def toxiproxy() -> Provisioned:
    return provision()


@contextlib.asynccontextmanager
async def way(toxiproxy: Provisioned) -> AsyncIterator[tuple[Far, Link]]:
    """A far server, and a member's link to the proxy that leads to it."""
    async with contextlib.AsyncExitStack() as stack:
        far = await stack.enter_async_context(far_server())
        forward = await stack.enter_async_context(Server(provide(load_target(TARGET, "t")), {}))
        server = await ToxiproxyServer.start(toxiproxy)
        stack.push_async_callback(server.stop)
        link = await Link.create(server, "internet", forward.endpoints["internet"], set(ON_A_LINK))
        stack.push_async_callback(link.close)
        yield far, link


Ask = Callable[[bool, float], Awaitable[bool]]


async def broken_in_every_way(far: Far, link: Link, ask: Ask) -> dict[FaultKind, str]:
    """Each fault, on a connection that lives; `ask(fresh, limit)`: whether an echo came, over a new one if so wished.

    Of those that are silent one way, whoever is deaf is heard, and whoever is mute is not.
    """
    seen = {}
    for kind in ON_A_LINK:
        async with asyncio.timeout(LIMIT):
            while not await ask(True, LIMIT):
                pass
        applied = await link.apply(kind)
        seen[kind] = applied.evidence
        match EFFECT[kind]:
            case Effect.DOWN:
                before = far.heard
                assert not await ask(False, SHORT), kind
                if Way.UP not in SILENT[kind]:
                    async with asyncio.timeout(LIMIT):
                        while far.heard == before:  # noqa: ASYNC110 (the echo that would tell is what the fault holds)
                            await asyncio.sleep(0.01)
                else:
                    assert far.heard == before, kind
                assert not await ask(True, SHORT), kind
            case Effect.BROKEN:
                assert not await ask(False, SHORT), kind
            case Effect.DEGRADED:
                assert await ask(False, LIMIT), kind
                assert await ask(True, LIMIT), kind
        await link.heal()
    return seen


def test_every_fault_bites_a_client_of_python(toxiproxy: Provisioned) -> None:
    """An SDK that takes a proxy's address is broken like any other; the server sees its own name."""

    async def play() -> dict[FaultKind, str]:
        async with way(toxiproxy) as (far, link), contextlib.AsyncExitStack() as stack:
            kept: list[ClientConnection] = []

            async def ask(fresh: bool, limit: float) -> bool:  # noqa: FBT001
                try:
                    async with asyncio.timeout(limit):
                        if fresh:
                            proxy = f"http://{link.listen}"
                            made = await connect(
                                far.url, ssl=far.trust, proxy=proxy, close_timeout=0, ping_interval=None
                            )
                            stack.callback(made.transport.abort)
                            kept[:] = [made]
                        await kept[0].send("hello")
                        return await kept[0].recv() == "hello"
                except (OSError, ConnectionClosed, EOFError):
                    return False

            seen = await broken_in_every_way(far, link, ask)
            assert far.hosts == {f"localhost:{far.port}"}
            return seen

    seen = asyncio.run(play())

    assert sorted(seen) == ON_A_LINK
    assert all(seen.values())


def test_every_fault_bites_a_page(toxiproxy: Provisioned, tmp_path: Path) -> None:
    """The same in a browser: and its WebRTC has no way around the proxy."""
    packages(tmp_path)
    shutil.copy(Path(__file__).parents[1] / "adapters" / "reach.js", tmp_path)
    command = [*driver(), f"--script={tmp_path / 'reach.js'}", "--flag=--ignore-certificate-errors"]

    async def play() -> dict[FaultKind, str]:
        async with way(toxiproxy) as (far, link):
            host = await AdapterHost.start(command, hello_limit=LIMIT)
            try:
                endpoints = {"internet": link.listen}
                await host.request("open", LIMIT, member="1.A", user="a", endpoints=endpoints)

                async def call(operation: str, **arguments: Any) -> Any:
                    answer = await host.request(
                        "call", LIMIT, member="1.A", operation=operation, arguments=arguments
                    )  # fmt: skip
                    assert answer.status == "ok", answer.fields
                    return answer.fields

                async def ask(fresh: bool, limit: float) -> bool:  # noqa: FBT001
                    answer = await call("ask", url=far.url, fresh=fresh, limit=min(limit, ANSWER) * 1_000)
                    return bool(answer.get("heard") == "hello")

                seen = await broken_in_every_way(far, link, ask)
                assert far.hosts == {f"localhost:{far.port}"}
                assert await call("candidates") == {"found": []}
                return seen
            finally:
                await host.stop()

    seen = asyncio.run(play())

    assert sorted(seen) == ON_A_LINK
    assert all(seen.values())


def test_only_what_is_listed_is_let_through(toxiproxy: Provisioned) -> None:
    """Another host, also one of this machine under another name, is refused with 403; a dead one is a bad gateway."""

    async def play() -> list[int]:
        async with way(toxiproxy) as (far, link):
            codes = []
            for url in (f"wss://127.0.0.1:{far.port}", "wss://www.example.com", "wss://localhost:1"):
                with pytest.raises(InvalidProxyStatus) as caught:
                    await connect(url, proxy=f"http://{link.listen}", ssl=far.trust)
                codes.append(caught.value.response.status_code)
            return codes

    assert asyncio.run(play()) == [403, 403, 502]


QUIET = """
import pathlib
from roomcheck.adapter_kit import Adapter

kit = Adapter("quiet", "1", ["internet"])


@kit.open
async def open(member, user, endpoints, credentials, options):
    return member


@kit.operation("enter")
async def enter(member, arguments):
    kit.emit(member, "onMe", {"place": arguments["place"], "status": "online"})
    pathlib.Path(__file__).with_name("entered").touch()


kit.main()
"""
CONTRACT = """
spec: quiet/room
title: Quiet
revision: "1"
source: {document: Room, publisher: Quiet}
constants: {moment: 1s}
callbacks:
  onMe: {room: place, fields: {place: str, status: str}}
operations:
  enter: {rooms: [place], settles: online, settle within: moment}
pace: moment
watch: 4 * moment
requirements:
  Q-ME: {must: Who enters is told so at once., documented: Room}
connection:
  callback: onMe
  state: status
  initial: offline
  otherwise: Q-ME
  rules: [{from: offline, cause: enter, to: online, within: moment, for: Q-ME}]
scenarios:
  - {id: enter, title: A enters, schedule: [A: enter]}
"""


TARGET_FILE = """
target: quiet
spec: quiet.yaml
adapter: {command: ["{python}", "{dir}/adapter.py"]}
internet: [localhost]
"""
LONELY = """
import asyncio

from roomcheck.adapter_kit import Adapter

kit = Adapter("lonely", "1", ["internet"])


@kit.open
async def open(member, user, endpoints, credentials, options):
    return member, endpoints["internet"].split(":")


@kit.operation("enter")
async def enter(me, arguments):
    member, proxy = me
    reader, writer = await asyncio.open_connection(*proxy)
    writer.write(b"CONNECT localhost:1 HTTP/1.1\\r\\n\\r\\n")
    if b" 200 " in await reader.readline():
        kit.emit(member, "onMe", {"place": arguments["place"], "status": "online"})
    writer.close()


kit.main()
"""


def test_hosts_that_cannot_be_reached_prove_nothing(tmp_path: Path) -> None:
    """A member that is told nothing where no host of its SDK answers is no finding: one line says which, and exit 4."""
    (tmp_path / "adapter.py").write_text(LONELY)
    (tmp_path / "quiet.yaml").write_text(CONTRACT)
    (tmp_path / "target.yaml").write_text(TARGET_FILE)
    done = run(["run", "--target", "target.yaml"], tmp_path)

    assert done.code == NOTHING, done.out + done.err
    assert done.reports.results["enter"].outcome is None
    assert "none of the hosts under `internet` could be reached: localhost:1, " in done.out


@pytest.mark.parametrize("which", ["the proxy", "what accepts connections"])
def test_a_forward_proxy_that_is_killed(tmp_path: Path, which: str) -> None:
    """It is named, started again and its case played again; it is no part of the room, so that the run exits 0."""
    (tmp_path / "adapter.py").write_text(QUIET)
    (tmp_path / "quiet.yaml").write_text(CONTRACT)
    (tmp_path / "target.yaml").write_text(TARGET_FILE)
    with Running.start(["run", "--target", "target.yaml"], tmp_path) as running:
        until((tmp_path / "entered").exists)
        victim = running.the("roomcheck.forward")
        if which == "what accepts connections":
            [victim] = victim.children()
        victim.kill()
        done = running.end()
        assert not running.left()

    assert done.code == AS_EXPECTED, done.out + done.err
    [line] = [line for line in done.err.splitlines() if "the forward proxy" in line]
    assert "died: it ended with status" in line
    assert done.reports.results["enter"].attempts == 2


@pytest.mark.parametrize(
    ("host", "port", "through"),
    [
        ("localhost", 5, True), ("LOCALHOST.", 5, True), ("a.b.example.org", 443, True), ("example.org", 443, False),
        ("a.example.org", 80, False), ("localhost.example.com", 443, False), ("", 0, False),
    ],
)  # fmt: skip
def test_patterns(host: str, port: int, through: bool) -> None:  # noqa: FBT001
    """Of names, with a port where it matters."""
    assert listed(host, port, ["localhost", "*.example.org:443"]) is through
