"""Every command on every target: those that ship, those that `roomcheck init` writes, and one of an outsider.

The outsider's lies elsewhere, has a contract of its own beside it, and installs itself. All but that one, which has
what any of them has, are played at night (`ci/nightly tests`), as that takes minutes; the table is printed at the end (`pytest -s`).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from roomcheck import cli
from roomcheck.cli.files import find_spec, target_names
from roomcheck.cli.init import LANGUAGES
from roomcheck.cli.playing import Bound, Choice
from roomcheck.cli.targets import open_target
from roomcheck.errors import TargetError
from roomcheck.report.exitcode import NOTHING
from roomcheck.run.doctor.adapter import simplest
from roomcheck.run.install import driver_of_browsers, provide
from roomcheck.run.queue import duration
from roomcheck.spec.case import Case
from roomcheck.spec.schedule_file import write_schedule
from support.forked import Forked, Program
from support.pytests import FORKED, NOT_OURS
from support.runs import exactly

LIMIT = 1200  # seconds for what a target in documented time takes beside other work
INIT = [f"init {language}" for language in sorted(LANGUAGES)]
OWN = "an outsider's"
PLAYED = sorted({open_target(name).label for name in target_names()})  # a pair, whichever part it is named by
TARGETS = [pytest.param(name, marks=() if name == OWN else pytest.mark.night) for name in (*PLAYED, *INIT, OWN)]
DOUBT = 2  # an exit code: this machine was too late to tell
TRIES = 3
BRIEFLY = "import roomcheck.run.fuzz as f; f.SHRINK_ROUNDS, f.SURE = 1, 2"


@dataclass(slots=True)
class Place:
    """A target and where its commands are typed, with what the ones before have left."""

    target: str
    folder: Path
    case: Case
    spec: str
    file: Path
    search: tuple[str, ...] = ("--schedules", "8")  # what is played in documented time needs minutes to end one
    briefly: bool = False  # what it finds is not made shorter for minutes
    serverless: bool = False  # then only cases that need no server are played, and nothing can be searched or replayed
    ended: dict[str, int] = field(default_factory=dict)

    def words(self, name: str) -> tuple[list[str], set[int]]:
        """What is typed for this command, and with which exit codes it may end."""
        at, one = ["--target", self.target], ["-k", exactly(self.case.id)]
        trace = next((self.folder / "run" / "traces").glob("*.jsonl"), Path())
        refused = {NOTHING} if self.serverless else set()
        known = refused or {0, 1}  # what chance finds in a room that others wrote is no mistake of the command
        return {
            "target": (["target", "install", self.target], {0}),
            "doctor": (["doctor", *at], {0}),
            "list": (["list", *at], {0}),
            "lint": (["lint", str(self.file)], {0}),
            "diagram": (["diagram", str(self.file)], {0}),
            "run": (["run", *at, *one, "--report-dir", "run", "--html", "page.html"], {0}),
            "report": (["report", "run/run.ndjson", "--report-dir", "again"], {0}),
            "site": (["site", "run/run.ndjson", "--out", "site"], {0}),
            "finding": (["finding", "run/run.ndjson"], {NOTHING}),
            "judge": (["judge", str(self.file), str(trace)], {0}),
            "replay": (["replay", "one.yaml", *at, "--report-dir", "replay"], refused or {0}),
            "compare": (["compare", self.target, self.target, *one, "--report-dir", "compare"], {0}),
            "fuzz": (["fuzz", *at, *self.search, "--report-dir", "fuzz", "--database", "db"], known),
            "pytest": ([f"--room-target={self.target}", f"{self.spec}::{self.case.id}"], {0}),
        }[name]

    def typed(self, name: str) -> "subprocess.CompletedProcess[str]":
        """The command, in a process of its own, again while this machine is too late to tell."""
        words, _ = self.words(name)
        module: Program = "pytest" if name == "pytest" else "roomcheck"
        words = [*FORKED, *NOT_OURS, *words] if name == "pytest" else words
        for _ in range(TRIES):
            process = Forked(words, self.folder, dict(os.environ), BRIEFLY if self.briefly else "", program=module)
            out, err = process.communicate(LIMIT)
            done = subprocess.CompletedProcess(words, process.wait(), out, err)
            late = "machine was too slow" in done.stdout or "machine: time" in done.stdout or ": inconcl" in done.stdout
            if not (done.returncode == DOUBT or (done.returncode and late)):
                break
        self.ended[name] = done.returncode
        return done


COMMANDS = (
    "target",
    "doctor",
    "list",
    "lint",
    "diagram",
    "run",
    "report",
    "site",
    "finding",
    "judge",
    "replay",
    "compare",
    "fuzz",
    "pytest",
)
# commands that take no target: `defects` plays the reference room, `prove` model rooms
WITHOUT = {"init", "toxiproxy", "defects", "prove", "matrix", "bisect", "campaign"}


def outsiders(folder: Path) -> Path:
    """A target with a contract of its own and steps that install its room."""
    shutil.copy(find_spec("zego-express/room-status"), folder / "contract.yaml")
    for file, before, after in (
        ("contract.yaml", "spec: zego-express/room-status\n", "spec: outsider/status\n"),
        ("target.yaml", "spec: zego-express/room-status ", "spec: contract.yaml "),
        ("target.yaml", '"{dir}/room.py"', '"{install}/room.py"'),
        (
            "target.yaml",
            "target: ",
            'install: {steps: [[cp, "{dir}/room.py", .]]}\nversions: {room: [cat, "{dir}/version"]}\ntarget: ',
        ),
    ):
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(before) == 1, (file, before)
        (folder / file).write_text(text.replace(before, after), encoding="utf-8")
    (folder / "version").write_text("7 beta\n", encoding="utf-8")
    return folder


def needed(*programs: str, browser: bool) -> None:
    """Skip the test where this machine lacks one of the programs, or a Chromium."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"there is no `{program}` on this machine")
    if browser:
        try:
            driver_of_browsers("")
        except TargetError as e:
            pytest.skip(str(e))


def target_of(name: str, folder: Path) -> str:
    """What stands for this target on a command line; the test is skipped where it cannot be played."""
    if name in PLAYED:
        target = open_target(name)
        installs = [part.install for part in target.halves or (target,)]
        needed(*(need for install in installs if install for need in install.needs), browser=target.browser)
    else:
        language = name.removeprefix("init ") if name in INIT else "python"
        needed(*(["node"] if language == "node" else []), browser=language == "browser")
        elsewhere = folder / "elsewhere" / "my-room"
        words = ["init", str(elsewhere), "--language", language]
        subprocess.run([sys.executable, "-m", "roomcheck", *words], check=True, stdout=subprocess.DEVNULL)
        return str(outsiders(elsewhere) if name == OWN else elsewhere)
    return name


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, Place]]:
    """Target -> how its commands ended, printed at the end."""
    places: dict[str, Place] = {}
    yield places
    print(f"\n| target | {' | '.join(COMMANDS)} |\n|---|{'---|' * len(COMMANDS)}")  # noqa: T201
    for name, place in places.items():
        print(f"| {name} | {' | '.join(str(place.ended.get(each, '-')) for each in COMMANDS)} |")  # noqa: T201


@pytest.fixture(scope="module", params=TARGETS)
def place(request: pytest.FixtureRequest, table: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder to type commands in, with a schedule of the simplest case."""
    folder = tmp_path_factory.mktemp("typed")
    target = target_of(request.param, folder)
    bound = Bound.of(Choice(target=target))
    case = simplest(bound.contract) or min(bound.contract.cases, key=duration)
    text = write_schedule(bound.contract, case.schedule, title=case.title)
    (folder / "one.yaml").write_text(text, encoding="utf-8")
    slow, example = bound.contract.scale == 1, request.param in (OWN, *INIT)  # a room that breaks much of what is asked
    search = ("--minutes", "3") if slow else ("--schedules", "2" if example else "8")
    place = table[request.param] = Place(
        target, folder, case, bound.contract.spec, bound.file, search, example, bool(bound.contract.serverless)
    )
    return place


def test_no_command_is_left_out() -> None:
    """Of those that take a target, or what one has played."""
    assert {*COMMANDS} - {"pytest"} == {*cli.COMMANDS} - WITHOUT


@pytest.mark.timeout(2 * LIMIT)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_on_every_target(name: str, place: Place) -> None:
    """Each ends as it should, and says nothing of a mistake of ours."""
    if name in ("report", "site", "finding", "judge") and "run" not in place.ended:
        place.typed("run")

    done = place.typed(name)

    said = done.stdout + done.stderr
    assert done.returncode in place.words(name)[1], said
    assert "Traceback" not in said
    if name in ("run", "compare"):  # which versions were played
        parts = provide(open_target(place.target)).parts
        assert all(f"{part} {version}" in said for part, version in parts.items()), said
    if name in ("report", "site"):
        assert "no pictures" not in said
        assert "without pictures" not in said
    if name in ("run", "report"):
        assert "<svg" in (place.folder / ("page.html" if name == "run" else "again/report.html")).read_text("utf-8")
    if name == "pytest":
        assert "1 passed" in said
