"""The folder of a run's reports, which no other run writes to meanwhile."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from roomcheck.errors import UsageError


@contextlib.contextmanager
def held(folder: Path, option: str = "--report-dir") -> Iterator[None]:
    """Make the folder and hold it; UsageError where that cannot be, or where another run of this machine holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as e:
        raise UsageError(f"cannot write to {folder}: {e}; choose another {option}") from e
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            advice = f"wait until it has ended, or choose another {option}"
            raise UsageError(f"another command writes to {folder}: {advice}") from e
        except OSError:  # a file system that has no locks
            pass
        yield
    finally:
        os.close(descriptor)
