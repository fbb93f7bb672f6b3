"""JSON Schemas of everything that a person writes in YAML, for editors."""

from typing import Any

from roomcheck.spec.reader import MORE
from roomcheck.spec.shape import KnownShape, ScheduleShape, SpecShape, TargetShape

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> JSON Schema of everything that a person writes in YAML."""
    spec = SpecShape.model_json_schema()
    defs = spec.pop("$defs")
    full = {**spec, "title": "A contract"}
    more = {f"{MORE}{name}": True for name, field in spec["properties"].items() if field.get("type") == "array"}
    overlay = {"properties": dict.fromkeys(spec["properties"], True) | more, "additionalProperties": False}
    return {
        "spec.schema.json": {
            "$schema": DIALECT,
            "title": "roomcheck: a contract, or a file that extends one",
            "if": {"required": ["extends"]},
            "then": {**overlay, "required": ["spec", "extends"]},
            "else": full,
            "$defs": defs,
        },
        "target.schema.json": {
            "$schema": DIALECT,
            **TargetShape.model_json_schema(),
            "title": "roomcheck: a room to test",
        },
        "schedule.schema.json": {
            "$schema": DIALECT,
            **ScheduleShape.model_json_schema(),
            "title": "roomcheck: a schedule to replay",
        },
        "known-failures.schema.json": {
            "$schema": DIALECT,
            **KnownShape.model_json_schema(),
            "title": "roomcheck: what a room is known to break",
        },
    }
