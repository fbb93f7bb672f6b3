"""What the wheel and the sdist hold, and that what is installed from them needs no checkout."""

import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("specs", "fixtures/targets", "fixtures/schedules", "fixtures/templates")
LEFT_OUT = {"__pycache__", "node_modules", ".hypothesis"}
DATA = "roomcheck/_data/"

Run = Callable[..., CompletedProcess[str]]


def checkout(folder: str) -> set[str]:
    """The files of a folder of the checkout, as paths from its root."""
    files = (p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file())
    return {f.as_posix() for f in files if not LEFT_OUT.intersection(f.parts)}


def test_the_wheel_carries_the_specs_targets_and_schedules(names: set[str]) -> None:
    """Every file of them under `_data`, and nothing that the checkout does not have there."""
    wanted = set().union(*(checkout(folder) for folder in SHIPPED))

    assert {name.removeprefix(DATA) for name in names if name.startswith(DATA)} == wanted


def test_the_wheel_carries_the_whole_package(names: set[str]) -> None:
    """Also what is no Python: the mark for type checkers, and the source that Toxiproxy is built from."""
    wanted = {name.removeprefix("harness/") for name in checkout("harness/roomcheck")}

    assert {name for name in names if not name.startswith((DATA, "roomcheck-"))} == wanted


@pytest.mark.night
def test_a_wheel_from_the_checkout_is_the_same(names: set[str], tmp_path: Path, run: Run) -> None:
    """Whoever builds without the source package gets the same names."""
    run(sys.executable, "-m", "build", "--outdir", tmp_path, "--wheel", ROOT, cwd=tmp_path)

    assert set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()) == names


def test_the_sdist_carries_what_a_packager_wants(built: dict[str, Path]) -> None:
    """The tests with all that they read, the scripts, the readme, the licence; no caches and no reports."""
    with tarfile.open(built["sdist"]) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}

    wanted = set().union(*(checkout(folder) for folder in ("tests", "ci", "fixtures", "specs")))
    assert wanted | {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"} <= found
    assert not [name for name in found if name.startswith((".venv", "roomcheck-report")) or "__pycache__" in name]


def test_what_is_installed_reads_its_own_data(installed: Path, run: Run) -> None:
    """Not the checkout's: nothing of that is on the path."""
    ask = (
        "import json, sys; from roomcheck.resources import root; "
        "print(json.dumps([str(root()), [p for p in sys.path if p]]))"
    )
    data, path = json.loads(run(installed, "-c", ask, cwd=installed.parents[2]).stdout)

    assert Path(data).is_relative_to(installed.parents[1])
    assert not [p for p in path if Path(p).is_relative_to(ROOT)]


def test_one_distribution_gives_the_package(installed: Path, run: Run) -> None:
    """Its name is that of the package."""
    ask = "from importlib.metadata import packages_distributions as p; print(p()['roomcheck'])"

    assert run(installed, "-c", ask, cwd=installed.parents[2]).stdout.strip() == "['roomcheck']"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("list", "login-alone"),
        ("lint xmpp-muc/occupants", "1 specs without mistakes"),
        ("run -q -k login-alone", "as expected"),
    ],
)
def test_an_installed_command_works(installed: Path, run: Run, words: str, says: str) -> None:
    """Anywhere, and with real processes; it ends with 0 and says what it found."""
    done = run(installed.parent / "roomcheck", *words.split(), cwd=installed.parents[2])

    assert says in done.stdout
