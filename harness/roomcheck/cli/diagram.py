"""`roomcheck diagram`: the rules of a spec as a picture."""

import click

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.playing import DEFAULT_SPEC
from roomcheck.spec.diagram import diagram as draw


@click.command()
@click.argument("spec", default=DEFAULT_SPEC)
@click.option("--view", help="Only this view.")
def diagram(spec: str, view: str | None) -> int:
    """Print the state diagram (Mermaid) that the rules of SPEC make."""
    click.echo(draw(read_spec(find_spec(spec)).bind(), view))
    return 0
