"""What a program printed is kept line by line, with when it came."""

import time

import pytest

from roomcheck.adapters.printed import KEPT, LONGEST, Printed
from roomcheck.model.secrets import Secrets

NO_SECRETS = Secrets()


def clock() -> int:
    return time.monotonic_ns() // 1_000


def test_lines_are_put_together_and_cut() -> None:
    """Whatever the pieces in which they come; one without an end is a line too."""
    printed = Printed(NO_SECRETS)
    for piece in (b"one\ntw", b"o\n", b"x" * (LONGEST + 9), b"\nthe end"):
        printed.add(piece)

    assert printed.lines() == ["one", "two", "x" * LONGEST, "the end"]


def test_the_last_lines_are_kept() -> None:
    """So many, however many there were."""
    printed = Printed(NO_SECRETS)
    printed.add(b"".join(b"%d\n" % n for n in range(2 * KEPT)))

    assert printed.lines() == [str(n) for n in range(KEPT, 2 * KEPT)]


def test_lines_are_told_apart_by_when_they_came() -> None:
    """Between two moments, both ends included."""
    printed = Printed(NO_SECRETS)
    printed.add(b"before\n")
    since = clock()
    time.monotonic()
    printed.add(b"then\n")
    until = clock()
    while clock() == until:
        pass
    printed.add(b"after\n")

    assert printed.lines(since, until)[-1] == "then"
    assert "after" not in printed.lines(since, until)
    assert printed.lines(until + 1) == ["after"]
    assert printed.lines(since - 1_000_000, until)[0] == "before"


@pytest.mark.parametrize("pieces", [[b"the token is planted\n"], [b"the token is pla", b"nted"]])
def test_no_secret_is_shown(pieces: list[bytes]) -> None:
    """Also where a pipe broke it in two."""
    printed = Printed(Secrets.of({"A_TOKEN": "planted"}))
    for piece in pieces:
        printed.add(piece)

    assert printed.lines() == ["the token is [hidden: A_TOKEN]"]
