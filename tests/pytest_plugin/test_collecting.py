"""Which cases are collected, under which names, without starting anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from roomcheck.cli.files import find_spec, read_spec
from support.pytests import NOT_OURS, SPEC, Ended, pytests
from support.runs import LIMIT, write_target

CASE = f"{SPEC}::kick-while-cut-off/cut"
MINE = "def test_mine(): pass\ndef test_other(): pass\n"
CHOICES: list[tuple[list[str], set[str]]] = [  # words of the command line -> what they choose
    (["-k", "kick-while-cut-off/ and ghost"], {f"{SPEC}::kick-while-cut-off/ghost"}),
    (["-m", "ZX-LOGIN-8 and ZX-LOGIN-3"], {f"{SPEC}::wrong-token"}),
    (["-k", "kick", "--deselect", f"{SPEC}::kick"], set()),
    ([CASE], {CASE}),
    ([CASE, f"{SPEC}::kick"], {CASE, f"{SPEC}::kick"}),
    (["test_mine.py::test_mine"], {"test_mine.py::test_mine"}),
    (["test_mine.py::test_mine", CASE], {"test_mine.py::test_mine", CASE}),
]
SEVERAL = """
import json, sys
from pytest import main
for words in json.loads(sys.argv[1]):
    print("== next", flush=True)
    main(words)
"""


def touching(folder: Path) -> Path:
    """A room whose programs leave a file behind when they are started."""
    touch = "['{python}', -c, 'open(\"started\", \"w\")']"
    return write_target(folder, adapter=touch, server=touch)


@pytest.fixture
def target(pytester: pytest.Pytester) -> Path:
    """Such a room where the test runs pytest."""
    return touching(pytester.path)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> list[set[str]]:
    """What each of the choices collects, one after the other in one process: most of its time is its start."""
    folder = tmp_path_factory.mktemp("chosen")
    (folder / "test_mine.py").write_text(MINE, encoding="utf-8")
    common = [*NOT_OURS, "--collect-only", "-q", f"--room-target={touching(folder)}"]
    program = [sys.executable, "-c", SEVERAL, json.dumps([[*common, *words] for words, _ in CHOICES])]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=True)
    assert not (folder / "started").exists()
    return [{line for line in part.splitlines() if "::" in line} for part in done.stdout.split("== next\n")[1:]]


def collect(folder: Path, target: Path, *words: str) -> tuple[Ended, list[str]]:
    """The ids that are collected."""
    done = pytests(["--collect-only", "-q", f"--room-target={target}", *words], folder)
    assert not (folder / "started").exists()
    return done, [line for line in done.out.splitlines() if "::" in line]


def test_every_case_that_a_run_plays_has_an_item_and_nothing_is_started(
    pytester: pytest.Pytester, target: Path
) -> None:
    """Its id is the spec's and the case's, on every machine; pinned schedules are cases too."""
    done, ids = collect(pytester.path, target)

    cases = [f"{SPEC}::{case.id}" for case in read_spec(find_spec(SPEC)).bind().cases]
    assert [i for i in ids if "::pinned/" not in i] == cases
    assert f"{SPEC}::pinned/back-for-a-moment" in ids
    assert done.code == pytest.ExitCode.OK


@pytest.mark.parametrize("number", range(len(CHOICES)), ids=[" ".join(words) for words, _ in CHOICES])
def test_cases_are_chosen_as_tests_are(number: int, chosen: list[set[str]]) -> None:
    """By name, by the marker of a requirement, by id; with paths on the command line, only what they name."""
    assert chosen[number] == CHOICES[number][1]


def test_without_paths_the_spec_comes_with_the_tests(pytester: pytest.Pytester, target: Path) -> None:
    """The project's own tests first; the spec's id alone means all of its cases."""
    pytester.makepyfile(test_mine=MINE)

    _, everything = collect(pytester.path, target)
    _, named = collect(pytester.path, target, SPEC)

    assert everything == ["test_mine.py::test_mine", "test_mine.py::test_other", *named]


def test_a_case_that_does_not_exist_is_an_error(pytester: pytest.Pytester, target: Path) -> None:
    """Not an empty run."""
    done, _ = collect(pytester.path, target, f"{SPEC}::kick-while-cutoff")

    assert done.code == pytest.ExitCode.INTERRUPTED
    assert f"{SPEC} has no case kick-while-cutoff: `roomcheck list` shows all" in done.out


def test_paths_without_the_spec_say_that_its_cases_are_left_out(pytester: pytest.Pytester, target: Path) -> None:
    """In the header, where a person looks for what ran."""
    pytester.makepyfile(test_mine=MINE)

    done = pytests(["--collect-only", f"--room-target={target}", "test_mine.py"], pytester.path)

    assert f"its cases are not among the paths: add {SPEC}" in done.out


def test_each_requirement_is_a_marker_with_its_sentence(pytester: pytest.Pytester, target: Path) -> None:
    """Also where markers are strict."""
    done = pytests(["--markers", f"--room-target={target}", "--strict-markers"], pytester.path)

    assert "@pytest.mark.ZX-LOGIN-6: loginRoom to a room that is joined is refused with 1002001" in done.out


@pytest.mark.parametrize("words", [["--room-target", "{}"], ["--room-target={}"], ["--room-spec", "{}", "-q"]])
def test_a_target_elsewhere_leaves_the_projects_settings_in_force(words: list[str], pytester: pytest.Pytester) -> None:
    """However it is written: pytest takes a path that follows an option of a plugin for one of the tests."""
    elsewhere, project = pytester.mkdir("elsewhere"), pytester.mkdir("project")
    file = write_target(elsewhere)
    if "--room-spec" in words:
        words, file = ["--room-target=reference", *words], find_spec(SPEC)
    (project / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\ntestpaths = mine\n", encoding="utf-8")
    (project / "mine").mkdir()
    (project / "mine" / "test_mine.py").write_text(MINE, encoding="utf-8")

    done = pytests(["--collect-only", *(word.format(file) for word in words)], project)

    assert done.code == pytest.ExitCode.OK, done.out + done.err
    assert f"rootdir: {project}\nconfigfile: pytest.ini\ntestpaths: mine\n" in done.out or "-q" in words
    assert "test_mine.py" in done.out
    assert "kick-while-cut-off/cut" in done.out
