"""`roomcheck lint`: what is wrong with a spec, all at once."""

import click

from roomcheck.cli.files import find_spec, read_spec, spec_names
from roomcheck.errors import SpecError
from roomcheck.spec.lint import lint as lint_spec


@click.command()
@click.argument("specs", nargs=-1)
def lint(specs: tuple[str, ...]) -> int:
    """Check SPECS (files or ids; all that ship with the package when none is named) without running anything."""
    problems = []
    for name in specs or sorted(spec_names()):
        try:
            problems += lint_spec(read_spec(find_spec(name)))
        except SpecError as e:
            problems += e.problems
    for problem in problems:
        click.echo(str(problem))
    if problems:
        return SpecError.exit_code
    click.echo(f"{len(specs or spec_names())} specs are sound")
    return 0
