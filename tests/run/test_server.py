"""The life of a target's server: started, waited for, killed, started again, and what it said when it failed."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from roomcheck.adapters.printed import LONGEST
from roomcheck.errors import HarnessError, TargetError
from roomcheck.model.time import Instant
from roomcheck.run import server as server_module
from roomcheck.run.clock import now
from roomcheck.run.install import Ready, provide
from roomcheck.run.server import LAST_LINES, Server
from roomcheck.spec.target import Target
from support.processes import PATIENCE

WAITS = "import threading; threading.Event().wait()"
SOON, LATE = 30_000_000, 300_000  # microseconds that a server gets to listen: one that does, and one that will not
LISTENS = """
import json, os, socket, sys, threading
print('constants', os.environ['ROOMCHECK_CONSTANTS'], flush=True)
sockets = [socket.create_server(('127.0.0.1', int(port))) for port in sys.argv[1].split(',')]
print('more', *sys.argv[2:], flush=True)
threading.Event().wait()
"""


def target(code: str = LISTENS, *, endpoints: tuple[str, ...] = ("room",), ready: int = SOON) -> Ready:
    """A target whose server is this Python code; its first argument is the ports."""
    ports = ",".join("{" + name + "}" for name in endpoints)
    return provide(Target(
        name="small", title="Small", spec="s", adapter_command=(), server_command=("{python}", "-uc", code, ports),
        ready_within=ready, endpoints={name: "127.0.0.1:{" + name + "}" for name in endpoints},
    ))  # fmt: skip


async def seen(what: Callable[[], bool]) -> None:
    """Return when it is true; what another process does is no event here."""
    async with asyncio.timeout(PATIENCE):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def accepts(address: str) -> bool:
    host, port = address.split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def test_a_server_is_ready_when_every_endpoint_accepts() -> None:
    """Each on a port of its own; after the block nobody listens there."""

    async def play() -> None:
        async with Server(target(endpoints=("room", "media")), {}) as server:
            addresses = list(server.endpoints.values())
            assert len(set(addresses)) == 2
            assert [await accepts(a) for a in addresses] == [True, True]
            assert server.alive
        assert [await accepts(a) for a in addresses] == [False, False]

    asyncio.run(play())


def test_a_server_gets_its_port_the_constants_and_what_is_passed_on() -> None:
    """In its command, its environment, and at the end of its command."""

    async def play() -> list[str]:
        async with Server(target(), {"beat": 5}, ("--defect", "deaf")) as server:
            await seen(lambda: len(server.lines) == 2)
            return list(server.lines)

    assert asyncio.run(play()) == ['constants {"beat": 5}', "more --defect deaf"]


def test_a_server_is_told_of_no_proxy_that_its_target_does_not_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a CI host are for its way out, and would be asked for this machine too."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    code = "import os; print([n for n in os.environ if n.lower().endswith('_proxy')], flush=True)\n" + LISTENS

    async def play() -> str:
        async with Server(replace(target(code), proxies=("https_proxy",)), {}) as server:
            await seen(lambda: len(server.lines) == 3)
            return server.lines[0]

    assert asyncio.run(play()) == "['https_proxy']"


def test_the_moment_of_readiness_lies_within_what_start_returns() -> None:
    """After the last refusal, before the connection that was accepted."""

    async def play() -> tuple[int, Instant, int]:
        server = Server(target(), {})
        before = now()
        ready = await server.start()
        after = now()
        await server.kill()
        return before, ready, after

    before, ready, after = asyncio.run(play())
    assert before <= ready.lo <= ready.hi <= after


def test_a_refusal_that_a_late_machine_hears_of_late_says_nothing_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may be up by then, and a client may have been let in: that is not before it was up."""
    up: list[int] = []

    async def accepted(address: str) -> int | None:
        if len(up) < 2:  # nobody is there before it is started; then the refusal is heard of when it is up already
            up.append(now())
            return None
        return now()

    monkeypatch.setattr(server_module, "_accepted", accepted)

    async def play() -> Instant:
        server = Server(target(), {})
        try:
            return await server.start()
        finally:
            await server.close()

    assert asyncio.run(play()).lo <= up[1]


def test_every_endpoint_may_be_the_first_to_let_somebody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first that may have accepted until the last that did."""
    asked: list[int] = []

    async def accepted(address: str) -> int | None:
        asked.append(now())
        return None if len(asked) < 5 else now()  # two before it is started, two refusals of the first endpoint

    monkeypatch.setattr(server_module, "_accepted", accepted)

    async def play() -> Instant:
        server = Server(target(endpoints=("room", "media")), {})
        try:
            return await server.start()
        finally:
            await server.close()

    ready = asyncio.run(play())
    assert asked[1] <= ready.lo <= asked[3] < asked[-1] <= ready.hi


def test_a_killed_server_comes_back_on_the_same_ports() -> None:
    """Killed, it refuses; started again, it accepts where its clients know it."""

    async def play() -> None:
        async with Server(target(), {}) as server:
            address = server.endpoints["room"]
            await server.kill()
            assert not await accepts(address)
            assert server.alive  # it is we who ended it
            await server.start()
            assert server.endpoints["room"] == address
            assert await accepts(address)

    asyncio.run(play())


def test_a_server_takes_its_children_with_it() -> None:
    """The whole process group is killed."""
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait()'])\n{LISTENS}"

    async def play() -> list[psutil.Process]:
        async with Server(target(code), {}) as server:
            assert server._process is not None
            return psutil.Process(server._process.pid).children()

    children = asyncio.run(play())
    assert len(children) == 1
    psutil.wait_procs(children, timeout=PATIENCE)
    assert not [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("code", "ready", "said"),
    [
        ("print('no licence'); raise SystemExit(9)", SOON, ("ended with status 9 before it was ready", "no licence")),
        ("import sys; sys.exit('no disk')", SOON, ("ended with status 1", "no disk")),
        ("raise SystemExit(9)", SOON, ("(it printed nothing)",)),
        (
            "import threading; print('loading'); threading.Event().wait()", LATE,
            ("did not accept on 127.0.0.1:", "within 0.3 s"),
        ),
    ],
    ids=["ends", "stderr", "silent", "deaf"],
)  # fmt: skip
def test_a_server_that_does_not_come_up_tells_why(code: str, ready: int, said: tuple[str, ...]) -> None:
    """What happened, the command, and what it printed; the process is gone."""

    async def play() -> None:
        async with Server(target(code, ready=ready), {}):
            pass

    with pytest.raises(TargetError) as error:
        asyncio.run(play())
    text = str(error.value)
    assert text.startswith("target small: its server ")
    assert all(part in text for part in (*said, "-uc"))


def test_only_the_last_lines_are_kept() -> None:
    """Of a server that prints more than anybody reads, also bytes that are no text."""
    code = "import os; [print(i, flush=True) for i in range(100)]; os.write(1, b'\\xff\\n'); raise SystemExit(1)"

    async def play() -> None:
        async with Server(target(code), {}):
            pass

    with pytest.raises(TargetError) as error:
        asyncio.run(play())
    assert str(error.value).splitlines()[-LAST_LINES:] == [f"  {i}" for i in range(81, 100)] + ["  \\xff"]


def test_whatever_a_server_prints_is_read(tmp_path: Path) -> None:
    """A line longer than any buffer, then megabytes: a pipe that nobody reads would stop it. The end of each is kept."""
    done = tmp_path / "done"
    code = LISTENS.replace(
        "threading.Event().wait()",
        "os.write(1, b'x' * 200_000 + b' end of it\\n')\n"
        "for _ in range(2_000): print('debug ' * 200, flush=True)\n"
        "os.write(1, b'no more')\n"
        f"open({str(done)!r}, 'w').close()\n"
        "os.close(1), os.close(2)\n"
        "threading.Event().wait()",
    )
    longest = 0

    async def play() -> list[str]:
        nonlocal longest
        async with Server(target(code), {}) as server:
            await seen(lambda: any(line.endswith("end of it") for line in server.lines) or done.exists())
            longest = max(map(len, server.lines))
            await seen(lambda: done.exists() and server.lines[-1] == "no more")
            assert server.alive
            return list(server.lines)

    lines = asyncio.run(play())
    assert lines[-2].startswith("debug debug")
    assert longest <= LONGEST


def test_whoever_left_the_group_of_a_server_and_holds_its_output_does_not_hold_us(tmp_path: Path) -> None:
    """The end of the output is waited for, but not for ever."""
    left = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {WAITS!r}], start_new_session=True)\n"
        f"open({str(left)!r}, 'w').write(str(p.pid))\n{LISTENS}"
    )

    async def play() -> Server:
        async with asyncio.timeout(PATIENCE), Server(target(code), {}) as server:
            return server

    server = asyncio.run(play())
    assert not server.alive
    psutil.Process(int(left.read_text())).kill()


@pytest.mark.parametrize("written", ["[::1]:{room}", "::1:{room}"])
def test_an_endpoint_may_be_an_ipv6_address(written: str) -> None:
    """In both spellings; everybody else is given the one that every program reads."""
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    there = replace(target(LISTENS.replace("('127.0.0.1', int(port))", "('::1', int(port)), family=socket.AF_INET6")),
                    endpoints={"room": written})  # fmt: skip

    async def play() -> str:
        async with Server(there, {}) as server:
            return server.endpoints["room"]

    assert asyncio.run(play()).startswith("[::1]:")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_machine_without_a_file_or_ipv6_is_not_taken_for_a_server_that_does_not_accept(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the machine's trouble, and said so."""

    async def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(asyncio, "open_connection", fails)
    with pytest.raises(HarnessError, match=f"this machine cannot make a connection: {os.strerror(number)}"):
        asyncio.run(Server(target(), {}).start())


def test_a_server_that_was_ended_for_good_tells_how_it_was_before() -> None:
    """Cases that were still on it ask, when another has taken its place."""

    async def play() -> tuple[bool, str]:
        server = await Server(target("import sys; print('bye', flush=True)\n" + LISTENS), {}).open()
        assert server._process is not None
        server._process.kill()
        await seen(lambda: not server.alive)
        await server.close()
        return server.alive, server.last_words()

    alive, words = asyncio.run(play())
    assert not alive
    assert words.startswith("it ended with status -9; bye")


def test_a_program_that_is_not_there_is_named() -> None:
    """Before anything is started."""
    missing = provide(Target(
        name="small", title="", spec="s", adapter_command=(), server_command=("no-such-program",), ready_within=SOON,
        endpoints={},
    ))  # fmt: skip
    with pytest.raises(TargetError, match=r"target small: cannot start its server 'no-such-program'"):
        asyncio.run(Server(missing, {}).start())


def test_a_server_that_died_says_how(tmp_path: Path) -> None:
    """Its status and its last lines, in one line."""
    code = f"{LISTENS}".replace(
        "threading.Event().wait()",
        f"[None for _ in iter(lambda: os.path.exists({str(tmp_path / 'go')!r}), True)]; print('out of disk'); sys.exit(7)",
    )

    async def play() -> tuple[bool, str]:
        async with Server(target(code), {}) as server:
            (tmp_path / "go").touch()
            await seen(lambda: not server.alive and "out of disk" in server.lines)
            await seen(lambda: "status" in server.last_words())  # whoever reaps it may be about to say so
            return server.alive, server.last_words()

    alive, words = asyncio.run(play())
    assert not alive
    assert words.startswith("it ended with status 7; constants {} | ")
    assert words.endswith("out of disk")


def test_a_room_that_we_do_not_start_is_not_ended_either() -> None:
    """It counts as running, its endpoints stand as they were written, and start and kill do nothing."""
    theirs = provide(Target(
        name="theirs", title="", spec="s", adapter_command=(), server_command=None, ready_within=0,
        endpoints={"room": "room.example.com:443"},
    ))  # fmt: skip

    async def play() -> Server:
        async with Server(theirs, {}) as server:
            await server.start()
            await server.kill()
            return server

    server = asyncio.run(play())
    assert server.alive
    assert server.endpoints == {"room": "room.example.com:443"}


def test_a_folder_of_its_own_outlives_a_restart(tmp_path: Path) -> None:
    """{work} is the same folder after a kill, and gone after the block, also where the server did not start."""
    remembers = (
        "import os, socket, sys, threading\n"
        "seen = os.listdir(sys.argv[2])\n"
        "open(sys.argv[2] + f'/{len(seen)}', 'w').close()\n"
        "open(sys.argv[3], 'a').write(f'{sys.argv[2]} {len(seen)}\\n')\n"
        "if len(seen) == 2: sys.exit(1)\n"
        "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "threading.Event().wait()\n"
    )
    small = target(remembers)
    small = replace(small, server_command=(*(small.server_command or ()), "{work}", str(tmp_path / "log")))

    async def play() -> None:
        async with Server(small, {}) as server:
            await server.kill()
            await server.start()
            await server.kill()
            with pytest.raises(TargetError, match="ended with status 1"):
                await server.start()

    asyncio.run(play())

    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert [count for _, count in lines] == ["0", "1", "2"]
    assert len({folder for folder, _ in lines}) == 1
    assert not Path(lines[0][0]).exists()


def test_a_taken_port_is_said_before_anything_starts() -> None:
    """A program that listens there would be taken for the room."""

    async def play() -> str:
        taken = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        port = taken.sockets[0].getsockname()[1]
        async with taken:
            fixed = replace(target(), endpoints={"room": f"127.0.0.1:{port}"})
            with pytest.raises(TargetError) as caught:
                async with Server(fixed, {}):
                    pass
        return str(caught.value)

    assert "is taken by another program: end that one, or write another port under `endpoints`" in asyncio.run(play())
