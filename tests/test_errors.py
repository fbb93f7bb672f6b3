"""Errors carry the exit code of who must act."""

from roomcheck import errors
from roomcheck.errors import Problem, RoomcheckError, SpecError


def test_each_error_has_its_exit_code() -> None:
    """Usage, specs and targets 4, adapters 3, the harness 5."""
    kinds = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, RoomcheckError)
    }
    assert kinds == {
        "RoomcheckError": 5, "UsageError": 4, "SpecError": 4, "AdapterError": 3, "TargetError": 4, "HarnessError": 5,
    }  # fmt: skip


def test_a_spec_error_lists_every_problem_in_the_order_of_the_file() -> None:
    """file:line:column: message, one a line."""
    error = SpecError([Problem("a.yaml", 9, 1, "second"), Problem("a.yaml", 2, 7, "first")])
    assert str(error) == "a.yaml:2:7: first\na.yaml:9:1: second"
