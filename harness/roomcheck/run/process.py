"""Another roomcheck, as a process of its own: whatever it does, the one that started it goes on."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roomcheck.adapters.child import dying_with_us
from roomcheck.errors import HarnessError

GRACE = 30.0  # seconds from SIGTERM on: a run that is asked to end writes its reports, and ends its rooms
LAST = 4000  # bytes of what it printed that are looked at for its last words
OURS = "roomcheck: "


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: its exit code, None where its time was up; and its last words."""

    code: int | None
    words: str


async def roomcheck(words: Sequence[str], log: Path, limit: float) -> Ended:
    """`roomcheck WORDS`, at most `limit` seconds of it; what it prints goes into `log`.

    Where the time is up, or we are cancelled, it is asked to end, and killed if it does not.
    """
    command, preexec = dying_with_us([sys.executable, "-m", "roomcheck", *words])
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=asyncio.subprocess.STDOUT,
                start_new_session=True, preexec_fn=preexec,
            )  # fmt: skip
    except OSError as e:
        raise HarnessError(f"cannot start another roomcheck: {e}") from e
    try:
        async with asyncio.timeout(limit):
            code: int | None = await process.wait()
    except TimeoutError:
        code = None
    finally:
        await _ended(process)
    return Ended(code, last_words(log))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, and kill it with its group where it does not; a cancellation meanwhile kills at once."""
    try:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def last_words(log: Path) -> str:
    """The last line of what it said of itself, or else of all that it printed."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LAST))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    ours = [line.removeprefix(OURS) for line in lines if line.startswith(OURS)]
    return (ours or lines or [""])[-1]
