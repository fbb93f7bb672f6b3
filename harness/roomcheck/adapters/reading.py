"""A line of an adapter, read as a message whatever an SDK has put into it.

What JSON allows and Python, a file or another reader does not bear is made a text that says what was there: a lone
surrogate, a number that is none or has a thousand digits, lists in lists without end. Such a value fits no contract, so
whoever was told it is judged by it. Where a line is no message, whom it concerns is said if it can be known, so that
one odd callback costs one member its case and not all of them the adapter.
"""

import json
import math
import re
from typing import Any

from pydantic import ValidationError

from roomcheck.adapters.messages import INCOMING, Event, Incoming, Log, Result

DEEP = 50  # lists in lists; no SDK's callback has more than a few
DIGITS = 100
_SURROGATE = re.compile("[\ud800-\udfff]")
_MEMBER = re.compile(rb'"member"\s*:\s*"([^"\\]*)"')


class MisreadError(Exception):
    """A line that is no message, and why. `member` or `id`: whose event or result it would have been, if known."""

    def __init__(self, problem: str, member: str | None = None, id: int | None = None) -> None:  # noqa: A002
        super().__init__(problem)
        self.member = member
        self.id = id


def read(line: bytes) -> Incoming:
    """The message. MisreadError if it is none."""
    try:
        message = INCOMING.validate_json(line)
    except ValidationError as e:
        return _read_closely(line, e)
    match message:
        case Event() | Result():
            message.fields = cleaned(message.fields)
        case Log():
            pass
    return message


def _read_closely(line: bytes, error: ValidationError) -> Incoming:
    try:
        plain = json.loads(line, parse_int=_number)
    except ValueError:  # UnicodeDecodeError is one
        raise MisreadError(problem_of(error)) from None
    except RecursionError:
        named = _MEMBER.search(line)
        raise MisreadError("it is nested too deeply", named[1].decode() if named else None) from None
    if not isinstance(plain, dict):
        raise MisreadError(problem_of(error))
    kind, member, number = plain.get("type"), plain.get("member"), plain.get("id")
    try:
        return INCOMING.validate_python(cleaned(plain))
    except ValidationError as e:
        raise MisreadError(
            problem_of(e),
            member if kind == "event" and isinstance(member, str) else None,
            number if kind == "result" and type(number) is int else None,
        ) from None


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS else f"a number of {len(digits)} digits"


def cleaned(value: Any, deep: int = DEEP) -> Any:
    """The value, with a text in place of what JSON, UTF-8 or a reader of either cannot hold."""
    match value:
        case bool() | None:
            return value
        case str():
            return _text(value)
        case int():
            return value if value.bit_length() < 3 * DIGITS else f"a number of {value.bit_length()} bits"
        case float():
            return value if math.isfinite(value) else str(value)
        case dict() | list() if not deep:
            return "nested too deeply"
        case dict():
            return {_text(name): cleaned(each, deep - 1) for name, each in value.items()}
        case list():
            return [cleaned(each, deep - 1) for each in value]
        case _:
            return value


def _text(text: str) -> str:
    """With lone surrogates as they are escaped: no file, and no terminal, takes them as they are."""
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if not text.isascii() else text


def problem_of(error: ValidationError) -> str:
    """The first thing that does not fit, and where; what cannot be seen is written as an escape."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    text = f"{where}: {problem['msg']}" if where else problem["msg"]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
