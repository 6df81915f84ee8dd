"""The part of the JSON Schema about `tests:` of a rule."""

from __future__ import annotations

from engine.model.match import Reason
from engine.rulebook.keys import STATUSES
from engine.rulebook.parse_expect import COUNTS, INSTANTS, STATES, WORDS
from engine.rulebook.parse_given import SUBJECTS
from engine.rulebook.parse_tests import VARIANTS
from engine.rulebook.schema_shapes import COUNT, SCALAR, TEXT, Schema, an_object, list_of, one_or_list, ref

__all__ = ["rule_tests"]


def rule_tests() -> Schema:
    """Return the definition of a rule's tests."""
    test = {
        "name": TEXT,
        "given": list_of(_given()),
        "until": ref("offset"),
        "expect": {"anyOf": [{"enum": ["never"]}, COUNT, _expect()]},
        "same_under": one_or_list({"enum": list(VARIANTS)}),
        "start": {"type": "string"},
    }
    return {"tests": list_of(an_object(test, "given", "expect"))}


def _given() -> Schema:
    """Return one entry: exactly one thing that happens, and when. How the world answers needs no instant."""
    special: Schema = {
        "session": {"enum": list(STATUSES)},
        "raw": {"type": "object", "minProperties": 1},
        "engine": {"enum": ["restart", "reload"]},
        "ack": TEXT,
        "snooze": ref("duration"),
        "mock": an_object({"summarize": SCALAR}, "summarize"),
        "route": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
        "recording": {"type": "string", "minLength": 1},
    }
    fields = {
        "at": ref("offset"),
        **dict.fromkeys(SUBJECTS, TEXT),
        **special,
        "end": ref("offset"),
        "final": {"type": "boolean"},
        "stream": TEXT,
        "data": {"type": "object", "minProperties": 1},
        "late": ref("offset"),
        "dup": {"type": "boolean"},
    }
    timed: Schema = {"anyOf": [{"required": [key]} for key in ("at", "mock", "route")]}
    return {**an_object(fields), **timed}


def _expect() -> Schema:
    instants: Schema = {"anyOf": [{"const": "never"}, *one_or_list(ref("offset"))["anyOf"]]}
    words = {"anyOf": [TEXT, an_object({"contains": ref("texts"), "equals": TEXT, "matches": TEXT})]}
    digest = an_object({"items": COUNT, "at": ref("offset"), "contains": ref("texts")})
    counted: Schema = {"type": "object", "minProperties": 1, "additionalProperties": COUNT}
    return an_object(
        {
            **dict.fromkeys(COUNTS, COUNT),
            **dict.fromkeys(INSTANTS, instants),
            "fires_at": one_or_list(ref("offset")),
            "group": {"anyOf": [SCALAR, list_of(SCALAR)]},
            "severity": ref("severity"),
            "routes": ref("texts"),
            "suppressed": an_object({reason.value: COUNT for reason in Reason}),
            **dict.fromkeys(WORDS, words),
            "digest": {"anyOf": [{"const": "never"}, *one_or_list(digest)["anyOf"]]},
            "delivered": {"anyOf": [COUNT, counted]},
            "state": an_object({name: {"anyOf": [COUNT, {"type": "boolean"}]} for name in STATES}),
        }
    )
