"""The kill matrix as lines, JSON and a page."""

import json
from dataclasses import replace

from roomcheck.report.matrix import (
    Ending,
    Kind,
    Matrix,
    Played,
    Requirement,
    Row,
    Sighting,
    as_html,
    as_json,
    line,
    summary,
)

EVIL = "<b onload='x'>\x1b[31m&"
SEEN = Sighting("kick/cut", ("Q-2", "Q-1"), EVIL, 5, 3)
CHANCE = Sighting("random/0-00003", ("Q-3",), "late", 7, 4)
ROW = Row("bad", Kind.CLIENT, "kick", EVIL, ("Q-1",), Ending.CAUGHT, 10, (SEEN,), 4, (CHANCE,))
NONE = Row("none", Kind.CONFORMING, "", "As it is.", (), Ending.CLEAN, 10, (), 20)
NOISY = Row("noisy", Kind.ADAPTER, "", "Prints.", (), Ending.CAUGHT, 2, message=EVIL)


def matrix(*rows: Row) -> Matrix:
    names = tuple(Requirement(f"Q-{n}", "must", EVIL) for n in (1, 2, 3))
    return Matrix("v/s", "1", "room", 100.0, 0, "sockets", names, 20, list(rows), complete=True)


def test_a_requirement_is_named_first_or_later() -> None:
    """First wins, wherever it was."""
    assert ROW.named == {"Q-1": "later", "Q-2": "first", "Q-3": "first"}
    assert ROW.rightly == ("Q-1",)


def test_only_by_chance_means_by_no_case() -> None:
    """And by some schedule."""
    assert not ROW.only_by_chance
    assert replace(ROW, by_case=()).only_by_chance
    assert not replace(ROW, by_case=(), by_chance=()).only_by_chance


def test_a_requirement_is_proven_by_defects_that_break_it_only() -> None:
    """Another's name that a defect happened to get proves nothing."""
    assert [matrix(ROW).proven_by(f"Q-{n}") for n in (1, 2, 3)] == [["bad"], [], []]
    assert matrix(ROW).unproven == ["Q-2", "Q-3"]


def test_lines_say_what_found_a_defect() -> None:
    """The first case, the schedule's number, and on sockets how many violated."""
    played = Played("kick/cut", "violates", ("Q-1",), "", 1.0)

    assert "Q-1: 1 cases (kick/cut), random schedule 4 (4 steps)" in line(ROW)
    assert line(replace(ROW, real=(played,))).endswith("; on sockets 1 of 1 violated")
    assert "none of 4 random schedules" in line(replace(ROW, by_chance=()))
    assert "Q-2 instead of Q-9" in line(replace(ROW, breaks=("Q-9",), ending=Ending.MISNAMED))
    assert line(NONE) == f"clean      {'none':<34} 10 cases, 20 random schedules"


def test_lines_show_what_cannot_be_seen() -> None:
    """A message of an adapter cannot move the cursor."""
    assert "\x1b" not in line(NOISY)


def test_the_summary_counts_defects_for_each_requirement() -> None:
    """And names those without one."""
    text = "\n".join(summary(matrix(NONE, ROW, NOISY)))

    assert "1 defects: 1 caught; 1 shown by random schedules, 0 of these by no scenario" in text
    assert "the conforming room: clean" in text
    assert "1 hostile adapters: 1 caught" in text
    assert text.endswith("without one: Q-2, Q-3")


def test_json_has_every_row_and_requirement() -> None:
    """With what was derived from them, and a version."""
    told = json.loads(as_json(matrix(NONE, ROW)))

    assert told["version"] == 1
    assert not told["good"]
    assert [row["name"] for row in told["rows"]] == ["none", "bad"]
    assert told["rows"][1]["named"] == ROW.named
    assert [r["proven by"] for r in told["requirements"]] == [["bad"], [], []]


def test_the_page_escapes_whatever_a_room_said() -> None:
    """No element, no control character."""
    page = as_html(matrix(NONE, replace(ROW, real=(Played("c", EVIL, (), EVIL, 1.0),)), NOISY))

    assert "<b onload" not in page
    assert "\x1b" not in page
    assert "&lt;b onload" in page
    assert "Hostile adapters" in page
