"""`python -m roomcheck` is `roomcheck`: where a program can run at all, the command line."""

import os
import sys

HARNESS = 5  # as everywhere: the harness or the machine failed


def main() -> None:
    """Ends the process with the exit code. In a folder that is gone, libraries cannot even be imported."""
    try:
        os.getcwd()  # noqa: PTH109 (a Path cannot say more)
    except OSError as e:
        if sys.stderr is not None:
            sys.stderr.write(f"roomcheck: the working directory is gone ({e.strerror}): go to another\n")
        sys.exit(HARNESS)
    from roomcheck.cli import main as command_line  # noqa: PLC0415 (only now can it be imported)

    command_line()


if __name__ == "__main__":
    main()
