"""Durations and numbers as a spec writes them: `90s`, `2 * notice_limit + 1s`, `T3 + 1.5 * heartbeat_timeout`.

A real grammar, exact fractions, and units that are checked; nothing is ever evaluated by Python. Columns of problems
count from 0 in the text of the expression.
"""

from collections.abc import Callable, Collection
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, NoReturn

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from roomcheck.model.names import did_you_mean
from roomcheck.model.time import UNITS

MAX_LENGTH = 200
MAX_MICROS = 2**53  # 285 years: every number up to here is exact in JSON readers that have floats only

GRAMMAR = r"""
?sum: product
    | sum "+" product      -> add
    | sum "-" product      -> subtract
?product: atom
    | product "*" atom     -> multiply
    | product "/" atom     -> divide
?atom: DURATION            -> duration
    | NUMBER               -> number
    | NAME                 -> name
    | "-" atom             -> negate
    | "(" sum ")"
?moment: NAME              -> label
    | moment "+" product   -> later
    | moment "-" product   -> earlier
DURATION: /[0-9]+(\.[0-9]+)? ?(us|ms|s|min|h)(?![A-Za-z0-9_.])/
NUMBER: /[0-9]+(\.[0-9]+)?/
NAME: /[A-Za-z_][A-Za-z0-9_]*/
%ignore /[ \t\n]+/
"""
_PARSER = Lark(GRAMMAR, parser="lalr", start=["sum", "moment"], propagate_positions=True)


class Quantity(NamedTuple):
    """Microseconds if it is a duration, else a plain number."""

    value: Fraction
    duration: bool

    def __str__(self) -> str:
        return "a duration" if self.duration else "a number"


class ExpressionError(Exception):
    """What is wrong: (column in the text from 0, message) of each; none if a name is broken where it is defined."""

    def __init__(self, misfits: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(message for _, message in misfits))
        self.misfits = misfits


class Names(NamedTuple):
    """What names mean. `find` gives None for a name whose own definition is broken."""

    known: Collection[str]
    find: Callable[[str], Quantity | None]


NOTHING = Names((), lambda _: None)


def evaluate(text: str, names: Names = NOTHING) -> Quantity:
    """The value of an expression, or ExpressionError."""
    tree = _parse(text, "sum")
    _check_names(tree, names)
    return _value(tree, names)


def duration(text: str, names: Names = NOTHING) -> Fraction:
    """Microseconds. A number is refused, except 0, which is 0 in any unit."""
    return _as_duration(evaluate(text, names), 0)


def moment(text: str, names: Names = NOTHING) -> tuple[str, Fraction]:
    """`LABEL`, `LABEL + duration ...` -> the label and the microseconds after it."""
    tree = _parse(text, "moment")
    label = tree
    while label.data != "label":
        label = label.children[0]  # type: ignore[assignment]  # the grammar puts the moment first
    _check_names(tree, names)
    offset = Fraction(0)
    while tree is not label:
        rest, term = tree.children
        assert isinstance(rest, Tree)
        assert isinstance(term, Tree)
        step = _as_duration(_value(term, names), _column(term))
        offset += step if tree.data == "later" else -step
        tree = rest
    if offset < 0:
        _refuse(0, "a step cannot begin before its label")
    return str(label.children[0]), offset


@lru_cache(4096)
def _parse(text: str, start: str) -> Tree[Token]:
    if len(text) > MAX_LENGTH:
        _refuse(0, f"longer than {MAX_LENGTH} characters")
    try:
        return _PARSER.parse(text, start=start)
    except UnexpectedInput as e:
        _refuse(*_misread(text, e, start))


def _misread(text: str, e: UnexpectedInput, start: str) -> tuple[int, str]:
    if isinstance(e, UnexpectedToken) and e.token.type == "$END":
        return len(text.rstrip()), "a number, a duration or a name is missing at the end"
    position = e.pos_in_stream or 0
    if start == "moment" and not text[:position].strip():
        return position, "a moment begins with a label, as in T3 + 2s"
    word = str(e.token) if isinstance(e, UnexpectedToken) else text[position]
    if isinstance(e, UnexpectedCharacters | UnexpectedToken) and word[0].isalpha() and text[:position][-1:].isdigit():
        return position, f"unknown unit {word!r}{did_you_mean(word, UNITS)}"
    return position, f"{word!r} does not belong here"


def _check_names(tree: Tree[Token], names: Names) -> None:
    """All unknown names of an expression at once."""
    unknown = [t.children[0] for t in tree.find_data("name") if t.children[0] not in names.known]
    if unknown:
        raise ExpressionError(
            [(_column(name), f"unknown name {str(name)!r}{did_you_mean(str(name), names.known)}") for name in unknown]
        )


def _value(tree: Tree[Token], names: Names) -> Quantity:
    text = str(tree.children[0])
    match tree.data:
        case "number":
            return Quantity(Fraction(text), duration=False)
        case "duration":
            unit = text.lstrip("0123456789. ")
            return Quantity(Fraction(text.removesuffix(unit).strip()) * UNITS[unit], duration=True)
        case "name":
            found = names.find(text)
            if found is None:
                raise ExpressionError([])
            return found
    operands = [_value(child, names) for child in tree.children if isinstance(child, Tree)]
    if tree.data == "negate":
        return Quantity(-operands[0].value, operands[0].duration)
    return _combine(tree, *operands)


def _combine(tree: Tree[Token], a: Quantity, b: Quantity) -> Quantity:
    match tree.data:
        case "add" | "subtract":
            if a.duration is not b.duration and a.value and b.value:
                _refuse(_column(tree), f"{a} and {b} cannot be added or subtracted; a unit is missing")
            value = a.value + b.value if tree.data == "add" else a.value - b.value
            return Quantity(value, a.duration or b.duration)
        case "multiply":
            if a.duration and b.duration:
                _refuse(_column(tree), "a duration times a duration is no duration")
            return Quantity(a.value * b.value, a.duration or b.duration)
    if b.value == 0:
        _refuse(_column(tree), "division by zero")
    if b.duration and not a.duration:
        _refuse(_column(tree), "a number cannot be divided by a duration")
    return Quantity(a.value / b.value, a.duration and not b.duration)


def _as_duration(quantity: Quantity, column: int) -> Fraction:
    if not quantity.duration and quantity.value:
        _refuse(column, f"a duration is wanted here, such as 90s; units: {', '.join(UNITS)}")
    if abs(quantity.value) > MAX_MICROS:
        _refuse(column, "longer than 285 years")
    return quantity.value


def _column(item: Tree[Token] | Token | object) -> int:
    meta = item.meta if isinstance(item, Tree) else item
    return int(getattr(meta, "start_pos", None) or 0)


def _refuse(column: int, message: str) -> NoReturn:
    raise ExpressionError([(column, message)])
