"""The page of the trace format: its example is judged, and every field and record stands in it."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from roomcheck.cli import command
from roomcheck.errors import UsageError
from roomcheck.model.trace import Trace, read_trace, write_trace
from support.vendors import FOLDER

PAGE = (Path(__file__).parents[2] / "docs" / "trace-format.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def invoked(folder: Path, text: str) -> Result:
    file = folder / "trace.jsonl"
    file.write_text(text, encoding="utf-8")
    return CliRunner().invoke(command, ["judge", str(FOLDER / "duo.yaml"), str(file)], standalone_mode=False)


def judged(folder: Path, text: str) -> tuple[int, str]:
    result = invoked(folder, text)
    return result.return_value, result.output


@pytest.mark.parametrize(("at", "code"), [("10200000", 1), ("21000000", 0)])
def test_the_example_is_judged(tmp_path: Path, at: str, code: int) -> None:
    """As the page says; told after the patience it conforms."""
    found, output = judged(tmp_path, EXAMPLE.replace("10200000", at))

    assert (found, "D-GONE" in output) == (code, bool(code)), output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"operation": "enter"', '"operation": "entr"', ":2: unknown operation 'entr'; did you mean 'enter'?"),
        ('"place": "R"', '"place": "den"', ":2: unknown value 'den' of place; known: R"),
        ('"kind": "ghost"', '"kind": "gost"', ":9: unknown fault 'gost'; did you mean 'ghost'?"),
        ('"B": "ben"}', '"C": "ben"}', ":1: users has no 'B'; known: A, C"),
        ('"version": 1', '"version": 1, "constants": {"beet": 5}', ":1:1: unknown constant 'beet'; did you mean"),
        ('"version": 1', '"version": 1, "options": {"loud": "no"}', ":1:1: unknown option 'loud'"),
    ],
    ids=["operation", "room", "fault", "user", "constant", "option"],
)
def test_what_does_not_fit_the_contract_is_not_judged(tmp_path: Path, old: str, new: str, said: str) -> None:
    """One line, with the file and the line in it."""
    assert old in EXAMPLE
    refused = invoked(tmp_path, EXAMPLE.replace(old, new, 1)).exception

    assert isinstance(refused, UsageError)
    assert str(refused).startswith(f"{tmp_path / 'trace.jsonl'}{said}")
    assert len(str(refused).splitlines()) == 1


def test_what_may_be_a_slip_is_said_beside_the_verdict(tmp_path: Path) -> None:
    """A room may have told it."""
    code, output = judged(tmp_path, EXAMPLE.replace('"place": "den"', '"place": "dem"', 1))

    assert code == 1
    assert f"{tmp_path / 'trace.jsonl'}:4: room 'dem' is none of the header's; did you mean 'den'?" in output


def test_a_case_that_is_nearly_one_of_the_contract_is_named(tmp_path: Path) -> None:
    """By another name only the rules are judged."""
    _, output = judged(tmp_path, EXAMPLE.replace('"case": "by-hand"', '"case": "story-alon"'))

    assert "rules alone (the spec has no such case; did you mean 'story-alone'?)" in output


def test_every_record_and_field_stands_in_the_page() -> None:
    """So that nobody must read the code."""
    trace = read_trace(EXAMPLE.splitlines())
    records = {re.findall(r'"record": "(\w+)"', line)[0] for line in write_trace(trace)}
    names = {f.name for f in fields(Trace)} - {"records", "end"}

    assert [name for name in sorted(records | names | {"heal", "mark", "gap"}) if f"`{name}`" not in PAGE] == []
