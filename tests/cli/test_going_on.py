"""What is going on is told again and again, by every command that may play for long."""

import asyncio
import queue
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from roomcheck.cli import going_on as module
from roomcheck.cli import main
from roomcheck.cli.going_on import going_on, some
from roomcheck.simulate import Virtual
from support.vendors import FOLDER

SOON = 0.001
PATIENCE = 60


def test_it_is_told_until_the_block_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is empty is not; afterwards nobody tells anything."""
    monkeypatch.setattr(module, "SAID", SOON)
    texts, said = iter(["one", "", "two"]), queue.Queue[str]()
    with going_on(lambda: next(texts, ""), said.put):
        assert [said.get(timeout=PATIENCE), said.get(timeout=PATIENCE)] == ["one", "two"]

    assert "going on" not in {thread.name for thread in threading.enumerate()}


def test_a_few_are_named() -> None:
    """And how many there are beside."""
    assert (some(["a"]), some([*"abcde"])) == ("a", "a, b, c and 2 more")


def test_a_run_tells_what_is_still_played(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also without a terminal, while the last case takes its time."""
    told = threading.Event()
    console = import_module("roomcheck.report.console").Console
    monkeypatch.setattr(module, "SAID", SOON)
    say = console.goes_on

    def goes_on(self: Any, text: str) -> None:
        say(self, text)
        told.set()

    async def play(*_: Any, **__: Any) -> None:
        await asyncio.to_thread(told.wait, PATIENCE)

    monkeypatch.setattr(Virtual, "play", play)
    monkeypatch.setattr(console, "goes_on", goes_on)
    monkeypatch.setattr(Virtual, "playing", ["kick", "never-back/cut"], raising=False)
    with pytest.raises(SystemExit):
        main(["run", "--simulate", "-k", "kick", "--report-dir", str(tmp_path)])

    assert "0 done, still played: kick, never-back/cut\n" in capsys.readouterr().out


def test_a_proof_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """However long one room takes."""
    monkeypatch.setattr(module, "SAID", SOON)
    with pytest.raises(SystemExit):
        main(["prove", str(FOLDER / "duo.yaml"), "--schedules", "1"])

    assert " lawful rooms, 0 false reds" in capsys.readouterr().err
