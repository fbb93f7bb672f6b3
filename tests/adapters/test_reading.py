"""Any line is a message or misread, and what is read can be written to any file."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from roomcheck.adapters.messages import FARTHEST, Event, Result
from roomcheck.adapters.reading import DEEP, MisreadError, read

EVENT = {"type": "event", "member": "1.A", "n": 1, "time": 5, "callback": "on", "fields": {}}
RESULT = {"type": "result", "id": 7, "status": "ok"}


def line(message: dict[str, Any], **changed: Any) -> bytes:
    return json.dumps({**message, **changed}).encode()


@pytest.mark.parametrize(
    ("written", "is_read"),
    [
        ("NaN", "nan"),
        ("-Infinity", "-inf"),
        ("1e999", "inf"),
        (r'"\ud83d alone"', r"\ud83d alone"),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'{"\udc00": [NaN]}', {r"\udc00": ["nan"]}),
        ("1" * 60, int("1" * 60)),
        ("1" * 2_000, f"a number of {int('1' * 2_000).bit_length()} bits"),
        ("-" + "1" * 9_000, "a number of 9001 digits"),
        ("false", False),
        ("null", None),
        ("1.5", 1.5),
        (r'"\u0000"', "\0"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_no_file_holds_is_read_as_a_text(written: str, is_read: Any) -> None:
    """Everything else as it is."""
    message = read(line(EVENT).replace(b'"fields": {}', b'"fields": {"x": %s}' % written.encode()))
    assert isinstance(message, Event)
    assert message.fields == {"x": is_read}
    assert type(message.fields["x"]) is type(is_read)


@pytest.mark.parametrize("deep", [DEEP + 1, 150])
def test_lists_in_lists_end_somewhere(deep: int) -> None:
    """A reader of our files need not bear what an SDK nests."""
    message = read(line(EVENT).replace(b"{}", b'{"x": %s}' % (b"[" * deep + b"]" * deep)))
    assert isinstance(message, Event)
    assert "nested too deeply" in json.dumps(message.fields)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
FIELDS = st.sampled_from([*EVENT, *RESULT, "raw", "fields.x"])


@example(EVENT, "type", "\ue000")
@given(st.sampled_from([EVENT, RESULT]), FIELDS, VALUES)
def test_any_value_in_any_field_is_read_or_misread(message: dict[str, Any], field: str, value: Any) -> None:
    """Nothing else comes of it; what was read is JSON that everybody reads, and text that every file takes."""
    name, _, inner = field.partition(".")
    try:
        found = read(line(message, **{name: {inner: value} if inner else value}))
    except MisreadError as e:
        assert str(e).isprintable()  # noqa: PT017
        return
    if isinstance(found, Event | Result):
        text = json.dumps(found.fields, allow_nan=False, ensure_ascii=False)
        assert json.loads(text.encode()) == found.fields


@pytest.mark.parametrize(
    ("written", "member", "number"),
    [
        (line(EVENT, callback=7), "1.A", None),
        (line(EVENT, time=FARTHEST + 1), "1.A", None),
        (line(EVENT, time=True), "1.A", None),
        (line(EVENT, n=float("nan")), "1.A", None),
        (line(EVENT).replace(b"5", b"5" * 5_000), "1.A", None),
        (line(EVENT).replace(b"{}", b'{"x": %s}' % (b"[" * 90_000 + b"]" * 90_000)), "1.A", None),
        (line(RESULT, status="fine"), None, 7),
        (line(RESULT, id=None), None, None),
        (line(EVENT, member=[]), None, None),
        (line(EVENT, type="shout"), None, None),
        (b"[" * 90_000, None, None),
        (b"[]", None, None),
        (b'{"type": "event", "member": "1.A"', None, None),
        (b"\xff", None, None),
        (b"", None, None),
    ],
    ids=[
        "callback", "too far", "boolean time", "no count", "long time", "deep", "status", "no id",
        "member", "type", "deep list", "list", "torn", "no text", "empty",
    ],
)  # fmt: skip
def test_a_misread_line_says_whom_it_concerns(written: bytes, member: str | None, number: int | None) -> None:
    """If that can be known; a line that is no JSON may be anything."""
    with pytest.raises(MisreadError) as caught:
        read(written)
    assert (caught.value.member, caught.value.id) == (member, number)
