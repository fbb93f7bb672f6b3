"""The command line, one file a command; the exit codes are design section 10's.

0 as expected, 1 violation, 2 inconclusive, 3 adapter, 4 usage, configuration or nothing selected, 5 the harness.
"""

import asyncio
import contextlib
import sys

import click

from roomcheck.cli.cases import list_cases
from roomcheck.cli.compare import compare
from roomcheck.cli.defects import defects
from roomcheck.cli.diagram import diagram
from roomcheck.cli.doctor import doctor
from roomcheck.cli.ending import as_ours, flushed
from roomcheck.cli.fuzz import fuzz
from roomcheck.cli.init import init
from roomcheck.cli.judge import judge
from roomcheck.cli.lint import lint
from roomcheck.cli.prove import prove
from roomcheck.cli.replay import replay
from roomcheck.cli.report import report
from roomcheck.cli.run import run
from roomcheck.cli.target import target
from roomcheck.cli.toxiproxy import toxiproxy
from roomcheck.errors import HarnessError, RoomcheckError, UsageError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="roomcheck")
def command() -> None:
    """Checks whether a room does what its documentation promises while the network is being broken for real.

    `roomcheck run` with nothing else plays the ZEGO contract on the reference room. Exit codes: 0 as expected,
    1 a requirement is violated, 2 inconclusive, 3 the adapter broke its protocol, 4 usage, configuration or nothing
    selected, 5 the harness or the machine failed.
    """


for _each in (
    run, fuzz, replay, report, judge, lint, prove,
    list_cases, compare, defects, diagram, init, target, doctor, toxiproxy,
):  # fmt: skip
    command.add_command(_each)


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
        return command.main(args=argv, prog_name="roomcheck", standalone_mode=False) or 0, ""
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
