"""Adapters that are pages: real ones, in a real Chromium that the kit's own program drives."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from roomcheck.adapters import AdapterHost, StampedCallback
from roomcheck.adapters.pulse import now
from roomcheck.errors import AdapterError, TargetError
from roomcheck.run.install import BROWSERS, CHROMIUM, driver_of_browsers
from support.browsers import driver, packages
from support.processes import PATIENCE

HERE = Path(__file__).parent
LIMIT = 60.0  # seconds for what a busy machine may take over a browser
SECRET = "nothing that a page may know"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for scripts, with what the kit needs from npm beside them."""
    place = packages(tmp_path_factory.mktemp("pages"))
    for name in ("good.js", "backend.mjs"):
        shutil.copy(HERE / name, place)
    return place


@pytest.fixture(scope="module")
def command(folder: Path) -> Sequence[str]:
    """The sound adapter."""
    return [*driver(), f"--script={folder / 'good.js'}", f"--backend={folder / 'backend.mjs'}"]


class Ear:
    """A member, and what it is told."""

    def __init__(self, host: AdapterHost, handle: str) -> None:
        self.host, self.handle = host, handle
        self.events: list[StampedCallback] = []
        host.subscribe(handle, self.events.append, lambda _error: None)

    async def open(self, user: str = "alice", **fields: Any) -> None:
        await self.host.request(
            "open", LIMIT, member=self.handle, user=user, endpoints={"room": "127.0.0.1:1"}, **fields
        )  # fmt: skip

    async def call(self, operation: str, limit: float = LIMIT, **arguments: Any) -> tuple[str, Any]:
        answer = await self.host.request("call", limit, member=self.handle, operation=operation, arguments=arguments)
        return answer.status, answer.fields

    async def call_until_it_breaks(self) -> None:
        async with asyncio.timeout(LIMIT):
            while True:
                await self.settled()

    async def settled(self) -> None:
        await self.host.request("barrier", LIMIT, member=self.handle)


@contextlib.asynccontextmanager
async def greeted(command: Sequence[str]) -> AsyncIterator[AdapterHost]:
    host = await AdapterHost.start(
        command, env={"ROOM_SECRET": SECRET}, constants={"beat": 5}, secrets=["ROOM_SECRET"], hello_limit=LIMIT
    )
    try:
        yield host
    finally:
        await host.stop()


def test_a_page_keeps_the_protocol(command: Sequence[str]) -> None:
    """Hello, calls, every status, callbacks, stamps, the barrier, the backend: as the other kits."""

    async def play() -> None:
        async with greeted(command) as host:
            assert host.info.implementation["name"] == "good"
            assert host.info.implementation["language"].startswith("javascript, chromium 1")
            assert host.info.capabilities["admin"] == ["kick"]
            assert host.info.capabilities["rooms per member"] == 2
            assert host.info.endpoints == ["room", "media"]
            await host.probe()
            a, b, nobody = (Ear(host, handle) for handle in ("1.A", "1.B", "1.C"))
            with pytest.raises(AdapterError, match="there is no user nobody"):
                await nobody.open("nobody")
            await asyncio.gather(a.open(options={"tell at open": True}), b.open("bob"))

            began = now()
            await a.call("tell", count=3, raw={"it": 1})
            await a.call("tellSoon")
            await a.settled()
            ended = now()
            assert [(e.n, e.callback) for e in a.events] == [
                (1, "onOpen"), (2, "onTold"), (3, "onTold"), (4, "onTold"), (5, "onSoon")
            ]  # fmt: skip
            for event in a.events[1:]:
                assert event.time - event.spread <= ended
                assert began <= event.time <= event.received
            assert not b.events
            await b.call("tellLate")
            await host.request("barrier", LIMIT, member=None)
            assert [e.callback for e in b.events] == ["onLate"]  # one for all waits for every page

            assert await a.call("refuse") == ("refused", {"errorCode": 1002033})
            assert await a.call("waver") == ("indefinite", {"waited": 5})
            assert (await a.call("lack"))[0] == "unsupported"
            assert await a.call("break") == ("adapter-error", {"error": "page: RangeError: by the SDK"})
            assert await a.call("constants") == ("ok", {"beat": 5})
            assert await a.call("token", of="token") == ("ok", {"token": f"alice vouched for by {len(SECRET)}"})
            assert "no more tokens today" in (await a.call("token", of="fail"))[1]["error"]
            assert "exports no function 'nothing'" in (await a.call("token", of="nothing"))[1]["error"]
            answer = await host.request("admin", operation="kick", arguments={"user": "u"}, endpoints={"room": "x:1"})
            assert answer.fields == {"kicked": "u", "at": {"room": "x:1"}}

            await asyncio.gather(a.call("store"), b.call("noise"))  # a page's storage is its own
            states = [(await host.request("state", LIMIT, member=ear.handle)).fields for ear in (a, b)]
            assert states == [
                {"user": "alice", "stored": "alice", "secure": True}, {"user": "bob", "stored": None, "secure": True}
            ]  # fmt: skip
            await a.call("tellNan")
            with pytest.raises(AdapterError, match="callback 'onTold' of 1.A could not be written: 0 is NaN"):
                await a.settled()
            await b.settled()
            await host.request("close", LIMIT, member="1.A")
        assert host.status == 0

    asyncio.run(play())


def started() -> list[tuple[psutil.Process, str]]:
    """Our processes, and their command lines; not those that have ended meanwhile."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found.append((process, " ".join(process.cmdline())))
    return found


def renderers() -> list[psutil.Process]:
    """Processes of pages."""
    return [process for process, line in started() if "--type=renderer" in line]


def test_a_page_that_breaks_costs_one_member(command: Sequence[str]) -> None:
    """A dialog, an endless loop, a crash: one line says which, and the next member is as sound as ever."""

    async def play() -> None:
        async with greeted(command) as host:
            dialog, loop, crash, sound = (Ear(host, handle) for handle in ("1.D", "1.L", "1.C", "1.S"))
            for ear in (dialog, loop, sound):
                await ear.open()
            before = renderers()
            await crash.open()
            theirs = set(renderers()) - set(before)  # its page's, and maybe one that the browser has in store for it
            assert theirs

            said = 'its page opened a dialog: alert("are you\\nthere?")'
            assert said in (await dialog.call("alert"))[1]["error"]
            with pytest.raises(AdapterError, match="no answer to call loop 1.L within 1 s; it still answers pings"):
                await loop.call("loop", 1.0)
            for process in theirs:
                process.kill()
            with pytest.raises(AdapterError, match="its page crashed"):
                await crash.call_until_it_breaks()
            with pytest.raises(AdapterError, match="its page opened a dialog"):
                await dialog.settled()

            await sound.call("tell", count=1)
            await sound.settled()
            assert [e.callback for e in sound.events] == ["onTold"]
            for ear in (dialog, loop, crash, sound):
                await host.request("close", LIMIT, member=ear.handle)

    asyncio.run(play())


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """The browser is gone when its driver is, however that ends."""
    others = set(renderers())  # of a browser that other tests of this process have open
    yield
    deadline = time.monotonic() + PATIENCE
    while (left := set(renderers()) - others) and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=0.1)
    assert not left


@pytest.mark.parametrize("whose", ["browser", pytest.param("driver", marks=pytest.mark.night)])
def test_a_browser_that_is_killed(command: Sequence[str], whose: str, nothing_left: None) -> None:
    """Every member's request says so, and nothing of it is left."""

    async def play() -> None:
        async with greeted(command) as host:
            ear = Ear(host, "1.A")
            await ear.open()
            mark = "host.mjs" if whose == "driver" else "--remote-debugging-pipe"
            for process, line in started():
                if mark in line and "--type=" not in line:
                    process.kill()
            said = "the browser has ended" if whose == "browser" else "it was ended by SIGKILL"
            with pytest.raises(AdapterError, match=said):
                await ear.call("loop")

    asyncio.run(play())


SCRIPTS = {  # what a script does wrong -> what is said of it
    "roomcheck.Adaptor.main();\n": "the page threw while it was loaded: TypeError: .* at bad-0.js:1",
    "const = 1;\n": "the page threw while it was loaded: SyntaxError: Unexpected token '='",
    "new roomcheck.Adapter('x', '1');\n": r"its script has not called main\(\)",
}


def test_a_script_that_does_not_get_as_far_as_main(folder: Path) -> None:
    """One line says what it did."""

    async def start(number: int, script: str) -> None:
        bad = folder / f"bad-{number}.js"
        bad.write_text(script)
        with pytest.raises(AdapterError, match=SCRIPTS[script]):
            await AdapterHost.start([*driver(), f"--script={bad}"], hello_limit=LIMIT)

    async def play() -> None:
        await asyncio.gather(*(start(number, script) for number, script in enumerate(SCRIPTS)))

    asyncio.run(play())


def test_a_backend_whose_credentials_cannot_be_right(folder: Path) -> None:
    """Before any page is opened, whose work it is and what: it is not the adapter's."""
    backend = folder / "refusing.mjs"
    backend.write_text(
        "const { Refused } = await import(process.env.ROOMCHECK_NODE_KIT);\n"
        "throw new Refused({ credentials: 'APP_ID is no number' });\n"
    )

    with pytest.raises(TargetError, match=r"it answered hello with refused: .*APP_ID is no number"):
        asyncio.run(
            AdapterHost.start([*driver(), f"--script={folder / 'good.js'}", f"--backend={backend}"], hello_limit=LIMIT)
        )


def test_without_the_driver_of_browsers(tmp_path: Path) -> None:
    """The package that is missing is named, and whose work it is."""
    (tmp_path / "good.js").write_text("")

    with pytest.raises(
        AdapterError, match="playwright-core is not installed beside .*good.js: let the target's install"
    ):
        asyncio.run(AdapterHost.start([*driver(), f"--script={tmp_path / 'good.js'}"], hello_limit=LIMIT))


def test_without_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: what is missing, and what brings it."""
    for name in ("node", "other"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(CHROMIUM, raising=False)
    with pytest.raises(
        TargetError, match=r"t: its adapter is a page, and there is no Chromium here .*`apt-get install"
    ):
        driver_of_browsers("t")
    monkeypatch.setenv(CHROMIUM, "missing")
    with pytest.raises(TargetError, match=f"{CHROMIUM}=missing is no program"):
        driver_of_browsers("t")
    monkeypatch.setenv(CHROMIUM, str(tmp_path / "other"))
    assert driver_of_browsers("t")[2] == f"--browser={tmp_path / 'other'}"
    monkeypatch.delenv(CHROMIUM)
    (tmp_path / BROWSERS[-1]).symlink_to(tmp_path / "other")
    assert driver_of_browsers("t")[2] == f"--browser={tmp_path / BROWSERS[-1]}"
    (tmp_path / "node").unlink()
    with pytest.raises(TargetError, match="needs Node.js 20"):
        driver_of_browsers("t")
