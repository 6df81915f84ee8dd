"""The bricks of the JSON Schema: references, objects, lists, and the scalars of the rule language."""

from __future__ import annotations

from typing import Any

from engine.rulebook.keys import PARTIALS, SEVERITIES, Key

__all__ = ["COUNT", "SCALAR", "TEXT", "Schema", "an_object", "list_of", "one_or_list", "properties", "ref", "scalars"]

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "number", "boolean"]}
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}


def ref(name: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/definitions/{name}"}


def an_object(fields: Schema, *required: str) -> Schema:
    """Return an object with at least one of these fields and no other."""
    shape: Schema = {"type": "object", "properties": fields, "additionalProperties": False, "minProperties": 1}
    return {**shape, "required": list(required)} if required else shape


def list_of(entry: Schema) -> Schema:
    """Return a list that is not empty."""
    return {"type": "array", "items": entry, "minItems": 1}


def one_or_list(entry: Schema) -> Schema:
    """Return the entry, or a list of it."""
    return {"anyOf": [entry, list_of(entry)]}


def properties(keys: dict[str, Key]) -> Schema:
    """Return the keys with what the table says of them."""
    return {name: _property(key) for name, key in keys.items()}


def _property(key: Key) -> Schema:
    # In draft-07 whatever stands beside $ref is ignored, so the reference is wrapped.
    found: Schema = {"allOf": [ref(key.shape)], "description": key.meaning}
    if key.examples:
        found["examples"] = list(key.examples)
    return found


def scalars() -> Schema:
    """Return the definitions of scalars and lists of them."""
    return {
        "name": {"type": ["string", "number"], "pattern": r"^[^\s/:]{1,80}$"},
        "text": TEXT,
        "texts": one_or_list(TEXT),
        "flag": {"type": "boolean"},
        "severity": {"enum": list(SEVERITIES)},
        "case": {"enum": ["ignore", "exact"]},
        "partials": {"enum": list(PARTIALS)},
        "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "duration": {"type": "string", "pattern": r"^\s*(\d+(ms|[wdhms])\s*)+$"},
        "offset": {"type": "string", "pattern": r"^\s*((\d+(ms|[wdhms])\s*)+|\d{1,2}:\d{2}:\d{2}(\.\d{1,3})?)$"},
        "limit": {"type": "string", "pattern": r"^\s*\d+\s*/\s*\S+\s*$"},
        "hours": {
            "anyOf": [
                one_or_list({"type": "string"}),
                an_object({"hours": ref("texts"), "days": ref("texts"), "zone": {"type": "string"}}),
            ]
        },
        "expression": {"type": "string", "minLength": 1},
        "expressions": one_or_list({"type": "string", "minLength": 1}),
        "template": TEXT,
        "file_name": {"type": "string", "pattern": r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"},
    }
