"""The examples of docs/pytest.md pass on the reference room, and find what is wrong with another."""

import re
from pathlib import Path

import pytest

from support.pytests import SPEC, pytests
from support.runs import ADAPTER, SERVER, TRIES, write_target

SCALE = 20  # a busy machine is seldom too late
PAGE = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text(encoding="utf-8")
CODE = "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))


def play(folder: Path, more: str = "]") -> dict[str, list[str]]:
    """Each test's name -> what is not as it should be; again where this machine was too late."""
    target = write_target(folder, adapter=ADAPTER[:-1] + more, server=SERVER[:-1] + more, scale=SCALE)
    (folder / "test_by_hand.py").write_text(CODE, encoding="utf-8")
    for _ in range(TRIES):
        done = pytests([f"--room-target={target}", "test_by_hand.py"], folder)
        if "inconclusive" not in done.out:
            break
    return {name: [type(r).__name__ for r in case.result] for name, case in done.cases.items()}


def test_the_examples_pass(tmp_path: Path) -> None:
    """As they stand in the page."""
    problems = play(tmp_path)

    assert len(problems) == 3
    assert not any(problems.values())


def test_the_examples_find_a_defect(tmp_path: Path) -> None:
    """A room that never tells RECONNECTED."""
    problems = play(tmp_path, ", --defect, never-reconnected]")

    assert {name for name, found in problems.items() if found} == {"test_a_member_comes_back_after_a_minute"}


def test_the_command_that_names_a_case_is_right(tmp_path: Path) -> None:
    """The ids of the page exist."""
    named = re.findall(rf"{SPEC}::[\w/-]+", PAGE)
    done = pytests(["--collect-only", "-q", "--room-target", "reference", *named], tmp_path)

    assert len(named) == 2
    assert done.code == pytest.ExitCode.OK, done.out
