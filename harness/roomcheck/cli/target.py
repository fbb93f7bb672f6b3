"""`roomcheck target install`: fetches what a target needs on this machine."""

import click

from roomcheck.cli.targets import open_part, open_target
from roomcheck.run.install import provide


@click.group()
def target() -> None:
    """What the rooms to test need on this machine."""


@target.command()
@click.argument("name")
@click.option("--alone", is_flag=True, help="Of a part, without the other one that it is played with.")
def install(name: str, *, alone: bool) -> int:
    """Fetch what target NAME (a file, its folder or a known name) needs, once; a run does the same by itself.

    NAME@VERSION fetches another version than the target pins, SERVER+CLIENT both parts of a pair.
    """
    provided = provide(open_part(name) if alone else open_target(name), lambda text: click.echo(text, err=True))
    click.echo(f"target {provided.label} is ready")
    for part, version in provided.parts.items():
        click.echo(f"  {part} {version}")
    return 0
