"""`roomcheck fuzz --campaign` and `roomcheck campaign`: killed, taken up again, refused, shown."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from random import Random  # noqa: TID251  of a fixed seed
from typing import Any

import pytest

from roomcheck.cli import fuzz, main
from roomcheck.cli.files import find_spec
from roomcheck.cli.folder import held
from roomcheck.cli.targets import lineage
from roomcheck.report.campaign import as_json
from roomcheck.run import campaign as store
from roomcheck.run import fuzz as search
from support.processes import PATIENCE

BRIEFLY = (
    "import roomcheck.run.fuzz as f; f.SHRINK_ROUNDS, f.SURE, f.CHUNK = 1, 2, 20; "
    "from roomcheck.cli import main; main()"
)
DEFECT = ["fuzz", "--simulate", "-q", "--defect", "never-reconnected"]


def typed(folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BRIEFLY, *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    with process:
        _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def killed(process: "subprocess.Popen[str]", file: Path, commits: int) -> bool:
    """Killed when it has written so often; False: it ended before."""
    seen, version = 0, None
    deadline = time.monotonic() + PATIENCE
    with process, contextlib.ExitStack() as stack:
        reader: sqlite3.Connection | None = None
        while process.poll() is None:
            assert time.monotonic() < deadline
            with contextlib.suppress(sqlite3.Error):
                if reader is None and file.exists():
                    reader = stack.enter_context(contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)))
                if reader is not None:
                    ((now,),) = reader.execute("PRAGMA data_version").fetchall()
                    seen, version = seen + (version not in (None, now)), now
            if seen >= commits:
                process.kill()
                process.communicate()
                return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.002)
        process.communicate()
        return False


def shown(folder: Path) -> dict[str, Any]:
    """What a campaign comes to, without times."""
    with store.reading(folder) as one:
        told = json.loads(as_json(store.standing(one)))
    for row in told["findings"]:
        for name in ("first", "last", "confirmed"):
            assert row.pop(name), row
        row["schedule"] = Path(folder.parent / row.pop("file")).read_text(encoding="utf-8")
    for point in told["curve"]:
        del point["at"]
    return {
        name: told[name] for name in ("played", "outcomes", "triples", "rules", "requirements", "curve", "findings")
    }


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """How it ended, and the one line that it said."""
    with pytest.raises(SystemExit) as e:
        main([*words])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1, said
    return int(str(e.value.code)), said[0]


@pytest.fixture
def briefly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, and what is found is hardly made shorter."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"SHRINK_ROUNDS": 1, "SURE": 2, "CHUNK": 20}.items():
        monkeypatch.setattr(search, name, value)


@pytest.mark.timeout(2 * PATIENCE)
def test_a_search_that_was_killed_five_times_comes_to_the_same(tmp_path: Path) -> None:
    """At random moments, also while it confirms or shrinks; nothing that counts is played twice."""
    words = [*DEFECT, "--schedules", "50"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    code, said = ended(typed(whole, *words, "--campaign", "night"))
    assert (code, said) == (1, "")
    moments = Random(20)  # noqa: S311

    kills = sum(
        killed(typed(parts, *words, "--campaign", "night"), parts / "night" / store.FILE, moments.randint(1, 25))
        for _ in range(5)
    )

    assert kills == 5
    code, said = ended(typed(parts, *words, "--campaign", "night"))
    assert (code, said) == (1, "")
    assert shown(parts / "night") == shown(whole / "night")
    with store.reading(parts / "night") as one:
        assert one.rows("SELECT sum(played) FROM sitting") == one.rows("SELECT sum(count) FROM tally")
        assert one.rows("SELECT count(*) FROM sitting") == [(6,)]


@pytest.mark.night  # two minutes on a busy machine
def test_a_search_on_sockets_that_was_killed_goes_on(tmp_path: Path) -> None:
    """It plays what is left, once, and what was found stays found."""
    words = [
        "fuzz",
        "-q",
        "--defect",
        "never-reconnected",
        "--scale",
        "100",
        "--schedules",
        "10",
        "--campaign",
        "night",
    ]
    assert killed(typed(tmp_path, *words), tmp_path / "night" / store.FILE, 4)
    code, said = ended(typed(tmp_path, *words))

    assert code == 1, said
    with store.reading(tmp_path / "night") as one:
        now = store.standing(one)
        assert one.rows("SELECT sum(played) FROM sitting") == [(10,)]
    assert now.played == 10
    assert "ZX-RECONNECT-2" in {row.kind for row in now.findings if row.confirmed}


@pytest.mark.usefixtures("briefly")
def test_what_is_complete_is_not_played_again_and_more_may_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code stays that of all that was found, or not found."""
    words = ["fuzz", "--simulate", "-q", "--campaign", "night", "--schedules"]
    for number, total in (("5", 5), ("5", 5), ("9", 9)):
        with pytest.raises(SystemExit) as e:
            main([*words, number])
        assert e.value.code == 0, capsys.readouterr()
        assert shown(Path("night").resolve())["played"] == total


@pytest.mark.usefixtures("briefly")
def test_a_search_ends_when_nothing_new_was_met(capsys: pytest.CaptureFixture[str]) -> None:
    """Looked at after each so many, and also where the same command is given again."""
    for _ in range(2):
        with pytest.raises(SystemExit) as e:
            main(["fuzz", "--simulate", "-q", "--unpicked", "--campaign", "night", "--until-quiet", "4"])
        assert e.value.code == 0, capsys.readouterr()
        with store.reading(Path("night")) as one:
            assert store.standing(one).quiet >= 4
            ended_at = one.rows("SELECT sum(count) FROM tally")
    with store.reading(Path("night")) as one:
        assert one.rows("SELECT played FROM sitting") == [ended_at[0], (0,)]


@pytest.mark.usefixtures("briefly")
def test_what_others_found_is_played_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two campaigns with one database: what one finds the other plays when it goes on; its own is no news to it."""
    monkeypatch.setattr(fuzz, "pinned", lambda _bound: ([], []))

    def searched(name: str, schedules: int, *more: str) -> None:
        words = ["--campaign", name, "--schedules", str(schedules), "--database", "shared"]
        with pytest.raises(SystemExit):
            main(["fuzz", "--simulate", "-q", *words, *more])
        assert capsys.readouterr().err == ""

    broken = ["--defect", "never-reconnected"]
    searched("one", 1)  # of a room that does what it should
    searched("other", 30, *broken)
    searched("other", 31, *broken)
    searched("one", 2)
    with store.reading(Path("one")) as one, store.reading(Path("other")) as other:
        heard = "SELECT name FROM chunk WHERE seed IS NULL AND name != 'random/known'"
        assert len(one.rows(heard)) == 1
        assert other.rows(heard) == []


@pytest.mark.usefixtures("briefly")
@pytest.mark.parametrize(
    ("more", "both"),
    [
        (["--seed", "8"], "another seed: 7, and this is 8"),
        (["--defect", "never-reconnected"], "another target: reference, and this is reference --defect"),
        (["--target", "mosquitto"], "another target: reference, and this is mosquitto"),
        (["--unpicked"], "another choosing: by what is likely to be met, and this is by chance"),
    ],
    ids=lambda value: value[0].strip("-") if isinstance(value, list) else "",
)
def test_another_search_is_refused(more: list[str], both: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, which names both."""
    words = ["fuzz", "--simulate", "-q", "--campaign", "night", "--seed", "7", "--schedules", "1"]
    with contextlib.suppress(SystemExit):
        main(words)
    capsys.readouterr()

    code, said = refused(capsys, *words, *more)
    assert code == 4
    assert both in said


@pytest.mark.usefixtures("briefly")
def test_another_roomcheck_or_spec_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version, and what stands in the spec's files."""
    words = ["fuzz", "--simulate", "-q", "--campaign", "night", "--schedules", "1"]
    with contextlib.suppress(SystemExit):
        main(words)
    capsys.readouterr()

    with monkeypatch.context() as patch:
        patch.setattr(fuzz, "version", lambda _name: "99.0")
        code, said = refused(capsys, *words)
        assert (code, "roomcheck: 0.1.0, and this is 99.0" in said) == (4, True)
    shipped = lineage(Path(find_spec("zego-express/room-status")))[0]
    edited = Path("edited.yaml").resolve()
    edited.write_text(shipped.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    code, said = refused(capsys, "fuzz", str(edited), *words[1:])
    assert (code, "another spec's content: " in said) == (4, True)


@pytest.mark.usefixtures("briefly")
def test_two_searches_do_not_write_one_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    """The second is refused."""
    with held(Path("night"), "--campaign"):
        code, said = refused(capsys, "fuzz", "--simulate", "--campaign", "night")

    assert code == 4
    assert "another command writes to night" in said


def spoil(kind: str, file: Path) -> None:
    match kind:
        case "text":
            file.write_text("no database\n" * 500, encoding="utf-8")
        case "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 // 4096 * 4096])
        case "folder":
            file.unlink()
            file.mkdir()
        case "another":
            file.unlink()
            with contextlib.closing(sqlite3.connect(file)) as other:
                other.execute("CREATE TABLE fact (name TEXT, value TEXT)")
        case "result":
            with contextlib.closing(sqlite3.connect(file)) as other:
                other.execute("UPDATE chunk SET chosen = x'00'")
                other.commit()


@pytest.mark.usefixtures("briefly")
@pytest.mark.parametrize("kind", ["text", "cut", "folder", "another", "result"])
def test_a_file_that_is_no_campaign_is_refused(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, by the search and by who looks at it."""
    words = ["fuzz", "--simulate", "-q", "--campaign", "night", "--schedules", "1"]
    with contextlib.suppress(SystemExit):
        main(words)
    capsys.readouterr()
    spoil(kind, Path("night") / store.FILE)

    code, said = refused(capsys, *words)
    assert code == 4
    assert store.FILE in said
    if kind != "result":  # which nobody reads who only looks
        assert refused(capsys, "campaign", "night")[0] == 4


def test_a_folder_that_cannot_be_written_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is played."""
    code, said = refused(capsys, "fuzz", "--simulate", "--campaign", "/proc/night")

    assert code == 4
    assert "/proc/night" in said


@pytest.mark.usefixtures("briefly")
def test_a_file_that_cannot_be_written_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for root, who may write wherever the file system lets anybody."""
    connect = store._connect
    monkeypatch.setattr(store, "_connect", lambda path, address: connect(path, address.replace("=rwc", "=ro")))
    with contextlib.closing(sqlite3.connect(Path("night.sqlite"))):
        Path("night").mkdir()
        Path("night.sqlite").rename(Path("night") / store.FILE)

    code, said = refused(capsys, "fuzz", "--simulate", "--campaign", "night")
    assert code == 4
    assert "readonly" in said


@pytest.mark.usefixtures("briefly")
def test_a_full_disk_loses_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, exit 5; when there is room again the same command comes to what it would have come to."""
    words = ["fuzz", "--simulate", "-q", "--schedules"]
    for number, name in (("2", "whole"), ("30", "whole"), ("2", "night")):
        with pytest.raises(SystemExit):
            main([*words, number, "--campaign", name])
    capsys.readouterr()
    connect = store._connect

    def small(path: Path, address: str) -> sqlite3.Connection:
        """It may not grow any more."""
        file = connect(path, address)
        file.execute("PRAGMA max_page_count = 1")  # which SQLite takes for as many as there are
        return file

    with monkeypatch.context() as patch:
        patch.setattr(store, "_connect", small)
        code, said = refused(capsys, *words, "30", "--campaign", "night")
    assert code == 5
    assert "is full" in said
    with pytest.raises(SystemExit) as e:
        main([*words, "30", "--campaign", "night"])
    assert e.value.code == 0
    assert shown(Path("night").resolve()) == shown(Path("whole").resolve())


@pytest.mark.usefixtures("briefly")
def test_a_campaign_is_shown_to_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Also while it is searched: each finding with the command that repeats it, which does."""
    with pytest.raises(SystemExit):
        main([*DEFECT, "--campaign", "night", "--schedules", "12"])
    capsys.readouterr()
    with store.reading(Path("night")) as reader, reader.snapshot():
        with pytest.raises(SystemExit):
            main(["campaign", "night", "--json"])
        data = json.loads(capsys.readouterr().out)
        with pytest.raises(SystemExit):
            main(["campaign", "night"])
        table = capsys.readouterr().out

    (row, *_) = data["findings"]
    assert row["repeat"] in table
    assert f"{data['played']} schedules" in table
    assert row["repeat"] in Path("night/campaign.html").read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as e:
        main([*row["repeat"].split()[1:], "-q"])
    assert e.value.code == 1


def test_there_is_no_campaign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then it is said how one is begun."""
    code, said = refused(capsys, "campaign", str(tmp_path))

    assert code == 4
    assert "roomcheck fuzz --campaign" in said
