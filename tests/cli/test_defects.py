"""`roomcheck defects`: what it catches, what it says of what it does not, and its reports."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roomcheck.cli import main
from roomcheck.cli.defects import code_of, selected
from roomcheck.cli.files import find_spec, read_spec
from roomcheck.cli.playing import DEFAULT_SPEC
from roomcheck.errors import UsageError
from roomcheck.reference.defects import DEFECTS
from roomcheck.reference.hostile import HOSTILE
from roomcheck.report.matrix import Ending, Kind, Matrix, Row
from support.runs import run

SOME = (
    "kick-wrong-code",
    "failed-logins-lock-out",
)
COUNT = 100  # random schedules; the last of these defects shows itself after 52
EXACTLY = [word for name in SOME for word in ("-k", name)]


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["defects", *words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], Path]:
    """A handful of defects in virtual time: exit code, defects.json, and the folder."""
    folder = tmp_path_factory.mktemp("defects")
    code = call("--simulate", "--schedules", str(COUNT), "--report-dir", str(folder), *EXACTLY)
    return code, json.loads((folder / "defects.json").read_text(encoding="utf-8")), folder


def rows(report: dict[str, Any]) -> dict[str, Any]:
    return {row["name"]: row for row in report["rows"]}


def test_defects_are_caught_by_a_right_name_and_the_conforming_room_is_clean(
    report: tuple[int, dict[str, Any], Path],
) -> None:
    """Exit 0."""
    code, told, _ = report

    assert code == 0
    assert told["good"]
    assert told["complete"]
    endings = {name: row["ending"] for name, row in rows(told).items()}
    assert endings == {"none": "clean", **dict.fromkeys(SOME, "caught")}


def test_what_found_a_defect_is_told(report: tuple[int, dict[str, Any], Path]) -> None:
    """The cases that show it, how many random schedules it took, and the requirements that were named."""
    kick = rows(report[1])["kick-wrong-code"]

    assert "kick" in {sighting["case"] for sighting in kick["by_case"]}
    assert 1 <= kick["tried"] <= COUNT
    assert all(sighting["case"].startswith("random/0-") for sighting in kick["by_chance"])
    assert kick["named"]["ZX-KICK-1"] == "first"
    assert kick["rightly"] == ["ZX-KICK-1"]


def test_some_defects_are_found_by_chance_only(report: tuple[int, dict[str, Any], Path]) -> None:
    """No scenario does one thing a moment after another."""
    quick = rows(report[1])["failed-logins-lock-out"]

    assert not quick["by_case"]
    assert quick["only_by_chance"]


def test_the_schedule_that_found_a_defect_can_be_replayed(report: tuple[int, dict[str, Any], Path]) -> None:
    """It is a file, which violates on a room with the defect."""
    path = rows(report[1])["failed-logins-lock-out"]["file"]

    assert Path(path).is_file()
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "replay",
                path,
                "--simulate",
                "--defect",
                "failed-logins-lock-out",
                "--report-dir",
                str(report[2] / "replay"),
            ]
        )
    assert ended.value.code == 1


def test_the_page_stands_alone_and_names_everything(report: tuple[int, dict[str, Any], Path]) -> None:
    """Every defect, every requirement; nothing is fetched."""
    page = (report[2] / "defects.html").read_text(encoding="utf-8")

    assert all(name in page for name in SOME)
    assert all(requirement["id"] in page for requirement in report[1]["requirements"])
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def test_one_defect_on_sockets(tmp_path: Path) -> None:
    """The real room with the defect violates by the right name, the one without it does not."""
    done = run(["defects", "-k", "kick-wrong-code", "--schedules", "4"], tmp_path)

    assert done.code == 0, done.out + done.err
    told = json.loads((tmp_path / "roomcheck-report" / "defects.json").read_text(encoding="utf-8"))
    kick, none = rows(told)["kick-wrong-code"], rows(told)["none"]
    assert told["mode"] == "sockets"
    assert any(played["outcome"] == "violates" for played in kick["real"])
    assert {played["outcome"] for played in none["real"]} == {"conforms"}


def test_a_pattern_that_fits_no_defect_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4."""
    assert call("-k", "no-such-defect", "--simulate") == 4
    said = capsys.readouterr().err
    assert all(name in said for name in SOME)


def test_defects_are_chosen_by_a_part_or_a_pattern() -> None:
    """As cases are."""
    assert {d.name for d in selected(["kick-wrong"])} == {"kick-wrong-code"}
    assert {d.name for d in selected(["*-silent"])} == {name for name in DEFECTS if name.endswith("-silent")}
    with pytest.raises(UsageError):
        selected(["KICK"])


def test_every_requirement_is_broken_by_a_defect_and_every_name_is_one() -> None:
    """So that the matrix can be whole."""
    requirements = set(read_spec(find_spec(DEFAULT_SPEC)).bind().requirements)

    assert {name for d in DEFECTS.values() for name in d.breaks} == requirements


def matrix(*endings: Ending) -> Matrix:
    row = Row("x", Kind.CLIENT, "", "", (), Ending.CAUGHT)
    return Matrix("s", "1", "t", 1.0, 0, "", (), rows=[replace(row, ending=e) for e in endings])


@pytest.mark.parametrize(
    ("endings", "code"),
    [
        ([Ending.CAUGHT, Ending.CLEAN], 0),
        ([Ending.CAUGHT, Ending.MISSED], 1),
        ([Ending.MISNAMED], 1),
        ([Ending.ACCUSED], 1),
        ([Ending.DOUBTFUL, Ending.CAUGHT], 2),
        ([Ending.BROKEN, Ending.DOUBTFUL], 5),
        ([Ending.BROKEN, Ending.MISSED], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst(endings: Sequence[Ending], code: int) -> None:
    """A proof counts first, then what has no verdict, then doubt."""
    assert code_of(matrix(*endings)) == code


def test_a_requirement_without_a_defect_is_not_good_enough() -> None:
    """Unless only some defects were asked for."""
    bare = matrix(Ending.CAUGHT)
    bare.requirements = (next(iter(_requirements())),)

    assert code_of(bare) == 1
    bare.whole = False
    assert code_of(bare) == 0


def _requirements() -> list[Any]:
    return list(read_spec(find_spec(DEFAULT_SPEC)).bind().requirements.values())


def test_the_pages_tell_how_many_there_are() -> None:
    """README and CHANGELOG."""
    told = [(Path(__file__).parents[2] / page).read_text(encoding="utf-8") for page in ("README.md", "CHANGELOG.md")]

    assert [re.findall(r"(\d+) rooms with one defect each", text) for text in told] == [[str(len(DEFECTS))]] * 2
    assert f"{len(HOSTILE)} hostile adapters" in told[1]
