"""What is said of a name that nobody knows."""

import pytest

from roomcheck.model.names import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("entr", ["enter", "leave"], "; did you mean 'enter'?"),
        ("zzz", ["leave", "enter"], "; known: enter, leave"),
        ("zzz", map(str, range(9)), ""),
        ("zzz", [], ""),
    ],
    ids=["a slip", "few are known", "too many are known", "nothing is known"],
)
def test_what_may_have_been_meant(name: str, known: list[str], said: str) -> None:
    """The nearest name, or all of them if they are few."""
    assert did_you_mean(name, known) == said


def test_a_name_that_is_far_from_all_has_no_nearest() -> None:
    """Then nothing was meant that is known."""
    assert (nearest("den", ["dem", "R"]), nearest("den", ["quay"])) == ("dem", None)
