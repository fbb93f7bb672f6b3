"""Standard output that may fail: a full disk, a terminal that was closed, a reader that has gone."""

from collections.abc import Callable
from typing import Any, TextIO


class Output:
    """A text stream that falls silent when it cannot be written: a run goes on to its reports and its exit code.

    `lost` says why, where it was not its reader that has gone (`| head`).
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._silent = False
        self.lost = ""

    def write(self, text: str) -> int:
        """As of any stream."""
        self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        """As of any stream."""
        self._try(self._file.flush)

    def _try(self, do: Callable[[], object]) -> None:
        if self._silent:
            return
        try:
            do()
        except OSError as e:
            self._silent = True
            if not isinstance(e, BrokenPipeError):
                self.lost = f"cannot write to standard output: {e.strerror}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
