"""The example of docs/README.md runs, and fails for a room that breaks its contract."""

import re
from pathlib import Path
from typing import Any

import pytest

from roomcheck.reference import defects
from roomcheck.simulate import simulate

CODE = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "README.md").read_text(), re.DOTALL)


def example() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in CODE:
        exec(block, names)  # noqa: S102  it is ours
    return names


def test_the_example_passes() -> None:
    """As it stands in the page."""
    example()["test_no_schedule_makes_the_room_break_its_contract"]()


def test_the_example_finds_a_defect() -> None:
    """The same test, on a room that tells LOGINED twice."""
    names = example()
    names["simulate"] = lambda contract, case: simulate(contract, case, clients=defects.client("logined-twice"))
    with pytest.raises(AssertionError):
        names["test_no_schedule_makes_the_room_break_its_contract"]()
