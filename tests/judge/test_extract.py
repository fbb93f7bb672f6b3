"""Where in a callback's fields something stands: what a path finds, and that other shapes are no error."""

from typing import Any

import pytest

from roomcheck.judge.route import extract
from roomcheck.spec.interface import Path

ROOM = Path((("room", False),))
USERS = Path((("users", True),))
USER_IDS = Path((("users", True), ("id", False)))
NESTED = Path((("room", False), ("users", True), ("id", False)))
PLAIN = Path((("room", False), ("id", False)))


@pytest.mark.parametrize(
    ("path", "fields", "found"),
    [
        (ROOM, {"room": "r"}, ["r"]),
        (ROOM, {}, []),
        (USERS, {"users": ["a", "b"]}, ["a", "b"]),
        (USERS, {"users": ("a",)}, ["a"]),
        (USERS, {"users": "ab"}, []),
        (USER_IDS, {"users": [{"id": "a"}, {"name": "b"}, "c", {"id": "d"}]}, ["a", "d"]),
        (USER_IDS, {"users": None}, []),
        (NESTED, {"room": {"users": [{"id": "a"}]}}, ["a"]),
        (NESTED, {"room": {"users": 7}}, []),
        (PLAIN, {"room": {"id": "r"}}, ["r"]),
        (PLAIN, {"room": "r"}, []),
    ],
)
def test_what_a_path_finds(path: Path, fields: dict[str, Any], found: list[Any]) -> None:
    """Every value that stands there; nothing where the fields have another shape."""
    assert extract(path, fields) == found
