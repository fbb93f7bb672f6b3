"""`roomcheck compare` while it plays."""

import asyncio
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from roomcheck.cli.compare import Contestant, tell


def test_how_far_each_is_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again, also where nobody has a terminal."""
    monkeypatch.setattr(import_module("roomcheck.cli.compare"), "SAID", 0.001)
    sessions: list[Any] = [SimpleNamespace(results=[], playing=[]), SimpleNamespace(results=[], playing=[*"abcde"])]
    nothing: Any = None
    both = [Contestant(name, nothing, {}, {}, session) for name, session in zip("AB", sessions, strict=True)]

    async def listen() -> None:
        said: asyncio.Queue[str] = asyncio.Queue()
        telling = asyncio.create_task(tell(both, said.put_nowait))
        assert await said.get() == "A: 0 played; B: 0 played, now a, b, c and 2 more"
        sessions[0].results += [None, None]
        while await said.get() != "A: 2 played; B: 0 played, now a, b, c and 2 more":
            pass
        telling.cancel()

    asyncio.run(listen())
