"""`roomcheck init` writes a target that answers at once, in each language, and says what is left to do."""

import re
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from roomcheck.cli.init import LANGUAGES
from roomcheck.report.exitcode import NOTHING
from roomcheck.spec.known import load_known
from support.browsers import driver
from support.runs import Done, exactly, run, sure

LIMIT = 60  # lines of an adapter, without blank ones and comments
# A browser takes most of a minute to examine: tests/adapters plays one in every gate, and the night this one.
played = pytest.mark.parametrize(
    "made",
    [pytest.param(name, marks=pytest.mark.night if name == "browser" else ()) for name in sorted(LANGUAGES)],
    indirect=True,
    scope="module",
)


@pytest.fixture(scope="module", params=sorted(LANGUAGES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that init has written."""
    if request.param == "node" and shutil.which("node") is None:
        pytest.skip("there is no `node` on this machine: targets in Node are not tested")
    if request.param == "browser":
        driver()
    place = tmp_path_factory.mktemp(request.param)
    done = run(["init", "my-room", "--language", request.param], place)

    assert done.code == 0, done.err
    assert "next: roomcheck doctor --target my-room" in done.out
    return place / "my-room"


@pytest.fixture(scope="module")
def runs(made: Path) -> dict[str, Future[Done]]:
    """What its README tells to type."""
    with ThreadPoolExecutor(2) as pool:
        doctor = pool.submit(sure, lambda: run(["doctor", "--target", "my-room"], made.parent))
        words = [
            "run",
            "--target",
            "my-room",
            "-k",
            exactly("login-alone"),
            "-k",
            exactly("login-into-a-room-with-people"),
        ]
        return {"doctor": doctor, "run": pool.submit(sure, lambda: run(words, made.parent))}


@played
def test_the_doctor_finds_nothing_and_says_what_is_left(runs: dict[str, Future[Done]]) -> None:
    """Exit 0; the example room and the constants are not tried, each with what to do."""
    done = runs["doctor"].result()

    assert done.code == 0, done.out + done.err
    assert "not tried room: yours: the adapter still speaks to the example room" in done.out
    assert "not tried room: constants" in done.out
    assert "the room lacks kick, switchRoom" in done.out


@played
def test_the_example_room_keeps_a_login(runs: dict[str, Future[Done]]) -> None:
    """Real members are told what the contract says, at once."""
    done = runs["run"].result()

    assert done.code == 0, done.out + done.err
    assert "2 conforms" in done.out


def test_the_adapter_is_short(made: Path) -> None:
    """At most 60 lines, and every file that is the author's to change says TODO."""
    adapter = next(made.glob("adapter.*"))
    text = re.sub(r'""".*?"""', "", adapter.read_text(), flags=re.DOTALL)
    lines = [line for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", "//"))]

    assert len(lines) <= LIMIT
    assert all("TODO" in file.read_text() for file in made.iterdir() if file.suffix in (".py", ".js", ".mjs"))
    assert "TODO" in (made / "target.yaml").read_text()


def test_its_files_have_their_names(made: Path) -> None:
    """Nothing of the template is left, and no failure is known."""
    texts = "".join(file.read_text() for file in made.iterdir())

    assert (made / "README.md").read_text().startswith("# my-room\n")
    assert "target: my-room" in texts
    assert not re.search("TARGET_NAME|COMMANDS|ROOM_FILE|ADAPTER[^A-Z]", texts)
    assert load_known((made / "known_failures.yaml").read_text(), "known_failures.yaml") == ()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with a file in it is refused and stays as it was; an empty one is taken."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "adapter.py").write_text("mine")
    (tmp_path / "empty").mkdir()
    refused, taken = (run(["init", name, "--language", "python"], tmp_path) for name in ("full", "empty"))

    assert refused.code == NOTHING
    assert "full has files in it, and none is overwritten" in refused.err
    assert [f.name for f in (tmp_path / "full").iterdir()] == ["adapter.py"]
    assert taken.code == 0


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    """One message, and exit 4."""
    (tmp_path / "file").write_text("")
    done = run(["init", "file", "--language", "python"], tmp_path)

    assert done.code == NOTHING
    assert "cannot write to file" in done.err
