"""The contracts of vendors that are YAML alone are sound: no lawful room is accused, no requirement is vacuous."""

import pytest

from roomcheck.cli.lint import without_case
from roomcheck.prove import Proof, summary
from roomcheck.spec.lint import lint
from roomcheck.spec.load import load_spec
from support.vendors import FOLDER

VENDORS = {
    "duo": 40,
    "conference": 120,
    "roster": 75,
    "phone": 75,
    "lodge": 75,
    "foyer": 75,
    "porch": 75,
    "arcade": 75,
    "quill": 100,
    "tally": 75,
    "lido": 85,
    "cellar": 75,
}  # name -> lines that its contract has at most


@pytest.mark.parametrize("schedules", [5, pytest.param(60, marks=pytest.mark.night)])
@pytest.mark.parametrize("name", VENDORS)
def test_the_contract_is_sound(name: str, schedules: int) -> None:
    """By its scenarios, some random schedules, and rooms that break one promise each."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    spec = load_spec(text, f"{name}.yaml")
    proof = Proof(spec.bind())
    for _ in proof.scenarios():
        pass
    for _ in proof.chance(0, lambda played: played >= schedules):
        pass
    for _ in proof.broken():
        pass

    assert [str(problem) for problem in (*lint(spec), *without_case(spec))] == []
    assert proof.sound, list(summary(proof, "spec.yaml"))
    assert len(proof.looked.passed) == len(proof.contract.cases)
    assert len(text.splitlines()) <= VENDORS[name]
