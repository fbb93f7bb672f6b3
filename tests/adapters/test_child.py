"""A program that we start dies with us, with and without setpriv."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from roomcheck.adapters import child
from roomcheck.adapters.child import dying_with_us, surroundings
from support.runs import until

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
PARENT = (
    "import json, subprocess, sys, time\n"
    "from roomcheck.adapters import child\n"
    "if sys.argv[1] == 'without': child._setpriv = lambda: False\n"
    "command, preexec = child.dying_with_us(json.loads(sys.argv[2]))\n"
    "started = subprocess.Popen(command, preexec_fn=preexec, stdout=subprocess.PIPE, start_new_session=True)\n"
    "started.stdout.readline()\n"
    "print(started.pid, flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def fresh() -> Iterator[Callable[[], None]]:
    """Forgets whether there is a setpriv."""
    child._setpriv.cache_clear()
    yield child._setpriv.cache_clear
    child._setpriv.cache_clear()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the end of its input tells it")
@pytest.mark.parametrize("how", ["with", "without"])
def test_it_dies_when_its_parent_is_killed(how: str) -> None:
    """Its process has the number that we were told, and is the program that was asked for."""
    words = [sys.executable, "-c", PARENT, how, json.dumps(SLEEPER)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        started = psutil.Process(int(parent.stdout.readline()))
        assert started.cmdline() == SLEEPER
        os.kill(parent.pid, signal.SIGKILL)
        until(lambda: not started.is_running() or started.status() == psutil.STATUS_ZOMBIE, 20)


def test_without_setpriv_or_without_the_program_python_asks_the_kernel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh: Callable[[], None]
) -> None:
    """So that whoever starts it is told of the name that was asked for."""
    assert dying_with_us(["no-such-program", "-x"]) == (["no-such-program", "-x"], child._ask_kernel)
    fresh()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dying_with_us([sys.executable])[0] == [sys.executable]
    fresh()
    (tmp_path / "setpriv").write_text("#!/bin/sh\nexit 1\n")  # one that does not know the option
    (tmp_path / "setpriv").chmod(0o755)
    assert dying_with_us([sys.executable])[0] == [sys.executable]


def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no such call."""
    monkeypatch.setattr(child, "_LIBC", None)
    assert dying_with_us(["program"]) == (["program"], None)


def test_a_program_gets_no_proxies_but_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK would ask them for addresses of this machine; in both spellings, and nothing else is taken away."""
    for name in ("HTTP_PROXY", "https_proxy", "NO_PROXY", "All_Proxy", "ROOM_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    found = surroundings(["https_proxy"])

    assert {name for name in found if name.lower().endswith("_proxy")} == {"https_proxy", "ROOM_PROXY"}
    assert found["PATH"] == os.environ["PATH"]
