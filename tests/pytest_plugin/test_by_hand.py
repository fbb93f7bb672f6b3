"""Tests written by hand: what fails them, what is no verdict, and what is said of words that do not fit."""

from pathlib import Path

import pytest

from support.pytests import Ended, pytests
from support.runs import ADAPTER, SERVER, TRIES, write_target

TESTS = Path(__file__).parents[1]
SCALE = 20  # windows five times as wide as elsewhere: a busy machine is seldom too late, and no test here takes long
GOOD = """
def test_logs_in(room):
    room.join("A")
"""
MISTAKES = """
import pytest
from roomcheck.errors import UsageError

@pytest.mark.parametrize("mistakes", [[
    (lambda room: room.call("A", "loginRom"), "unknown operation 'loginRom'; did you mean 'loginRoom'?"),
    (lambda room: room.call("A", "loginRoom", token="old"), "unknown value of token 'old'; known: expired"),
    (lambda room: room.call("A", "loginRoom", romm="R"), "unknown argument of loginRoom 'romm'; did you mean 'room'?"),
    (lambda room: room.call("A A", "loginRoom"), "'A A' cannot be a member's name"),
    (lambda room: room.join("A", user="B"), "A is there already"),
    (lambda room: room.join("A2", user="B"), "unknown user 'B'; known: A"),
    (lambda room: room.admin("kick"), "kick needs 'user': a user"),
    (lambda room: room.admin("kick", user="B"), "unknown user 'B'; known: A"),
    (lambda room: room.fault("B", "cut"), "unknown member 'B'; known: A"),
    (lambda room: room.fault("A", "cutt"), "unknown fault of a member 'cutt'; did you mean 'cut'?"),
    (lambda room: room.fault("A", "latency", late=1), "latency has no setting 'late'"),
    (lambda room: room.wait("-1s"), "'-1s' is negative"),
    (lambda room: room.wait("10"), "a duration is wanted here"),
    (lambda room: room.wait(10), "10 is no duration: write a text, such as '60s' or '1.5 * heartbeat_timeout'"),
    (lambda room: room.expect("A", "LOGOUT", within=0.5), "0.5 is no duration"),
    (lambda room: room.expect("A", 7, within="1s"), "unknown state 7"),
    (lambda room: room.expect("A", "LOGOUT", within="retry_limi"), "did you mean 'retry_limit'?"),
    (lambda room: room.expect("A", "RECONECTED", within="1s"), "did you mean 'RECONNECTED'?"),
    (lambda room: room.expect("A", "DELETE", within="1s"), "unknown state 'DELETE'"),
    (lambda room: room.expect("A", "ADD", within="1s", about="B"), "unknown user 'B'; known: A"),
    (lambda room: room.expect("A", "LOGOUT", within="1s", room="S"), "unknown room 'S'; known: R"),
    (lambda room: [room.fault("A", "cut"), room.fault("A", "latency")], "an earlier fault still keeps A down"),
]])
def test_says_what_does_not_fit(room, mistakes):
    room.join("A")
    for do, says in mistakes:
        with pytest.raises(UsageError) as e:
            do(room)
        assert says in str(e.value)
"""


def play(folder: Path, code: str, *, adapter: str = ADAPTER, server: str = SERVER) -> Ended:
    """A test file on such a room; again where this machine was too late."""
    target = write_target(folder, adapter=adapter, server=server, scale=SCALE)
    (folder / "test_mine.py").write_text(code, encoding="utf-8")
    for _ in range(TRIES):
        done = pytests([f"--room-target={target}", "test_mine.py"], folder)
        if "inconclusive" not in done.out:
            break
    return done


def room_with(defect: str) -> dict[str, str]:
    """The programs of a room that has it."""
    return {
        name: f"{command[:-1]}, --defect, {defect}]" for name, command in (("adapter", ADAPTER), ("server", SERVER))
    }


def test_the_judge_fails_a_test_that_asserts_nothing(tmp_path: Path) -> None:
    """With the explanation, and the command that repeats the test."""
    done = play(tmp_path, GOOD, **room_with("logined-twice"))

    assert done.outcomes == {"failed": 1}, done.out
    assert "zego-express/room-status/test_mine.py.test_logs_in: violates (room)" in done.out
    assert "breaks   ZX-STATE-1" in done.out
    assert f"repeat   pytest --room-target={tmp_path / 'room.yaml'} test_mine.py::test_logs_in" in done.out


def test_what_does_not_come_fails_the_line_that_expects_it(tmp_path: Path) -> None:
    """And says what came instead."""
    code = GOOD + '    room.expect("A", "RECONNECTED", within="20s")\n'
    done = play(tmp_path, code)

    assert done.outcomes == {"failed": 1}, done.out
    assert '>       room.expect("A", "RECONNECTED", within="20s")' in done.out
    assert "A was not told RECONNECTED within 1.000 s; it was told nothing" in done.out
    assert "by_hand.py" not in done.out


def test_a_test_that_does_nothing_checks_nothing(tmp_path: Path) -> None:
    """It fails."""
    done = play(tmp_path, "def test_nothing(room): pass\n")

    assert done.outcomes == {"failed": 1}, done.out
    assert "nothing was checked" in done.out


def test_a_broken_adapter_is_an_error_of_the_test(tmp_path: Path) -> None:
    """Not passed, not failed; and the next test has a sound adapter."""
    adapter = f"['{{python}}', '{TESTS / 'end_to_end' / 'broken_adapter.py'}', crashes]"
    code = 'def test_leaves(room):\n    room.join("A")\n    room.call("A", "logoutRoom")\n' + GOOD
    done = play(tmp_path, code, adapter=adapter)

    assert done.outcomes == {"skipped": 1, "passed": 1, "error": 1}, done.out
    assert "segmentation fault in the SDK" in done.out


def test_a_machine_that_was_too_late_is_an_error_of_the_test(pytester: pytest.Pytester) -> None:
    """Not passed, not failed."""
    pytester.makeconftest(
        "import roomcheck.run.session as session\n"
        "from roomcheck.model.verdict import Finding, Outcome, Verdict\n"
        "doubt = Verdict(Outcome.INCONCLUSIVE, (Finding('ZX-LOGIN-2', 'A in R', 0, 'LOGINED', 'came late'),))\n"
        "def judging(*_):\n"
        "    yield\n"
        "    return doubt\n"
        "session.judging = judging\n"
    )
    pytester.makepyfile(GOOD)

    done = pytests(["--room-target", "reference", "-k", "test_logs_in"], pytester.path)

    assert {k: n for k, n in done.outcomes.items() if k != "deselected"} == {"skipped": 1, "error": 1}, done.out
    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert "test_logs_in: inconclusive after 1 try, not counted as a pass (machine)" in done.out


def test_words_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """With what is meant, as a spec's author is told; the case goes on, and its verdict is sound."""
    done = play(tmp_path, MISTAKES)

    assert done.outcomes == {"passed": 1}, done.out
