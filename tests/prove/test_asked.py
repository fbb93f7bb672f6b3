"""What a case is played for that does not say it, and contracts whose scenarios are but schedules."""

from dataclasses import replace
from pathlib import Path

import pytest

from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Fault, Schedule, Step, When
from roomcheck.prove import Proof, asked, summary, unproven
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

SOUND = Path(__file__).with_name("contract.yaml").read_text(encoding="utf-8")
TICKET = "scenarios: [{id: ticket, title: A has no ticket, schedule: [A: {enter: {ticket: forged}}]}]\n"


def short(scenarios: str = TICKET) -> Contract:
    """The contract with the standard stories, and with these scenarios in place of its own."""
    text = SOUND[: SOUND.index("scenarios:\n")] + "stories: {enter: enter, leave: leave}\n" + scenarios
    return load_spec(text, "contract.yaml").bind()


def test_the_stories_and_one_schedule_prove_all_of_a_contract() -> None:
    """Without one expected callback: no false red, and a broken room for each requirement is caught by its name."""
    contract = short()
    found = Proof(contract)
    for _ in found.scenarios():
        pass
    for _ in found.broken():
        pass

    assert found.sound, list(summary(found, "spec.yaml"))
    assert unproven(contract) == []
    assert not any(case.lines or case.requirements for case in contract.cases)


def test_a_requirement_that_no_lawful_room_has_to_keep_is_unproven() -> None:
    """Nobody enters with a forged ticket in a standard story."""
    assert unproven(short("")) == ["L-TICKET"]


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("ticket", ["L-SELF", "L-ENTER", "L-TICKET"]),
        ("story-leave", ["L-SELF", "L-ENTER", "L-LEAVE", "L-COME", "L-WENT", "L-OTHERS"]),
        ("story-blink/cut", ["L-SELF", "L-ENTER", "L-LOST", "L-BACK", "L-COME", "L-OTHERS"]),
    ],
)
def test_a_case_is_for_what_a_lawful_room_does_in_it(case: str, names: list[str]) -> None:
    """In the order of the contract."""
    contract = short()

    assert list(asked(contract, next(c for c in contract.cases if c.id == case))) == names


def test_a_scenario_that_says_what_it_is_for_is_for_that() -> None:
    """And for a schedule that no run could play nothing is known."""
    contract = load_spec(SOUND, "contract.yaml").bind()
    case = contract.cases[0]
    assert asked(contract, case) == case.requirements

    fault = Fault("A", FaultKind.LATENCY, {"latency": "no time"})
    odd = Schedule(case.schedule.members, ("R",), (Step(fault, When(None, 0), None),), 0)
    assert asked(contract, replace(case, requirements=(), lines=(), schedule=odd)) == ()
