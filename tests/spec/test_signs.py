"""What tells a state: a callback, and the values in its fields."""

import pytest

from roomcheck.errors import SpecError
from roomcheck.spec.case import Entry
from roomcheck.spec.contract import Sign, View
from roomcheck.spec.interface import Callback
from roomcheck.spec.load import load_spec
from support.vendors import FOLDER, contract

CONFERENCE = contract("conference")
PRESENCE = CONFERENCE.views[1]
VIEW = View(
    "own",
    {"on": Sign("lamp", {"is": "on"}), "dim": Sign("lamp", {"is": "on", "by": 5}), "broken": Sign("smoke", {})},
    {"on": "on", "dim": "dim", "broken": "smoke"},
    "on",
    (),
)


@pytest.mark.parametrize(
    ("callback", "fields", "state", "value"),
    [
        ("lamp", {"is": "on", "by": 9}, "on", "on"),
        ("lamp", {"is": "on", "by": 5}, "dim", "dim"),
        ("lamp", {"is": "off", "by": 5}, None, 5),
        ("lamp", {"by": 5}, None, 5),
        ("smoke", {"colour": "blue"}, "broken", "smoke"),
    ],
)
def test_the_sign_with_most_fields_that_fit_tells(
    callback: str, fields: dict[str, object], state: str, value: object
) -> None:
    """Where none fits, the field in which they differ stands for what was told."""
    assert (VIEW.state(callback, fields), VIEW.value(callback, fields)) == (state, value)


def test_another_callback_tells_nothing() -> None:
    assert VIEW.state("bell", {}) is None
    assert VIEW.callbacks == ("lamp", "smoke")


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        ((), []),
        (({},), ["off"]),
        (({"is": ("off", "on")},), ["off", "on"]),
        (({"is": ("off",)},), ["off"]),
        (({"is": ("on",), "was": (1,)}, {"is": ("off",)}), ["off"]),
        (({"is": ("on",)}, {}), ["off", "on"]),
    ],
)
def test_what_is_ignored(ignored: tuple[dict[str, tuple[object, ...]], ...], expected: list[str]) -> None:
    """Certain values always; without any, whatever tells no state."""
    lamp = Callback("lamp", None, None, {}, ignored)

    assert [value for value in ("off", "on") if VIEW.ignores(lamp, {"is": value})] == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lists: {onRoster:", "lists: {onRostr:", "unknown callback 'onRostr'; did you mean 'onRoster'?"),
        ("lists: {onRoster:", "lists: {onRoom:", "onRoom names no list of users; give it `about`"),
        ("oneself: included", "oneself: inclded", "expected 'included', 'left out' or 'either', found 'inclded'"),
        ("{act: evict,", "{act: evict, with: {name: x},", "a list has no fields of its own for who has gone"),
        (
            "presence:\n  lists: {onRoster: {oneself: included}}\n",
            "presence:\n",
            "by `joined` and `left`, or by `lists`",
        ),
        ("presence:\n", "presence:\n  joined: {onRoster: {}}\n", "by `joined` and `left`, or by `lists`"),
        ("[joined, {left:", "[joind, {left:", "unknown state 'joind'"),
    ],
)
def test_a_mistake_about_lists_is_said_where_it_stands(old: str, new: str, message: str) -> None:
    text = (FOLDER / "roster.yaml").read_text(encoding="utf-8")
    assert old in text

    with pytest.raises(SpecError) as caught:
        load_spec(text.replace(old, new), "roster.yaml")

    line = 1 + text[: text.index(old)].count("\n")
    assert any(p.line == line and message in p.message for p in caught.value.problems), caught.value.problems


def test_where_only_lists_tell_of_others_lines_name_what_they_differ_by() -> None:
    """They have no signs; the observer may stand in them or not, as the contract says."""
    roster = contract("roster")
    presence = roster.views[1]
    case = next(c for c in roster.cases if c.id == "come-and-go")

    assert (presence.signs, presence.callbacks, presence.lists) == ({}, (), {"onRoster": "included"})
    assert [entry.value for entry in case.lines[0].items if isinstance(entry, Entry)] == ["joined", "left"]


def test_two_callbacks_tell_who_comes_and_who_goes() -> None:
    """Lines of scenarios name them; the fields of an ending are those of the second."""
    assert PRESENCE.signs == {"present": Sign("onUserJoined", {}), "absent": Sign("onUserOffline", {})}
    assert PRESENCE.told == {"present": "onUserJoined", "absent": "onUserOffline"}
    assert PRESENCE.presence is not None
    assert [e.pattern for e in PRESENCE.presence.endings] == [{"reason": 0}, {"reason": 2}, {"reason": 1}]
    assert CONFERENCE.callbacks["onUserOffline"].ignored == ({"reason": (3, 4)},)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ignored: {reason: [3, 4]}", "ignored: {raeson: 3}", "unknown field of onUserOffline 'raeson'"),
        ("ignored: {reason: [3, 4]}", "ignored: {reason: QIUT}", "unknown code 'QIUT'; did you mean 'QUIT'?"),
        ("ignored: {reason: [3, 4]}", "ignored: [{reason: 3}, {raeson: 4}]", "unknown field of onUserOffline 'raeson'"),
        ("with: {reason: QUIT}", "with: {elapsed: 1}", "unknown field of onUserOffline 'elapsed'"),
        ("left: {onUserOffline: {}}", "left: {onUserJoined: {}}", "one field must differ between `joined` and `left`"),
        ("[onUserJoined, {onUserOffline:", "[onUserJoined, {onUserOfline:", "unknown state 'onUserOfline'"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_where_it_stands(old: str, new: str, message: str) -> None:
    text = (FOLDER / "conference.yaml").read_text(encoding="utf-8")
    assert old in text

    with pytest.raises(SpecError) as caught:
        load_spec(text.replace(old, new), "conference.yaml")

    line = 1 + text[: text.index(old)].count("\n")
    assert any(p.line == line and message in p.message for p in caught.value.problems), caught.value.problems
