"""The search for the first version that shows a finding: which versions are asked, and what is said of the answers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from roomcheck.cli import bisect, main
from roomcheck.cli.bisect import Change, search
from roomcheck.cli.matrix import STREAM
from roomcheck.report.exitcode import INCONCLUSIVE
from roomcheck.run.process import Ended
from support.parts import CLIENT, SERVER, write_part

SCHEDULE = """\
spec: zego-express/room-status
title: A member is kicked
members: [A, B]
rooms: [R]
schedule:
  - {A: loginRoom, as: S1}
  - {B: loginRoom, at: S1 + 1s, as: S2}
  - {admin: {kick: {user: A}}, at: S2 + 5s}
watch: 5s
"""


def searched(answers: str) -> tuple[Change | None, list[int]]:
    """What is found in versions that answer so, from the oldest on (x shows it, ? cannot be told); who was asked."""
    asked: list[int] = []

    async def look(version: str) -> bool | None:
        asked.append(int(version))
        return {"x": True, ".": False, "?": None}[answers[int(version)]]

    return asyncio.run(search([str(i) for i in range(len(answers))], look)), asked


@pytest.mark.parametrize("first", range(1, 33))
def test_one_change_is_found(first: int) -> None:
    """Wherever it is, in either direction, with few questions and none twice."""
    for before, after in (".x", "x."):
        found, asked = searched(before * first + after * (33 - first))

        assert found == Change(str(first - 1), str(first))
        assert len(asked) == len({*asked})
        assert len(asked) <= 2 + 6


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ("xx", Change("1", None)),
        ("...", Change("2", None)),
        ("?.?x?", Change("1", "3", ("2",))),
        (".??x", Change("0", "3", ("1", "2"))),
        (".?.?xx", Change("2", "4", ("3",))),
        (".x?", Change("0", "1")),
        ("?x?", None),
        ("??", None),
    ],
)
def test_what_cannot_be_told_is_passed_over(answers: str, found: Change | None) -> None:
    """It may be one of several then; of fewer than two answers nothing follows."""
    assert searched(answers)[0] == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "hall+door", "--versions", "1"], "nothing to search in the versions 1"),
        (["--target", "hall+door", "--versions", "1,1"], "nothing to search in the versions 1, 1"),
        (["--target", "hall@2+door"], "whose versions is not clear: say --pin, of the `pins` hall of hall@2+door"),
        (["--target", "reference"], "of the `pins` none of reference"),
        (["--target", "two+door"], "whose versions is not clear: say --pin, of the `pins` a, b of two+door"),
        (["--target", "hall+door", "--pin", "wall"], "whose versions is not clear"),
    ],
)
def test_no_search(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One clear error, exit 4, before anything is played."""
    monkeypatch.chdir(tmp_path)
    write_part(tmp_path, "hall", SERVER, "pins: {hall: ['1', '2']}")
    write_part(tmp_path, "two", SERVER, "pins: {a: ['1', '2'], b: ['1', '2']}")
    write_part(tmp_path, "door", CLIENT)
    (tmp_path / "s.yaml").write_text(SCHEDULE, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["bisect", "s.yaml", *words])

    assert ended.value.code == 4
    assert said in capsys.readouterr().err


def test_what_an_earlier_call_wrote_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that cannot be installed now is not judged by what was played then."""
    old = tmp_path / "1.0.0" / STREAM
    old.parent.mkdir()
    old.write_text("{}\n", encoding="utf-8")

    async def refused(_words: Sequence[str], _log: Path, _limit: float) -> Ended:
        assert not old.exists()
        return Ended(4, "not installed")

    monkeypatch.setattr(bisect, "roomcheck", refused)
    seen = asyncio.run(bisect._play(Path("s.yaml"), "hall@1.0.0", 5, old.parent, 60.0))

    assert seen.text() == "cannot tell: not installed"


def test_what_an_option_allows_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No version violates anything then, and a person sees which ones do what the schedule is about."""
    said = "allowed by `goodbye: sometimes` in target.yaml:9: with `goodbye: always` 2 of the 5 would violate G-1"

    def write(log: Path, *lines: str) -> None:
        log.parent.mkdir(parents=True)
        log.write_text("\n".join(lines), encoding="utf-8")

    async def played(words: Sequence[str], log: Path, _limit: float) -> Ended:
        write(log, "5 cases", *([said] if "hall@2" in words else []))
        return Ended(4, "not played")

    monkeypatch.setattr(bisect, "roomcheck", played)
    code = asyncio.run(bisect._bisect(Path("s.yaml"), "hall@{}".format, ["1", "2"], 5, tmp_path / "out", 60.0))

    assert code == INCONCLUSIVE
    assert [line for line in capsys.readouterr().out.splitlines() if "allowed" in line] == [f"  {said}"]
