"""`roomcheck lint`: what is wrong with a spec, all at once."""

from collections.abc import Iterator
from dataclasses import replace

import click

from roomcheck.cli.files import find_spec, read_spec, spec_names
from roomcheck.errors import Problem, SpecError
from roomcheck.prove import Proof, told, unproven
from roomcheck.simulate.lint import refused
from roomcheck.spec.lint import lint as lint_spec
from roomcheck.spec.load import Spec
from roomcheck.spec.vocabulary import Binding


def contradictions(spec: Spec) -> Iterator[Problem]:
    """Scenarios that a room which keeps the rules cannot play as they expect; where such a room can be simulated."""
    for case, verdict in refused(spec.bind()):
        seen = verdict.findings[0].seen if verdict.findings else str(verdict.outcome)
        text = f"{case.id}: a room that keeps the rules is not told what this scenario expects: {seen}"
        yield Problem(case.where.file, case.where.line, case.where.column, text)


def without_case(spec: Spec) -> Iterator[Problem]:
    """Requirements that no case is played for."""
    contract = spec.bind()
    words, drafts = spec.draft(Binding())
    off: set[str | None] = {name for draft in drafts if not words.holds(draft.when) for name in draft.case.requirements}
    off |= {rule.for_ for rule in words.rules.values() if not words.holds(rule.when)}
    for name in unproven(contract):
        if name in off:  # by the options as they are
            continue
        where = contract.requirements[name].where
        text = f"no case proves {name}: no scenario is for it, and in none does a lawful room do what it says"
        yield Problem(where.file, where.line, where.column, text)


def looked_at(spec: Spec) -> Iterator[str]:
    """A short proof: one case of each scenario on lawful model rooms, and what that leaves out."""
    contract = spec.bind()
    first = {case.scenario: case for case in reversed(contract.cases)}
    proof = Proof(replace(contract, cases=tuple(case for case in contract.cases if first[case.scenario] is case)))
    for _ in proof.scenarios():
        pass
    for found in proof.false_reds:
        yield f"{found.verdict.findings[0].where}: note: {found.case.id}: {found.why}: {told(found)}"
    passed, all_of_them = len(proof.looked.passed), len(proof.contract.cases)
    yield (
        f"{contract.spec}: {passed} of {all_of_them} scenarios passed on one of {proof.looked.plays} lawful model "
        f"rooms; not looked at: other faults, random schedules, broken rooms (roomcheck prove)"
    )


@click.command()
@click.argument("specs", nargs=-1)
def lint(specs: tuple[str, ...]) -> int:
    """Check SPECS (files or ids; all that ship with the package when none is named), without any room.

    A note says where a model room that keeps the rules is refused; it is no mistake of the file's form, so the exit
    code is 0 all the same. `roomcheck prove` looks at more, and fails.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    for name in specs or sorted(spec_names()):
        try:
            spec = read_spec(find_spec(name))
            found = sorted([*lint_spec(spec), *without_case(spec), *contradictions(spec)])
            problems += found
            notes += [] if found else [*looked_at(spec)]
        except SpecError as e:
            problems += e.problems
    for note in notes:
        click.echo(note)
    for problem in problems:
        click.echo(str(problem))
    if problems:
        return SpecError.exit_code
    doubts = sum(": note: " in note for note in notes)
    more = f", and {doubts} notes of lawful rooms that are refused: see `roomcheck prove`" if doubts else ""
    click.echo(f"{len(specs or spec_names())} specs without mistakes{more}")
    return 0
