"""Another implementation is not accused, by any scenario or by chance, and its defects are found and rightly named."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from roomcheck.generate import schedules
from roomcheck.generate.collect import collect
from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.simulate import simulate
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.schedule_file import case_of
from roomcheck.spec.target import load_target
from second_room.defects import DEFECTS, Defect
from second_room.machines import Client, Server
from simulate.zego import spec
from support.runs import run

FOLDER = Path(__file__).parent
LAWFUL = Defect((), Client, Server)
SCHEDULES = 60


@cache
def contract() -> Contract:
    """As the room's target binds it."""
    target = load_target((FOLDER / "target.yaml").read_text(encoding="utf-8"), "target.yaml")
    return spec().bind(options=target.options, scale=target.scale or 1)


def judged(case: Case, room: Defect) -> Verdict:
    """In virtual time."""
    client: Any = room.client  # machines as the simulation wants them, of another kind than the reference room's
    server: Any = room.server
    return judge(contract(), simulate(contract(), case, clients=client, server=server), case)


@pytest.mark.parametrize("case", contract().cases, ids=lambda case: case.id)
def test_no_scenario_accuses_it(case: Case) -> None:
    """What the page leaves open is not demanded."""
    assert judged(case, LAWFUL).findings == ()


def test_no_random_schedule_accuses_it() -> None:
    """Nor is anything that chance comes upon."""
    drawn = [case_of(f"random/{i}", s) for i, s in enumerate(collect(schedules(contract()), number=0, count=SCHEDULES))]

    assert [case.id for case in drawn if judged(case, LAWFUL).outcome is Outcome.VIOLATES] == []


@pytest.mark.parametrize("name", DEFECTS)
def test_a_scenario_finds_each_defect_and_names_it(name: str) -> None:
    """Some scenario is broken first of all by a requirement that the defect breaks."""
    defect = DEFECTS[name]

    first = [f.requirement for case in contract().cases for f in judged(case, defect).findings[:1]]
    assert set(first) & set(defect.breaks)


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (["-k", "switch-room"], 0),
        (["-k", "logou?", "--defect", "gone-told-twice"], 1),  # what is told twice is proof on any machine
    ],
)
def test_it_is_played_on_sockets(tmp_path: Path, words: list[str], ends: int) -> None:
    """A run plays it as any other target, and hands a defect on."""
    done = run(["run", "--target", str(FOLDER), *words], tmp_path)

    assert done.code == ends, done.out
    assert done.reports.ndjson.is_file()
