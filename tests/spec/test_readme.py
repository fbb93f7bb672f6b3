"""The examples of specs/README.md: a whole contract, and blocks that are added to it one after the other."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from roomcheck.spec.lint import lint
from roomcheck.spec.load import Spec, load_spec
from roomcheck.spec.schemas import schemas
from support.vendors import FOLDER

PAGE = (Path(__file__).parents[2] / "specs" / "README.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```yaml ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def add(whole: Any, block: Any) -> None:
    """Put a block where its keys say: maps are merged, lists grow."""
    for key, value in block.items():
        if isinstance(whole.get(key), list):
            whole[key] += value
        elif isinstance(whole.get(key), dict):
            add(whole[key], value)
        else:
            whole[key] = value


def built() -> str:
    """The contract with everything that is added to it."""
    whole: dict[str, Any] = {}
    for kind, text in BLOCKS:
        if kind in {"", "parlour"}:
            add(whole, yaml.safe_load(text))
    return yaml.safe_dump(whole, sort_keys=False)


def extension(wanted: str = "extends") -> str:
    return next(text for kind, text in BLOCKS if kind == wanted)


def load() -> Spec:
    return load_spec(built(), "presence.yaml")


def test_every_block_is_read() -> None:
    """None escapes these tests."""
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert [kind for kind, _ in BLOCKS if kind] == ["whole", "parlour", "extends"]


def test_the_first_examples_are_sound_contracts_by_themselves() -> None:
    """A reader may stop there."""
    assert [str(p) for p in lint(load_spec(extension("whole"), "presence.yaml"))] == []
    assert [str(p) for p in lint(load_spec(extension("parlour"), "presence.yaml"))] == []


def test_the_first_example_is_the_one_that_traces_are_judged_by() -> None:
    """And that is proven."""
    assert BLOCKS[0] == ("whole", (FOLDER / "duo.yaml").read_text(encoding="utf-8"))


def test_all_examples_together_are_a_sound_contract() -> None:
    """None of them has a mistake, and each means something to the others."""
    assert [str(p) for p in lint(load())] == []


def test_the_extension_is_sound() -> None:
    """It changes what it says that it changes."""
    spec = load_spec(extension(), "presence-web.yaml", {"presence.yaml": built()}.__getitem__)

    assert [str(p) for p in lint(spec)] == []
    contract = spec.bind()
    assert (contract.constants["patience"], contract.codes["dropped"]) == (40_000_000, 1007)
    assert contract.views[0].told["IN"] == "Inside"


def test_the_examples_leave_out_no_key_of_the_language() -> None:
    """Every key that a spec may have stands in one of them."""
    schema = schemas()["spec.schema.json"]
    keys = {key for shape in (*schema["$defs"].values(), schema["else"]) for key in shape.get("properties", {})}
    text = "".join(text for _, text in BLOCKS)

    assert [key for key in sorted(keys) if not re.search(rf"(?<![\w-]){re.escape(key)}:", text)] == []


@pytest.mark.parametrize("text", [built(), extension()], ids=["whole", "extends"])
def test_the_examples_fit_the_schema(text: str) -> None:
    """An editor that knows it marks nothing."""
    validator = jsonschema.Draft202012Validator(schemas()["spec.schema.json"])

    assert [e.message for e in validator.iter_errors(yaml.safe_load(text))] == []
