"""The cases of a spec as pytest's items, and a `room` for tests written by hand: `pytest --room-target FILE`.

pytest imports this module at every start, on every project of the machine. So it is thin, and imports nothing of
roomcheck before --room-target is given; everything else of this package is imported then.

What is what: a violation is a failure, with the console's explanation; a case without a verdict (inconclusive, a broken
adapter, a room that does not start) is an error, since nothing was proven of the room and nothing was found sound
either; a case that the room cannot be asked is skipped; a listed failure is an expected one. If all of them were
skipped, nothing was checked, and the run does not end with 0.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from roomcheck.pytest_plugin.by_hand import Room

NAME = "roomcheck-run"  # of the plugin that is registered once there is a target
TARGET, SPEC = "--room-target", "--room-spec"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("roomcheck", "rooms")
    group.addoption(TARGET, metavar="FILE", help="Play a spec's cases on this room: a target.yaml.")
    group.addoption(SPEC, metavar="SPEC", help="A file or an id; by default the target's own spec.")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Begin anew with `--room-target=PATH` where it was written with a space.

    pytest looks for its rootdir and its settings before it knows the options of plugins, and takes such a path for one
    of the tests: a target of another folder would take them from there. Whoever calls pytest.main() is left alone.
    """
    given = [str(arg) for arg in config.invocation_params.args]
    joined = join_paths(given)
    if joined != given and sys.orig_argv[-len(given) :] == given:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1 : -len(given)], *joined])  # noqa: S606  as it was started


def join_paths(args: Sequence[str]) -> list[str]:
    """The arguments, an option of ours and the path that follows it joined by `=`."""
    out: list[str] = []
    for arg in args:
        if out and out[-1] in (TARGET, SPEC) and Path(arg).exists():
            out[-1] += f"={arg}"
        else:
            out.append(arg)
    return out


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("room_target") is not None:
        from roomcheck.pytest_plugin.run import RoomRun  # noqa: PLC0415  see above

        config.pluginmanager.register(RoomRun.of(config), NAME)
    elif config.getoption("room_spec") is not None:
        raise pytest.UsageError("--room-spec needs --room-target: the room to play it on")


@pytest.fixture
def room(request: pytest.FixtureRequest) -> "Iterator[Room]":
    """A room of the target of its own: see docs/pytest.md. At the end of the test the judge has its say."""
    run = request.config.pluginmanager.get_plugin(NAME)
    if run is None:
        pytest.fail("the fixture `room` needs a room: pytest --room-target FILE", pytrace=False)
    yield from run.room(request.node)
