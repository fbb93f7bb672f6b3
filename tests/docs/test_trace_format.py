"""The page of the trace format: its example is judged, and every field and record stands in it."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from roomcheck.cli import command
from roomcheck.model.trace import Trace, read_trace, write_trace
from support.vendors import FOLDER

PAGE = (Path(__file__).parents[2] / "docs" / "trace-format.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def judged(folder: Path, text: str) -> tuple[int, str]:
    file = folder / "trace.jsonl"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(command, ["judge", str(FOLDER / "duo.yaml"), str(file)], standalone_mode=False)
    return result.return_value, result.output


@pytest.mark.parametrize(("at", "code"), [("10200000", 1), ("21000000", 0)])
def test_the_example_is_judged(tmp_path: Path, at: str, code: int) -> None:
    """As the page says; told after the patience it conforms."""
    found, output = judged(tmp_path, EXAMPLE.replace("10200000", at))

    assert (found, "D-GONE" in output) == (code, bool(code)), output


def test_every_record_and_field_stands_in_the_page() -> None:
    """So that nobody must read the code."""
    trace = read_trace(EXAMPLE.splitlines())
    records = {re.findall(r'"record": "(\w+)"', line)[0] for line in write_trace(trace)}
    names = {f.name for f in fields(Trace)} - {"records", "end"}

    assert [name for name in sorted(records | names | {"heal", "mark", "gap"}) if f"`{name}`" not in PAGE] == []
