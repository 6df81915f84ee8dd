"""The JSON Schema of a rule file, for editors: what the table of keys says, in draft-07 shapes.

It refuses misspelled keys and wrong forms while typing. What needs more than the shape (expressions, regexes, names of
other rules, keys that do not go together) stays with the parser.
"""

from __future__ import annotations

from engine.rulebook.keys import DEFAULT_KEYS, FILE_KEYS, RULE_KEYS
from engine.rulebook.schema_conditions import conditions
from engine.rulebook.schema_packs import packs, uses
from engine.rulebook.schema_shapes import SCALAR, Schema, an_object, list_of, properties, ref, scalars
from engine.rulebook.schema_tests import rule_tests
from engine.rulebook.schema_time import incidents, patterns, timers

__all__ = ["json_schema"]


def json_schema() -> Schema:
    """Return a new draft-07 schema that accepts one rule, a file with `rules:`, the use of a pack, and a pack."""
    definitions = {
        **scalars(),
        **conditions(),
        **patterns(),
        **timers(),
        **_actions(),
        **incidents(),
        **rule_tests(),
        **uses(),
        **_places(),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules of capture-rules",
        "type": "object",
        "if": {"required": ["inputs"]},
        "then": ref("pack"),
        "else": {
            "if": {"required": ["rules"]},
            "then": ref("file"),
            "else": {"if": {"required": ["use"]}, "then": ref("use"), "else": ref("rule")},
        },
        "defaultSnippets": _snippets(),
        "definitions": {**definitions, **packs(definitions)},
    }


def _actions() -> Schema:
    fields: Schema = {"type": "object", "minProperties": 1, "additionalProperties": ref("template")}
    return {"emit": {"anyOf": [{"type": "boolean"}, fields]}}


def _places() -> Schema:
    variables: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [SCALAR, {"type": "array", "items": SCALAR}]},
        "description": FILE_KEYS["vars"],
    }
    one = properties(RULE_KEYS)
    entry: Schema = {"if": {"required": ["use"]}, "then": ref("use"), "else": ref("listed_rule")}
    return {
        "variables": variables,
        "defaults": {**an_object(properties(DEFAULT_KEYS)), "description": FILE_KEYS["defaults"]},
        "rule": an_object({**one, "vars": {"allOf": [ref("variables")], "description": FILE_KEYS["vars"]}}),
        "listed_rule": an_object(one, "name"),
        "file": an_object(
            {
                "rules": {**list_of(entry), "description": FILE_KEYS["rules"]},
                "defaults": ref("defaults"),
                "vars": ref("variables"),
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
        {
            "label": "rule: two things near each other",
            "description": "Tell me when one thing is on the screen while another is said.",
            "body": {
                "together": {
                    "seen": {"when": "screen", "contains": "${1:Slack}"},
                    "said": {"when": "transcript", "word": "${2:deadline}"},
                },
                "within": "2m",
                "notify": "${3:me}",
            },
        },
        {
            "label": "rule: something stopped",
            "description": "Tell me when something has not come for a while.",
            "body": {
                "absent": {"when": "${1:transcript}"},
                "for": "10m",
                "while": "session.active",
                "resolve": "Back after {{ dur(duration) }}",
                "notify": "${2:me}",
            },
        },
        {
            "label": "rule: a digest",
            "description": "Collect what was said and tell it every half hour, summed up.",
            "body": {
                "when": ["transcript", "audio_index"],
                "digest": {"every": "30m", "at": "session_end"},
                "summarize": True,
                "notify": "${1:me}",
            },
        },
        {
            "label": "rules of a pack",
            "description": "Take over a pack of rules: focus, meeting, pair, export, watchdog, or one of your own.",
            "body": {"use": "${1:focus}", "with": {"notify": "${2:me}"}},
        },
    ]
