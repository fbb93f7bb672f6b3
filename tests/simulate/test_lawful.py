"""Schedules on which the conforming room was once judged wrongly, by the rules or by the judge."""

from pathlib import Path

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome
from roomcheck.simulate.play import simulate
from roomcheck.spec.schedule_file import case_of, read_schedule
from simulate.zego import contract as zego

FILES = sorted((Path(__file__).parent / "lawful").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_the_conforming_room_does_is_lawful(file: Path) -> None:
    """At full speed and at a hundredth of the time."""
    for scale in (1, 100):
        contract = zego(scale)
        schedule = read_schedule(file.read_text(encoding="utf-8"), file.name, contract)
        trace = simulate(contract, case_of(f"lawful/{file.stem}", schedule))
        assert judge(contract, trace).outcome is Outcome.CONFORMS
