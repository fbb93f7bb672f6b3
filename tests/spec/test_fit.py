"""What does not fit a shape, in words."""

from typing import Annotated

from pydantic import BaseModel, Field

from roomcheck.spec.fit import fit
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import read


class Room(BaseModel):
    name: Annotated[str, Field(pattern="^[a-z]+$")]


def test_what_has_no_words_of_ours_is_said_in_those_of_the_library() -> None:
    """A shape may ask for more than there are words for."""
    problems = Problems()

    assert fit(Room, read("name: R2\n", "room.yaml"), problems) is None
    assert [(p.line, p.column) for p in problems.found] == [(1, 7)]
    assert "String should match pattern" in problems.found[0].message
