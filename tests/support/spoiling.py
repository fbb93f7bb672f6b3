"""Lines of JSON as a disk, an editor or somebody else's program may leave them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "A", "R", "\ud800", [], [1], [2, 1], {},
    {"a": 1}, [[[]]], "cut", "trace", "end",
)  # fmt: skip
DEEP = "[" * 100_000


def _places(value: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to everything that an object holds."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*way, key)
        yield from _places(child, (*way, key))


@st.composite
def spoilt(draw: st.DrawFn, whole: Sequence[str]) -> list[str]:
    """These lines with one value changed or left out, or one line doubled, lost, cut or made into something else."""
    lines = list(whole)
    number = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["value", "value", "value", "gone", "doubled", "lost", "cut", "other"])):
        case "doubled":
            lines.insert(draw(st.integers(0, len(lines))), lines[number])
        case "lost":
            del lines[number]
        case "cut":
            lines[number] = lines[number][: draw(st.integers(0, len(lines[number])))]
        case "other":
            lines[number] = draw(st.sampled_from([DEEP, "[]", "5", '"x"', "null", "\0", '{"record": []}', "{}"]))
        case change:
            data = json.loads(lines[number])
            *way, last = draw(st.sampled_from(list(_places(data))))
            place = data
            for step in way:
                place = place[step]
            if change == "gone":
                del place[last]
            else:
                place[last] = draw(st.sampled_from(ODD))
            lines[number] = json.dumps(data)
    return lines
