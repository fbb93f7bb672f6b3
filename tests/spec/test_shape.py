"""The published schemas, and that they say what the loader says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from roomcheck.spec.reader import read
from roomcheck.spec.schemas import schemas

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "tests" / "specs"


def wrong(name: str, data: Any) -> list[str]:
    return [e.message for e in jsonschema.Draft202012Validator(schemas()[name]).iter_errors(data)]


@pytest.mark.parametrize("name", schemas())
def test_the_published_schema_is_the_one_of_the_shapes(name: str) -> None:
    """After a change of the shapes write it anew: `json.dumps(schemas()[name], indent=2)` and a line end."""
    published = (ROOT / "specs" / "schema" / name).read_text(encoding="utf-8")

    assert published == json.dumps(schemas()[name], indent=2) + "\n"


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_a_schema(name: str) -> None:
    """Of the dialect that it names."""
    jsonschema.Draft202012Validator.check_schema(schemas()[name])


@pytest.mark.parametrize("file", [*SPECS.glob("*.yaml"), *ROOT.glob("specs/*/*.yaml")], ids=lambda path: path.stem)
def test_sound_specs_fit_the_schema(file: Path) -> None:
    """Short forms too."""
    assert wrong("spec.schema.json", read(file.read_bytes(), file.name).plain()) == []


@pytest.mark.parametrize("file", [*ROOT.glob("fixtures/targets/*/target.yaml")], ids=lambda path: path.parent.name)
def test_sound_targets_fit_the_schema(file: Path) -> None:
    """Those that ship with the package."""
    assert wrong("target.schema.json", read(file.read_bytes(), file.name).plain()) == []


def test_a_file_that_extends_another_may_be_short() -> None:
    """It has what it changes, and no unknown sections."""
    assert wrong("spec.schema.json", {"spec": "a", "extends": "b.yaml", "connection": {"told": {"A": "B"}}}) == []
    assert wrong("spec.schema.json", {"spec": "a", "extends": "b.yaml", "more scenarios": []}) == []
    assert wrong("spec.schema.json", {"spec": "a", "extends": "b.yaml", "conection": {}})
    assert wrong("spec.schema.json", {"spec": "a", "extends": "b.yaml", "more connection": {}})


def test_a_file_that_extends_none_must_be_whole() -> None:
    """An editor says so."""
    assert wrong("spec.schema.json", {"spec": "a"})
