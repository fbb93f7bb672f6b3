"""The parts of a run that are played one after the other into one folder."""

from pathlib import Path

from roomcheck.cli.files import lines_of
from roomcheck.report.merge import Part
from roomcheck.report.ndjson import read_stream

Shard = tuple[int, int]  # this one, of so many


def set_aside(stream: Path, shard: Shard) -> list[Path]:
    """Give what is there of another part a name of its own; the streams of all other parts that the folder holds.

    What it holds of this part, of an earlier run, is gone afterwards.
    """
    number, count = shard
    own = _named(stream, f"{number}/{count}")
    before = ""
    if stream.is_file():
        try:
            before = read_part(stream)[0].shard
        except (OSError, ValueError):
            before = ""  # whatever it is, this run replaces it
    if before.endswith(f"/{count}") and before != f"{number}/{count}":
        stream.replace(_named(stream, before))
    own.unlink(missing_ok=True)
    return sorted(stream.parent.glob(_named(stream, f"*/{count}").name))


def read_part(stream: Path) -> Part:
    """OSError, ValueError: it cannot be read, or is no stream of a run."""
    with stream.open(encoding="utf-8") as lines:
        return read_stream(lines_of(lines))


def _named(stream: Path, shard: str) -> Path:
    return stream.with_name(f"{stream.stem}.{shard.replace('/', '-of-')}{stream.suffix}")
