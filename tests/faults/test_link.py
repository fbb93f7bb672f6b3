"""What each fault does to a living connection, to a new one, and after the heal, on a real Toxiproxy."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from roomcheck.errors import HarnessError, UsageError
from roomcheck.faults import Link, Provisioned, ToxiproxyServer
from roomcheck.model.fault import FaultKind
from support.processes import PATIENCE

CUT, RESET, REFUSE = FaultKind.CUT, FaultKind.RESET, FaultKind.REFUSE
STALL, GHOST, LATENCY = FaultKind.STALL, FaultKind.GHOST, FaultKind.LATENCY
SERVER_TOLD, CLIENT_TOLD = FaultKind.HALF_OPEN_SERVER_TOLD, FaultKind.HALF_OPEN_CLIENT_TOLD
THROTTLE, SLICE, TRUNCATE = FaultKind.THROTTLE, FaultKind.SLICE, FaultKind.TRUNCATE
DEAF_STALL, DEAF_BLACKHOLE = FaultKind.DEAF_STALL, FaultKind.DEAF_BLACKHOLE
MUTE_STALL, MUTE_BLACKHOLE = FaultKind.MUTE_STALL, FaultKind.MUTE_BLACKHOLE
ON_A_LINK = sorted(set(FaultKind) - {FaultKind.SERVER_RESTART})

QUIET = 0.05  # seconds in which what must not come had the time to come: a whole link takes 0.1 ms
LIMIT = PATIENCE


@dataclass(slots=True)
class End:
    """One end of a connection: what it heard, how it ended, and when."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: bytearray = field(default_factory=bytearray)
    ended: str | None = None
    at: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        how = "FIN"
        try:
            while data := await self.reader.read(65536):
                self.heard += data
                self.news.set()
        except OSError:
            how = "RST"
        self.at = time.monotonic_ns() // 1000
        self.ended = how
        self.news.set()

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not true():
                self.news.clear()
                await self.news.wait()

    async def hears(self, data: bytes) -> None:
        await self.until(lambda: bytes(self.heard) == data)

    async def ends(self) -> str:
        await self.until(lambda: self.ended is not None)
        return str(self.ended)


@dataclass(slots=True)
class Rig:
    """A link to a server that records; `dial` gives both ends of a new connection through it."""

    toxiproxy: ToxiproxyServer
    link: Link
    ends: list[End] = field(default_factory=list)
    accepted: asyncio.Queue[End] = field(default_factory=asyncio.Queue)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def end(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> End:
        end = End(reader, writer)
        self.ends.append(end)
        self.tasks.add(asyncio.create_task(end.listen()))
        return end

    async def dial(self) -> tuple[End, End]:
        """The client's and the server's end, which have heard each other's greeting and forgotten it."""
        client = await self.dial_only()
        client.say(b"hello")
        async with asyncio.timeout(LIMIT):
            while True:  # a canary says nothing, and is passed over
                server = await self.accepted.get()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(QUIET):
                        await server.hears(b"hello")
                        break
        server.say(b"hello")
        await client.hears(b"hello")
        client.heard.clear()
        server.heard.clear()
        return client, server

    async def dial_only(self) -> End:
        host, port = self.link.listen.split(":")
        return self.end(*await asyncio.open_connection(host, int(port)))

    async def refuses(self) -> bool:
        try:
            await self.dial_only()
        except ConnectionRefusedError:
            return True
        return False


@contextlib.asynccontextmanager
async def rig(provisioned: Provisioned, *kinds: FaultKind) -> AsyncIterator[Rig]:
    toxiproxy = await ToxiproxyServer.start(provisioned)
    made: list[Rig] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made[0].accepted.put_nowait(made[0].end(reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        link = await Link.create(toxiproxy, "17-A-room", f"{host}:{port}", set(kinds))
        made.append(Rig(toxiproxy, link))
        yield made[0]
        await link.close()
    finally:
        await toxiproxy.stop()
        for _ in range(
            3
        ):  # whom it still dialled is accepted: asyncio leaves a connection open that comes with the close
            await asyncio.sleep(0)
        server.close()
        async with asyncio.timeout(LIMIT):
            while others := asyncio.all_tasks() - {asyncio.current_task()}:  # with the proxies gone, all of them end
                await asyncio.wait(others)
        for end in made[0].ends if made else ():
            end.writer.close()
            with contextlib.suppress(OSError):
                await end.writer.wait_closed()


Scene = Callable[[Rig], Awaitable[None]]


def play(provisioned: Provisioned, scene: Scene, *kinds: FaultKind) -> None:
    async def run() -> None:
        async with rig(provisioned, *kinds) as made:
            await scene(made)

    asyncio.run(run())


# --- nothing passes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "how"), [(CUT, "FIN"), (RESET, "RST"), (REFUSE, "FIN")])
def test_a_cut_ends_what_lives_and_refuses_what_comes(toxiproxy: Provisioned, kind: FaultKind, how: str) -> None:
    """Both ends see FIN (reset: RST) not before the moment reported; new connections are refused until the heal."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        applied = await r.link.apply(kind)

        assert (await client.ends(), await server.ends()) == (how, how)
        assert client.at >= applied.at.lo
        assert await r.refuses()
        await r.link.heal()
        await r.dial()

    play(toxiproxy, scene, kind)


def test_a_stalled_connection_goes_on_and_loses_nothing(toxiproxy: Provisioned) -> None:
    """Bytes of both directions wait for the heal and then arrive whole on the same connection."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        await r.link.apply(STALL)
        client.say(b"from the client")
        server.say(b"from the server")
        await asyncio.sleep(QUIET)

        assert not client.heard
        assert not server.heard
        await r.link.heal()
        await client.hears(b"from the server")
        await server.hears(b"from the client")
        assert (client.ended, server.ended) == (None, None)

    play(toxiproxy, scene, STALL)


@pytest.mark.parametrize("kind", [STALL, GHOST])
def test_a_pulled_cable_hides_that_the_other_side_has_left(toxiproxy: Provisioned, kind: FaultKind) -> None:
    """A close during the fault is told only by the heal, to the client as to the server."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        client2, server2 = await r.dial()
        await r.link.apply(kind)
        client.writer.close()
        server2.writer.close()
        await asyncio.sleep(QUIET)

        assert (server.ended, client2.ended) == (None, None)
        await r.link.heal()
        await server.ends()
        await client2.ends()

    play(toxiproxy, scene, kind)


def test_a_connection_dialled_during_a_stall_is_whole_after_it(toxiproxy: Provisioned) -> None:
    """It is accepted, silent, and then as good as any."""

    async def scene(r: Rig) -> None:
        await r.link.apply(STALL)
        client = await r.dial_only()
        client.say(b"login")
        await asyncio.sleep(QUIET)

        assert all(not end.heard for end in r.ends)
        await r.link.heal()
        async with asyncio.timeout(LIMIT):
            while not (server := await r.accepted.get()).heard:
                await server.until(lambda s=server: bool(s.heard or s.ended))  # type: ignore[misc]
                if server.heard:
                    break
        server.say(b"welcome")
        await client.hears(b"welcome")
        assert client.ended is None

    play(toxiproxy, scene, STALL)


def test_a_ghost_is_dead_for_good(toxiproxy: Provisioned) -> None:
    """Neither side is told during the fault; the heal ends both, and what was sent meanwhile never arrives."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        await r.link.apply(GHOST)
        client.say(b"lost")
        server.say(b"lost")
        late = await r.dial_only()
        await asyncio.sleep(QUIET)

        assert (client.ended, server.ended, late.ended) == (None, None, None)
        await r.link.heal()
        await asyncio.gather(client.ends(), server.ends(), late.ends())
        assert not client.heard
        assert not server.heard
        await r.dial()

    play(toxiproxy, scene, GHOST)


def test_the_heal_of_a_ghost_concerns_no_other_link(toxiproxy: Provisioned) -> None:
    """A neighbour that is stalled stays stalled, and its connection lives on."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        neighbour = await Link.create(r.toxiproxy, "neighbour", r.link.upstream, {GHOST})
        await r.link.apply(STALL)
        await neighbour.apply(GHOST)
        await neighbour.heal()
        await neighbour.close()
        client.say(b"held")
        await asyncio.sleep(QUIET)

        assert not server.heard
        await r.link.heal()
        await server.hears(b"held")
        assert client.ended is None

    play(toxiproxy, scene, STALL)


@pytest.mark.parametrize("kind", [DEAF_STALL, MUTE_STALL, DEAF_BLACKHOLE, MUTE_BLACKHOLE])
def test_a_link_that_is_silent_one_way(toxiproxy: Provisioned, kind: FaultKind) -> None:
    """The other way passes, on old and new connections; a stall holds what was sent, a black hole loses it."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        await r.link.apply(kind)
        late = await r.dial_only()
        deaf, told = (client, server) if kind in (DEAF_STALL, DEAF_BLACKHOLE) else (server, client)
        server.say(b"down")
        client.say(b"up")
        await told.hears(b"up" if told is server else b"down")
        await asyncio.sleep(QUIET)

        assert not deaf.heard
        assert (client.ended, server.ended, late.ended) == (None, None, None)
        await r.link.heal()
        if kind in (DEAF_STALL, MUTE_STALL):
            await deaf.hears(b"down" if deaf is client else b"up")
            assert (client.ended, server.ended) == (None, None)
        else:
            await asyncio.gather(client.ends(), server.ends(), late.ends())
            assert not deaf.heard
            await r.dial()

    play(toxiproxy, scene, kind)


@pytest.mark.parametrize("kind", [DEAF_STALL, MUTE_STALL, DEAF_BLACKHOLE, MUTE_BLACKHOLE])
def test_a_close_is_hidden_from_whom_nothing_reaches(toxiproxy: Provisioned, kind: FaultKind) -> None:
    """And told to whom everything does."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        client2, server2 = await r.dial()
        await r.link.apply(kind)
        client.writer.close()
        server2.writer.close()
        told, hidden = (server, client2) if kind in (DEAF_STALL, DEAF_BLACKHOLE) else (client2, server)
        await told.ends()
        await asyncio.sleep(QUIET)

        assert hidden.ended is None
        await r.link.heal()
        await hidden.ends()

    play(toxiproxy, scene, kind)


@pytest.mark.parametrize(
    "kinds", [(DEAF_STALL, STALL), (MUTE_BLACKHOLE, GHOST), (DEAF_BLACKHOLE, MUTE_STALL), (MUTE_STALL, DEAF_STALL)]
)
def test_what_is_added_to_a_silent_way_silences_the_other(
    toxiproxy: Provisioned, kinds: tuple[FaultKind, FaultKind]
) -> None:
    """Nothing passes either way then."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        for kind in kinds:
            await r.link.apply(kind)
        client.say(b"up")
        server.say(b"down")
        await asyncio.sleep(QUIET)

        assert not client.heard
        assert not server.heard
        await r.link.heal()
        await r.dial()

    play(toxiproxy, scene, *kinds)


# --- broken ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SERVER_TOLD, CLIENT_TOLD])
def test_half_open_tells_one_side_only(toxiproxy: Provisioned, kind: FaultKind) -> None:
    """One end sees the end at once, the other not before the heal; new connections pass meanwhile and outlive it."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        await r.link.apply(kind)
        told, untold = (server, client) if kind is SERVER_TOLD else (client, server)
        await told.ends()
        new_client, new_server = await r.dial()

        assert untold.ended is None
        await r.link.heal()
        await untold.ends()
        new_client.say(b"still here")
        await new_server.hears(b"still here")

    play(toxiproxy, scene, kind)


def test_truncate_breaks_off_in_the_middle_of_a_message(toxiproxy: Provisioned) -> None:
    """Of a stream of messages each direction passes so many bytes more, then both ends see the end; new ones pass."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        apply = asyncio.create_task(r.link.apply(TRUNCATE, {"bytes": 3, "within": 200_000}))
        while server.ended is None:
            client.say(b"01234567")
            await asyncio.sleep(0.001)
        await client.ends()
        await apply

        assert len(server.heard) % 8 == 3
        assert bytes(server.heard) == (b"01234567" * len(server.heard))[: len(server.heard)]
        await r.dial()

    play(toxiproxy, scene, TRUNCATE)


def test_truncate_ends_a_quiet_connection_too(toxiproxy: Provisioned) -> None:
    """A connection on which nothing was said is ended within the moment reported."""

    async def scene(r: Rig) -> None:
        client, _ = await r.dial()
        applied = await r.link.apply(TRUNCATE)
        await client.ends()

        assert applied.at.lo <= client.at

    play(toxiproxy, scene, TRUNCATE)


def test_a_client_that_is_quick_is_truncated_once(toxiproxy: Provisioned) -> None:
    """What connects anew while the moment lasts passes no whole message before it is over, and is left alone then."""

    async def scene(r: Rig) -> None:
        over = asyncio.Event()

        async def client() -> None:
            while not over.is_set():
                try:
                    end = await r.dial_only()
                except ConnectionError:  # the proxy is just being made anew
                    await asyncio.sleep(0.001)
                    continue
                while end.ended is None and not over.is_set():
                    end.say(b"hello")
                    await asyncio.sleep(0.001)

        def whole() -> list[End]:
            return [end for end in r.ends if len(end.heard) >= len(b"hello")]

        async def reach(count: int) -> None:
            async with asyncio.timeout(LIMIT):
                while len(whole()) < count:  # noqa: ASYNC110 (any of many ends)
                    await asyncio.sleep(0.001)

        clients = [asyncio.create_task(client()) for _ in range(5)]
        await reach(len(clients))
        await r.link.apply(TRUNCATE)
        await reach(2 * len(clients))
        over.set()
        await asyncio.gather(*clients)
        assert len(whole()) == 2 * len(clients)

    for _ in range(5):
        play(toxiproxy, scene, TRUNCATE)


def test_a_truncation_is_the_end_of_a_half_open_connection_too(toxiproxy: Provisioned) -> None:
    """The side that had not been told is told now; what the earlier faults do to new connections goes on."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        await r.link.apply(LATENCY, {"latency": 30_000})
        await r.link.apply(SERVER_TOLD)
        await server.ends()
        assert client.ended is None
        await r.link.apply(TRUNCATE)
        await client.ends()

        toxics = await r.toxiproxy.do(lambda api: api.read(r.link.name)["toxics"])
        on = {toxic["name"]: toxic["attributes"] for toxic in toxics if toxic["toxicity"]}
        assert on["latency_upstream"]["latency"] == on["latency_downstream"]["latency"] == 30
        assert set(on) == {"latency_upstream", "latency_downstream", "slow_close_downstream"}
        await r.link.heal()
        await r.dial()

    play(toxiproxy, scene, SERVER_TOLD, TRUNCATE)


# --- degraded -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "least"),
    [
        (LATENCY, {"latency": 30_000}, 0.06),
        (THROTTLE, {"rate": 20}, 0.08),
        (SLICE, {"size": 20, "variation": 5, "delay": 1_000}, 0.04),
    ],
)
def test_a_degraded_link_is_slow_and_whole(
    toxiproxy: Provisioned, kind: FaultKind, settings: dict[str, int], least: float
) -> None:
    """A thousand bytes there and back take as long as the settings say; nothing is lost, nobody is told anything."""
    message = bytes(i % 251 for i in range(1000))

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        await r.link.apply(kind, settings)
        began = time.monotonic()
        client.say(message)
        await server.hears(message)
        server.say(message)
        await client.hears(message)
        took = time.monotonic() - began

        assert took >= least
        await r.link.heal()
        client.say(b"after")
        await server.hears(message + b"after")
        assert (client.ended, server.ended) == (None, None)

    play(toxiproxy, scene, kind)


# --- more than one --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kinds",
    [(STALL, CUT), (CUT, STALL), (STALL, GHOST), (GHOST, STALL), (GHOST, GHOST), (STALL, STALL), (LATENCY, GHOST),
     (LATENCY, LATENCY), (SERVER_TOLD, CLIENT_TOLD), (CUT, RESET), (DEAF_STALL, CUT), (DEAF_STALL, GHOST), (MUTE_BLACKHOLE, STALL),
     (STALL, DEAF_BLACKHOLE), (GHOST, MUTE_STALL)],
)  # fmt: skip
def test_one_heal_ends_every_fault_of_a_link(toxiproxy: Provisioned, kinds: tuple[FaultKind, FaultKind]) -> None:
    """After it a new connection is as good as any, and a second heal changes nothing."""

    async def scene(r: Rig) -> None:
        await r.dial()
        for kind in kinds:
            await r.link.apply(kind)
        await r.link.heal()

        client, server = await r.dial()
        await r.link.heal()
        client.say(b"well")
        await server.hears(b"well")

    play(toxiproxy, scene, *kinds)


@pytest.mark.parametrize("kind", [STALL, GHOST, SERVER_TOLD, DEAF_STALL, DEAF_BLACKHOLE, MUTE_STALL, MUTE_BLACKHOLE])
def test_a_client_that_dials_again_does_not_block_the_heal(toxiproxy: Provisioned, kind: FaultKind) -> None:
    """Connections given up and dialled again during the fault: the heal takes no longer, and the next one passes."""

    async def scene(r: Rig) -> None:
        client, _ = await r.dial()
        await r.link.apply(kind)
        for _ in range(5):
            client.say(b"login")
            client.writer.close()
            await client.writer.wait_closed()
            client = await r.dial_only()
        async with asyncio.timeout(LIMIT):
            await r.link.heal()
        r.accepted = asyncio.Queue()

        await r.dial()

    play(toxiproxy, scene, kind)


@pytest.mark.parametrize(
    "kinds",
    [(STALL, STALL), (STALL, GHOST), (GHOST, STALL), (GHOST, GHOST), (DEAF_STALL, STALL), (MUTE_STALL, STALL),
     (DEAF_STALL, GHOST), (MUTE_STALL, GHOST), (DEAF_BLACKHOLE, GHOST), (MUTE_BLACKHOLE, DEAF_STALL)],
)  # fmt: skip
def test_a_second_fault_on_a_link_with_dead_connections_does_not_block(
    toxiproxy: Provisioned, kinds: tuple[FaultKind, FaultKind]
) -> None:
    """What the link has already is not touched again: that would wedge the server for good."""

    async def scene(r: Rig) -> None:
        client, _ = await r.dial()
        await r.link.apply(kinds[0])
        for _ in range(3):
            client.say(b"login")
            client.writer.close()
            await client.writer.wait_closed()
            client = await r.dial_only()
        async with asyncio.timeout(LIMIT):
            await r.link.apply(kinds[1])
            await r.link.heal()
        r.accepted = asyncio.Queue()

        await r.dial()

    play(toxiproxy, scene, *kinds)


def test_many_links_at_once(toxiproxy: Provisioned) -> None:
    """Made, faulted and healed side by side, each has a port of its own and only its own fault."""

    async def scene(r: Rig) -> None:
        links = await asyncio.gather(*(Link.create(r.toxiproxy, "many", r.link.upstream, {CUT}) for _ in range(40)))
        await asyncio.gather(*(link.apply(CUT) for link in links[::2]))

        assert len({link.listen for link in links}) == 40
        for link in links:
            r.link, kept = link, r.link
            assert await r.refuses() is (link in links[::2])
            r.link = kept
        await asyncio.gather(*(link.heal() for link in links))
        await asyncio.gather(*(link.close() for link in links))

    play(toxiproxy, scene)


# --- evidence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ON_A_LINK)
def test_a_fault_that_does_nothing_is_no_fault(
    toxiproxy: Provisioned, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe that leaves the proxy as it was is never taken for a fault."""

    async def scene(r: Rig) -> None:
        monkeypatch.setattr("roomcheck.faults.link.END_LIMIT", QUIET)
        monkeypatch.setattr(Link, "_put", lambda *_: None)
        monkeypatch.setattr(Link, "_close_the_rest", lambda *_: 0)
        with pytest.raises(HarnessError, match="was never seen to bite"):
            await r.link.apply(kind)

    play(toxiproxy, scene, kind)


@pytest.mark.parametrize("kind", ON_A_LINK)
def test_evidence_is_gathered_without_a_word_to_the_server(toxiproxy: Provisioned, kind: FaultKind) -> None:
    """The server hears no byte from the canary, and the canary is gone after the heal."""

    async def scene(r: Rig) -> None:
        applied = await r.link.apply(kind)
        await r.link.heal()

        assert applied.evidence
        assert applied.at.lo <= applied.at.hi
        while not r.accepted.empty():
            end = r.accepted.get_nowait()
            await end.ends()
            assert not end.heard

    play(toxiproxy, scene, kind)


@pytest.mark.parametrize("kind", ON_A_LINK)
def test_a_dead_server_behind_the_link_is_no_missing_evidence(toxiproxy: Provisioned, kind: FaultKind) -> None:
    """The fault of a link whose server is down is applied, and says what could be seen."""

    async def scene(r: Rig) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            host, port = nobody.getsockname()
            link = await Link.create(r.toxiproxy, "down", f"{host}:{port}", {kind})
            applied = await link.apply(kind)
            await link.heal()
            await link.close()

        assert applied.evidence

    play(toxiproxy, scene, kind)


def test_a_heal_that_did_not_happen_is_an_error(toxiproxy: Provisioned, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is read back after a heal."""

    async def scene(r: Rig) -> None:
        await r.link.apply(CUT)
        monkeypatch.setattr("roomcheck.faults.client.Client.enable", lambda *_: None)
        with pytest.raises(HarnessError, match="heal of .* was never seen to take effect"):
            await r.link.heal()

    play(toxiproxy, scene, CUT)


def test_a_fault_that_was_not_armed_is_refused(toxiproxy: Provisioned) -> None:
    """A stall on a link made for cuts would go on as half a fault."""

    async def scene(r: Rig) -> None:
        with pytest.raises(HarnessError, match="was not armed"):
            await r.link.apply(STALL)

    play(toxiproxy, scene, CUT)


@pytest.mark.parametrize("kind", [LATENCY, SERVER_TOLD, CLIENT_TOLD, TRUNCATE])
@pytest.mark.parametrize("down", [CUT, STALL, GHOST, DEAF_STALL, MUTE_BLACKHOLE])
def test_a_link_that_is_down_can_only_be_kept_down(toxiproxy: Provisioned, down: FaultKind, kind: FaultKind) -> None:
    """What lets new connections pass, or all of them slowly, cannot begin on a link where nothing passes."""

    async def scene(r: Rig) -> None:
        await r.link.apply(down)
        with pytest.raises(UsageError, match=f"{kind} needs a link that is up"):
            await r.link.apply(kind)

    play(toxiproxy, scene, down)


def test_the_same_fault_again_has_the_new_settings(toxiproxy: Provisioned) -> None:
    """A latency replaces the one before it."""

    async def scene(r: Rig) -> None:
        await r.link.apply(LATENCY, {"latency": 2 * int(LIMIT * 1e6)})
        await r.link.apply(LATENCY, {"latency": 1_000})
        async with asyncio.timeout(LIMIT):
            await r.dial()

    play(toxiproxy, scene, LATENCY)


def test_a_reset_is_one_on_a_link_armed_for_everything(toxiproxy: Provisioned) -> None:
    """The toxics of other kinds, armed and off, do not turn it into a FIN."""

    async def scene(r: Rig) -> None:
        client, server = await r.dial()
        await r.link.apply(RESET)
        assert (await client.ends(), await server.ends()) == ("RST", "RST")

    play(toxiproxy, scene, *ON_A_LINK)


def test_the_restart_of_the_server_is_no_fault_of_a_link(toxiproxy: Provisioned) -> None:
    """It is the runner's business."""

    async def scene(r: Rig) -> None:
        with pytest.raises(UsageError, match="server-restart is a fault of the server"):
            await r.link.apply(FaultKind.SERVER_RESTART)

    play(toxiproxy, scene)
