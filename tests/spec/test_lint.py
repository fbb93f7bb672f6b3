"""What a sound spec may still have wrong."""

from pathlib import Path

import pytest

from roomcheck.spec.lint import lint
from roomcheck.spec.load import load_spec

TEXT = (Path(__file__).parents[1] / "specs" / "two-state.yaml").read_text(encoding="utf-8")


def found(old: str = "", new: str = "") -> list[str]:
    assert old in TEXT
    return [str(p) for p in lint(load_spec(TEXT.replace(old, new, 1), "s"))]


@pytest.mark.parametrize("name", ["two-state", "every-construct"])
def test_a_sound_spec_has_nothing(name: str) -> None:
    """The specs that the tests use are themselves clean."""
    text = (Path(__file__).parents[1] / "specs" / f"{name}.yaml").read_text(encoding="utf-8")

    assert lint(load_spec(text, "s")) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{from: gone, cause: enter,", "{from: here, cause: enter,", "connection: nothing leads from gone to here"),
        ("within: notice, for: TS-ENTER}", "for: TS-ENTER}", "here upon enter while gone: the window is empty; give `within`"),
        ("here: {}, within: 2 * notice", "here: {}, within: 0s", "here: the window is empty; give a longer `within`"),
        ("  notice: 50ms", "  notice: 50ms\n  spare: 1s", "nothing uses spare"),
        ("  fine: 0", "  fine: 0\n  odd: 9", "nothing uses odd"),
        ("pace: ", "tolerance: 1s\npace: ", "nothing uses tolerance: no window is `about` a time"),
        ("  TS-LEAVE:", "  TS-MORE: {may: More., inferred: x}\n  TS-LEAVE:",
         "nothing verifies TS-MORE: no rule, entry or scenario is for it"),
        ("  - id: lost\n", "  - {id: Lost, title: x, for: TS-LOST, members: [A], schedule: [{A: enter}]}\n  - id: lost\n",
         "lost and Lost differ in case only; reports need two files"),
        ("  - id: come-and-go\n", f"  - id: {'x' * 241}\n",
         f"the id {'x' * 40}... has 241 bytes, more than a file may (240)"),
        ("  initial: gone\n  rules:", ("  told: {away: gone}\n  initial: gone\n  rules:\n"
         "    - {from: here, cause: server down, to: away, within: 1s}"),
         "connection: gone and away are both told as gone"),
        ("callbacks:\n", "callbacks:\n  onNoise: {fields: {level: int}}\n",
         "nothing uses onNoise: it tells no state; say `ignored: true` if that is meant"),
    ],
)  # fmt: skip
def test_a_slip_is_found(old: str, new: str, message: str) -> None:
    """Each is one line."""
    assert [line.split(" ", 1)[1] for line in found(old, new)] == [message]


def test_windows_of_groups_are_looked_at() -> None:
    """Also within alternatives and unordered groups."""
    groups = "[{unordered: [{here: {}, within: 0s, of: T0}]}, {any of: [[gone], [{gone: {}, within: 0s, of: T1}]]}]"

    assert found("[here, gone]", groups) == [
        "s:54:24: here: the window is empty; give a longer `within`",
        "s:54:77: gone: the window is empty; give a longer `within`",
    ]


def test_silent_and_answering_rules_need_no_window() -> None:
    """They owe nothing."""
    rules = (
        "  rules:\n"
        "    - {from: gone, cause: server down, to: gone, silent: true}\n"
        "    - {from: gone, cause: leave, answer: {status: refused}}"
    )

    assert found("  initial: gone\n  rules:", f"  initial: gone\n{rules}") == []


def test_typical_constants_need_no_use() -> None:
    """They are measured and reported."""
    assert found("  notice: 50ms", "  notice: 50ms\n  usual: {value: 1ms, typical: true}") == []


SILENT = TEXT.replace("  rules:", "  rules:\n    - {from: here, cause: server down, to: hushed, silent: true}", 1)
UNTOLD = "no member is told hushed, it is only entered silently"
DOUBTFUL = "no member is told hushed, and it may be entered or not: nobody can know"


def hushed(text: str, old: str, new: str) -> list[str]:
    assert old in text
    return [p.message for p in lint(load_spec(text.replace(old, new, 1), "s"))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("opened by: {here: TS-ENTER}", "opened by: {here: TS-ENTER, hushed: TS-ENTER}"),
        ("settles: gone", "settles: [gone, hushed]"),
        (
            "to: hushed, silent: true}",
            "to: hushed, silent: true}\n    - {from: here, cause: twin hushed, to: gone, within: 1s}",
        ),
    ],
)
def test_what_waits_for_a_state_that_is_only_entered_silently_never_comes(old: str, new: str) -> None:
    """Nobody is told it."""
    assert hushed(SILENT, old, new) == [UNTOLD]


@pytest.mark.parametrize(
    ("old", "new"),
    [("{request: gone,", "{request: hushed,"), ("inside: here", "inside: here, cut off: hushed")],
)
def test_the_session_follows_a_silent_move_that_is_certain(old: str, new: str) -> None:
    """What may be or not nobody can follow."""
    perhaps = SILENT.replace("to: hushed, silent: true", "to: hushed, silent: true, optional: true")

    assert hushed(SILENT, old, new) == []
    assert hushed(perhaps, old, new) == [DOUBTFUL]
