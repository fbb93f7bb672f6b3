"""`roomcheck replay`: what a schedule shows, and what hides it."""

import re
from pathlib import Path

import pytest

from roomcheck.cli import main
from roomcheck.resources import root

SCHEDULE = """\
spec: zego-express/room-status
members: [A, B]
rooms: [R, R2]
schedule:
  - {B: loginRoom}
  - {A: {switchRoom: {from: R, to: R2}}}
watch: 1s
"""
SPEC = """\
spec: zego-express/room-status
extends: room-status.yaml
options: {wrong_room_switch: {default: not logged in}}
"""


def replay(folder: Path, option: str, *words: str) -> int:
    """The schedule on the reference room, for which a switch from nowhere is `not joined`, with this option."""
    zego = root() / "specs" / "zego-express" / "room-status.yaml"
    (folder / "room-status.yaml").write_text(zego.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "mine.yaml").write_text(SPEC, encoding="utf-8")
    text = (root() / "fixtures" / "targets" / "reference" / "target.yaml").read_text(encoding="utf-8")
    text = text.replace("spec: zego-express/room-status", "spec: mine.yaml")
    (folder / "target.yaml").write_text(f"{text}options: {{wrong_room_switch: {option}}}\n", encoding="utf-8")
    (folder / "switch.yaml").write_text(SCHEDULE, encoding="utf-8")
    report = str(folder / "report")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "replay",
                str(folder / "switch.yaml"),
                "--target",
                str(folder),
                "--simulate",
                "--report-dir",
                report,
                *words,
            ]
        )
    return int(ended.value.code or 0)


@pytest.mark.parametrize("times", [1, 3])
def test_an_option_that_hides_what_a_schedule_shows_is_named(
    times: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the place where the target sets it, the spec's own value, and what would be violated."""
    assert replay(tmp_path, "not joined", "-n", str(times)) == 0

    out = capsys.readouterr().out
    assert f"allowed by `wrong_room_switch: not joined` in {tmp_path / 'target.yaml'}:12: " in out
    told = f"with `wrong_room_switch: not logged in` {times} of the {times} that conform would violate ZX-SWITCH-4: "
    assert told in out


@pytest.mark.parametrize(
    ("option", "words", "code"),
    [("not logged in", [], 0), ("not joined", ["--defect", "switch-from-nowhere"], 1)],
    ids=["the-spec's-own", "a-violation"],
)
def test_an_option_that_hides_nothing_is_not(
    option: str, words: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it is the spec's own value, or the room violates all the same."""
    assert replay(tmp_path, option, *words) == code

    assert "allowed by" not in capsys.readouterr().out


DETOUR = """\
spec: zego-express/room-status
members: [A, B, C]
rooms: [R, R2]
schedule:
  - {C: loginRoom}
  - {B: loginRoom}
  - {A: loginRoom}
  - {fault: B, kind: latency}
  - {heal: B}
  - {fault: A, kind: cut, as: T3}
  - {heal: A, at: T3 + 1s}
  - {C: logoutRoom}
watch: 60s
"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_schedule_that_violates_is_made_shorter(
    times: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a file beside it, which shows the same; that can be taken up again, and then replaces itself."""
    file = tmp_path / "detour.yaml"
    file.write_text(DETOUR, encoding="utf-8")
    words = ["--simulate", "--defect", "never-reconnected", "--report-dir", str(tmp_path / "report")]
    shorter = tmp_path / "detour-shorter.yaml"
    for played in (file, shorter):
        with pytest.raises(SystemExit) as ended:
            main(["replay", str(played), "--shrink", "-n", str(times), *words])
        assert ended.value.code == 1
    out = capsys.readouterr().out

    text = shorter.read_text(encoding="utf-8")
    assert "requirement: ZX-RECONNECT-2" in text
    assert text.count("\n  - {") < DETOUR.count("\n  - {")
    assert re.search(f"^8 steps became [1-7], 16 of 16 plays show ZX-RECONNECT-2: {shorter}$", out, re.MULTILINE)
    assert f"roomcheck replay {shorter} --defect never-reconnected --simulate" in out
    assert file.read_text(encoding="utf-8") == DETOUR
    assert {path.name for path in tmp_path.glob("*.yaml")} == {"detour.yaml", "detour-shorter.yaml"}
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(shorter), *words])
    assert ended.value.code == 1


def test_a_schedule_that_violates_nothing_is_not_made_shorter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is said, and no file comes of it."""
    (tmp_path / "detour.yaml").write_text(DETOUR, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(tmp_path / "detour.yaml"), "--shrink", "--simulate", "--report-dir", str(tmp_path / "r")])

    assert not ended.value.code
    assert "violates nothing, so nothing is made shorter" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("*.yaml")] == ["detour.yaml"]
