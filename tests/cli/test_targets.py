"""What lies beside the targets of the package agrees with their contracts; nothing is started here."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import roomcheck
from roomcheck.cli.files import find_spec, find_target, read_spec, read_target, target_names
from roomcheck.cli.pinned import missing, read_file
from roomcheck.spec.contract import Contract
from roomcheck.spec.known import load_known


def bound(name: str) -> tuple[Path, Contract]:
    """The folder of a target and its contract, with its constants and options."""
    file = find_target(name)
    target = read_target(file)
    spec = read_spec(find_spec(target.spec))
    scale = target.scale or 1.0
    return file.parent, spec.bind(
        constants=target.constants, options=target.options, scale=scale, faults=target.faults, lacks=target.lacks
    )


ADAPTER_LIMIT = 120  # lines that are neither blank nor a comment (of Python: a docstring)


def adapters() -> list[Path]:
    """The adapters of every target."""
    return sorted(path for name in target_names() for path in find_target(name).parent.glob("adapter.*"))


def schedules() -> list[Path]:
    """The files of every target."""
    return sorted(path for name in target_names() for path in find_target(name).parent.glob("schedules/*.yaml"))


@pytest.mark.parametrize("name", target_names())
def test_a_known_failure_is_of_a_case_that_is_played(name: str) -> None:
    """Each entry fits a case of the contract, as the target binds it, and a requirement of it."""
    folder, contract = bound(name)
    file = folder / "known_failures.yaml"
    entries = load_known(file.read_text(encoding="utf-8"), file.name) if file.exists() else ()

    for entry in entries:
        assert any(fnmatchcase(case.id, entry.case) for case in contract.cases), entry
        assert entry.requirement in contract.requirements, entry


@pytest.mark.parametrize("path", schedules(), ids=lambda path: f"{path.parents[1].name}/{path.stem}")
def test_a_schedule_of_a_finding_can_be_replayed(path: Path) -> None:
    """The target has all that it needs, and its README names it."""
    folder, contract = bound(path.parents[1].name)

    assert not missing(read_file(path, contract), contract)
    assert f"schedules/{path.name}" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", adapters(), ids=lambda path: path.parent.name)
def test_an_adapter_is_short(path: Path) -> None:
    """It translates and judges nothing, so there is not much to write."""
    text = re.sub(r'(?ms)^ *""".*?"""$', "", path.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines()]

    assert 0 < len([line for line in lines if line and not line.startswith(("#", "//"))]) <= ADAPTER_LIMIT


@pytest.mark.parametrize("name", {path.parent.name for path in adapters()})
def test_the_harness_knows_no_room(name: str) -> None:
    """A room of the targets is named nowhere in the package, nor is a state or a callback of its own."""
    package = Path(roomcheck.__file__).parent
    sources = [*package.rglob("*.py"), *package.rglob("*.mjs")]

    assert sources
    assert [path for path in sources if name in path.read_text(encoding="utf-8").lower()] == []
