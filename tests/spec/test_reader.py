"""YAML text to nodes: what is read, what is refused, and where."""

import pytest
import yaml

from roomcheck.errors import SpecError
from roomcheck.spec import reader
from roomcheck.spec.reader import MAX_DEPTH, merge, read
from roomcheck.spec.where import Where


def refused(text: str | bytes) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read(text, "f.yaml")
    return [str(p) for p in caught.value.problems]


def test_every_value_knows_its_place() -> None:
    """Keys, values and items have lines and columns from 1."""
    node = read("a: 1\nb:\n  - x\n  - {c: d}\n", "f.yaml")

    assert node.plain() == {"a": 1, "b": ["x", {"c": "d"}]}
    assert node.at(("b", 1, "c")).where == Where("f.yaml", 4, 9)
    assert node.at(("b",)).key("x") == Where("f.yaml", 3, 5)
    assert node.key("b") == Where("f.yaml", 2, 1)


def test_a_place_that_is_not_there_is_the_nearest_one_above() -> None:
    """So that a problem about something absent has a place."""
    node = read("a: {b: 1}", "f.yaml")

    assert node.at(("a", "x", 3)).where == Where("f.yaml", 1, 4)
    assert node.at(("a",)).key("x") == Where("f.yaml", 1, 4)
    assert read("[1]", "f").key("x") == Where("f", 1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-7", -7), ("1.5", 1.5), ("true", True), ("null", None), ("~", None), ("''", ""),
        ("'12'", "12"), ("on", "on"), ("no", "no"), ("12:30", "12:30"), ("2026-11-01", "2026-11-01"), ("0x1f", "0x1f"),
        ("1e9", "1e9"), ("9" * 30, "9" * 30), ("|\n  a\n", "a\n"),
    ],
)  # fmt: skip
def test_scalars_are_text_numbers_or_truth(text: str, value: object) -> None:
    """Words that old YAML takes for truth, times and dates stay text."""
    assert read(text, "f").plain() == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1:1: the file is empty"),
        ("# nothing\n", "f.yaml:1:1: the file is empty"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here; one document a file"),
        ("a: [1,\n", "f.yaml:2:1: this is no YAML: a bracket that was opened before is not closed"),
        ("a: b: c", "f.yaml:1:5: this is no YAML: a second ': ' in one value; quote the text, or indent it as"),
        (
            "a:\n  b: 1\n   c: 2\n",
            "f.yaml:3:5: this is no YAML: a second ': ' in one value; quote the text, or indent",
        ),
        ("a: 1\n\tb: 2\n", "f.yaml:2:1: this is no YAML: a tab does not indent; use spaces"),
        ("a:\n  - x\n - y\n", "f.yaml:3:2: this is no YAML: this line is not indented as its neighbours are"),
        ("  a: 1\nb: 2\n", "f.yaml:2:1: this is no YAML: this line is not indented as the one above"),
        ("a: [1, 2\n", "f.yaml:2:1: this is no YAML: a bracket that was opened before is not closed"),
        ("a: {b: 1\nc: 2\n", "f.yaml:2:2: this is no YAML: a comma or a closing bracket is missing before this"),
        ("a: 'x\nb: 2\n", "f.yaml:3:1: this is no YAML: a quote that was opened before is not closed"),
        ("a: {b: 1}}\n", "f.yaml:1:10: this is no YAML: this bracket closes none that was opened"),
        ("a: [b]]\n", "f.yaml:1:7: this is no YAML: this bracket closes none that was opened"),
        ("a: 'x' y\n", "f.yaml:1:8: this is no YAML: this is no part of the value before it; quote all of it"),
        ("a: - b\n", "f.yaml:1:4: this is no YAML: a list with dashes begins on a line of its own"),
        ("a: 1\nb\nc: 2\n", "f.yaml:3:1: this is no YAML: a line above is neither `key: value` nor a part of a value"),
        ('a: "\\q"\n', "f.yaml:1:6: this is no YAML: in double quotes a backslash is written twice; or use single"),
        ("a: ]\n", "f.yaml:1:4: this is no YAML: text that begins with this character needs quotes"),
        ("a: &\n", "f.yaml:1:5: this is no YAML: while scanning an anchor: expected alphabetic"),
        ("a: @x\n", "f.yaml:1:4: this is no YAML: text that begins with this character needs quotes"),
        ("a: *b", "f.yaml:1:4: *b stands for nothing that was named before"),
        ("a: &x [*x]", "f.yaml:1:8: *x stands for nothing that was named before"),
        ("a: !!python/object x", "f.yaml:1:4: the tag tag:yaml.org,2002:python/object is not read"),
        ("? [1]\n: 2", "f.yaml:1:3: a key must be a word, not a list, a map or an alias"),
        ("ab: \x00", "f.yaml:1:5: this is no text: the character '\\x00' is not allowed"),
        ("a\n  \ud800", "f.yaml:2:3: this is no text: the character '\\ud800' is not allowed"),
        ('x: 1\ny: "\\UFFFFFFFF"', "f.yaml:1:1: this is no YAML: "),
        (b"a: 1\nb: \xff", "f.yaml:2:4: byte 0xff is not UTF-8"),
        ("[" * 1000, f"f.yaml:1:{MAX_DEPTH + 2}: nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_place(text: str | bytes, message: str) -> None:
    """No traceback, and no second problem that follows from the first."""
    found = refused(text)

    assert len(found) == 1
    assert found[0].startswith(message)


def test_doubled_keys_are_all_named() -> None:
    """The later one is the mistake, and reading goes on behind it."""
    assert refused("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        "f.yaml:2:11: 'c' stands here for the second time; the first is in line 2",
        "f.yaml:3:1: 'a' stands here for the second time; the first is in line 1",
    ]


def test_an_alias_is_what_it_stands_for() -> None:
    """Its problems stand where it was named."""
    assert read("a: &x {b: 1}\nc: *x\n", "f").plain() == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_billion_laughs_are_refused() -> None:
    """Aliases cost what they stand for, and nothing is expanded before it is counted."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]

    (found,) = refused("\n".join(lines))

    assert "more than 100000 values" in found


def test_bytes_are_utf_8() -> None:
    """What a file holds may be given as it is."""
    assert read("a: é".encode(), "f").plain() == {"a": "é"}


def test_without_libyaml_everything_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser in Python gives the same nodes."""
    fast = read("a: [1, 'b', {c: d}]\n", "f")
    monkeypatch.setattr(reader, "_FAST", yaml.SafeLoader)

    assert read("a: [1, 'b', {c: d}]\n", "f") == fast


def test_maps_are_merged_and_lists_replaced() -> None:
    """Each value keeps the file that it came from."""
    node = merge(read("a: {x: 1, y: 2}\nb: [1, 2]\n", "base"), read("a: {y: 3}\nb: [4]\nc: 5\n", "over"))

    assert node.plain() == {"a": {"x": 1, "y": 3}, "b": [4], "c": 5}
    assert node.at(("a", "x")).where.file == "base"
    assert node.at(("a", "y")).where.file == "over"
    assert node.at(("a",)).key("x").file == "base"


def test_a_list_may_be_added_to() -> None:
    """Under `more` and its name, at any depth; what is no list there, or not there, stays a key of its own."""
    base = read("a: {x: [1, 2], y: 2}\n", "base")
    node = merge(base, read("a: {more x: [3], more y: [4], more z: [5], more: 6}\n", "over"))
    items = [node.at(("a", "x", i)) for i in range(3)]

    assert node.plain() == {"a": {"x": [1, 2, 3], "y": 2, "more y": [4], "more z": [5], "more": 6}}
    assert [item.where.file for item in items] == ["base", "base", "over"]
    assert merge(base, read("a: {more x: 3}\n", "over")).plain() == {"a": {"x": [1, 2], "y": 2, "more x": 3}}
