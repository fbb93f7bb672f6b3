"""`roomcheck matrix`: a contract on every pair of its servers and clients, each in a process of its own."""

import asyncio
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from roomcheck.cli.ending import cancelled_by_signals
from roomcheck.cli.files import find_spec, lines_of, spec_of
from roomcheck.cli.folder import held
from roomcheck.cli.going_on import going_on, some
from roomcheck.cli.patterns import case_option
from roomcheck.cli.playing import INTERRUPTED
from roomcheck.cli.targets import lineage, open_part, open_target, parts_of
from roomcheck.errors import UsageError
from roomcheck.model.verdict import RunFooter
from roomcheck.report.exitcode import INCONCLUSIVE
from roomcheck.report.interop import Interop, Pair, State
from roomcheck.report.ndjson import read_stream
from roomcheck.run.process import roomcheck
from roomcheck.spec.target import Target

LIMIT = 60.0  # minutes for one pair: the longest contract takes 20 on two cores
STREAM, LOG, COMMAND = "run.ndjson", "log.txt", "command.txt"
UNSAFE = re.compile(r"[^A-Za-z0-9._+@=-]")


@dataclass(frozen=True, slots=True)
class Part:
    """A server or a client: what a person writes for it, and what it is called."""

    words: str
    label: str
    target: Target


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for every pair."""

    out: Path
    patterns: Sequence[str]
    jobs: int | None
    limit: float  # seconds
    again: bool

    @property
    def words(self) -> list[str]:
        """As `roomcheck run` takes them."""
        return [*(f"-k{pattern}" for pattern in self.patterns), *([f"--jobs={self.jobs}"] if self.jobs else [])]


def read_names(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[str]:
    """Names, each given alone or several with commas."""
    return [name for text in texts for name in text.split(",") if name]


@click.command()
@click.argument("contract")
@click.option("--servers", multiple=True, callback=read_names, metavar="NAME,...",
              help="Server parts, names or folders  [default: all that ship and speak the contract].")  # fmt: skip
@click.option("--clients", multiple=True, callback=read_names, metavar="NAME,...", help="Client parts, likewise.")
@click.option("--versions", is_flag=True, help="Each part in every version that its `pins` list, not only in the last.")
@case_option
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="roomcheck-matrix",
              show_default=True, help="A folder for each pair, and the summary; what is there is kept.")  # fmt: skip
@click.option("--at-once", type=click.IntRange(1), default=os.cpu_count() or 1, metavar="N",
              help="So many pairs at once  [default: one for each core].")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), help="Cases in flight at once, of each pair.")
@click.option("--limit", type=click.FloatRange(min=0, min_open=True), default=LIMIT, show_default=True,
              metavar="MINUTES", help="A pair that takes longer is ended.")  # fmt: skip
@click.option("--again", is_flag=True, help="Play also the pairs that were played.")
def matrix(
    contract: str, servers: list[str], clients: list[str], patterns: tuple[str, ...], out: Path, at_once: int,
    jobs: int | None, limit: float, *, versions: bool, again: bool,
) -> int:  # fmt: skip
    """Play CONTRACT (an id or a file) on every pair of a server part and a client part that speak it.

    First everything is installed, then the pairs are played, several at once, each as a process of its own: one that
    cannot be installed, hangs or crashes costs its own cell. What the machine was too busy to decide is played once
    more, alone, when the others are done.

    Each pair has a folder in --out with its stream, report and log. Interrupted, or killed, the same command goes on
    where it was: what has a whole stream is not played again, unless a file of its parts or of the contract was edited.

    \b
      roomcheck matrix mqtt/presence
      roomcheck matrix mqtt/presence --servers my-broker --clients ./my-client,another@2.1.0
      roomcheck site roomcheck-matrix/*/run.ndjson --out site

    The exit code is the worst of all pairs, as for the cases of a run: 0 as expected, 1 a violation, 2 inconclusive, 3
    an adapter, 4 not installed or nothing checked, 5 a pair hung or crashed, 130 interrupted.
    """  # noqa: D301  click wants the character
    wanted = find_spec(contract).resolve()
    there = ([], []) if servers and clients else parts_of(contract)
    rows, columns = (
        _parts(names or shipped, wanted, every=versions)
        for names, shipped in zip((servers, clients), there, strict=True)
    )
    if not rows or not columns:
        side = "server" if not rows else "client"
        raise UsageError(f"no {side} part speaks {contract}: name one with --{side}s")
    found = Interop(
        contract, [p.label for p in rows], [p.label for p in columns],
        [_pair(row, column) for row in rows for column in columns],
    )  # fmt: skip
    if all(pair.state is State.UNFIT for pair in found.pairs):
        raise UsageError(found.pairs[0].message)
    options = Options(out, patterns, jobs, limit * 60, again)
    with held(out, "--out"):
        complete = asyncio.run(_play(found, [*rows, *columns], options, at_once))
        for line in found.lines():
            click.echo(line)
        click.echo(f"summary:   {out / 'matrix.json'}")
    return found.exit_code() if complete else INTERRUPTED


def _parts(names: Iterable[str], wanted: Path, *, every: bool) -> list[Part]:
    """The parts of these names, in all their versions if so asked. UsageError: one does not speak the contract."""
    parts: dict[str, Part] = {}
    for name in names:
        part = open_part(name)
        if wanted not in lineage(spec_of(part)):
            raise UsageError(f"{part.name} speaks {part.spec}, and not this contract: leave it out")
        for words in _versions(name, part) if every and not part.chosen else [name]:
            opened = open_part(words)
            if opened.label in parts:
                raise UsageError(f"two parts are called {opened.label}: {parts[opened.label].words} and {words}")
            parts[opened.label] = Part(words, opened.label, opened)
    return [*parts.values()]


def _versions(name: str, part: Target) -> list[str]:
    """The part in each version that is listed of each pin, the newest as the name alone."""
    return [name] + [
        f"{name}@{pin}={version}" for pin, listed in part.listed.items() for version in reversed(listed[:-1])
    ]


def _pair(server: Part, client: Part) -> Pair:
    pair = Pair(server.label, client.label, f"{server.words}+{client.words}")
    try:
        open_target(pair.target)
    except UsageError as e:
        pair.state, pair.message = State.UNFIT, str(e).splitlines()[0]
    return pair


async def _play(found: Interop, parts: Sequence[Part], options: Options, at_once: int) -> bool:
    """Install and play what is left to play; whether nobody interrupted it. The summary is always up to date."""
    cancelled_by_signals()
    for pair in found.pairs:
        if pair.state is State.WAITING:
            _take(pair, options)
    left = [pair for pair in found.pairs if pair.state is State.WAITING]
    done = len(found.pairs) - len(left)
    click.echo(f"{len(found.pairs)} pairs of {found.contract}, {len(left)} to play", err=True)
    _write(found, options.out)
    slots = asyncio.Semaphore(at_once)
    playing: list[str] = []

    async def one(pair: Pair) -> None:
        nonlocal done
        async with slots:
            playing.append(pair.target)
            await _run(pair, options)
            playing.remove(pair.target)
        done += 1
        _write(found, options.out)
        click.echo(f"[{done}/{len(found.pairs)}] {pair.target}: {pair.text} ({pair.seconds:.0f} s)", err=True)

    try:
        needed = {label for pair in left for label in (pair.server, pair.client)}
        for part in parts:
            if part.label in needed:
                await _install(part, left, options)
        _write(found, options.out)
        with going_on(lambda: f"[{done}/{len(found.pairs)}] still played: {some(playing)}", _tell):
            async with asyncio.TaskGroup() as group:
                for pair in left:
                    if pair.state is State.WAITING:
                        group.create_task(one(pair))
        for pair in left:
            if pair.state is State.PLAYED and pair.exit_code == INCONCLUSIVE and at_once > 1:
                click.echo(f"once more, alone: {pair.target}", err=True)
                await _run(pair, options)
    except asyncio.CancelledError:
        return False
    finally:
        _write(found, options.out)
    return True


def _tell(text: str) -> None:
    click.echo(text, err=True)


async def _install(part: Part, pairs: Iterable[Pair], options: Options) -> None:
    """Fetch what a part needs; where that fails, its pairs say so."""
    click.echo(f"installing {part.label}, if it is not there", err=True)
    log = options.out / "install" / f"{UNSAFE.sub('-', part.label)}.txt"
    ended = await roomcheck(["target", "install", "--alone", part.words], log, LIMIT * 60)
    if ended.code == 0:
        return
    said = ended.words if ended.code is not None else f"{part.label}: not installed within {LIMIT:.0f} min"
    for pair in pairs:
        if part.label in (pair.server, pair.client) and pair.state is State.WAITING:
            pair.state, pair.message = State.NOT_INSTALLED, said


async def _run(pair: Pair, options: Options) -> None:
    """Play one pair."""
    folder = _folder(pair, options.out)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / COMMAND).write_text(_command(pair, options), encoding="utf-8")
    words = ["run", "--target", pair.target, "--report-dir", str(folder), "-q", *options.words]
    began = time.monotonic()
    ended = await roomcheck(words, folder / LOG, options.limit)
    pair.seconds = time.monotonic() - began
    pair.state, pair.exit_code, pair.message = State.PLAYED, ended.code, ""
    whole = _read(pair, options.out)
    if ended.code is None:
        pair.state, pair.message = State.HUNG, f"ended after {options.limit:.0f} s; see {folder / LOG}"
    elif not whole:
        pair.state, pair.message = State.DIED, f"exit code {ended.code}: {ended.words}; see {folder / LOG}"
    elif ended.code > INCONCLUSIVE:
        pair.message = ended.words


def _take(pair: Pair, options: Options) -> None:
    """A pair that has its stream from a call before is not played again, unless that was asked or it is another now."""
    try:
        written = (_folder(pair, options.out) / COMMAND).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    wanted = _command(pair, options)
    if written.splitlines()[:1] != wanted.splitlines()[:1] or options.again or not _read(pair, options.out):
        return
    if written == wanted:
        pair.state = State.PLAYED
    else:
        click.echo(f"{pair.target}: its parts or its contract were edited, so it is played again", err=True)


def _command(pair: Pair, options: Options) -> str:
    """What must be the same, so that a stream need not be made again: what was asked, and the files of the pair."""
    target = open_target(pair.target)
    digest = hashlib.sha256()
    for file in sorted({*lineage(spec_of(target)), *(f for part in target.halves for f in _files(part))}):
        with suppress(OSError):  # one that cannot be read is none that a run reads
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{' '.join([pair.target, *options.words])}\n{digest.hexdigest()}\n"


def _files(part: Target) -> Iterator[Path]:
    """What lies in a part's folder, and in the folders that its commands name there, less what is for people."""
    folder = Path(part.folder)
    steps = part.install.steps if part.install is not None else ()
    words = {word for command in (part.adapter_command, part.server_command or (), *steps) for word in command}
    named = [Path(word.replace("{dir}", part.folder)) for word in words if word.startswith("{dir}/")]
    for place in (folder.iterdir(), *(each.rglob("*") for each in named if each.is_dir())):
        yield from (file for file in place if file.is_file() and file.suffix != ".md")


def _read(pair: Pair, out: Path) -> bool:
    """Take what its stream says; whether that is a whole one."""
    file = _folder(pair, out) / STREAM
    footer: RunFooter | None = None
    try:
        with file.open(encoding="utf-8") as lines:
            header, results, footer = read_stream(lines_of(lines))
    except (OSError, ValueError):
        return False
    pair.take(results)
    pair.room, pair.stream = header.room, file.relative_to(out).as_posix()
    if footer is None or not footer.complete:
        return False
    pair.exit_code, pair.seconds = footer.exit_code, footer.seconds
    return True


def _folder(pair: Pair, out: Path) -> Path:
    return out / UNSAFE.sub("-", f"{pair.server}+{pair.client}")


def _write(found: Interop, out: Path) -> None:
    """The summary, whole or not at all."""
    for name, text in (
        ("matrix.json", json.dumps(found.data(), indent=1) + "\n"), ("matrix.txt", "\n".join(found.lines()) + "\n")
    ):  # fmt: skip
        half = out / f".{name}.part"
        try:
            half.write_text(text, encoding="utf-8")
            half.replace(out / name)
        except OSError as e:
            raise UsageError(f"cannot write {out / name}: {e}; choose another --out") from e
