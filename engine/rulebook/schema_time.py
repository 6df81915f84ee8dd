"""The part of the JSON Schema about time: patterns, timers, digests and incidents."""

from __future__ import annotations

from engine.rulebook.keys import BLOCK_KEYS, TEMPLATE_WORDS
from engine.rulebook.parse_digest import FALLBACKS, MOST_PROMPT
from engine.rulebook.parse_incident import MOST_ESCALATIONS
from engine.rulebook.parse_range import MOST_EVENTS
from engine.rulebook.parse_steps import MOST_STEPS
from engine.rulebook.parse_timer import MISSED, SESSION_END
from engine.rulebook.schema_shapes import COUNT, TEXT, Schema, an_object, list_of, one_or_list, ref

__all__ = ["incidents", "patterns", "timers"]

_NO_NAME = sorted(TEMPLATE_WORDS.union(BLOCK_KEYS))


def patterns() -> Schema:
    """Return the definitions of what a rule can look for over time."""
    counted: Schema = {
        "at_least": _whole(2),
        "at_most": _whole(0),
        "within": ref("duration"),
        "distinct": ref("expression"),
    }
    spike = {"ratio": {"type": "number", "exclusiveMinimum": 1, "maximum": 1_000}, "window": ref("duration"),
             "baseline": ref("duration"), "min": _whole(1)}  # fmt: skip
    return {
        "count": {
            "anyOf": [
                {"type": "string", "pattern": r"^\s*\d+\s+within\s+(\d+(ms|[wdhms])\s*)+$"},
                {**an_object(counted, "within"), "oneOf": [{"required": ["at_least"]}, {"required": ["at_most"]}]},
            ]
        },
        "reset": {"enum": ["keep"]},
        "steps": {"anyOf": [_steps(2), {**list_of(_steps(1, 1)), "minItems": 2}]},
        "enough": _whole(1),
        "first_seen": _path_or(an_object({"path": ref("expression"), "memory": ref("duration")}, "path")),
        "spike": {"anyOf": [{"const": True}, an_object(spike)]},
        "track": _path_or(an_object({"key": ref("expression"), "gap": ref("duration"), "min": ref("duration")}, "key")),
    }


def timers() -> Schema:
    """Return the definitions of times by the clock, and of what is collected until then."""
    clock: Schema = {"type": "string", "pattern": r"^\s*([01]?\d|2[0-3]):[0-5]\d\s*$"}
    digest = {
        "every": ref("duration"),
        "at": one_or_list({"anyOf": [{"const": SESSION_END}, clock]}),
        "days": ref("texts"),
        "or_at": _whole(2),
        "min": _whole(1),
        "send_empty": {"type": "boolean"},
    }
    told: Schema = {"anyOf": [{"required": [key]} for key in ("every", "at", "or_at")]}
    summarize = {
        "prompt": {**TEXT, "pattern": r"\S", "maxLength": MOST_PROMPT},
        "max_chars": _whole(100),
        "fallback": {"enum": list(FALLBACKS)},
        "budget": {"anyOf": [{**COUNT, "maximum": 1_000}, ref("limit")]},
    }
    return {
        "clock_times": one_or_list(clock),
        "missed": {"enum": list(MISSED)},
        "digest": {**an_object(digest), **told},
        "summarize": {"anyOf": [{"type": "boolean"}, an_object(summarize)]},
    }


def incidents() -> Schema:
    """Return the definitions of what becomes of a firing, and of a rule that speaks too often or never."""
    step = {"after": ref("duration"), "notify": ref("texts"), "repeat": ref("duration"), "max": _whole(2, 1_000)}
    return {
        "escalate": {
            **list_of({**an_object(step, "after", "notify"), "dependencies": {"max": ["repeat"]}}),
            "maxItems": MOST_ESCALATIONS,
        },
        "expect": an_object({"max": ref("limit"), "min": ref("limit")}),
    }


def _whole(least: int, most: int = MOST_EVENTS) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _path_or(shape: Schema) -> Schema:
    return {"anyOf": [ref("expression"), shape]}


def _steps(least: int, most: int = MOST_STEPS) -> Schema:
    """Return named blocks. A name stands in messages, so it is none that they have or a block could be mistaken for."""
    name: Schema = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"enum": _NO_NAME}}
    sizes: Schema = {"minProperties": least, "maxProperties": most}
    return {"type": "object", **sizes, "propertyNames": name, "additionalProperties": ref("block")}
