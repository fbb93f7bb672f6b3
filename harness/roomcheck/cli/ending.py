"""How a command ends: reports and one line, whatever goes wrong, and never with a code that accuses a room.

Python ends with 1 after an exception that nobody caught, and 1 says that a room violates its contract.
"""

import asyncio
import contextlib
import os
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from roomcheck.errors import HarnessError, RoomcheckError


def ending_signals() -> list[signal.Signals]:
    """Those that ask this process to end, but for SIGINT. What we were told to ignore (`nohup`) stays ignored."""
    known = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


def cancelled_by_signals() -> None:
    """From now on a signal that asks this process to end cancels the task that calls this."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in ending_signals():
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)


def as_ours(error: Exception) -> RoomcheckError:
    """The error as one of ours, in one line: of several that ended together the first that is."""
    leaves = list(_leaves(error))
    ours = next((leaf for leaf in leaves if isinstance(leaf, RoomcheckError)), None)
    if ours is not None:
        return ours
    leaf = leaves[0]
    if isinstance(leaf, OSError):
        return HarnessError(f"this machine failed us: {leaf}")
    frames = traceback.extract_tb(leaf.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    said = " ".join(str(leaf).split())
    return HarnessError(f"roomcheck itself failed{place}: {type(leaf).__name__}: {said}; please report this line")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def flushed(out: TextIO) -> str:
    """Write what is buffered; why that failed, in one line, else nothing. A reader that is gone is no failure.

    Afterwards nothing is left to fail when the interpreter ends, which would end with a code of its own.
    """
    try:
        out.flush()
    except OSError as e:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        return "" if isinstance(e, BrokenPipeError) else f"cannot write to standard output: {e.strerror}"
    except ValueError:  # closed meanwhile
        return "standard output was closed"
    return ""
