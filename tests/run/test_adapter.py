"""Starting the adapter of a pair: the names of the endpoints are what its two parts have in common."""

import asyncio
from pathlib import Path

import pytest

from roomcheck.cli.targets import open_target
from roomcheck.errors import TargetError
from roomcheck.run.adapter import start_adapter
from roomcheck.run.install import provide
from support.parts import CLIENT, SERVER, write_part


def start(folder: Path, server: str) -> str:
    """The name of the adapter that was started."""
    write_part(folder, "hall", server)
    write_part(folder, "door", CLIENT)

    async def greeted() -> str:
        host = await start_adapter(provide(open_target(f"{folder}/hall+{folder}/door")), {}, lambda *_: None)
        await host.stop()
        return str(host.info.implementation["name"])

    return asyncio.run(greeted())


def test_a_client_finds_the_endpoints_that_it_asks_for(tmp_path: Path) -> None:
    """By their names."""
    assert start(tmp_path, SERVER) == "roomcheck-reference"


def test_a_client_that_asks_for_other_endpoints_does_not_fit(tmp_path: Path) -> None:
    """Said in one line, with the names of both; nothing is left running."""
    other = SERVER.replace("{room}", "{lobby}").replace("  room:", "  lobby:")
    with pytest.raises(TargetError, match="door asks for the endpoints room, and hall has lobby"):
        start(tmp_path, other)
