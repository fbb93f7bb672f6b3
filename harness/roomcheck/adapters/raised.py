"""Exceptions of an adapter that its SDK swallowed and printed: then a callback was never told, and no room is at fault.

An SDK calls the adapter when something happens, and many catch whatever that raises, so the adapter's kit never hears
of it. What Python and Node print of it says where it was raised: if that is a file of the adapter, it is the adapter's.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from roomcheck.errors import AdapterError

_PYTHON = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_NODE = re.compile(r"\s+at .*?(?:file://)?(?P<file>/[^():]+):(?P<line>\d+):\d+\)?$")
_SAYS = re.compile(r"[\w.]*(?:Error|Exception|Warning)\b.*")
_SOURCES = (".py", ".js", ".mjs", ".cjs", ".ts")
_OTHERS = {"node_modules", "site-packages"}


def none_raised(command: Sequence[str], printed: Sequence[str]) -> None:
    """AdapterError if an exception among what the adapter printed was raised in its own files."""
    if raised := raised_in(command, printed):
        raise AdapterError(f"the adapter raised while this case ran, and its SDK swallowed that: {raised}")


def raised_in(command: Sequence[str], printed: Sequence[str]) -> str:
    """The first exception among these lines that was raised in the adapter's own files, in one line; '' if none was."""
    folders = {Path(part).resolve().parent for part in command if part.endswith(_SOURCES) and Path(part).is_file()}
    for file, line, said in _raised(printed):
        path = Path(file).resolve()
        own = any(folder in path.parents and _OTHERS.isdisjoint(path.relative_to(folder).parts) for folder in folders)
        if folders and (own or path.parent.name == "adapter_kit"):
            return f"{said} at {path.name}:{line}"
    return ""


def _raised(printed: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """File, line and text of each exception, where it was raised."""
    inner: re.Match[str] | None = None
    for number, line in enumerate(printed):
        if line.startswith("Traceback (most recent call last)"):
            inner = None
        elif found := _PYTHON.match(line):
            inner = found
        elif inner and line and not line[0].isspace():  # Python names the innermost last, and then what was raised
            yield inner["file"], inner["line"], line
            inner = None
        elif (found := _NODE.match(line)) and number and _SAYS.match(printed[number - 1]):
            yield found["file"], found["line"], printed[number - 1]  # Node names the innermost first
