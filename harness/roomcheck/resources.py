"""Where the package's data lies, and where it may keep files of its own. Nobody else builds such a path."""

import os
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path


def root() -> Path:
    """The folder that holds specs/ and fixtures/: in a wheel `_data` beside this file, else the checkout.

    An editable install leaves a stale `_data` in site-packages. It is not seen: `files` names the checkout's package.
    """
    package = Path(str(files("roomcheck")))
    data = package / "_data"
    return data if data.is_dir() else package.parents[1]


def node_kit() -> Path:
    """The kit of Node adapters: what ROOMCHECK_NODE_KIT says to the programs that we start."""
    return Path(str(files("roomcheck"))) / "adapter_kit" / "node" / "kit.mjs"


def go_kit() -> Path:
    """The folder of the kit of Go adapters, a module without a version: {go-kit} in the steps of a target's install."""
    return node_kit().parent.with_name("go")


def browser_kit() -> Path:
    """The program that drives the browser of adapters that are pages."""
    return node_kit().parent.with_name("browser") / "host.mjs"


def cache_dir() -> Path:
    """A folder that can be written: ROOMCHECK_CACHE, else roomcheck's in the user's cache, else a temporary one."""
    env = os.environ
    if named := env.get("ROOMCHECK_CACHE"):
        wanted = Path(named)
    elif xdg := env.get("XDG_CACHE_HOME"):
        wanted = Path(xdg) / "roomcheck"
    else:
        wanted = Path("~/.cache/roomcheck")
    try:
        wanted = wanted.expanduser().absolute()
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except (OSError, RuntimeError):  # RuntimeError: there is no home to expand
        return _temporary()


@cache
def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="roomcheck-"))
