"""Modules one by one: each can be imported alone, and says what of it is public."""

import importlib
import json
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import roomcheck
from support.processes import PATIENCE

MODULES = ["roomcheck", *sorted(m.name for m in pkgutil.walk_packages(roomcheck.__path__, "roomcheck."))]
PACKAGES = [module for name in MODULES if hasattr(module := importlib.import_module(name), "__all__")]

# Each is imported in a process of its own, forked from an interpreter that has imported what takes long, and of ours
# what was named before a `+`, which is nothing at first.
ALONE = """
import importlib, os, sys, traceback
import asyncio, concurrent.futures, subprocess, xml.etree.ElementTree
import click, distributed, hypothesis.database, hypothesis.strategies, jinja2, lark, proxy, pydantic, requests, rich.console, rich.table, yaml
broken, below = [], []
for name in sys.argv[1:]:
    if name == "+":
        for each in below:
            importlib.import_module(each)
        below = []
        continue
    below.append(name)
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        broken.append(name)
        below.remove(name)
sys.exit(f"broken: {' '.join(broken)}" if broken else 0)
"""


def imported(words: list[str]) -> str:
    """What was said of these modules; nothing if all is well."""
    command = [sys.executable, "-W", "error", "-c", ALONE, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.stderr if done.returncode else ""


def by_layer() -> list[str]:
    """The modules from the lowest layer to the highest, a `+` behind each layer."""
    with (Path(__file__).parents[2] / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    words = ["roomcheck", "+"]
    for layer in reversed(layers):
        names = [f"roomcheck.{part.strip()}" for part in layer.split("|")]
        words += [m for m in MODULES if any(m == name or m.startswith(f"{name}.") for name in names)]
        words.append("+")
    return words


def test_every_module_can_be_imported_before_the_others_of_its_layer() -> None:
    """In any order, and without a single warning: a circle of imports lies within one layer, as import-linter sees to."""
    words = by_layer()

    assert sorted(word for word in words if word != "+") == sorted(MODULES)
    assert imported(words) == ""


@pytest.mark.night
def test_every_module_can_be_imported_alone() -> None:
    """Before any other: nothing rests on what somebody else has imported."""
    assert imported(MODULES) == ""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_what_is_public_is_listed(package: ModuleType) -> None:
    """Every name of ours without an underscore that a package gives is in its `__all__`, and all of that is there."""
    given = {n for n, v in vars(package).items() if not n.startswith("_") and not isinstance(v, ModuleType)}
    ours = {n for n in given if str(getattr(vars(package)[n], "__module__", "")).startswith("roomcheck")}

    assert ours <= set(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_the_kit_needs_nothing_else_of_roomcheck() -> None:
    """Authors of adapters get it without the harness: it is the standard library's and its own."""
    ask = (
        "import json, sys; before = set(sys.modules); import roomcheck.adapter_kit; "
        "print(json.dumps(sorted({m for m in sys.modules if m not in before})))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=PATIENCE, check=True)
    loaded = json.loads(done.stdout)

    ours = {name for name in loaded if name.partition(".")[0] == "roomcheck"}
    assert ours - {"roomcheck"} == {name for name in ours if name.startswith("roomcheck.adapter_kit")}
    assert {name.partition(".")[0] for name in loaded} - {"roomcheck"} <= sys.stdlib_module_names
