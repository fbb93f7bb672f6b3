"""`roomcheck prove SPEC`: is the contract sound?"""

import contextlib
import shlex
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

import click

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.going_on import going_on
from roomcheck.cli.judge import width
from roomcheck.cli.playing import INTERRUPTED, told_of
from roomcheck.cli.workers import workers_option
from roomcheck.cluster import spreading
from roomcheck.errors import HarnessError, UsageError
from roomcheck.model.verdict import CaseResult, RunFooter, RunHeader
from roomcheck.prove import FalseRed, Proof, in_words, summary, told
from roomcheck.report.junit import write_junit
from roomcheck.report.ndjson import StreamWriter
from roomcheck.report.picture_text import text_picture
from roomcheck.report.text import clipped
from roomcheck.spec.contract import Contract
from roomcheck.spec.schedule_file import write_schedule

SCHEDULES = 1_000
UNSOUND = 1


@click.command()
@click.argument("spec")
@click.option("--schedules", type=click.IntRange(1), help=f"Random schedules (default: {SCHEDULES}, or --minutes).")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Play random schedules for so long.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same schedules.")
@click.option(
    "--only", metavar="CASE", help="Play this case alone: a scenario's, or a random one (random/SEED-NUMBER)."
)
@workers_option("play rooms and judge them")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit file.")
@click.option("--ndjson", type=click.Path(dir_okay=False, path_type=Path), help="Write the stream of results.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no pictures.")
def prove(
    spec: str, schedules: int | None, minutes: float | None, seed: int, only: str | None, workers: int,
    cluster: str | None, junit: Path | None, ndjson: Path | None, *, quiet: bool,
) -> int:  # fmt: skip
    """Prove that SPEC (a file or an id) accuses no lawful room, and that each of its requirements catches something.

    Plays its scenarios and random schedules on model rooms that keep the contract in many ways: whoever is refused is a
    false red. Then on rooms that break one promise each: a requirement that catches none is vacuous. No room is needed.
    Exits with 1 if the contract is not sound. With --only, what one case found is looked at again, and no broken room;
    where no lawful room is refused, what the usual one does is shown.
    """
    contract = read_spec(find_spec(spec)).bind()
    began = time.monotonic()
    end = None if minutes is None else began + 60 * minutes
    budget = None if minutes is not None and schedules is None else schedules or SCHEDULES
    proof = Proof(contract)
    header = RunHeader(
        target="model rooms", spec=contract.spec, revision=contract.revision, room="model room", toxiproxy="none",
        scale=contract.scale, started=datetime.now(UTC).isoformat(timespec="seconds"),
        roomcheck=version("roomcheck"), cases=0, **told_of(contract),
    )  # fmt: skip
    results: list[CaseResult] = []
    code = 0
    with _stream(ndjson) as file:
        stream = StreamWriter(file) if file else None
        if stream:
            stream.header(header)

        def keep(result: CaseResult) -> None:
            results.append(result)
            if stream:
                stream.result(result)

        try:
            with (
                spreading(1) if only else spreading(workers, cluster) as proof.spread,
                going_on(lambda: "" if quiet else _progress(proof), _tell),
            ):
                _work(proof, only, seed, budget, end, keep)
        except KeyboardInterrupt:
            code = INTERRUPTED
        if not code:
            code = 0 if proof.sound else UNSOUND
        footer = RunFooter(code, time.monotonic() - began, 0, 0, complete=code != INTERRUPTED)
        if not quiet:
            for found in proof.false_reds:
                click.echo("\n".join([*_shown(contract, found), ""]))
        if not quiet and proof.usual:
            case, trace, verdict = proof.usual
            click.echo("\n".join([*text_picture(trace, verdict, width(), contract=contract, case=case), ""]))
        for line in (*summary(proof, shlex.quote(spec)), f"{footer.seconds:.0f} s; {_ending(proof, code)}"):
            click.echo(clipped(line))
        if stream:
            stream.footer(footer)
    if junit:
        try:
            junit.write_text(write_junit(header, results, footer), encoding="utf-8")
        except OSError as e:
            raise HarnessError(f"cannot write {junit}: {e}; choose another --junit") from e
    return code


def _ending(proof: Proof, code: int) -> str:
    if code == INTERRUPTED:
        return "interrupted: this is what was found so far"
    if proof.alone and proof.sound:
        return f"{proof.alone} accuses no lawful room"
    return f"{proof.contract.spec} is {'sound' if proof.sound else 'not sound'}"


@contextlib.contextmanager
def _stream(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write {path}: {e}; choose another --ndjson") from e
    with file:
        yield file


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _progress(proof: Proof) -> str:
    """How far it is."""
    looked, broken = proof.looked, len(proof.matrix.rows)
    played = f"{looked.cases} scenarios, {proof.schedules} random schedules, {looked.plays} lawful rooms"
    return f"{played}, {len(proof.false_reds)} false reds" + (f", {broken} broken rooms" if broken else "")


def _work(
    proof: Proof,
    only: str | None,
    seed: int,
    budget: int | None,
    end: float | None,
    keep: Callable[[CaseResult], None],
) -> None:
    """Everything in its order, or `only` one case."""
    if only is not None:
        keep(proof.only(only))
        return
    for result in proof.scenarios():
        keep(result)

    def over(played: int) -> bool:
        return (budget is not None and played >= budget) or (end is not None and time.monotonic() > end)

    for result in proof.chance(seed, over):
        keep(result)
    for _ in proof.broken():
        pass
    for result in proof.requirements():
        keep(result)


def _shown(contract: Contract, found: FalseRed) -> Iterator[str]:
    """A false red: the finding, the picture, and the schedule to play again."""
    yield f"{found.case.id}: {found.why}, {in_words(found.policy)}"
    yield f"  {told(found)}"
    if found.trace is not None:
        yield from text_picture(found.trace, found.verdict, width(), contract=contract, case=found.case)
    if found.case.scenario == "random":
        try:
            yield from write_schedule(contract, found.case.schedule, title=found.why).splitlines()
        except ValueError as e:
            yield f"  no file can hold the schedule: {e}"
