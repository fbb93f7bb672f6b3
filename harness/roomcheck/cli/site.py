"""`roomcheck site`: the streams of many runs as a static site."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

import click

from roomcheck.cli.files import lines_of, read_spec
from roomcheck.cli.folder import held
from roomcheck.cli.report import contract_of, moved
from roomcheck.errors import RoomcheckError, UsageError
from roomcheck.report.explain import CUT_SHORT, progress
from roomcheck.report.html import Pictures, write_html
from roomcheck.report.ndjson import read_stream
from roomcheck.report.site import ID, Problem, Site, Stream, name_of, report_of, site_of, stream_id
from roomcheck.report.site_pages import DATA, pages
from roomcheck.report.text import clipped, visible
from roomcheck.report.traces import TraceFolder
from roomcheck.spec.load import Spec

RUNS = "runs"
STREAM = "run.ndjson"
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@=-]*\.jsonl")  # the name of a trace
TRACE = b'{"record": "trace", '  # how one begins
PAGE = re.compile(r"(contracts|implementations|badges)/[a-z0-9_.-]+\.(html|svg|json)")


@click.command()
@click.argument("streams", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("roomcheck-site"),
              show_default=True, help="The folder of the site; runs that are in it already are shown too.")  # fmt: skip
@click.option("--keep", type=click.IntRange(1), metavar="N",
              help="Only the newest N runs of each implementation and contract; older ones are removed.")  # fmt: skip
def site(streams: tuple[Path, ...], out: Path, keep: int | None) -> int:
    """Make a static site from STREAMS (each a run.ndjson): who keeps which contract, what was found, what changed.

    Streams may be of many implementations, versions and contracts, of shards and of runs that were cut short. The
    traces beside them become pictures. The site opens from the folder, needs no network and holds no script; put it on
    any web server.

    Each run is copied into the site, and a later call adds to what is there: the site is its own history.

    \b
      roomcheck run --target broker --report-dir broker
      roomcheck run --target my-broker --report-dir my-broker
      roomcheck site broker/run.ndjson my-broker/run.ndjson --out site
      open site/index.html

    Exits with 0, or with 4 if none of the streams could be read.
    """  # noqa: D301  click wants the character
    with held(out, "--out"):
        before = _before(out)
        there = sorted(out.glob(f"{RUNS}/{'?' * ID}/{STREAM}"))
        if not streams and not there:
            raise UsageError(f"there are no streams, and no runs in {out}: name the run.ndjson of a run")
        problems: list[Problem] = []
        read = list(_sources(_named(out, there) | _named(_common(streams), streams), problems))
        found = _whole(read, problems)
        if keep is not None:
            found = _newest(found, keep)
        if not found:
            raise UsageError("; ".join(["no stream could be read", *(f"{p.stream}: {p.text}" for p in problems)]))
        load = cache(read_spec)
        try:
            problems += [p for source in found for p in _write_run(out, source, load)]
            made = site_of([source.stream for source in found], problems)
            written = _write_pages(out, made)
            _remove(out, [place for place in before if place not in written])
            for key in {source.stream.id for source in read} - {source.stream.id for source in found}:
                shutil.rmtree(out / RUNS / key, ignore_errors=True)
        except OSError as e:
            raise UsageError(f"cannot write the site: {e}; choose another --out") from e
    for problem in made.problems:
        click.echo(f"roomcheck: {problem.stream}: {problem.text}", err=True)
    runs, names = len(found), len(made.implementations)
    click.echo(f"site:      {out / 'index.html'}")
    click.echo(f"{runs} run{'s' * (runs != 1)} of {names} implementation{'s' * (names != 1)}")
    return 0


@dataclass(frozen=True, slots=True)
class _Source:
    """A stream, its bytes, and where its traces are: the name of each -> its file."""

    stream: Stream
    content: bytes
    traces: Mapping[str, Path]


def _sources(files: Mapping[Path, str], problems: list[Problem]) -> Iterator[_Source]:
    """Each that can be read, once."""
    known: set[str] = set()
    for file, name in files.items():
        try:
            content = file.read_bytes()
            if not content.strip():
                raise ValueError("it is empty, so the run did not even begin")  # noqa: TRY301
            header, results, footer = read_stream(lines_of(StringIO(content.decode("utf-8"))))
        except (OSError, ValueError) as e:
            problems.append(Problem(name, f"not shown, it is no stream of a run: {clipped(e)}"))
            continue
        if (key := stream_id(content)) in known:
            continue
        known.add(key)
        traces = {path.name: path for r in results if (path := _trace(r.trace_file, file))}
        here = [replace(r, trace_file=_link(Path(r.trace_file).name, traces)) for r in results]
        yield _Source(Stream(key, name_of(header), (header, here, footer)), content, traces)


def _common(files: Sequence[Path]) -> Path:
    """The folder that holds all of them."""
    return Path(os.path.commonpath([file.absolute().parent for file in files])) if files else Path()


def _named(folder: Path, files: Iterable[Path]) -> dict[Path, str]:
    """What each is called on the site: as seen from a folder, wherever that is."""
    return {file: visible(file.absolute().relative_to(folder.absolute()).as_posix()) for file in files}


def _trace(name: str, stream: Path) -> Path | None:
    """The file of a trace, if it is one: a stream may name anything, and what it names is published."""
    path = Path(moved(name, stream))
    if not name or not SAFE.fullmatch(path.name):
        return None
    try:
        with path.open("rb") as file:
            return path if file.read(len(TRACE)) == TRACE else None
    except OSError:
        return None


def _link(name: str, traces: Mapping[str, Path]) -> str:
    return f"traces/{name}" if name in traces else ""


def _whole(sources: Iterable[_Source], problems: list[Problem]) -> list[_Source]:
    """Without those that are the beginning of another, as they were read while the run went on."""
    by_start: dict[bytes, list[_Source]] = {}
    for source in sources:
        by_start.setdefault(source.content.partition(b"\n")[0], []).append(source)
    kept: list[_Source] = []
    for group in by_start.values():
        longest = sorted(group, key=lambda s: (-len(s.content), s.stream.id))
        for i, source in enumerate(longest):
            complete_lines = source.content[: source.content.rfind(b"\n") + 1]
            if not any(other.content.startswith(complete_lines) for other in longest[:i]):
                kept.append(source)
    for source in kept:
        header, results, footer = source.stream.part
        if footer is None or not footer.complete:
            said = CUT_SHORT if footer is None else "the run was interrupted"
            problems.append(Problem(source.stream.name, f"{said}; {progress(header, results)}"))
    return kept


def _newest(sources: Sequence[_Source], keep: int) -> list[_Source]:
    """The newest of each implementation and contract."""

    def kind(source: _Source) -> tuple[str, str]:
        return source.stream.part[0].spec, source.stream.part[0].target

    def when(source: _Source) -> tuple[str, str]:
        return source.stream.part[0].started, source.stream.id

    groups = groupby(sorted(sources, key=lambda s: (kind(s), when(s))), kind)
    return [source for _, group in groups for source in list(group)[-keep:]]


def _write_run(out: Path, source: _Source, load: Callable[[Path], Spec]) -> Iterator[Problem]:
    """The run's own folder: its stream, its traces and its report."""
    header, results, footer = source.stream.part
    folder = out / RUNS / source.stream.id
    _put(folder / STREAM, source.content)
    for name, path in source.traces.items():
        if path.resolve() != (folder / "traces" / name).resolve():
            _put(folder / "traces" / name, path.read_bytes())
    traces = TraceFolder(folder / "traces").read(
        replace(r, trace_file=str(folder / r.trace_file) if r.trace_file else "") for r in results
    )
    contract = None
    try:
        contract = contract_of(None, header, traces, load)
    except RoomcheckError as e:
        yield Problem(source.stream.name, f"shown without pictures: {clipped(e)}")
    text = write_html(header, results, footer, Pictures(contract, traces if contract else {}, link=quote))
    _put(out / report_of(source.stream.id), text.encode())


def _write_pages(out: Path, made: Site) -> set[str]:
    """The places of the pages, all of which are there now."""
    written: set[str] = set()
    for place, text in pages(made):
        _put(out / place, text.encode())
        written.add(place)
    return written


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; one that is the same already is left alone."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    half.write_bytes(content)
    half.replace(path)


def _before(out: Path) -> list[str]:
    """The pages that a site in this folder has. UsageError: the folder holds something else that would be lost."""
    try:
        data = json.loads((out / DATA).read_bytes())
        places = [one["page"] for key in ("contracts", "implementations") for one in data[key]]
        places += [f"badges/{s['badge']['file']}{end}" for s in data["standings"] for end in (".svg", ".json")]
    except (OSError, ValueError, LookupError, TypeError) as e:
        if any((out / name).exists() for name in (DATA, "index.html")):
            raise UsageError(f"{out} holds a page that is none of ours: choose another --out") from e
        return []
    return [place for place in places if PAGE.fullmatch(str(place))]


def _remove(out: Path, places: Iterable[str]) -> None:
    for place in places:
        (out / place).unlink(missing_ok=True)
