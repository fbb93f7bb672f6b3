"""`roomcheck run`: plays every case of a spec on a target, and writes the reports."""

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from roomcheck.cli.known import NAME, open_known
from roomcheck.cli.patterns import case_option, fits
from roomcheck.cli.pinned import pinned
from roomcheck.cli.playing import Bound, Choice, Reports, play, playing, still_played
from roomcheck.cli.workers import workers_option
from roomcheck.cluster import spreading
from roomcheck.errors import UsageError
from roomcheck.model.verdict import CaseResult, Outcome
from roomcheck.prove import asked
from roomcheck.run.session import ATTEMPTS
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract

LEVELS = ("must", "should", "may")
JOBS = 256


def selected(contract: Contract, cases: Sequence[Case], patterns: Sequence[str], level: str | None) -> tuple[Case, ...]:
    """The cases whose id fits the patterns, and that verify such a level."""
    strict = LEVELS[: LEVELS.index(level) + 1] if level else LEVELS

    def wanted(case: Case) -> bool:
        return fits(case.id, patterns) and (
            level is None or any(contract.requirements[r].level in strict for r in asked(contract, case))
        )

    return tuple(c for c in cases if wanted(c))


def read_shard(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """`2/4`: the second of four parts of a run, for CI jobs beside each other."""
    match = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text or "1/1")
    if match is None or int(match[1]) > int(match[2]):
        raise click.BadParameter(f"{text!r} is no part of a whole; write 1/4, 2/4, 3/4 or 4/4")
    return (int(match[1]), int(match[2])) if text else None


def in_shard(case_id: str, shard: tuple[int, int] | None) -> bool:
    """Whether a case belongs to this part; its id alone decides, so it stays there when other cases come and go."""
    return shard is None or zlib.crc32(case_id.encode()) % shard[1] == shard[0] - 1


@click.command()
@click.argument("spec", required=False)
@case_option
@click.option("--level", type=click.Choice(LEVELS), help="Only cases that verify a requirement at least this strict.")
@click.option(
    "--shard", callback=read_shard, metavar="I/N", help="Only the I-th of N parts; all of them together are the whole."
)
@click.option(
    "--known",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Failures that are expected  [default: {NAME} beside the target]",
)
@click.option("--update-known", is_flag=True, help="Write that file anew, as this run found it.")
@workers_option("play")
@playing
def run(
    choice: Choice, spec: str | None, patterns: tuple[str, ...], level: str | None,
    shard: tuple[int, int] | None, known: Path | None, workers: int, cluster: str | None, *, update_known: bool,
) -> int:  # fmt: skip
    """Play every case of SPEC (a file or an id; by default the target's own) on a target, and judge what was told.

    With no arguments at all: the ZEGO contract on the reference room, a hundred times faster than documented. Pinned
    schedules of the same spec are played too: those that ship with the package, and those in roomcheck-schedules/.

    A failure that the file of known failures lists is an expected one; an entry of it that no longer fails is not.
    """
    bound = Bound.of(choice, spec)
    saved, unsaved = pinned(bound)
    whole = not patterns and level is None and shard is None
    listed = open_known(
        known,
        bound.target,
        bound.contract.spec,
        whole=whole,
        update=update_known,
        requirements=bound.contract.requirements,
    )
    everything = [case for case in (*bound.contract.cases, *saved) if in_shard(case.id, shard)]
    cases = selected(bound.contract, everything, patterns, level)
    if not cases:
        part = [f"--shard {shard[0]}/{shard[1]}"] if shard else []
        chosen = " ".join([*(f"-k {p}" for p in patterns), *([f"--level {level}"] if level else []), *part])
        raise UsageError(
            f"no case of {bound.contract.spec} fits {chosen or 'this target'}: `roomcheck list` shows them all"
        )
    words = " ".join(["roomcheck run", *([spec] if spec else []), *choice.words])
    room = bound.target
    absent = () if patterns else tuple(
        lacking(bound.contract, case_id, title, reason)
        for case_id, title, reason in (
            *bound.spec.not_applicable(room.options, room.faults, room.lacks),
            *unsaved,
        )
        if in_shard(case_id, shard)
    )  # fmt: skip

    async def work(player: Any, reports: Reports) -> None:
        for result in absent:
            reports.result(result)
        with still_played(player, reports):
            await player.play(cases, ATTEMPTS, listed=listed.failures.lists)

    jobs = 1 if choice.simulate else choice.jobs or JOBS
    with spreading(workers, cluster, jobs=jobs) as spread:
        return play(
            bound, work, cases=len(cases) + len(absent), repeat=lambda case: f"{words} -k {case.id}", jobs=JOBS,
            known=listed, shard=shard, spread=spread,
        )  # fmt: skip


def lacking(contract: Contract, case_id: str, title: str, reason: str) -> CaseResult:
    """The result of a case that this target cannot be asked."""
    return CaseResult(
        case=f"{contract.spec}/{case_id}", scenario=case_id.split("/", maxsplit=1)[0], title=title, fault=None,
        outcome=Outcome.NOT_APPLICABLE, blame=None, message=reason, verdict=None, seconds=0.0, attempts=0,
    )  # fmt: skip
