"""`roomcheck toxiproxy`: which Toxiproxy a run would use."""

import click

from roomcheck.faults import provision


@click.command()
def toxiproxy() -> int:
    """Show which Toxiproxy server is used and where it comes from; builds it where there is none."""
    found = provision(lambda text: click.echo(text, err=True))
    click.echo(f"Toxiproxy {found.version}\n  {found.path or found.url}\n  from {found.source}")
    return 0
