"""An author's mistakes, planted into a sound contract: each is found before any room is judged."""

from itertools import islice
from pathlib import Path

import pytest

from roomcheck.prove import Proof, summary
from roomcheck.prove.lawful import Looked, by_chance, by_name
from roomcheck.spec.load import load_spec

SOUND = Path(__file__).with_name("contract.yaml").read_text(encoding="utf-8")


def proof(text: str, schedules: int = 0) -> Proof:
    """A short one."""
    found = Proof(load_spec(text, "contract.yaml").bind())
    for _ in found.scenarios():
        pass
    if schedules:
        for _ in found.chance(0, lambda played: played >= schedules):
            pass
    for _ in found.broken():
        pass
    return found


def changed(before: str, after: str) -> str:
    """The contract with a mistake."""
    assert before in SOUND
    return SOUND.replace(before, after)


def test_the_contract_without_a_mistake_is_sound() -> None:
    """No false red, no vacuous requirement, no broken room missed."""
    found = proof(SOUND, 8)

    assert found.sound, list(summary(found, "spec.yaml"))
    assert len(found.looked.passed) == len(found.contract.cases) == 4


def test_a_random_case_is_found_again_by_its_name() -> None:
    """The same schedule, whatever was played before."""
    contract = load_spec(SOUND, "contract.yaml").bind()
    among_others = [case for case, _ in islice(by_chance(contract, Looked(), seed=3), 9)]

    alone, found = by_name(contract, Looked(), "random/3-00008")

    assert found is None
    assert alone == among_others[8]


FALSE_REDS = {
    "a scenario expects to get in with a wrong ticket": (
        "A: [ENTERING, {REFUSED: {code: wrong}, within: call_limit + entry_limit, of: T0}]", "A: [ENTERING, IN]",
        "wrong-ticket", "no lawful room"),
    "a scenario expects a callback that nothing brings about": (
        "[{B: enter}, {A: enter, as: T0}, {A: leave, as: T1}]", "[{B: enter}, {A: enter, as: T0}, {wait: 1s, as: T1}]",
        "come-and-go", "no lawful room"),
    "a scenario expects another code than the rule": (
        "{LOST: {code: dropped}, within: beat, of: T3}", "{LOST: {code: wrong}, within: beat, of: T3}",
        "away-for-long", "no lawful room"),
    "a window that is too narrow by a heartbeat": (
        "after: patience - beat - notice, within: beat + 2 * notice", "after: patience, within: 2 * notice",
        "away-for-long", "narrower"),
    "a window that closes before news can be there": (
        "{WENT: {}, within: call_limit + notice, of: T1}", "{WENT: {}, within: call_limit, of: T1}",
        "come-and-go", "narrower"),
    "a rule that is missing": (
        "    - {from: LOST, cause: entered, to: IN, with: {code: fine}, within: entry_limit, for: L-BACK}\n", "",
        "away-for-long", "no lawful room"),
    "a rule for another state": (
        "{from: [ENTERING, IN, LOST], cause: leave,", "{from: [ENTERING, LOST], cause: leave,",
        "come-and-go", "no lawful room"),
    "two scenarios that contradict each other": (
        "scenarios:\n", """scenarios:
  - id: the-same-otherwise
    title: A comes and goes, and nobody is told
    for: L-OTHERS
    members: [A, B]
    schedule: [{B: enter}, {A: enter}, {A: leave}]
    expect: {B about A: [CAME]}
""", "the-same-otherwise", "no lawful room"),
    "a session that no ending ends": (
        "      - {request: OUT, for: L-WENT}\n", "", "come-and-go", "narrower"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", FALSE_REDS)
def test_a_lawful_room_that_would_be_accused_is_found(mistake: str) -> None:
    """With the scenario, and why."""
    before, after, scenario, why = FALSE_REDS[mistake]

    found = proof(changed(before, after))

    assert not found.sound
    assert any(why in red.why for red in found.false_reds if red.case.scenario == scenario), list(
        summary(found, "spec.yaml")
    )


VACUOUS = {
    "a requirement that nothing proves": (
        "for: [L-COME, L-WENT, L-ENTER, L-LEAVE, L-OTHERS]",
        "for: [L-COME, L-WENT, L-ENTER, L-LEAVE, L-OTHERS, L-MORE]", "L-MORE"),
    "a requirement whose rule demands nothing": (
        "to: LOST, with: {code: dropped}, within: beat, unless: {link up: notice}, for: L-LOST}",
        "to: LOST, within: beat, unless: {link up: notice}, optional: whenever, for: L-MORE}", "L-MORE"),
    "a requirement of something that never happens": (
        "      - {request: OUT, for: L-WENT}\n", "      - {request: OUT, for: L-WENT}\n      - {act: close, for: L-MORE}\n",
        "L-MORE"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", VACUOUS)
def test_a_vacuous_requirement_is_found(mistake: str) -> None:
    """No room that breaks a promise is caught by its name."""
    before, after, requirement = VACUOUS[mistake]
    text = changed(before, after).replace("connection:\n", '  L-MORE: {must: More., documented: "9"}\nconnection:\n', 1)
    text = text.replace("pace: ", "  close: {admin: true, rooms: [place]}\npace: ", 1)

    found = proof(text)

    assert requirement in found.matrix.vacuous
    assert any(line.startswith(requirement) and "VACUOUS" in line for line in summary(found, "spec.yaml"))


def test_what_an_option_switches_off_is_not_asked() -> None:
    """Its requirement cannot be broken by this contract."""
    rule = "    - {from: OUT, cause: leave, answer: {status: refused}, when: {more: said}, for: L-MORE}\n"
    options = "options: {more: {one of: [said, unsaid], default: unsaid, says: more}}\n"
    text = changed("presence:\n", f"{rule}presence:\n").replace("codes: ", f"{options}codes: ", 1)
    text = text.replace("  L-OTHERS:", '  L-MORE: {must: More., documented: "9"}\n  L-OTHERS:', 1)
    spec = load_spec(text, "contract.yaml")

    asked = {option: Proof(spec.bind(options={"more": option})).matrix.requirements for option in ("said", "unsaid")}

    assert "L-MORE" in asked["said"]
    assert "L-MORE" not in asked["unsaid"]
