"""The words of a hand-written test against its contract: every one that does not fit is a UsageError that says so."""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from roomcheck.errors import UsageError
from roomcheck.model.names import did_you_mean
from roomcheck.spec import expressions
from roomcheck.spec.contract import Contract, View
from roomcheck.spec.expressions import ExpressionError, Names, Quantity
from roomcheck.spec.interface import Operation

ROOM = "R"  # where no room is named


def known(name: str, names: Collection[str], what: str) -> str:
    """The name, if it is one of these."""
    __tracebackhide__ = True
    if name not in names:
        raise UsageError(f"unknown {what} {name!r}{did_you_mean(str(name), names)}")
    return name


def micros(contract: Contract, text: Any) -> int:
    """`1.5 * heartbeat_timeout`, `20s`: documented time -> microseconds of this run."""
    __tracebackhide__ = True
    if not isinstance(text, str):
        raise UsageError(f"{text!r} is no duration: write a text, such as '60s' or '1.5 * heartbeat_timeout'")

    def find(name: str) -> Quantity:
        return Quantity(contract.constants[name] * Fraction(contract.scale), duration=True)

    try:
        exact = expressions.duration(text, Names(contract.constants, find))
    except ExpressionError as e:
        raise UsageError(f"{text!r}: {e}") from e
    if exact < 0:
        raise UsageError(f"{text!r} is negative")
    return round(exact / Fraction(contract.scale))


def operation(contract: Contract, name: str, *, admin: bool) -> Operation:
    """A member's operation, or an act of the backend."""
    __tracebackhide__ = True
    names = {n for n, o in contract.operations.items() if o.admin is admin}
    known(name, names, "act of the backend" if admin else "operation")
    if name in contract.lacks:
        raise UsageError(f"this room does not have {name}")
    return contract.operations[name]


def arguments(called: Operation, given: Mapping[str, Any], users: Collection[str]) -> dict[str, Any]:
    """Every argument of a call: what is given, else the room R, else the first lawful value."""
    __tracebackhide__ = True
    defaults = {**dict.fromkeys(called.rooms, ROOM), **{name: lawful[0] for name, lawful in called.args.items()}}
    for name in given:
        known(name, {*defaults, *called.users}, f"argument of {called.name}")
    for name in called.users:
        if name not in given:
            raise UsageError(f"{called.name} needs {name!r}: a user")
        known(given[name], users, "user")
    for name, lawful in called.args.items():
        if name in given and given[name] not in lawful:
            known(str(given[name]), [str(value) for value in lawful], f"value of {name}")
    return {**defaults, **given}


def named(contract: Contract, name: str, *, about_others: bool) -> Sequence[tuple[View, str, Mapping[str, Any]]]:
    """What a state, or what is told of one, is in the views of that kind: as in a line of a scenario."""
    __tracebackhide__ = True
    views = [v for v in contract.views if (v.hearing is not None) is about_others]
    known(name, {word for v in views for word in v.named}, "state")
    return [(v, *v.named[name]) for v in views if name in v.named]


def inside(contract: Contract) -> Sequence[str]:
    """The states of a member that is in a room: those in which it hears of the others."""
    return [state for view in contract.views if view.hearing for state in sorted(view.hearing.states)]


def way_in(contract: Contract) -> str:
    """The operation by which a member comes into a room."""
    __tracebackhide__ = True
    from roomcheck.generate.strategies import entries  # noqa: PLC0415  Hypothesis takes 200 ms to import

    ways = [name for name in contract.operations if name in entries(contract) and name not in contract.lacks]
    if not ways:
        raise UsageError(f"{contract.spec}: no operation brings a member in; use room.call")
    return ways[0]
