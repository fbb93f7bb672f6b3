"""`roomcheck fuzz`: random schedules on a target, and what they find."""

import asyncio
import contextlib
import hashlib
import re
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from roomcheck.cli.files import REFERENCE
from roomcheck.cli.folder import held
from roomcheck.cli.going_on import SAID
from roomcheck.cli.pinned import pinned
from roomcheck.cli.playing import Bound, Choice, Reports, play, playing, together
from roomcheck.cli.targets import lineage
from roomcheck.cli.workers import workers_option
from roomcheck.cluster import spreading
from roomcheck.errors import UsageError
from roomcheck.generate import schedules as by_chance
from roomcheck.generate.collect import Memory, known, open_memory
from roomcheck.model.schedule import Schedule
from roomcheck.model.time import show_duration
from roomcheck.report.console import Console
from roomcheck.run.campaign import Campaign, Store, opened
from roomcheck.run.choosing import IN_FLIGHT, descendants
from roomcheck.run.clock import now
from roomcheck.run.fuzz import IN_REAL_TIME, Found, Fuzz, finding_of
from roomcheck.run.session import LAG
from roomcheck.spec.contract import Contract
from roomcheck.spec.schedule_file import write_schedule
from roomcheck.spread import here

SCHEDULES = 500
KEPT = 0.25  # of --minutes, for playing again what violates and making it shorter


@click.command()
@click.argument("spec", required=False)
@click.option("--schedules", type=click.IntRange(1), help=f"How many to play (default: {SCHEDULES}, or --minutes).")
@click.option("--minutes", type=click.FloatRange(0, min_open=True),
              help="Search for so long, confirming and shrinking included; then no more.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same schedules.")
@click.option("--database", metavar="DIR|redis://HOST:PORT", default=".roomcheck", show_default=True,
              envvar="ROOMCHECK_DATABASE", show_envvar=True,
              help="What failed is kept here and played first by the next run; a CI can cache it.")  # fmt: skip
@click.option("--unpicked", is_flag=True, help="Play schedules as chance gives them, not those that add most first.")
@click.option("--campaign", type=click.Path(path_type=Path), metavar="DIR",
              help="Keep what is played, met, found here; the same command goes on, also after a kill.")  # fmt: skip
@click.option("--until-quiet", type=click.IntRange(1), metavar="N",
              help="End when N schedules met no new (state, cause, fault); looked at after each N.")  # fmt: skip
@workers_option("play, and draw with --simulate")
@playing
def fuzz(
    choice: Choice, spec: str | None, schedules: int | None, minutes: float | None, seed: int, database: str,
    campaign: Path | None, until_quiet: int | None, workers: int, cluster: str | None, *, unpicked: bool,
) -> int:  # fmt: skip
    """Play random schedules of SPEC (a file or an id; by default the target's own), many at once, and judge them.

    What violates is played again in several rooms at once, made as short as it goes, and kept as a file that
    `roomcheck replay` plays without chance. Findings of one kind are reported once, with a count. What the time did not
    suffice for is kept as it was found: `roomcheck replay --shrink` takes it up again.

    A search that lasts is a campaign. Its folder belongs to one target, spec, seed and version of roomcheck, and to one
    process at a time; findings are in DIR/schedules. The same command goes on to as many --schedules as it says, or for
    as many --minutes again, and `roomcheck campaign DIR` shows where it stands. Campaigns of one contract that share a
    --database play what others found to violate, too.

    \b
      roomcheck fuzz --target my-room --minutes 30
      roomcheck fuzz --target my-room --campaign night --until-quiet 2000
    """  # noqa: D301  click wants the character
    bound = Bound.of(choice, spec)
    endless = minutes is not None or until_quiet is not None
    budget = None if endless and schedules is None else schedules or SCHEDULES
    jobs = IN_REAL_TIME if bound.contract.scale == 1 else IN_FLIGHT
    began = click.get_current_context().obj or now()
    time = None if minutes is None else 60e6 * minutes
    folder = (campaign or choice.report_dir) / "schedules"
    search: list[Fuzz] = []

    async def work(player: Any, reports: Reports) -> None:
        lasting = Campaign(store, player, memory, partial(descendants, bound.contract)) if store is not None else None
        fuzzing = Fuzz(
            bound.contract,
            lasting or player,
            seed,
            schedules=budget,
            in_flight=choice.jobs or jobs if choice.simulate else together(bound, jobs, spread),
            until=None if time is None else began + time,
            kept=(time or 0) * KEPT,
            waits=not choice.simulate,
            first=first,
            memory=memory,
            spread=spread if choice.simulate else here,  # one process draws faster than rooms can play
            picked=not unpicked,
            quiet=until_quiet,
            diary=lasting,
            virtual=None if choice.simulate or bound.target.name != REFERENCE else bound.virtual(),
            keep=lambda found: keep(found, bound, folder / named_after(found), lasting),
            on_result=reports.result,
            on_progress=lambda played: reports.console.searched(played, (now() - began) / 1e6),
            on_kind=reports.console.confirming,
        )
        search.append(fuzzing)
        await carry_out(fuzzing, player, reports.console, lasting)

    with contextlib.ExitStack() as stack:
        store: Store | None = None
        if campaign is not None:
            stack.enter_context(held(campaign, "--campaign"))
            limits = {"schedules": schedules, "minutes": minutes, "until-quiet": until_quiet}
            command = [
                "roomcheck fuzz", *([spec] if spec else []), *choice.words, f"--campaign {campaign}",
                *([f"--seed {seed}"] if seed else []), *(["--unpicked"] if unpicked else []),
                *(f"--{name} {limit:g}" for name, limit in limits.items() if limit),
            ]  # fmt: skip
            store = stack.enter_context(opened(campaign, facts_of(bound, seed, picked=not unpicked), " ".join(command)))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            memory = open_memory(database, bound.contract.spec)
        except (OSError, ImportError, ValueError) as e:
            shown = re.sub("//[^/]*@", "//", database)  # without a password
            raise UsageError(f"cannot use {folder} and {shown}: {e}") from e
        first = [*(case.schedule for case in pinned(bound)[0]), *remembered(bound.contract, memory)]
        spread = stack.enter_context(spreading(workers, cluster, jobs=1 if choice.simulate else choice.jobs or jobs))
        return play(
            bound, work, cases=max(budget, len(first)) if budget else 0, jobs=jobs,
            repeat=lambda case: f"roomcheck fuzz --seed {seed} ({case.id})",
            every_trace=False, coverage=lambda: search[0].coverage if search else None, spread=spread,
        )  # fmt: skip


def facts_of(bound: Bound, seed: int, *, picked: bool) -> dict[str, str]:
    """What a campaign is about: it goes on only where all of this is the same."""
    target = bound.target
    digest = hashlib.sha256()
    for file in sorted(lineage(bound.file)):
        digest.update(file.read_bytes() + b"\0")
    settings = [sorted(target.constants.items()), sorted(target.options.items()), target.faults, target.lacks]
    return {
        "roomcheck": version("roomcheck"),
        "target": " --defect ".join(filter(None, (target.label, bound.choice.defect))),
        "spec": bound.contract.spec,
        "spec's content": digest.hexdigest()[:12],
        "target's settings": hashlib.sha256(repr(settings).encode()).hexdigest()[:12],
        "rooms": "virtual" if bound.choice.simulate else f"on sockets, {bound.contract.scale:g} times as fast",
        "seed": str(seed),
        "choosing": "by what is likely to be met" if picked else "by chance",
    }


def remembered(contract: Contract, memory: Memory) -> list[Schedule]:
    """What earlier searches found to violate, under every fault."""
    return [kin for schedule in known(by_chance(contract), memory) for kin in descendants(contract, schedule)]


async def carry_out(fuzzing: Fuzz, player: Any, console: Console, lasting: Campaign | None = None) -> None:
    """A search on this player; the console is told how it goes on."""
    heard = lasting or fuzzing
    player.on_case = heard.hear
    if hasattr(player, "on_met"):  # what its traces met is counted where they were played
        player.on_met = lasting.add if lasting else fuzzing.coverage.add
    else:
        player.on_trace = heard.met
    # what is played to confirm and to shrink is none of the schedules asked for
    player.on_tick = lambda running, _done: console.tick(running, fuzzing.played)
    telling = asyncio.create_task(_tell(fuzzing, player, console))
    try:
        if lasting:
            lasting.take_up(fuzzing)
        await fuzzing.run()
    finally:
        telling.cancel()


async def _tell(fuzzing: Fuzz, player: Any, console: Console) -> None:
    """What is going on, every ten seconds, also where nobody has a terminal."""
    while True:
        await asyncio.sleep(SAID)
        late = getattr(player.lateness, "usual", 0)
        waits = f", waiting for this machine, which is {show_duration(late)} late" if late >= LAG else ""
        console.goes_on(f"{fuzzing.doing}{waits}: {fuzzing.played} played, {fuzzing.violations} violate")


def named_after(found: Found) -> str:
    """The name of the file for a finding: its requirement, and the case that showed it first."""
    finding = finding_of(found.result, found.kind)
    return f"{(finding and finding.requirement) or 'finding'}-{found.name.rpartition('/')[2]}.yaml"


def keep(found: Found, bound: Bound, path: Path, lasting: Campaign | None = None) -> str:
    """Write the schedule of a finding to this file; returns the command that repeats it."""
    repeat = _written(found, bound, path)
    if lasting:
        lasting.kept(found, str(path) if repeat else "", repeat)
    return repeat


def _written(found: Found, bound: Bound, path: Path) -> str:
    finding = finding_of(found.result, found.kind)
    requirement = (finding and finding.requirement) or ""
    notes = {
        "requirement": requirement,
        "rule": finding.where if finding else "",
        "seen": f"{finding.view}: {finding.seen}" if finding else "",
        "again": f"in {found.again} rooms" if found.again.times else "not tried: `roomcheck replay --shrink` does",
        "target": bound.target.name,
    }
    says = bound.contract.requirements[requirement].says if requirement else "Found by chance"
    try:
        path.write_text(write_schedule(bound.contract, found.schedule, title=says, notes=notes), encoding="utf-8")
    except OSError as e:
        click.echo(f"roomcheck: cannot write {path}: {e}", err=True)
        return ""
    return " ".join([f"roomcheck replay {path}", *bound.choice.words])
