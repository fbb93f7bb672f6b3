"""fixtures/targets/README.md: what it says to type and to write works as it stands."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from roomcheck.adapters import AdapterHost, StampedCallback
from roomcheck.cli.files import find_spec, read_spec
from roomcheck.report.exitcode import ADAPTER, INCONCLUSIVE
from roomcheck.resources import root
from roomcheck.spec.target import load_target
from support.processes import PATIENCE
from support.runs import TRIES, Done, Running, run, sure, until, write_target

PAGE = (root() / "fixtures" / "targets" / "README.md").read_text(encoding="utf-8")
GUIDE, _, NEEDS = PAGE.partition("## What a room needs on the machine")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
LIMIT = 60  # lines of the guide
SDKS = {  # what `lobby` stands for on the page: a login is told at once, and refused for one user
    "python": ("adapter.py", "lobby.py", """
VERSION = "7"
class Client:
    def __init__(self, address, user, on_state):
        self.address, self.user, self.on_state = address, user, on_state
    async def login(self, room):
        self.on_state({"roomID": room, "reason": self.address})
        return 33 if self.user == "bob" else 0
"""),
    "js": ("adapter.mjs", "lobby.mjs", """
export const VERSION = "7";
export class Client {
  constructor(address, user, onState) { Object.assign(this, { address, user, onState }); }
  async login(roomID) {
    this.onState({ roomID, reason: this.address });
    return this.user === "bob" ? 33 : 0;
  }
}
"""),
}  # fmt: skip


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def program(name: str) -> str:
    """Where it is; skips the test where it is not."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no `{name}` on this machine: a part of fixtures/targets/README.md is not tested")
    return found


def test_the_guide_is_short() -> None:
    """At most 60 lines, and these tests know every block of it."""
    assert len(GUIDE.splitlines()) <= LIMIT
    assert GUIDE.count("```") == 2 * len(BLOCKS)
    assert [kind for kind, _ in BLOCKS] == ["sh", "yaml", "python", "js", "yaml"]


@pytest.mark.parametrize("language", ["python", pytest.param("node", marks=pytest.mark.night)])
def test_what_it_says_to_type(language: str, tmp_path: Path) -> None:
    """A new target, looked at and played, in each language: every command ends with 0."""
    if language == "node":
        program("node")
    (script,) = blocks("sh")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for attempt in range(TRIES):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        done = subprocess.run(
            ["sh", "-e", "-c", script.replace("--language python", f"--language {language}")],
            cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        late = "finding   machine: time" in done.stdout or done.returncode == INCONCLUSIVE
        if not late:
            break

    assert done.returncode == 0 or late, done.stdout + done.stderr  # it works, also where the machine is never on time
    assert "1 case" in done.stdout or late


def test_the_target_file_is_one() -> None:
    """It loads, and its constants and what it lacks fit the spec that it names."""
    target = load_target(blocks("yaml")[0], "target.yaml")
    contract = read_spec(find_spec(target.spec)).bind(target.constants, target.options, lacks=target.lacks)

    assert contract.constants["heartbeat_timeout"] == 100_000_000
    assert contract.lacks == {"kick", "switchRoom", "logoutRoom"}


@pytest.mark.parametrize("language", SDKS)
def test_the_adapters(language: str, tmp_path: Path) -> None:
    """Each speaks to its SDK: clients get their address and user, callbacks and refusals come through."""
    adapter, name, sdk = SDKS[language]
    interpreter = sys.executable if language == "python" else program("node")
    (tmp_path / name).write_text(sdk)
    (tmp_path / adapter).write_text(blocks(language)[0])
    heard: list[StampedCallback] = []

    async def play() -> None:
        host = await AdapterHost.start([interpreter, str(tmp_path / adapter)])
        try:
            await host.probe()
            answers = []
            for member, user in (("1.A", "alice"), ("1.B", "bob")):
                host.subscribe(member, heard.append, lambda _error: None)
                await host.request("open", member=member, user=user, endpoints={"room": f"{user}:1"})
                answers.append(
                    await host.request("call", member=member, operation="loginRoom", arguments={"room": "r"})
                )  # fmt: skip
        finally:
            await host.stop()

        assert host.info.implementation["version"] == "7"
        assert [(a.status, a.fields) for a in answers] == [("ok", {}), ("refused", {"errorCode": 33})]
        assert [(e.member, e.callback, e.fields["reason"]) for e in heard] == [
            ("1.A", "onRoomStateChanged", "alice:1"),
            ("1.B", "onRoomStateChanged", "bob:1"),
        ]

    asyncio.run(play())


def test_an_adapter_that_somebody_else_starts(tmp_path: Path) -> None:
    """The variables that are printed are all that it needs."""
    target = write_target(tmp_path)
    target.write_text(re.sub("command: .*reference.adapter.*", "dial: true", target.read_text()))
    status: list[int] = []

    def examine() -> Done:
        with Running.start(["doctor", "--target", str(target)], tmp_path) as running:
            assert running.process.stderr is not None
            line = until(lambda: next((x for x in running.process.stderr or () if "ROOMCHECK_DIAL=" in x), None))
            variables = dict(word.split("=", 1) for word in line.split())
            words = [sys.executable, "-m", "roomcheck.reference.adapter"]
            with subprocess.Popen(words, env={**os.environ, **variables}) as adapter:
                done = running.end()
                status.append(adapter.wait(PATIENCE))
        return done

    done = sure(examine)

    assert done.code == 0 or done.doubtful, done.out
    assert "not tried adapter: end: roomcheck did not start this program" in done.out
    assert set(status) == {0}


def test_a_page_in_a_browser(tmp_path: Path) -> None:
    """The example keeps the protocol; and since its room is in the page, no proxy can come between."""
    chromium = program("chromium")
    own = f"{chromium} --headless --no-sandbox --user-data-dir={tmp_path / 'profile'} --remote-debugging-port=0"
    adapter = blocks("yaml")[1].replace("chromium --headless", own)
    shutil.copy(root() / "fixtures" / "templates" / "dialling-page" / "adapter.html", tmp_path)
    target = write_target(tmp_path, more="lacks: [logoutRoom, switchRoom, kick]")
    target.write_text(re.sub("adapter:\n  command: .*\n", adapter, target.read_text()))
    done = sure(lambda: run(["doctor", "--target", str(target)], tmp_path))

    assert done.code == ADAPTER, done.out + done.err
    assert "ok        adapter: hello: example-page 0" in done.out
    assert re.findall("finding +([^:]*: [^:]*)", done.out) == ["proxy: bypass"]
