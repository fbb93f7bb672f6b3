"""A server's life: it is ours, it dies when it should, and what is dead or wedged never hangs a run."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from roomcheck.errors import HarnessError
from roomcheck.faults import Link, Provisioned, ToxiproxyServer
from roomcheck.faults.client import SilentError
from roomcheck.faults.process import Process, start_process
from roomcheck.faults.silence import now
from roomcheck.model.fault import FaultKind
from support.processes import PATIENCE


@pytest.fixture
def program(toxiproxy: Provisioned) -> Path:
    """The program; skipped where the tests were given a URL."""
    if toxiproxy.path is None:
        pytest.skip("Toxiproxy was given by URL")
    return toxiproxy.path


@pytest.fixture
def running(program: Path) -> Iterator[Process]:
    """A server's process of its own."""
    process = start_process(program)
    yield process
    process.kill()
    process.wait()


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def its_process(server: ToxiproxyServer) -> psutil.Process:
    port = int(server.url.rpartition(":")[2])
    for child in psutil.Process().children(recursive=True):
        if any(c.laddr.port == port for c in child.net_connections()):
            return child
    raise AssertionError("no child listens there")


def test_it_starts_answers_and_is_gone(program: Path) -> None:
    """Version and URL are told; after `stop` it is not alive, and calls fail."""

    async def scene() -> None:
        server = await ToxiproxyServer.start(Provisioned(program, None, "test", "2.12.0"))
        alive = [server.alive]
        assert server.version == "2.12.0"
        assert await server.do(lambda client: client.version())
        await server.stop()
        alive.append(server.alive)
        assert alive == [True, False]
        with pytest.raises(HarnessError, match="is dead: it was stopped"):
            await server.do(lambda client: client.version())

    asyncio.run(scene())


def test_two_servers_in_one_process_do_not_mix(program: Path) -> None:
    """A proxy of one is unknown to the other."""

    async def scene() -> None:
        provisioned = Provisioned(program, None, "test", "2.12.0")
        one, two = await ToxiproxyServer.start(provisioned), await ToxiproxyServer.start(provisioned)
        link = await Link.create(one, "mine", "127.0.0.1:1", set())
        assert (await one.do(lambda client: client.read(link.name)))["listen"] == link.listen
        with pytest.raises(HarnessError, match="404"):
            await two.do(lambda client: client.read(link.name))
        await one.stop()
        await two.stop()

    asyncio.run(scene())


def test_a_killed_server_is_an_error_of_the_harness(program: Path) -> None:
    """The call under way and every later one say so; closing a link is quiet."""

    async def scene() -> None:
        server = await ToxiproxyServer.start(Provisioned(program, None, "test", "2.12.0"))
        link = await Link.create(server, "a", "127.0.0.1:1", {FaultKind.CUT})
        child = its_process(server)
        child.kill()
        psutil.wait_procs([child], timeout=PATIENCE)
        with pytest.raises(HarnessError):
            await link.apply(FaultKind.CUT)
        assert not server.alive
        with pytest.raises(HarnessError, match="is dead"):
            await link.heal()
        await link.close()
        await server.stop()

    asyncio.run(scene())


def test_a_wedged_server_ends_within_the_limit(program: Path) -> None:
    """A server that does not answer is killed, so that nobody else waits for it."""

    async def scene() -> None:
        server = await ToxiproxyServer.start(Provisioned(program, None, "test", "2.12.0"), limit=0.3)
        child = its_process(server)
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(HarnessError, match=r"did not answer .* within 0.3 s"):
            await Link.create(server, "a", "127.0.0.1:1", {FaultKind.CUT})
        assert not server.alive
        await server.stop()

    asyncio.run(scene())


def test_calls_that_wait_when_a_server_is_stopped_fail_and_are_not_cancelled(program: Path) -> None:
    """A cancellation would be that of the cases that made them, whose tasks would end without a word."""

    async def scene() -> None:
        server = await ToxiproxyServer.start(Provisioned(program, None, "test", "2.12.0"), limit=0.3)
        its_process(server).send_signal(signal.SIGSTOP)
        calls = [asyncio.create_task(server.do(lambda client: client.version())) for _ in range(100)]
        proofs = [asyncio.create_task(Link.create(server, "a", "127.0.0.1:1", {FaultKind.STALL})) for _ in range(9)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await server.stop()
        ended = await asyncio.gather(*calls, *proofs, return_exceptions=True)
        assert {type(how) for how in ended} <= {HarnessError, SilentError}
        assert len(ended) == 109

    asyncio.run(scene())


def test_last_words_may_be_asked_for_while_its_log_is_closed(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As calls in other threads do that fail when a server is stopped."""
    process = start_process(program)
    process.kill()
    ending = threading.Thread(target=process.wait)
    read = os.pread

    def while_it_ends(*asked: int) -> bytes:
        ending.start()
        ending.join(0.3)
        return read(*asked)

    monkeypatch.setattr(os, "pread", while_it_ends)
    said = process.last_words()
    ending.join()

    assert said.endswith("it printed nothing")
    assert process.last_words().endswith("status -9; it printed nothing")


def test_a_running_server_is_used_by_url_and_left_alone(running: Process) -> None:
    """Links work on it; `stop` does not end it."""

    async def scene() -> None:
        server = await ToxiproxyServer.start(Provisioned(None, running.url, "test", "2.12.0"))
        link = await Link.create(server, "a", "127.0.0.1:1", {FaultKind.CUT})
        assert (await link.apply(FaultKind.CUT)).evidence
        await link.close()
        await server.stop()
        assert running.alive

    asyncio.run(scene())


def test_a_url_where_nobody_is_is_an_error() -> None:
    """It says that nothing answers."""

    async def scene() -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            with pytest.raises(HarnessError, match="Toxiproxy is gone"):
                await ToxiproxyServer.start(Provisioned(None, url, "test", "2.12.0"))

    asyncio.run(scene())


def test_the_proxies_of_the_environment_are_not_asked(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CI host with HTTP_PROXY reaches its own Toxiproxy all the same."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def scene() -> None:
        server = await ToxiproxyServer.start(Provisioned(program, None, "test", "2.12.0"))
        await server.stop()

    asyncio.run(scene())


def test_somebody_elses_server_is_not_taken_for_ours(
    program: Path, running: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another Toxiproxy has the port, ours runs without an API; another port is tried."""
    ports = iter([running.port, None])
    real = sys.modules["roomcheck.faults.ports"].free_port
    monkeypatch.setattr("roomcheck.faults.process.free_port", lambda: next(ports) or real())
    process = start_process(program)

    assert process.port != running.port
    process.kill()
    process.wait()


def test_a_program_that_is_none_says_its_last_words(tmp_path: Path) -> None:
    """The message has the status and what was printed."""
    false = script(tmp_path / "toxiproxy-server", "echo I am no proxy; exit 3")
    with pytest.raises(HarnessError, match=r"ended with status 3; I am no proxy"):
        start_process(false)


def test_a_program_that_dumps_its_stacks_is_told_of_in_one_line(tmp_path: Path) -> None:
    """As a Go program does that gets too little memory: what it died of comes first."""
    dumping = script(tmp_path / "dumps", "echo fatal error: no memory; echo; seq 1000; exit 2")
    with pytest.raises(HarnessError, match=r"ended with status 2; fatal error: no memory \| 1 \| 2$"):
        start_process(dumping)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_dies_with_its_parent(program: Path, ends: Callable[[int], bool]) -> None:
    """A harness that is killed with SIGKILL leaves no server behind."""
    code = (
        "import sys; from pathlib import Path; from roomcheck.faults.process import start_process;"
        "p = start_process(Path(sys.argv[1])); print(p._popen.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert psutil.pid_exists(server)
        parent.send_signal(signal.SIGKILL)

    assert ends(server)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("accept tcp 127.0.0.1:1: accept4: too many open files", "not allowed to open more files"),
        ("dial tcp 127.0.0.1:1: connect: cannot assign requested address", "found no port for a connection"),
    ],
)
def test_what_it_wanted_is_told_to_those_who_were_there(running: Process, log: str, says: str) -> None:
    """A case that began after that was known had it again."""
    began = now()
    assert running.wanted(began) == ""
    os.write(running._log.fileno(), f"{log}\n".encode())

    assert says in running.wanted(began)
    assert says in running.wanted(began)
    assert running.wanted(now() + 1) == ""
