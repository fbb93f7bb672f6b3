"""`roomcheck lint`: what is wrong with a spec, all at once."""

from collections.abc import Iterator

import click

from roomcheck.cli.files import find_spec, read_spec, spec_names
from roomcheck.errors import Problem, SpecError
from roomcheck.simulate.lint import refused
from roomcheck.spec.lint import lint as lint_spec
from roomcheck.spec.load import Spec


def contradictions(spec: Spec) -> Iterator[Problem]:
    """Scenarios that a room which keeps the rules cannot play as they expect; where such a room can be simulated."""
    for case, verdict in refused(spec.bind()):
        seen = verdict.findings[0].seen if verdict.findings else str(verdict.outcome)
        text = f"{case.id}: a room that keeps the rules is not told what this scenario expects: {seen}"
        yield Problem(case.where.file, case.where.line, case.where.column, text)


@click.command()
@click.argument("specs", nargs=-1)
def lint(specs: tuple[str, ...]) -> int:
    """Check SPECS (files or ids; all that ship with the package when none is named) without running anything."""
    problems = []
    for name in specs or sorted(spec_names()):
        try:
            spec = read_spec(find_spec(name))
            problems += lint_spec(spec) or [*contradictions(spec)]
        except SpecError as e:
            problems += e.problems
    for problem in problems:
        click.echo(str(problem))
    if problems:
        return SpecError.exit_code
    click.echo(f"{len(specs or spec_names())} specs are sound")
    return 0
