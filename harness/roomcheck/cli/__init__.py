"""The command line, one file a command; the exit codes are design section 10's.

0 as expected, 1 violation, 2 inconclusive, 3 adapter, 4 usage, configuration or nothing selected, 5 the harness.
"""

import asyncio
import contextlib
import sys
import time
from importlib import import_module

import click

from roomcheck.cli.ending import as_ours, flushed
from roomcheck.errors import HarnessError, RoomcheckError, UsageError

INTERRUPTED = 130
COMMANDS = {
    "run": "play the cases of a spec on a target, and write the reports",
    "fuzz": "play random schedules; confirm, shrink and keep what violates",
    "campaign": "where a search that lasts stands: what it played, met and found",
    "replay": "play a schedule from a file; --pin keeps it, --shrink shortens it",
    "defects": "which requirement catches which of the rooms with one defect each",
    "list": "the cases, how long each takes, and what each verifies",
    "compare": "play the same cases on several targets: where do they differ?",
    "matrix": "a contract on every pair of its servers and clients",
    "bisect": "the first version that shows what a schedule finds",
    "report": "make the JUnit file and the page again, also of several shards",
    "site": "a static site of many runs: who keeps what, and what changed",
    "finding": "what a case found, as a text for an upstream issue",
    "judge": "judge a recorded trace again, from the files alone",
    "lint": "what is wrong with a spec, every problem at once",
    "prove": "does a spec accuse lawful rooms, and which broken ones it catches",
    "diagram": "the state diagram that a spec's rules make",
    "target": "fetch what a target needs on this machine",
    "init": "write a new target's folder: an adapter, and what is left to do",
    "doctor": "is the machine fit, does the adapter keep the protocol",
    "toxiproxy": "which Toxiproxy a run would use",
}
ELSEWHERE = {"list": ("cases", "list_cases")}  # the file and the function, where they are not named like the command


class Commands(click.Group):
    """Imports a command when it is used: all of them take longer to import than most of them take."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if super().get_command(ctx, cmd_name) is None:
            return None
        file, function = ELSEWHERE.get(cmd_name, (cmd_name, cmd_name))
        found: click.Command = getattr(import_module(f"roomcheck.cli.{file}"), function)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """In this file's order and words, which need no import."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


@click.group(
    cls=Commands,
    commands={name: click.Command(name) for name in COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="roomcheck")
def command() -> None:
    """Checks whether a room does what its documentation promises while the network is being broken for real.

    `roomcheck run` with nothing else plays the ZEGO contract on the reference room. Exit codes: 0 as expected,
    1 a requirement is violated, 2 inconclusive, 3 the adapter broke its protocol, 4 usage, configuration or nothing
    selected, 5 the harness or the machine failed.
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command line; ends the process with the exit code."""
    if sys.stdout is None:
        code, said = HarnessError.exit_code, "standard output is closed: give it a file, or /dev/null"
    else:
        code, said = _run(argv)
        if lost := flushed(sys.stdout):
            code, said = HarnessError.exit_code, lost
    if said:
        with contextlib.suppress(OSError):
            click.echo(f"roomcheck: {said}", err=True)
    sys.exit(code)


def _run(argv: list[str] | None) -> tuple[int, str]:
    """The exit code, and what is to be said of it."""
    try:
        began = time.monotonic_ns() // 1_000  # what a command imports takes seconds on a machine that is busy
        return command.main(args=argv, prog_name="roomcheck", standalone_mode=False, obj=began) or 0, ""
    except RoomcheckError as e:
        return e.exit_code, str(e)
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message())
        return UsageError.exit_code, ""
    except click.ClickException as e:
        e.show()
        return UsageError.exit_code, ""
    except (KeyboardInterrupt, click.Abort, asyncio.CancelledError):
        return INTERRUPTED, "interrupted"
    except SystemExit:  # click's answer to a reader that is gone, with the 1 that would mean a violation here
        return UsageError.exit_code, ""
    except Exception as e:  # noqa: BLE001  Python would end with 1, which accuses the room
        ours = as_ours(e)
        return ours.exit_code, str(ours)
