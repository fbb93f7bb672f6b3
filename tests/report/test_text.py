import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.samples import HOSTILE
from roomcheck.report.text import LONGEST, clipped, visible


@given(st.text(st.characters()))
def test_every_text_becomes_one_printable_line(text: str) -> None:
    """No text, lone surrogates included, keeps a character that cannot be seen."""
    assert visible(text).isprintable()


@given(st.text(st.characters()))
def test_visible_text_stays_as_it_is(text: str) -> None:
    """What is visible already is not escaped a second time."""
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize(("text", "shown"), [("\x1b[0m", "\\x1b[0m"), ("a\nb", "a\\nb"), ("\u202e", "\\u202e")])
def test_the_escape_names_the_character(text: str, shown: str) -> None:
    """A reader can tell which character it was."""
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["héllo", "房间", "🙂", "plain"])
def test_other_scripts_are_kept(text: str) -> None:
    """Letters of any script are no control characters."""
    assert visible(text) == text


def test_a_megabyte_is_clipped_in_the_middle() -> None:
    """A line that nobody would read keeps its beginning and its end."""
    text = clipped("start" + "x" * 1_000_000 + "end")

    assert len(text) <= LONGEST + 20
    assert text.startswith("start")
    assert text.endswith("end")


def test_hostile_samples_are_hostile() -> None:
    """The samples are worth testing with: not all of them are printable."""
    assert any(not text.isprintable() for text in HOSTILE)
