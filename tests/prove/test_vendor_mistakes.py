"""Mistakes that an author makes, planted into contracts that are sound: each is found before any room is judged."""

import pytest

from roomcheck.errors import SpecError
from roomcheck.model.verdict import Outcome
from roomcheck.prove import Proof, summary
from roomcheck.spec.lint import lint
from roomcheck.spec.load import load_spec
from support.vendors import FOLDER

MISTAKES = {
    "a typo in the name of a callback": (
        "conference", "left: {onUserOffline: {}}", "left: {onUserOfline: {}}", "did you mean 'onUserOffline'?"),
    "news of the wrong callback": (
        "conference", "with: {reason: QUIT}", "with: {elapsed: 0}", "unknown field of onUserOffline 'elapsed'"),
    "a code that nothing has": (
        "conference", "STALE: 101}", "STALE: 101, MUTED: 102}", "nothing uses MUTED"),
    "a requirement that nothing proves": (
        "roster", "  R-GONE:", '  R-MORE: {must: More., documented: "9"}\n  R-GONE:', "nothing verifies R-MORE"),
    "an ending that is missing": (
        "roster", "      - {request: outside, for: R-LIST, unheard: R-GONE}\n", "", "FALSE RED come-and-go"),
    "a scenario that expects another reason": (
        "conference", "{onUserOffline: {reason: QUIT},", "{onUserOffline: {reason: DROPPED},", "FALSE RED come-and-go"),
    "a scenario with a window that forgets the call": (
        "conference", "within: call_limit + notice, of: T1", "within: notice / 2, of: T1", "FALSE RED come-and-go"),
    "a scenario that expects lists to tell what they had told": (
        "roster", "[joined, {left:", "[joined, joined, {left:", "FALSE RED come-and-go"),
    "a scenario that the rules refuse: a line that is restored": (
        "phone", "within: noticing, of: T0}, opening, open]", "within: noticing, of: T0}, open]", "FALSE RED lost-and-back"),
    "a rule that is missing": (
        "conference", "    - {from: lost, cause: entered, to: CONNECTED, within: join_limit, for: C-BACK}\n",
        "", "VACUOUS C-BACK"),
    "two scenarios that contradict each other": (
        "roster", "scenarios:\n", """scenarios:
  - id: the-same-otherwise
    title: A comes and goes, and nobody is told
    for: R-LIST
    members: [A, B]
    schedule: [{B: enter}, {A: enter}, {A: leave}]
    expect: {B about A: [joined]}
""", "FALSE RED the-same-otherwise"),
    "a patience that no scenario waits for": (
        "roster", "watch: 2 * patience", "watch: notice", "MISSED R-GONE"),
    "a pace that is shorter than news takes": (
        "conference", "pace: join_limit + 2 * notice", "pace: notice / 4", "MISSED C-BAN"),
}  # fmt: skip


def found(text: str) -> list[str]:
    """What is said of a contract by lint, and if that finds nothing by a short proof."""
    try:
        spec = load_spec(text, "mistake.yaml")
    except SpecError as e:
        return [str(problem) for problem in e.problems]
    problems = [str(problem) for problem in lint(spec)]
    if problems:
        return problems
    proof = Proof(spec.bind())
    for _ in proof.scenarios():
        pass
    for _ in proof.broken():
        pass
    return [
        *(f"FALSE RED {red.case.id}" for red in proof.false_reds),
        *(f"VACUOUS {name}" for name in proof.matrix.vacuous),
        *(f"MISSED {row.broken.requirement}" for row in proof.matrix.missed),
    ]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str) -> None:
    vendor, before, after, expected = MISTAKES[mistake]
    text = (FOLDER / f"{vendor}.yaml").read_text(encoding="utf-8")
    assert before in text

    assert any(expected in line for line in found(text.replace(before, after, 1))), found(
        text.replace(before, after, 1)
    )


def test_what_is_missed_is_told_with_a_case_that_can_be_played_alone() -> None:
    """One in which it came up and nothing refused it."""
    vendor, before, after, expected = MISTAKES["a patience that no scenario waits for"]
    contract = load_spec(
        (FOLDER / f"{vendor}.yaml").read_text(encoding="utf-8").replace(before, after), "x.yaml"
    ).bind()
    proof = Proof(contract)
    for _ in (*proof.scenarios(), *proof.broken()):
        pass
    lines = list(summary(proof, "spec.yaml"))
    at = next(n for n, line in enumerate(lines) if line.startswith(expected))
    case = lines[at].rpartition(", in ")[2]
    assert lines[at + 1] == f"  what a lawful room does there: roomcheck prove spec.yaml --only {case}"
    assert Proof(contract).only(case).outcome is Outcome.CONFORMS
