"""How a program is started that dies with us, however we die: on Linux, where the kernel sees to it.

What says so to the kernel runs in the child. Python would fork for that, which holds up a process of 160 MB for 17 ms
and the pages that it touches next for 20 more, and every room meanwhile; `setpriv` (util-linux) says it a millisecond
later in a program of its own, which then becomes the one that was asked for.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from roomcheck.resources import node_kit

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PROXIES = frozenset(
    f"{kind}_proxy" for kind in ("http", "https", "ftp", "all", "no", "ws", "wss", "socks", "socks5", "grpc")
)
_SETPRIV = ("setpriv", "--pdeathsig", "KILL")


def dying_with_us(command: Sequence[str]) -> tuple[list[str], Callable[[], None] | None]:
    """The command and the `preexec_fn` to start it with."""
    if _LIBC is None:
        return list(command), None
    if _setpriv() and shutil.which(command[0]):  # else whoever starts it is told of its name, not of setpriv's
        return [*_SETPRIV, *command], None
    return list(command), _ask_kernel


@cache
def _setpriv() -> bool:
    """Whether there is one that can."""
    if shutil.which(_SETPRIV[0]) is None:
        return False
    return subprocess.run([*_SETPRIV, "true"], capture_output=True, check=False).returncode == 0


def surroundings(proxies: Iterable[str] = ()) -> dict[str, str]:
    """Our environment without the proxies that it names, but for these: a member must reach the room by its own link.

    An SDK asks them also for addresses of this machine, and what then comes of a login accuses the room.
    """
    kept = frozenset(proxies)
    return {name: value for name, value in os.environ.items() if name in kept or name.lower() not in _PROXIES}


def for_adapters(constants: Mapping[str, int]) -> dict[str, str]:
    """What every adapter finds in its environment, beside ours."""
    return {"ROOMCHECK_CONSTANTS": json.dumps(dict(constants)), "ROOMCHECK_NODE_KIT": str(node_kit())}


def filled(command: Sequence[str]) -> list[str]:
    """The command, with this interpreter for {python}."""
    return [part.replace("{python}", sys.executable) for part in command]


def _ask_kernel() -> None:
    assert _LIBC is not None
    _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
