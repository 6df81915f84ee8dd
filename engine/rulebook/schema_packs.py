"""The part of the JSON Schema about packs: their inputs, the rules with blanks in them, and the use of a pack.

In a pack `$name` may stand for any value. So its rules have definitions of their own, made from those of rules by
letting a blank stand in each place of a value; other files are held to the stricter ones.
"""

from __future__ import annotations

from typing import Any

from engine.rulebook.keys import FILE_KEYS, INPUT_KEYS, INPUT_TYPES, USE_KEYS
from engine.rulebook.parse_action import ALWAYS_KNOWN
from engine.rulebook.schema_shapes import SCALAR, TEXT, Schema, an_object, list_of, one_or_list, properties, ref

__all__ = ["packs", "uses"]

_PREFIX = "#/definitions/"
# A blank has no place in the name of a rule, and tests are written for the defaults.
_CLOSED = ("name", "tests")
_ABOUT = ("description", "examples")


def uses() -> Schema:
    """Return the definitions for who uses a pack."""
    return {
        "pack_name": {"type": "string", "pattern": r"^[^\W_][\w.-]{0,79}$"},
        "given": {"type": "object", "minProperties": 1, "additionalProperties": one_or_list(SCALAR)},
        "use": an_object(properties(USE_KEYS), "use"),
    }


def packs(definitions: Schema) -> Schema:
    """Return the definitions of a pack. Shape: `definitions` are those of rules, `blank_<name>` those with blanks."""
    found: Schema = {"blank": {"type": "string", "pattern": r"^\$[A-Za-z_][A-Za-z0-9_]*$"}}
    waiting = ["listed_rule", "defaults", "variables"]
    for name in waiting:
        found[f"blank_{name}"] = _opened(definitions[name], waiting)
    return {
        **found,
        "input": {"anyOf": [_input(kind) for kind in INPUT_TYPES]},
        "pack": an_object(
            {
                "inputs": {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                    "additionalProperties": ref("input"),
                    "description": FILE_KEYS["inputs"],
                },
                "rules": {**list_of(ref("blank_listed_rule")), "description": FILE_KEYS["rules"]},
                "defaults": ref("blank_defaults"),
                "vars": ref("blank_variables"),
            },
            "inputs",
            "rules",
        ),
    }


def _opened(shape: Any, waiting: list[str]) -> Any:
    """Return a shape in which every value may be a blank. Definitions that it needs are added to `waiting`."""
    if isinstance(shape, list):
        return [_opened(part, waiting) for part in shape]
    if not isinstance(shape, dict):
        return shape
    opened: Schema = {}
    for key, value in shape.items():
        if key == "$ref":
            opened[key] = _renamed(value, waiting)
        elif key == "properties":
            opened[key] = {name: part if name in _CLOSED else _value(part, waiting) for name, part in value.items()}
        elif key in ("additionalProperties", "items") and isinstance(value, dict):
            opened[key] = _value(value, waiting)
        elif key in ("anyOf", "allOf", "oneOf", "if", "then", "else"):
            opened[key] = _opened(value, waiting)
        else:
            opened[key] = value
    return opened


def _renamed(reference: str, waiting: list[str]) -> str:
    name = reference.removeprefix(_PREFIX)
    if name not in waiting:
        waiting.append(name)
    return f"{_PREFIX}blank_{name}"


def _value(shape: Schema, waiting: list[str]) -> Schema:
    about = {key: shape[key] for key in _ABOUT if key in shape}
    rest = {key: value for key, value in shape.items() if key not in _ABOUT}
    return {"anyOf": [ref("blank"), _opened(rest, waiting)], **about}


def _input(kind: str) -> Schema:
    defaults: dict[str, Schema] = {
        "list": one_or_list(TEXT),
        "number": {"type": "number"},
        "duration": ref("duration"),
        "time": {"type": "string", "pattern": r"^\s*([01]?\d|2[0-3]):[0-5]\d\s*$"},
        "flag": {"type": "boolean"},
        "route": one_or_list({"enum": sorted(ALWAYS_KNOWN)}),
    }
    fields: Schema = {"type": {"const": kind}, "default": defaults.get(kind, TEXT), "description": TEXT}
    if kind == "choice":
        fields["choices"] = one_or_list(TEXT)
    told = {name: {**field, "description": INPUT_KEYS[name]} for name, field in fields.items() if "$ref" not in field}
    return an_object({**fields, **told}, "type", *(("choices",) if kind == "choice" else ()))
