"""What was read from a file that somebody else may have written or damaged."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from roomcheck.model.names import nearest
from roomcheck.model.plain import Plain

T = TypeVar("T", bound=Plain)


def made(cls: type[T], data: Mapping[str, Any]) -> T:
    """The value with these fields. ValueError names those that are missing or unknown, or have the wrong type."""
    names = {f.name: f.default is MISSING and f.default_factory is MISSING for f in fields(cls)}  # type: ignore[arg-type]
    if unknown := [name for name in data if name not in names]:
        near = nearest(unknown[0], [name for name in names if name not in data])
        hint = f"; did you mean {near!r}?" if near else f": {', '.join(names)}"
        raise ValueError(f"{unknown[0]!r} is none of its fields{hint}")
    if missing := [name for name, needed in names.items() if needed and name not in data]:
        raise ValueError(f"there is no {missing[0]!r}")
    return checked(cls(**data))


def checked(value: T) -> T:
    """An equal value. ValueError names the field of it, or of what it holds, that has another type than declared."""
    kind: Any = type(value)
    try:
        same: T = _adapter(kind).validate_python(value)
    except ValidationError as e:
        # of a union the branch that was meant is the one that came furthest
        problem = max(e.errors(), key=lambda error: len(error["loc"]))
        where = ".".join(str(part) for part in problem["loc"])
        raise ValueError(f"{where}: {problem['msg']}, not {str(problem['input'])[:80]!r}") from e
    return same


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)
