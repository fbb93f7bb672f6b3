"""From a node to a shape: every mistake is a problem with its place, and what was probably meant."""

from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from roomcheck.model.names import did_you_mean
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import Node
from roomcheck.spec.where import Where

Model = TypeVar("Model", bound=BaseModel)
# What a place could have, whichever way it is read, with what was found there, and what was probably meant.
Misfits = dict[tuple[Where, str], tuple[list[str], list[str]]]


def fit(model: type[Model], node: Node, problems: Problems) -> Model | None:
    """The node as a model; None if what is left of it makes no whole.

    What does not fit is reported and cut out of the node, so that the rest can be looked at.
    """
    schema: dict[str, Any] = {}
    blank: set[str] = set()
    while True:
        try:
            return model.model_validate(node.plain())
        except ValidationError as e:
            errors = e.errors(include_url=False)
        if not schema:
            schema = model.model_json_schema()
            misfits: Misfits = {}
            for error in errors:
                _report(error, node, schema, problems, misfits)
            for (where, found), (wanted, hints) in misfits.items():
                problems.add(where, f"expected {' or '.join(dict.fromkeys(wanted))}, found {found}{''.join(hints)}")
        for path in sorted({_path(error, node) for error in errors}, key=_innermost, reverse=True):
            if path:
                _cut(node, path, problems.lost)
            elif not _fill_in(node, errors, blank):
                return None


def _fill_in(node: Node, errors: list[Any], blank: set[str]) -> bool:
    """Empty text for the keys that the whole file misses; False if that does not help."""
    missing = {str(error["loc"][0]) for error in errors if error["type"] == "missing" and len(error["loc"]) == 1}
    if not missing - blank:
        return False
    blank |= missing
    cast("dict[str, Node]", node.value).update({key: Node(node.where, "") for key in missing})
    return True


def _path(error: Any, node: Node) -> tuple[str | int, ...]:
    """What to cut out for an error: the longest part of its place that is there."""
    path: list[str | int] = []
    for step in error["loc"]:
        child = node.child(step)
        if child is None:
            break
        path.append(step)
        node = child
    return tuple(path)


def _innermost(path: tuple[str | int, ...]) -> tuple[int, list[str]]:
    """Deeper places are cut first, and later items of a list before earlier ones, so that indexes stay true."""
    return len(path), [f"{step:>09}" for step in path]


def _cut(node: Node, path: tuple[str | int, ...], lost: set[str]) -> None:
    parent = node
    for step in path[:-1]:
        parent = parent.child(step) or parent
    children = cast("dict[str | int, Node]", parent.value)  # or a list
    lost.update(_words(children[path[-1]]), [str(path[-1])])
    del children[path[-1]]


def _words(node: Node) -> set[str]:
    """Every name in a node that is cut out."""
    if isinstance(node.value, dict):
        return set(node.value).union(*(_words(child) for child in node.value.values()))
    if isinstance(node.value, list):
        return set().union(*(_words(child) for child in node.value))
    return {node.value} if isinstance(node.value, str) else set()


def _report(error: Any, root: Node, schema: dict[str, Any], problems: Problems, misfits: Misfits) -> None:
    loc, kind, found = error["loc"], error["type"], error["input"]
    node = root.at(loc)
    match kind:
        case "missing":
            problems.add(node.where, f"{loc[-1]!r} is missing here")
        case "extra_forbidden":
            parent = root.at(loc[:-1])
            problems.unknown(parent.key(str(loc[-1])), "key", str(loc[-1]), _keys(schema, loc[:-1]))
        case "literal_error":
            wanted = error["ctx"]["expected"]
            words = [word.strip("'") for word in wanted.replace(" or ", ", ").split(", ")]
            hint = did_you_mean(found, words) if isinstance(found, str) and len(words) > 1 else ""
            wanted_here, hints = misfits.setdefault((node.where, show(found)), ([], []))
            wanted_here.append(wanted)
            hints += [hint] if "did you mean" in hint else []
        case "value_error":
            problems.add(node.where, str(error["ctx"]["error"]))
        case _:
            if kind in _WANTED:
                misfits.setdefault((node.where, show(found)), ([], []))[0].append(_WANTED[kind])
            else:
                problems.add(node.where, error["msg"])


_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "too_short": "at least one",
    "too_long": "only one",
    "greater_than": "a number above 0",
}


def show(value: Any) -> str:
    """A value as a message names it."""
    if isinstance(value, dict | list):
        kind = "map" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    return "nothing" if value is None else repr(value)


def _keys(schema: dict[str, Any], loc: tuple[str | int, ...]) -> set[str]:
    """The keys that the model knows at a place."""
    nodes = _expand(schema, schema)
    for step in loc:
        steps = []
        for node in nodes:
            below = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
            steps.append(below or node.get("additionalProperties"))
        nodes = [n for below in steps if isinstance(below, dict) for n in _expand(below, schema)]
    return {key for node in nodes for key in node.get("properties", {})}


def _expand(node: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema's alternatives, references followed."""
    if "$ref" in node:
        return _expand(root["$defs"][node["$ref"].rpartition("/")[2]], root)
    return [n for part in node["anyOf"] for n in _expand(part, root)] if "anyOf" in node else [node]
