"""The command line, one file a command; the exit codes are design section 10's.

0 as expected, 1 violation, 2 inconclusive, 3 adapter, 4 usage, configuration or nothing selected, 5 the harness.
"""

import sys

import click

from roomcheck.cli.cases import list_cases
from roomcheck.cli.compare import compare
from roomcheck.cli.defects import defects
from roomcheck.cli.diagram import diagram
from roomcheck.cli.doctor import doctor
from roomcheck.cli.fuzz import fuzz
from roomcheck.cli.init import init
from roomcheck.cli.judge import judge
from roomcheck.cli.lint import lint
from roomcheck.cli.replay import replay
from roomcheck.cli.report import report
from roomcheck.cli.run import run
from roomcheck.cli.target import target
from roomcheck.cli.toxiproxy import toxiproxy
from roomcheck.errors import RoomcheckError, UsageError

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
    run, fuzz, replay, report, judge, lint, list_cases, compare, defects, diagram, init, target, doctor, toxiproxy,
):  # fmt: skip
    command.add_command(_each)


def main(argv: list[str] | None = None) -> None:
    """Run the command line; ends the process with the exit code."""
    try:
        code = command.main(args=argv, prog_name="roomcheck", standalone_mode=False)
    except RoomcheckError as e:
        click.echo(f"roomcheck: {e}", err=True)
        code = e.exit_code
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message())
        code = UsageError.exit_code
    except click.ClickException as e:
        e.show()
        code = UsageError.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("roomcheck: interrupted", err=True)
        code = INTERRUPTED
    except SystemExit:  # click's answer to a reader that is gone, with the 1 that would mean a violation here
        code = UsageError.exit_code
    sys.exit(code or 0)
