"""Finding specs and targets: by path, by folder, or by the name of one that ships with the package."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import TextIO

from roomcheck.errors import UsageError
from roomcheck.model.names import did_you_mean
from roomcheck.resources import root
from roomcheck.spec.load import Spec, load_spec
from roomcheck.spec.target import Target, load_target

REFERENCE = "reference"


MAX_BYTES = 8 << 20  # of a file that a person writes; a contract of 1,500 lines has 0.1 MiB
MAX_LINE = 16 << 20  # characters of one line of a stream or trace


def read_text(path: Path) -> str:
    """The text of a file that a person wrote. UsageError: it cannot be read, or is no file of sensible size."""
    try:
        found = path.stat()  # before it is opened: a FIFO would wait for whoever writes into it
        if not S_ISREG(found.st_mode):
            raise UsageError(f"cannot read {path}: it is no regular file")
        if found.st_size > MAX_BYTES:
            raise UsageError(f"cannot read {path}: it has {found.st_size >> 20} MiB, more than {MAX_BYTES >> 20}")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as e:
        raise UsageError(f"cannot read {path}: {_why(e)}") from e


def lines_of(file: TextIO) -> Iterator[str]:
    """The lines of a stream or trace, which may come from another program. ValueError: one is too long to be one."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise ValueError(f"line {number} has more than {MAX_LINE >> 20} million characters")
        yield line


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _shown(path: Path) -> str:
    """The path as the person would write it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _known(names: list[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def spec_names() -> list[str]:
    """The ids of the specs that ship with the package: folder/file without the ending."""
    base = root() / "specs"
    return [str(p.relative_to(base).with_suffix("")) for p in base.glob("*/*.yaml") if p.parent.name != "schema"]


def part_names() -> list[str]:
    """The names of all folders of targets that ship with the package: whole ones, and parts."""
    return sorted(p.parent.name for p in (root() / "fixtures" / "targets").glob("*/target.yaml"))


def target_names() -> list[str]:
    """Those that can be played as they are named: whole ones, and parts that say what they are played with."""
    targets = ((name, read_target(find_target(name))) for name in part_names())
    return [name for name, target in targets if target.usual or (target.has_client and target.has_server)]


def find_spec(name: str, folder: Path = Path()) -> Path:
    """A path from this folder or from here, or an id such as vendor/contract -> the file. UsageError: none is there."""
    for path in (folder / name, Path(name), root() / "specs" / f"{name}.yaml"):
        if path.is_file():
            return path
    raise UsageError(f"there is no spec {name!r}: give a file, or one of {_known(spec_names())}")


def find_target(name: str) -> Path:
    """A file, a folder with a target.yaml, or a name -> the file of a target or part. UsageError: what there is."""
    path = _file(name)
    if path is None:
        near = did_you_mean(name, part_names())
        hint = f" ({near.removeprefix('; ')})" if near.startswith("; did") else ""
        there = f"give a target.yaml, its folder, or one of {_known(part_names())}"
        raise UsageError(f"there is no target {name!r}{hint}: {there}")
    return path


def is_target(name: str) -> bool:
    """Whether there is such a file, folder or name."""
    return bool(name) and _file(name) is not None


def _file(name: str) -> Path | None:
    for path in (Path(name), Path(name) / "target.yaml", root() / "fixtures" / "targets" / name / "target.yaml"):
        if path.is_file():
            return path
    return None


def spec_of(target: Target) -> Path:
    """The file of the target's own spec; a path is looked for from the target's folder first."""
    return find_spec(target.spec, Path(target.folder))


def read_spec(path: Path) -> Spec:
    """Load a spec with the files that it extends. SpecError lists every mistake."""
    return load_spec(read_text(path), _shown(path), lambda base: read_text(Path(base)))


def read_target(path: Path) -> Target:
    """Load a target. SpecError lists every mistake."""
    return replace(load_target(read_text(path), _shown(path), os.environ), folder=str(path.resolve().parent))
