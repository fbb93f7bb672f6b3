"""`roomcheck compare` on real rooms: what differs, what does not, and what cannot be told."""

import re
from pathlib import Path

import pytest

from roomcheck.report.exitcode import AS_EXPECTED, INCONCLUSIVE, NOTHING, VIOLATION
from support.runs import TRIES, Done, patterns, run, sure, write_target

SILENT = Path(__file__).with_name("silent_adapter.py")
CASES = ("login-alone", "back-before-heartbeat-timeout/cut", "kick", "switch-room")
ADAPTER = "['{{python}}', -m, roomcheck.reference.adapter, --defect, {0}]"
SERVER = "['{{python}}', -m, roomcheck.reference.server, --port, '{{room}}', --defect, {0}]"


def defective(folder: Path, defect: str) -> str:
    """The file of a reference room with this defect."""
    return str(write_target(folder, name=defect, adapter=ADAPTER.format(defect), server=SERVER.format(defect)))


def page(folder: Path) -> str:
    return (folder / "roomcheck-report" / "compare.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The reference room, one with a defect, and one that lacks something."""
    folder = tmp_path_factory.mktemp("compare")
    poor = write_target(folder, name="poor", more="lacks: [switchRoom]\n")
    return sure(
        lambda: run(
            ["compare", "reference", defective(folder, "kick-wrong-code"), str(poor), *patterns(*CASES)], folder
        )
    )


def test_a_defect_is_the_only_difference(done: Done) -> None:
    """In the one case where it shows, at the place where it shows, with what both told; exit 1."""
    assert done.code == VIOLATION, done.out + done.err
    differing = [line for line in done.out.splitlines() if line.endswith(": differs")]
    assert differing == ["kick: differs"]
    assert "  A in R\n" in done.out
    assert "reference        (1 alike), LOGINED errorCode 0, >> KICK_OUT errorCode 1002055" in done.out
    assert "kick-wrong-code  (1 alike), LOGINED errorCode 0, >> KICK_OUT errorCode 1002050" in done.out
    assert re.search("^kick-wrong-code  roomcheck-reference [0-9.]+$", done.out, re.MULTILINE)
    assert "4 cases: 1 told differently, 1 not compared, 2 told alike" in done.out


def test_what_a_target_lacks_is_not_compared_and_said(done: Done) -> None:
    """On that target alone."""
    assert "switch-room: not compared on poor: the room does not have switchRoom" in done.out
    assert done.out.count("not compared on") == 1


def test_the_page_has_the_same(done: Done) -> None:
    """A matrix of four cases and three targets."""
    text = page(done.reports.folder.parent)

    assert text.count("<tr><td>") == len(CASES)
    assert "KICK_OUT errorCode 1002050" in text
    assert "the room does not have switchRoom" in text
    assert "roomcheck-reference 1.0, 100 times faster than documented" in text


def test_every_target_has_its_traces(done: Done) -> None:
    """In a folder of its own."""
    folder = done.reports.folder / "traces"

    assert {p.name for p in folder.iterdir()} == {"reference", "kick-wrong-code", "poor"}
    assert len(list((folder / "reference").glob("*.jsonl"))) == len(CASES)


def test_a_room_is_like_itself(tmp_path: Path) -> None:
    """Under faults and with a schedule from a file, nothing differs; two of one name are told apart. Exit 0."""
    schedule = Path(__file__).parents[2] / "fixtures" / "schedules" / "back-for-a-moment.yaml"
    twin = write_target(tmp_path, name="reference")
    words = [
        "compare",
        "reference",
        str(twin),
        "--schedule",
        str(schedule),
        *patterns(*CASES, "schedule/back-for-a-moment"),
    ]
    done = sure(lambda: run(words, tmp_path))

    assert done.code == AS_EXPECTED, done.out + done.err
    # what two members do at once may come the one way or the other, on a busy machine more often
    assert "5 cases: 5 told alike" in done.out or "5 cases: 1 that vary, 4 told alike" in done.out
    assert "reference, reference (2)" in done.err


def test_two_versions_of_one_target_are_compared(tmp_path: Path) -> None:
    """Each side is named by the version that was chosen, and tells which one it is."""
    more = 'pins: {lobby: "2"}\nversions: {lobby: [echo, "{lobby}"]}\n'
    target = write_target(tmp_path, more=more)
    done = sure(lambda: run(["compare", str(target), f"{target}@lobby=1", *patterns("login-alone")], tmp_path))

    assert done.code == AS_EXPECTED, done.out + done.err
    assert re.search("^room +roomcheck-reference [0-9.]+, lobby 2$", done.out, re.MULTILINE)
    assert re.search("^room@1 +roomcheck-reference [0-9.]+, lobby 1$", done.out, re.MULTILINE)


def test_a_case_in_doubt_is_no_difference(tmp_path: Path) -> None:
    """An adapter was silent while it was played: that is said, the other case is compared, and the exit code is 2."""
    silent = write_target(tmp_path, name="silent", adapter=f"['{{python}}', '{SILENT}']")
    words = ["compare", "reference", str(silent), "--scale", "100", *patterns("login-alone", "logout")]
    for _ in range(TRIES):
        done = run(words, tmp_path)
        too_late = "login-alone: not compared" in done.out  # by this machine
        if not too_late:
            break

    assert done.code == INCONCLUSIVE, done.out + done.err
    assert "logout: not compared on silent: inconclusive" in done.out
    assert f"2 cases: {'2 not compared' if too_late else '1 not compared, 1 told alike'}" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reference"], "name at least two targets"),
        (
            ["reference", "other.yaml"],
            "the targets have different specs, zego-express/room-status and zego-express/web",
        ),
        (["reference", "reference", "-k", "no-such"], "fits -k no-such"),
        (["reference", "broken.yaml", "-k", "login-alone"], "its server ended with status 7"),
    ],
)
def test_what_cannot_be_compared_is_said(words: list[str], said: str, tmp_path: Path) -> None:
    """Exit 4, one clear error, and nothing is left running."""
    other = write_target(tmp_path, name="other")
    text = other.read_text(encoding="utf-8")
    other.write_text(text.replace("zego-express/room-status", "zego-express/web"), encoding="utf-8")
    write_target(tmp_path, name="broken", server="['{python}', -c, 'import sys; sys.exit(7)', '{room}']")
    done = run(["compare", *words], tmp_path)

    assert done.code == NOTHING, done.out + done.err
    assert said in done.err
    assert "Traceback" not in done.err
