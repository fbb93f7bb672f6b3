"""What lies beside the targets of the package agrees with their contracts; nothing is started here."""

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import roomcheck
from roomcheck.cli.files import find_spec, find_target, part_names, read_spec, target_names
from roomcheck.cli.pinned import missing, read_file
from roomcheck.cli.targets import open_target
from roomcheck.spec.contract import Contract
from roomcheck.spec.known import load_known

ADAPTER_LINES = 120
Function = ast.FunctionDef | ast.AsyncFunctionDef


def bound(name: str) -> tuple[Path, Contract]:
    """The folder of a target and its contract, with its constants and options."""
    target = open_target(name)
    spec = read_spec(find_spec(target.spec))
    scale = target.scale or 1.0
    return find_target(name).parent, spec.bind(
        constants=target.constants, options=target.options, scale=scale, faults=target.faults, lacks=target.lacks
    )


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


def lines_of(path: Path) -> int:
    """How many lines of an adapter are neither blank nor a comment; a docstring is a comment."""
    text = path.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    count = sum(1 for line in lines if line and not line.startswith(("#", "//")))
    if path.suffix == ".py":
        holders = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Module | ast.ClassDef | Function))
        docs = [n.body[0] for n in holders if ast.get_docstring(n) is not None]
        count -= sum(1 for d in docs for line in lines[d.lineno - 1 : d.end_lineno] if line)
    return count


@pytest.mark.parametrize(
    "path", [p for name in part_names() for p in sorted(find_target(name).parent.glob("adapter.*"))],
    ids=lambda path: path.parent.name,
)  # fmt: skip
def test_an_adapter_is_small(path: Path) -> None:
    """At most 120 lines, or it does more than to translate."""
    assert 0 < lines_of(path) <= ADAPTER_LINES


def test_the_lines_of_an_adapter_are_counted(tmp_path: Path) -> None:
    """So that a long one is found."""
    (tmp_path / "a.py").write_text('"""One.\n\nTwo."""\n\n# no\nx = 1  # yes\ndef f():\n    """No."""\n    return 1\n')
    (tmp_path / "a.mjs").write_text("// no\n\nx = 1; // yes\n")

    assert (lines_of(tmp_path / "a.py"), lines_of(tmp_path / "a.mjs")) == (3, 1)


@pytest.mark.parametrize("path", schedules(), ids=lambda path: f"{path.parents[1].name}/{path.stem}")
def test_a_schedule_of_a_finding_can_be_replayed(path: Path) -> None:
    """The target has all that it needs, and its README names it."""
    folder, contract = bound(path.parents[1].name)

    assert not missing(read_file(path, contract), contract)
    assert f"schedules/{path.name}" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [n for n in part_names() if [*find_target(n).parent.glob("adapter.*")]])
def test_the_harness_knows_no_room(name: str) -> None:
    """A room of the targets is named nowhere in the package."""
    package = Path(roomcheck.__file__).parent
    sources = [*package.rglob("*.py"), *package.rglob("*.mjs")]

    assert sources
    assert [path for path in sources if name in path.read_text(encoding="utf-8").lower()] == []
