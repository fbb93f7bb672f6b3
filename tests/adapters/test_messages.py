"""The messages' types and the published schema say the same."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from roomcheck.adapters.messages import INCOMING, REQUESTS, Info, schema_text, schemas
from roomcheck.adapters.page import EXAMPLES, INFO, page_text

FILE = Path(__file__).parents[2] / "specs" / "schema" / "adapter-protocol.schema.json"
REQUEST_FIELDS: dict[str, dict[str, Any]] = {
    "hello": {"protocol": [1, 1], "harness": "0.1.0", "constants": {"beat": 1}},
    "begin": {"case": "back/cut"},
    "open": {"member": "1.A", "user": "a-1", "endpoints": {"room": "127.0.0.1:1"}},
    "call": {"member": "1.A", "operation": "loginRoom", "arguments": {"room": "r-1"}},
    "admin": {"operation": "kick", "arguments": {"user": "a-1"}},
    "state": {"member": "1.A"},
    "barrier": {},
    "ping": {"nonce": 1},
    "close": {"member": "1.A"},
    "end": {"case": "back/cut"},
    "bye": {},
}
GOOD: list[dict[str, Any]] = [
    {"type": "result", "id": 1, "status": "ok"},
    {"type": "result", "id": 1, "status": "refused", "fields": {"errorCode": 1}, "time": 5, "later": "ignored"},
    {"type": "event", "member": "1.A", "n": 1, "time": 5, "callback": "on", "fields": {}, "raw": [None]},
    {"type": "log", "text": "hm"},
]
BAD: list[dict[str, Any]] = [
    {"type": "result", "id": 1, "status": "fine"},
    {"type": "result", "status": "ok"},
    {"type": "event", "member": "1.A", "n": 0, "time": 5, "callback": "on", "fields": {}},
    {"type": "event", "member": "1.A", "n": 1, "time": 5.5, "callback": "on", "fields": {}},
    {"type": "event", "member": "1.A", "n": 1, "time": 5, "callback": "on", "fields": []},
    {"type": "shout", "text": "hm"},
    {"text": "hm"},
]


def test_the_checked_in_schema_is_current() -> None:
    """specs/schema/adapter-protocol.schema.json is what `schema_text()` gives now; write that to the file."""
    assert FILE.read_text(encoding="utf-8") == schema_text()


def test_the_page_is_current() -> None:
    """specs/schema/adapter-protocol.md is what `page_text()` gives now; write that to the file."""
    assert FILE.with_name("adapter-protocol.md").read_text(encoding="utf-8") == page_text()


def test_the_examples_of_the_page_fit_the_schema() -> None:
    """There is one for each message, and a stranger's validator accepts it."""
    everything = schemas()
    for model, fields in EXAMPLES.items():
        message = {"type": model.model_fields["type"].annotation.__args__[0], **fields}  # type: ignore[union-attr]
        jsonschema.validate(message, everything)
        model.model_validate(message)
    Info.model_validate(INFO)

    assert {m.__name__ for m in EXAMPLES} == set(everything["$defs"]) - {"Info", "ToAdapter", "FromAdapter"}


def test_the_schema_is_one() -> None:
    """The published file is itself a lawful JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(schemas())


@pytest.mark.parametrize("kind", REQUESTS)
def test_requests_fit_the_schema(kind: str) -> None:
    """What the harness sends is what the schema promises, with `type` and `id`."""
    line = REQUESTS[kind](id=1, **REQUEST_FIELDS[kind]).model_dump_json()

    message = json.loads(line)
    jsonschema.validate(message, schemas())
    assert (message["type"], message["id"]) == (kind, 1)


@pytest.mark.parametrize("message", GOOD)
def test_good_messages(message: dict[str, Any]) -> None:
    """What the schema allows is understood, and unknown fields are ignored."""
    jsonschema.validate(message, schemas())

    assert INCOMING.validate_json(json.dumps(message)).type == message["type"]


@pytest.mark.parametrize("message", BAD)
def test_bad_messages(message: dict[str, Any]) -> None:
    """What the harness refuses, the schema refuses too."""
    with pytest.raises(ValueError, match="validation error"):
        INCOMING.validate_json(json.dumps(message))

    assert not jsonschema.Draft202012Validator(schemas()).is_valid(message)
