"""`roomcheck init`: the folder of a new target, with an example room behind it so that it answers at once."""

from pathlib import Path

import click

from roomcheck.errors import UsageError
from roomcheck.resources import root

LANGUAGES = {  # the adapter, the example room, and what else there is
    "python": ("adapter.py", "room.py"),
    "node": ("adapter.mjs", "room.mjs"),
    "browser": ("adapter.js", "room.mjs", "package.json"),
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--language",
    type=click.Choice(sorted(LANGUAGES)),
    required=True,
    help="The language of the SDK, or that it lives in a browser.",
)
def init(folder: Path, language: str) -> int:
    """Write a new target into FOLDER: an adapter that answers, target.yaml, an empty list of known failures.

    What is left to do is marked TODO in the files, and `roomcheck doctor` tells it too.
    """
    files = made(folder.resolve().name, language)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} has files in it, and none is overwritten: name a new folder or an empty one")
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write to {folder}: {e}; name another folder") from e
    click.echo(f"{folder}: {', '.join(sorted(files))}")
    click.echo(f"next: roomcheck doctor --target {folder}")
    return 0


def made(name: str, language: str) -> dict[str, str]:
    """The files of a new target, by their names."""
    templates = root() / "fixtures" / "templates"
    own = LANGUAGES[language]
    words = {
        "TARGET_NAME": name,
        "COMMANDS": (templates / language / "commands.yaml").read_text(encoding="utf-8").rstrip(),
        "ADAPTER": own[0],
        "ROOM_FILE": f"`{own[1]}`",
    }
    sources = [*(templates / "common").iterdir(), *(templates / language / file for file in own)]
    files = {source.name: source.read_text(encoding="utf-8") for source in sources}
    for word, text in words.items():
        files = {file: content.replace(word, text) for file, content in files.items()}
    return files
