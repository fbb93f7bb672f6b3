"""`roomcheck list`: the cases of a spec and what each verifies."""

import click

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.patterns import case_option
from roomcheck.cli.playing import DEFAULT_SPEC, Bound, Choice
from roomcheck.cli.run import selected
from roomcheck.errors import UsageError
from roomcheck.model.time import show_duration
from roomcheck.prove import asked
from roomcheck.run.queue import duration


@click.command("list")
@click.argument("spec", required=False)
@click.option("--target", help="Only the cases that this target is asked: a target.yaml, its folder, or a known name.")
@case_option
@click.option("--requirements", is_flag=True, help="List the requirements instead, with the cases that verify each.")
def list_cases(spec: str | None, target: str | None, patterns: tuple[str, ...], *, requirements: bool) -> int:
    """List the cases of SPEC (a file or an id), how long each takes at least, and the requirements that it verifies.

    By default those of the target's own spec, or of ZEGO's. With a target its constants and options are in force.
    """
    if target:
        contract = Bound.of(Choice(target=target, real_time=True), spec).contract
    else:
        contract = read_spec(find_spec(spec or DEFAULT_SPEC)).bind()
    cases = selected(contract, contract.cases, patterns, None)
    if not cases:
        raise UsageError(f"no case of {contract.spec} fits {' '.join(f'-k {p}' for p in patterns)}")
    names = {case.id: asked(contract, case) for case in cases}
    if requirements:
        for requirement in contract.requirements.values():
            count = sum(requirement.id in found for found in names.values())
            head = f"{requirement.id:<20} {requirement.level:<7} {requirement.basis:<11} {count:>3} cases"
            click.echo(f"{head}  {requirement.says}")
        return 0
    for case in cases:
        length = show_duration(duration(case, contract.pace_of(case.schedule)))
        click.echo(f"{case.id:<58} {length:>12}  {' '.join(names[case.id])}")
    click.echo(f"{len(cases)} cases")
    return 0
