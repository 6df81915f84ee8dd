"""The part of the JSON Schema about events: kinds, tests on them, and blocks."""

from __future__ import annotations

from engine.rulebook.keys import BLOCK_KEYS, KIND_ALIASES, KINDS, STATUSES
from engine.rulebook.parse_incident import ACKED
from engine.rulebook.schema_shapes import SCALAR, TEXT, Schema, an_object, list_of, one_or_list, properties, ref

__all__ = ["conditions"]


def conditions() -> Schema:
    """Return the definitions of what says which events a rule looks at."""
    states = [f"session.{status}" for status in STATUSES]
    kinds = [
        {"enum": [*KINDS, *KIND_ALIASES, *states]},
        {"type": "string", "pattern": r"^(rule|engine|capture)\..+$"},
    ]
    needle: Schema = {"type": ["string", "number", "boolean"], "minLength": 1}
    number: Schema = {"type": "number"}
    where: Schema = {
        **{name: number for name in ("gt", "gte", "lt", "lte")},
        "ne": SCALAR,
        "in": list_of(SCALAR),
        "exists": {"type": "boolean"},
        "regex": needle,
        "glob": needle,
    }
    return {
        "when": one_or_list({"anyOf": kinds}),
        "until": one_or_list({"anyOf": [{"const": ACKED}, *kinds]}),
        "state": {"enum": states},
        "needles": one_or_list(needle),
        "where": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [SCALAR, list_of(SCALAR), an_object(where)]},
        },
        "block": an_object(properties(BLOCK_KEYS)),
        "blocks": list_of(ref("block")),
        "block_or_blocks": {"anyOf": [ref("block"), list_of(ref("block"))]},
        "classify": {
            "type": "object",
            "minProperties": 1,
            "properties": {"else": TEXT},
            "additionalProperties": ref("block"),
        },
        "unless": {"anyOf": [ref("state"), ref("block")]},
        "dedup": {"anyOf": [ref("duration"), an_object({"key": ref("expressions"), "for": ref("duration")}, "for")]},
    }
