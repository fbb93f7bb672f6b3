"""Modules one by one: each can be imported alone, and says what of it is public."""

import importlib
import json
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import roomcheck
from support.processes import PATIENCE

MODULES = ["roomcheck", *sorted(m.name for m in pkgutil.walk_packages(roomcheck.__path__, "roomcheck."))]
PACKAGES = [module for name in MODULES if hasattr(module := importlib.import_module(name), "__all__")]

# Each is imported in a process of its own, forked from an interpreter that has imported nothing of ours yet, but has
# what takes long: 16 s of CPU become 9.
ALONE = """
import importlib, os, sys, traceback
import click, hypothesis.strategies, lark, pydantic, requests, rich, yaml
broken = []
for name in sys.argv[1:]:
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
sys.exit(f"broken: {' '.join(broken)}" if broken else 0)
"""


def test_every_module_can_be_imported_alone() -> None:
    """In any order, and without a single warning."""
    words = [sys.executable, "-W", "error", "-c", ALONE, *MODULES]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_what_is_public_is_listed(package: ModuleType) -> None:
    """Every name of ours without an underscore that a package gives is in its `__all__`, and all of that is there."""
    given = {n for n, v in vars(package).items() if not n.startswith("_") and not isinstance(v, ModuleType)}
    ours = {n for n in given if str(getattr(vars(package)[n], "__module__", "")).startswith("roomcheck")}

    assert ours <= set(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)
    assert list(package.__all__) == sorted(package.__all__)


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
