"""The JSON Schema of a rule file, for editors: what the table of keys says, in draft-07 shapes.

It refuses misspelled keys and wrong forms while typing. What needs more than the shape (expressions, regexes, names of
other rules) stays with the parser.
"""

from __future__ import annotations

from typing import Any

from engine.model.match import Reason
from engine.rulebook.keys import (
    BLOCK_KEYS,
    DEFAULT_KEYS,
    FILE_KEYS,
    KIND_ALIASES,
    KINDS,
    PARTIALS,
    RULE_KEYS,
    SEVERITIES,
    STATUSES,
    Key,
)

__all__ = ["json_schema"]

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_SEEN = ("transcript", "screen", "visual_index", "scene_index", "audio", "audio_index", "alert")
_COUNT: Schema = {"type": "integer", "minimum": 0}


def json_schema() -> Schema:
    """Return a new draft-07 schema that accepts one rule, or a file with `rules:`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules of capture-rules",
        "type": "object",
        "if": {"required": ["rules"]},
        "then": _ref("file"),
        "else": _ref("rule"),
        "defaultSnippets": _snippets(),
        "definitions": {**_scalars(), **_conditions(), **_actions(), **_tests(), **_places()},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _object(properties: Schema, *required: str) -> Schema:
    shape: Schema = {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}
    return {**shape, "required": list(required)} if required else shape


def _one_or_list(entry: Schema) -> Schema:
    return {"anyOf": [entry, {"type": "array", "items": entry, "minItems": 1}]}


def _list(entry: Schema) -> Schema:
    return {"type": "array", "items": entry, "minItems": 1}


def _property(key: Key) -> Schema:
    # In draft-07 whatever stands beside $ref is ignored, so the reference is wrapped.
    found: Schema = {"allOf": [_ref(key.shape)], "description": key.meaning}
    if key.examples:
        found["examples"] = list(key.examples)
    return found


def _properties(keys: dict[str, Key]) -> Schema:
    return {name: _property(key) for name, key in keys.items()}


def _scalars() -> Schema:
    return {
        "name": {"type": ["string", "number"], "pattern": r"^[^\s/:]{1,80}$"},
        "text": _TEXT,
        "texts": _one_or_list(_TEXT),
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
                _one_or_list({"type": "string"}),
                _object({"hours": _ref("texts"), "days": _ref("texts"), "zone": {"type": "string"}}),
            ]
        },
        "expression": {"type": "string", "minLength": 1},
        "expressions": _one_or_list({"type": "string", "minLength": 1}),
        "template": _TEXT,
        "file_name": {"type": "string", "pattern": r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"},
    }


def _conditions() -> Schema:
    words = [*KINDS, *KIND_ALIASES, *(f"session.{status}" for status in STATUSES)]
    scalar: Schema = {"type": ["string", "number", "boolean", "null"]}
    needle: Schema = {"type": ["string", "number", "boolean"], "minLength": 1}
    number: Schema = {"type": "number"}
    where: Schema = {
        **{name: number for name in ("gt", "gte", "lt", "lte")},
        "ne": scalar,
        "in": _list(scalar),
        "exists": {"type": "boolean"},
        "regex": needle,
        "glob": needle,
    }
    return {
        "when": _one_or_list({"anyOf": [{"enum": words}, {"type": "string", "pattern": r"^(rule|engine)\..+$"}]}),
        "needles": _one_or_list(needle),
        "where": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [scalar, _list(scalar), _object(where)]},
        },
        "block": _object(_properties(BLOCK_KEYS)),
        "blocks": _list(_ref("block")),
        "block_or_blocks": {"anyOf": [_ref("block"), _list(_ref("block"))]},
        "classify": {
            "type": "object",
            "minProperties": 1,
            "properties": {"else": _TEXT},
            "additionalProperties": _ref("block"),
        },
        "unless": {"anyOf": [{"enum": [f"session.{status}" for status in STATUSES]}, _ref("block")]},
        "dedup": {"anyOf": [_ref("duration"), _object({"key": _ref("expressions"), "for": _ref("duration")}, "for")]},
    }


def _actions() -> Schema:
    fields: Schema = {"type": "object", "minProperties": 1, "additionalProperties": _ref("template")}
    return {"emit": {"anyOf": [{"type": "boolean"}, fields]}}


def _tests() -> Schema:
    given = {
        "at": _ref("offset"),
        **dict.fromkeys(_SEEN, _TEXT),
        "session": {"enum": list(STATUSES)},
        "raw": {"type": "object", "minProperties": 1},
        "engine": {"enum": ["restart", "reload"]},
        "end": _ref("offset"),
        "final": {"type": "boolean"},
        "stream": _TEXT,
        "data": {"type": "object", "minProperties": 1},
        "late": _ref("offset"),
        "dup": {"type": "boolean"},
    }
    words = {"anyOf": [_TEXT, _object({"contains": _ref("texts"), "equals": _TEXT, "matches": _TEXT})]}
    expect = {
        **{name: _COUNT for name in ("fires", "deferred", "retracted")},
        "fires_at": _one_or_list(_ref("offset")),
        "group": {"type": ["string", "number", "boolean", "null"]},
        "severity": _ref("severity"),
        "routes": _ref("texts"),
        "suppressed": _object({reason.value: _COUNT for reason in Reason}),
        "message": words,
        "title": words,
    }
    test = {
        "name": _TEXT,
        "given": _list(_object(given, "at")),
        "until": _ref("offset"),
        "expect": {"anyOf": [{"enum": ["never"]}, _COUNT, _object(expect)]},
        "same_under": _one_or_list({"enum": ["duplicates", "shuffle", "restart", "reload"]}),
        "start": {"type": "string"},
    }
    return {"tests": _list(_object(test, "given", "expect"))}


def _places() -> Schema:
    scalar: Schema = {"type": ["string", "number", "boolean", "null"]}
    variables: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [scalar, {"type": "array", "items": scalar}]},
        "description": FILE_KEYS["vars"],
    }
    one = _properties(RULE_KEYS)
    return {
        "rule": _object({**one, "vars": variables}),
        "listed_rule": _object(one, "name"),
        "file": _object(
            {
                "rules": {**_list(_ref("listed_rule")), "description": FILE_KEYS["rules"]},
                "defaults": {**_object(_properties(DEFAULT_KEYS)), "description": FILE_KEYS["defaults"]},
                "vars": variables,
            },
            "rules",
        ),
    }


def _snippets() -> list[Schema]:
    test = [{"name": "says it", "given": [{"at": "0s", "screen": "${1:Slack}"}], "expect": 1}]
    return [
        {
            "label": "rule: something on the screen",
            "description": "Tell me when a text is on the screen.",
            "body": {"when": "screen", "contains": "${1:Slack}", "notify": "${2:me}", "cooldown": "5m", "tests": test},
        },
        {
            "label": "rule: something said",
            "description": "Tell me when a word is said.",
            "body": {"when": "transcript", "word": ["${1:deadline}"], "notify": "${2:me}"},
        },
        {
            "label": "rule: a session event",
            "description": "Tell me when a recording is ready.",
            "body": {"when": "session.exported", "notify": "${1:me}"},
        },
    ]
