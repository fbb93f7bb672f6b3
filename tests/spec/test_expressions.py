"""Durations and numbers: values, units, labels, and columns of mistakes."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomcheck.spec.expressions import MAX_LENGTH, ExpressionError, Names, Quantity, duration, evaluate, moment

SECOND = 1_000_000
NAMES = Names(
    ("beat", "notice", "broken"),
    {"beat": Quantity(Fraction(10 * SECOND), duration=True), "notice": Quantity(Fraction(SECOND), duration=True)}.get,
)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("90s", 90 * SECOND), ("1.5min", 90 * SECOND), ("120 ms", 120_000), ("7us", 7), ("1h", 3600 * SECOND),
        ("2 * beat + 5s", 25 * SECOND), ("2 * (beat + 5s)", 30 * SECOND), ("beat - notice - notice", 8 * SECOND),
        ("beat / 4", 2_500_000), ("beat / notice * 1s", 10 * SECOND), ("-(notice - beat)", 9 * SECOND),
        ("0", 0), ("beat + 0", 10 * SECOND), ("1 / 3 * 3s", SECOND), ("2*3*1s", 6 * SECOND),
    ],
)  # fmt: skip
def test_a_duration_is_exact(text: str, micros: int) -> None:
    """Multiplication binds closer than addition, and nothing is rounded on the way."""
    assert duration(text, NAMES) == micros


def test_a_number_may_stand_alone() -> None:
    """Where no unit is wanted."""
    assert evaluate("2 * 3 + 1") == Quantity(Fraction(7), duration=False)


@pytest.mark.parametrize(
    ("text", "label", "micros"),
    [
        ("T3", "T3", 0),
        ("T3 + 1.5 * beat", "T3", 15 * SECOND),
        ("T3 + 2s - notice", "T3", SECOND),
        ("beat + 1s", "beat", SECOND),
    ],
)
def test_a_moment_begins_with_its_label(text: str, label: str, micros: int) -> None:
    """A label may even be called as a constant is."""
    assert moment(text, NAMES) == (label, Fraction(micros))


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("90", 0, "a duration is wanted"),
        ("1s + beet", 5, "unknown name 'beet'; did you mean 'beat'?"),
        ("1s + 2 * 3", 0, "a duration and a number cannot be added"),
        ("90sek", 2, "unknown unit 'sek'"),
        ("90mins", 2, "unknown unit 'mins'; did you mean 'min'?"),
        ("1s 2s", 3, "'2s' does not belong here"),
        ("(1s", 3, "a number, a duration or a name is missing"),
        ("", 0, "a number, a duration or a name is missing"),
        ("3 $ 4s", 2, "'$' does not belong here"),
        ("3" * (MAX_LENGTH + 1), 0, "longer than"),
    ],
)
def test_a_mistake_has_its_column(text: str, column: int, message: str) -> None:
    """Columns count from 0 in the text."""
    with pytest.raises(ExpressionError) as caught:
        duration(text, NAMES)

    assert caught.value.misfits[0][0] == column
    assert caught.value.misfits[0][1].startswith(message)


def test_a_broken_name_is_no_second_mistake() -> None:
    """It is reported where it is defined."""
    with pytest.raises(ExpressionError) as caught:
        duration("2 * broken", NAMES)

    assert caught.value.misfits == []


@settings(deadline=None)
@given(st.text(alphabet="Tbeats0129.+-*/() smhinu\n\t,$é", max_size=40))
def test_any_text_is_a_value_or_a_mistake_within_it(text: str) -> None:
    """Never another exception, and never a column outside the text."""
    misfits: list[tuple[int, str]] = []
    for read in (duration, moment):
        try:
            read(text, NAMES)
        except ExpressionError as e:
            misfits += e.misfits

    assert all(0 <= column <= len(text) for column, _ in misfits)
