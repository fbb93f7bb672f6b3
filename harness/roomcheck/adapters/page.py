"""The protocol's page for people, made from the same types as the schema and the checks."""

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from roomcheck.adapters.messages import REQUESTS, Dial, Event, Info, Log, Result, schemas

HEAD = """\
# The adapter protocol, version 1: every message

Made from `harness/roomcheck/adapters/messages.py`; a test holds it to that. [The schema](adapter-protocol.schema.json)
says the same to machines, and `harness/roomcheck/adapters/README.md` what a good adapter does beyond the form.

One JSON object is one line (or one message of a WebSocket), UTF-8, at most 1 MiB. Fields that are not listed here are
ignored by both sides. `*` marks what must be there.
"""
EXAMPLES: Mapping[type[BaseModel], Mapping[str, Any]] = {
    REQUESTS["hello"]: {"id": 1, "protocol": [1, 1], "harness": "0.1.0", "constants": {"heartbeat_timeout": 900_000}},
    REQUESTS["begin"]: {"id": 2, "case": "back/cut"},
    REQUESTS["open"]: {"id": 3, "member": "17.A", "user": "a-17", "endpoints": {"room": "127.0.0.1:20417"}},
    REQUESTS["call"]: {"id": 4, "member": "17.A", "operation": "login", "arguments": {"room": "r-17"}},
    REQUESTS["admin"]: {
        "id": 5, "operation": "kick", "arguments": {"user": "a-17"}, "endpoints": {"room": "127.0.0.1:4000"}
    },
    REQUESTS["state"]: {"id": 6, "member": "17.A"},
    REQUESTS["barrier"]: {"id": 7, "member": None},
    REQUESTS["ping"]: {"id": 8, "nonce": 12},
    REQUESTS["close"]: {"id": 9, "member": "17.A"},
    REQUESTS["end"]: {"id": 10, "case": "back/cut"},
    REQUESTS["bye"]: {"id": 11},
    Result: {"id": 4, "status": "refused", "fields": {"code": 33}},
    Event: {"member": "17.A", "n": 1, "time": 81_230_417, "callback": "onState", "fields": {"state": "joined"}},
    Log: {"text": "the SDK writes its own log to /tmp/sdk.log"},
    Dial: {"token": "the one that the harness gave"},
}  # fmt: skip
INFO = {
    "protocol": 1,
    "implementation": {"name": "some-room", "version": "2.1"},
    "capabilities": {"operations": ["login"], "admin": ["kick"], "state": True},
    "endpoints": ["room"],
    "clock": "monotonic",
}


def page_text() -> str:
    """The file specs/schema/adapter-protocol.md."""
    return "\n".join([HEAD, *_parts()])


def _parts() -> Iterator[str]:
    shapes = schemas()["$defs"]
    yield "## From the harness\n\nEach is answered by one `result` with its `id`.\n"
    yield from (_message(model, shapes) for model in REQUESTS.values())
    yield "## From the adapter\n"
    yield from (_message(model, shapes) for model in (Result, Event, Log, Dial))
    yield "## The fields of hello's result\n\n" + _table(shapes[Info.__name__]) + _example(INFO)


def _message(model: type[BaseModel], shapes: Mapping[str, Any]) -> str:
    shape = shapes[model.__name__]
    kind = shape["properties"]["type"]["const"]
    example = {"type": kind, **EXAMPLES[model]}
    return f"### `{kind}`\n\n{inspect.cleandoc(model.__doc__ or '')}\n\n{_table(shape)}{_example(example)}"


def _table(shape: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}`{'*' if name in shape['required'] else ''} | {_type(field)} | {field.get('description', '')} |\n"
        for name, field in shape["properties"].items()
        if name != "type"
    ]
    return "| field | type | |\n|---|---|---|\n" + "".join(rows)


def _example(message: Mapping[str, Any]) -> str:
    return f"\n```json\n{json.dumps(message)}\n```\n"


def _type(field: Mapping[str, Any]) -> str:
    """A schema in a word or two."""
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    match field.get("type"):
        case "array":
            return f"list of {_type(field.get('items', {}))}"
        case "object":
            inner = field.get("additionalProperties")
            return f"object of {_type(inner)}" if isinstance(inner, dict) else "object"
        case None:
            return "anything"
        case kind:
            return str(kind)
