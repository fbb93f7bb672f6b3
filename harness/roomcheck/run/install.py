"""What a target needs on this machine, fetched once: package clients run as its `install` says, and nothing else does.

A target's steps run in a folder of the cache that is named after them, so that an edited step, another machine or
another Python makes another folder; a mark written last tells a whole one from what a killed run has left. Which
package client it is matters to nobody here: a room of another language needs no change in Python.

Whatever starts a program of a target takes a `Ready`, and only `provide` makes one: so no command can forget this.
"""

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from roomcheck.errors import HarnessError, TargetError
from roomcheck.faults.provision import locked, run_command
from roomcheck.resources import browser_kit, cache_dir, go_kit
from roomcheck.spec.target import Install, Target

LIMIT = 900.0  # seconds for one step: a server that is built from its source takes minutes on two cores
VERSION_LIMIT = 120.0  # seconds; half a second of work, which took 25 s beside a run of everything else
MARK = "complete"
CHROMIUM = "ROOMCHECK_CHROMIUM"
# the first is Chromium without what a screen needs: half the memory, and a page opens in a third of the time
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@dataclass(frozen=True, slots=True)
class Ready(Target):
    """A target that can be started: all that it needs is in place, {python}, {dir} and {install} are filled in.

    `parts`: what each part that `versions` names says of itself.
    """

    parts: Mapping[str, str] = field(default_factory=dict)


def provide(target: Target, say: Callable[[str], None] = lambda _text: None) -> Ready:
    """Fetch what the target needs, once. `say` hears of what takes long.

    TargetError, in one line: what is missing and where one gets it, or which step failed and with which words.
    """
    if target.halves:
        return _paired(target, say)
    places = _places(target)
    if target.install is not None:
        places["{install}"] = str(_installed(target, target.install, say))

    driver = driver_of_browsers(target.name) if target.browser else ()

    def filled(command: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_filled(part, places) for part in command)

    written = {each.name: getattr(target, each.name) for each in fields(Target)}
    versions = {name: filled(command) for name, command in target.versions.items()}
    return Ready(**written | {
        "adapter_command": (*driver, *filled(target.adapter_command)),
        "server_command": None if target.server_command is None else filled(target.server_command),
        "versions": versions,
        "parts": {name: _version(target, name, command) for name, command in versions.items()},
    })  # fmt: skip


def _paired(target: Target, say: Callable[[str], None]) -> Ready:
    """A pair of parts, each installed by itself: no other pair of theirs installs them again."""
    server, client = (provide(half, say) for half in target.halves)
    written = {each.name: getattr(target, each.name) for each in fields(Target)}
    return Ready(**written | {
        "adapter_command": client.adapter_command,
        "server_command": server.server_command,
        "versions": {**server.versions, **client.versions},
        "parts": {**server.parts, **client.parts},
    })  # fmt: skip


def driver_of_browsers(target: str) -> tuple[str, ...]:
    """The program that drives a browser, and which one. TargetError, in one line: what is missing."""
    node = shutil.which("node")
    if node is None:
        raise TargetError(f"target {target}: its adapter is a page, and the kit of pages needs Node.js 20, as `node`")
    named = os.environ.get(CHROMIUM)
    found = shutil.which(named) if named else next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        there = f"{CHROMIUM}={named} is no program" if named else f"there is no Chromium here ({', '.join(BROWSERS)})"
        raise TargetError(
            f"target {target}: its adapter is a page, and {there}: "
            f"`apt-get install chromium`, or name one in {CHROMIUM}"
        )
    return node, str(browser_kit()), f"--browser={found}"


def _version(target: Target, part: str, command: tuple[str, ...]) -> str:
    """What this part says of itself. TargetError if it cannot."""
    try:
        printed = run_command(list(command), limit=VERSION_LIMIT)
    except HarnessError as e:
        raise TargetError(f"target {target.name}: cannot ask for the version of {part}: {e}") from e
    return (printed.split("\n") if printed.strip() else ["?"])[0].strip()


def _places(target: Target) -> dict[str, str]:
    """Each placeholder that is known before anything is installed, and what stands for it."""
    pins = {"{" + name + "}": version for name, version in target.pins.items()}
    return {"{python}": sys.executable, "{go-kit}": str(go_kit()), "{dir}": target.folder, **pins}


def _filled(text: str, places: dict[str, str]) -> str:
    for hole, value in places.items():
        text = text.replace(hole, value)
    return text


def _installed(target: Target, install: Install, say: Callable[[str], None]) -> Path:
    places = _places(target)
    steps = [[_filled(part, places) for part in step] for step in install.steps]
    folder = cache_dir() / "targets" / f"{target.name}-{_key(target, install, steps)}"
    content = folder / "content"
    if (folder / MARK).is_file():
        return content
    for program, where in install.needs.items():
        if shutil.which(program) is None:
            raise TargetError(f"target {target.name} needs {program}, which is not on this machine: {where}")
    with locked(folder):
        if not (folder / MARK).is_file():  # else another run has done it meanwhile
            say(f"installing target {target.name} below {folder}; this happens once ...")
            shutil.rmtree(content, ignore_errors=True)
            content.mkdir()
            for step in steps:
                try:
                    run_command([part.replace("{install}", str(content)) for part in step], limit=LIMIT, cwd=content)
                except HarnessError as e:
                    raise TargetError(f"target {target.name} cannot be installed: {e}") from e
            (folder / MARK).write_text("", encoding="utf-8")
    return content


def _key(target: Target, install: Install, steps: list[list[str]]) -> str:
    """What the steps depend on: their text, pins, the files and folders that they name, this machine and Python."""
    pins = (sorted(target.pins.items()),) if target.pins else ()
    digest = hashlib.sha256(repr((install.steps, *pins, platform.platform(), sys.version, sys.base_prefix)).encode())
    for written, step in zip(install.steps, steps, strict=True):
        for raw, part in zip(written, step, strict=True):
            if raw != "{dir}" and ("{dir}" in raw or "{go-kit}" in raw):
                named = Path(target.folder, part)
                for file in sorted(named.rglob("*")) if named.is_dir() else [named]:
                    if file.is_file():
                        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
