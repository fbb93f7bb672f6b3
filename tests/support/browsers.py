"""What tests of adapters in a browser need: a Chromium, npm's packages that the template of `roomcheck init` names."""

import shutil
from pathlib import Path

import pytest

from roomcheck.cli.files import read_target
from roomcheck.cli.init import made
from roomcheck.errors import TargetError
from roomcheck.run.install import driver_of_browsers, provide

NOT_RUN = "no Chromium, or no npm, here; ci/browser installs a Chromium on Debian"


def driver() -> tuple[str, ...]:
    """The program that drives a browser. Skips where there is none."""
    try:
        found = driver_of_browsers("tests")
    except TargetError:
        pytest.skip(NOT_RUN)
    if shutil.which("npm") is None:
        pytest.skip(NOT_RUN)
    return found


def packages(folder: Path) -> Path:
    """The folder, with playwright-core, esbuild and ws in its node_modules: installed once on a machine."""
    driver()
    template = folder / "template"
    template.mkdir()
    for name, text in made("tests-of-browsers", "browser").items():
        (template / name).write_text(text)
    command = provide(read_target(template / "target.yaml")).adapter_command
    script = next(part.removeprefix("--script=") for part in command if part.startswith("--script="))
    (folder / "node_modules").symlink_to(Path(script).parent / "node_modules")
    return folder
