"""Whatever a file holds: a spec, or a SpecError whose problems stand in the file."""

import contextlib
import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomcheck.errors import SpecError
from roomcheck.spec.lint import lint
from roomcheck.spec.load import load_spec
from roomcheck.spec.target import load_target

SPECS = Path(__file__).parents[1] / "specs"
TWO = (SPECS / "two-state.yaml").read_text(encoding="utf-8")
EVERY = (SPECS / "every-construct.yaml").read_text(encoding="utf-8")
PIECES = ["", "[", "]", "{", "}", ":", ": ", "&a ", "*a", "!!x ", "'", '"', "0", "-1", "R", "A", "null", "~", "\t", "\n",
          "{}", "[]", "{a: b}", "[[]]", "here", "notice", "at", "cut", "server", "|", "%", "? ", "1s", "\\", "é", "\x07"]  # fmt: skip


PATIENT = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(text: str | bytes) -> None:
    # YAML also ends a line at NEL, LS and PS; how many lines bytes are depends on what they are taken for
    lines = len(text) if isinstance(text, bytes) else len(re.findall("\r\n|[\r\n\x85\u2028\u2029]", text))
    found = None
    try:
        spec = load_spec(text, "f")
        lint(spec)
        spec.bind(scale=7)
    except SpecError as e:
        found = e.problems

    assert found is None or found
    assert all(p.file == "f" and 1 <= p.line <= lines + 2 and p.column >= 1 for p in found or ())


@PATIENT
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    """Also what is no YAML at all."""
    survives(text)


@PATIENT
@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """Also what is no text at all."""
    survives(data)


@PATIENT
@given(
    st.sampled_from([TWO, EVERY]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES)), max_size=3),
)
def test_a_spec_with_pieces_cut_out_and_put_in(text: str, edits: list[tuple[float, int, str]]) -> None:
    """Mistakes of the hand, anywhere."""
    for where, length, piece in edits:
        start = int(where * len(text))
        text = text[:start] + piece + text[start + length :]
    survives(text)


@PATIENT
@given(st.sampled_from([TWO, EVERY]), st.data())
def test_a_spec_with_words_exchanged(text: str, data: st.DataObject) -> None:
    """A name or a value of one place in another: often well-formed, seldom sensible."""
    words = text.split(" ")
    numbers = st.integers(0, len(words) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        words[data.draw(numbers)] = words[data.draw(numbers)]
    survives(" ".join(words))


@PATIENT
@given(
    st.lists(
        st.sampled_from([*PIECES, "target: a\n", "spec: b\n", "adapter: ", "endpoints: ", "server: "]), max_size=12
    )
)
def test_any_target(pieces: list[str]) -> None:
    """Targets too."""
    with contextlib.suppress(SpecError):
        load_target("".join(pieces), "f")
