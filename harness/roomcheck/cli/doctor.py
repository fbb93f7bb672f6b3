"""`roomcheck doctor`: is what a run stands on sound, and if not, who must do what?"""

import asyncio
import textwrap
from contextlib import aclosing
from dataclasses import replace

import click

from roomcheck.cli.ending import cancelled_by_signals
from roomcheck.cli.files import REFERENCE
from roomcheck.cli.known import open_known
from roomcheck.cli.playing import Bound, Choice, announce
from roomcheck.faults import provision
from roomcheck.report.exitcode import AS_EXPECTED, NO_VERDICT, PRECEDENCE
from roomcheck.run.doctor import Observation, Patient, Seen, examine

WIDTH = 110


@click.command()
@click.option("--target", default=REFERENCE, show_default=True, metavar="NAME[@VERSION] | SERVER+CLIENT",
              help="A target.yaml, its folder or a known name; or two parts.")  # fmt: skip
@click.option("--scale", type=click.FloatRange(1), metavar="X", help="Look at a room that runs X times faster.")
def doctor(target: str, scale: float | None) -> int:
    """Look whether the machine is fit, Toxiproxy sound, and whether the target's adapter keeps the protocol.

    It plays a login, with the proxies on and off, and a case for each constant that the target declares, but none that
    is a known failure. Each line says ok, finding or not tried, and what to do. Exit codes: 0 nothing found, 1 the room
    is not as declared, 3 the adapter, 4 the target, 5 Toxiproxy or the machine.
    """
    bound = Bound.of(Choice(target=target, scale=scale))
    known = open_known(None, bound.target, bound.contract.spec, whole=False, update=False).failures
    cases = tuple(case for case in bound.contract.cases if not known.lists(case.id))  # a known failure explains nothing
    repeat = " ".join(["roomcheck run", *bound.choice.words])
    lines = asyncio.run(_shown(Patient(bound.target, bound.spec, replace(bound.contract, cases=cases), repeat)))
    counts = [f"{sum(line.seen is seen for line in lines)} {seen}" for seen in Seen]
    click.echo(f"\n{', '.join(counts)} (exit code {exit_code(lines)})")
    return exit_code(lines)


async def _shown(patient: Patient) -> list[Observation]:
    lines = []

    def say(text: str) -> None:
        click.echo(text, err=True)

    cancelled_by_signals()
    async with aclosing(examine(patient, lambda: provision(say), say, announce)) as checks:
        async for line in checks:
            click.echo(shown(line))
            lines.append(line)
    return lines


def shown(line: Observation) -> str:
    """As a person reads it: what was seen, and below it what to do."""
    head, *more = f"{line.check}: {line.text}".splitlines()
    out = textwrap.wrap(head, WIDTH, initial_indent=f"{line.seen:<10}", subsequent_indent=" " * 10)
    out += [f"{'':10}{text}" for text in more]
    if line.advice:
        out += textwrap.wrap(line.advice, WIDTH, initial_indent=f"{'':10}-> ", subsequent_indent=" " * 13)
    return "\n".join(out)


def exit_code(lines: list[Observation]) -> int:
    """Of the finding that counts first."""
    codes = {NO_VERDICT[line.blame] for line in lines if line.seen is Seen.FINDING}
    return next((code for code in PRECEDENCE if code in codes), AS_EXPECTED)
