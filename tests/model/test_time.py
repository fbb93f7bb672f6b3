"""Durations as people write and read them."""

import pytest

from roomcheck.model.time import Micros, parse_duration, show_duration, show_window


@pytest.mark.parametrize(
    ("text", "micros"),
    [("90s", 90_000_000), ("1.5min", 90_000_000), (" 120 ms ", 120_000), ("7us", 7), ("2h", 7_200_000_000)],
)
def test_a_duration_is_read(text: str, micros: int) -> None:
    """A number and a unit."""
    assert parse_duration(text) == Micros(micros)


@pytest.mark.parametrize("text", ["", "90", "s", "-1s", "90 sec", "1s 2s"])
def test_anything_else_is_refused(text: str) -> None:
    """With an example of what would do."""
    with pytest.raises(ValueError, match="is not a duration such as 90s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(1_204_000, "1.204 s"), (35_000, "35 ms"), (-4_100_000, "-4.100 s"), (1_500, "1.5 ms"), (0, "0 ms")],
)
def test_a_duration_is_shown(micros: int, text: str) -> None:
    """Seconds from one second on, milliseconds below."""
    assert show_duration(micros) == text


@pytest.mark.parametrize(
    ("window", "text"),
    [
        ((0, 15_000, 0), "0 ms to 15 ms"),
        ((1_198_000_000, 4_000_000, 1_200_000_000), "about 20 min (19 min 58 s to 20 min 2 s)"),
        ((0, 4_520_000_000, 4_500_000_000), "about 1 h 15 min (0 ms to 1 h 15 min 20 s)"),
        ((350_500, 2_149_500, 1_000_000), "about 1 s (350.5 ms to 2.5 s)"),
    ],
)
def test_a_window_in_words(window: tuple[int, int, int], text: str) -> None:
    assert show_window(*window) == text
