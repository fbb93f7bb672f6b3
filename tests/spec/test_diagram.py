"""The picture is made from the rules."""

from pathlib import Path

import pytest

from roomcheck.errors import UsageError
from roomcheck.spec.diagram import diagram
from roomcheck.spec.load import load_spec

SPECS = Path(__file__).parents[1] / "specs"
TWO = load_spec((SPECS / "two-state.yaml").read_text(encoding="utf-8"), "two-state.yaml").bind()
EVERY = load_spec((SPECS / "every-construct.yaml").read_text(encoding="utf-8"), "every-construct.yaml").bind()


def test_a_view_is_its_rules() -> None:
    """One edge for each pair of states, with all causes."""
    assert diagram(TWO, "connection") == (
        "stateDiagram-v2\n"
        "  state connection {\n"
        '    state "gone" as connection_gone\n'
        '    state "here" as connection_here\n'
        "    [*] --> connection_gone\n"
        "    connection_gone --> connection_here: enter\n"
        "    connection_here --> connection_gone: leave, link down\n"
        "  }\n"
    )


def test_all_views_stand_side_by_side() -> None:
    """Their states have names of their own, and what is silent or optional says so."""
    text = diagram(EVERY)

    assert "state connection {" in text
    assert "connection_LOST --> connection_OUT: server down (silent, optional)" in text
    assert "state presence {" in text


def test_an_unknconnection_view_is_refused() -> None:
    """With a hint."""
    with pytest.raises(UsageError, match="no view 'conection'; did you mean 'connection'"):
        diagram(TWO, "conection")
