"""`roomcheck target install`, and what the folders of targets that ship hold."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from roomcheck.cli import command, main
from roomcheck.cli.files import find_spec, part_names, read_spec, read_target, read_text, spec_of, target_names
from roomcheck.cli.known import NAME
from roomcheck.cli.targets import open_target
from roomcheck.resources import root
from roomcheck.spec.known import load_known
from roomcheck.spec.schedule_file import read_schedule

TARGETS = root() / "fixtures" / "targets"


def test_a_target_that_needs_nothing_is_ready() -> None:
    """By its name."""
    done = CliRunner().invoke(command, ["target", "install", "reference"], standalone_mode=False)

    assert (done.return_value, done.output) == (0, "target reference is ready\n")


def test_versions_are_shown(tmp_path: Path) -> None:
    """Of each part that the file names."""
    file = tmp_path / "target.yaml"
    text = (TARGETS / "reference" / "target.yaml").read_text(encoding="utf-8")
    file.write_text(text + 'versions: {lobby: [echo, "7.1 beta"]}\n', encoding="utf-8")

    done = CliRunner().invoke(command, ["target", "install", str(file)], standalone_mode=False)

    assert done.output == "target reference is ready\n  lobby 7.1 beta\n"


PINNED = """pins: {lobby: "7.1", hall: "2"}
install: {steps: [[sh, -c, "echo {lobby} > version"]]}
versions: {lobby: [cat, "{install}/version"], hall: [echo, "{hall}"]}
"""


@pytest.mark.parametrize(
    ("chosen", "lobby", "hall"), [("", "7.1", "2"), ("@lobby=6.0", "6.0", "2"), ("@hall=1,lobby=5", "5", "1")]
)
def test_another_version_is_fetched_beside_the_pinned_one(
    chosen: str, lobby: str, hall: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each into a folder of its own, whichever was there before."""
    monkeypatch.setenv("ROOMCHECK_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "target.yaml"
    text = (TARGETS / "reference" / "target.yaml").read_text(encoding="utf-8")
    file.write_text(text + PINNED, encoding="utf-8")

    for words, told in ((f"{file}", ("7.1", "2")), (f"{file}{chosen}", (lobby, hall)), (f"{file}", ("7.1", "2"))):
        done = CliRunner().invoke(command, ["target", "install", words], standalone_mode=False)
        assert done.output.endswith(f"  lobby {told[0]}\n  hall {told[1]}\n")
    assert len(list((tmp_path / "cache" / "targets").glob("reference-*"))) == (2 if chosen else 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("reference@lobby=1", "reference has one version only: its target.yaml has no `pins`"),
        ("nowhere@lobby=1", "there is no target 'nowhere'"),
        ("nowhere@home", "there is no target 'nowhere'"),
        ("referense@1", "there is no target 'referense' (did you mean 'reference'?): give a target.yaml"),
        ("pinned@loby=1", "reference pins no 'loby'; did you mean 'lobby'?"),
        ("pinned@1", "reference@1 does not say which version of what: write reference@PIN=VERSION"),
        ("pinned@lobby=", "where the pins are lobby, hall"),
        ("pinned@lobby=1,lobby=2", "names two versions of lobby: 1 and 2"),
    ],
)
def test_a_version_of_nothing(
    words: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear error, exit 4."""
    monkeypatch.chdir(tmp_path)
    text = (TARGETS / "reference" / "target.yaml").read_text(encoding="utf-8")
    (tmp_path / "pinned").mkdir()
    (tmp_path / "pinned" / "target.yaml").write_text(text + PINNED, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["list", "--target", words])

    assert ended.value.code == 4
    assert said in capsys.readouterr().err


def test_every_part_that_ships_can_be_played() -> None:
    """By its name alone: it is whole, or says what it is played with."""
    assert target_names() == part_names()


@pytest.mark.parametrize("name", target_names())
def test_a_target_that_ships_fits_its_spec(name: str) -> None:
    """With its constants; so do the schedules beside it, and the known failures can be read."""
    folder = TARGETS / name
    target = open_target(name)
    contract = read_spec(find_spec(target.spec)).bind(constants=target.constants, options=target.options)

    for file in folder.glob("schedules/*.yaml"):
        assert read_schedule(read_text(file), file.name, contract).steps
    if (folder / NAME).is_file():
        known = load_known(read_text(folder / NAME), NAME)
        assert {entry.requirement for entry in known} <= set(contract.requirements)


def test_a_spec_is_looked_for_from_the_targets_folder_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever roomcheck is run; then from there, and by its id."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "mine.yaml").write_text("")
    (here / "other.yaml").write_text("")
    monkeypatch.chdir(here)
    text = (TARGETS / "reference" / "target.yaml").read_text(encoding="utf-8")

    def found(spec: str) -> Path:
        (there / "target.yaml").write_text(text.replace("zego-express/room-status", spec))
        return spec_of(read_target(there / "target.yaml")).resolve()

    assert found("mine.yaml") == there / "mine.yaml"
    assert found("other.yaml") == here / "other.yaml"
    assert found("zego-express/web") == root() / "specs" / "zego-express" / "web.yaml"
