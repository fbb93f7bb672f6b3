"""`roomcheck campaign`: where a search that lasts stands."""

from pathlib import Path

import click

from roomcheck.errors import UsageError
from roomcheck.report.campaign import as_html, as_json, lines
from roomcheck.run.campaign import reading, standing

PAGE = "campaign.html"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help=f"The page  [default: DIR/{PAGE}].")
@click.option("--json", "data", is_flag=True, help="Print JSON instead of the table, and write no page.")
def campaign(folder: Path, html: Path | None, *, data: bool) -> int:
    """Show the campaign in DIR: what was played and met, coverage over time, and each finding with what repeats it.

    A campaign is begun, and taken up again, by `roomcheck fuzz --campaign DIR`; it may be looked at meanwhile.

    \b
      roomcheck fuzz --simulate --campaign night --schedules 20000
      roomcheck campaign night                  # the table, and night/campaign.html
      roomcheck campaign night --json | jq '.findings[].repeat'

    First and last seen are when a schedule of the search showed a finding; last confirmed is when one showed it that
    was played to confirm or to shorten it. The exit code is 0 whatever was found.
    """  # noqa: D301  click wants the character
    with reading(folder) as store:
        found = standing(store)
    if data:
        click.echo(as_json(found), nl=False)
        return 0
    page = html or folder / PAGE
    try:
        page.write_text(as_html(found), encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write {page}: {e}; choose another place with --html, or --json") from e
    for line in lines(found):
        click.echo(line)
    click.echo(f"page:      {page}")
    return 0
