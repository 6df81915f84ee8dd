"""The words of the rule language: every key with its form and meaning, and the closed lists of values.

Parser, lints and JSON Schema read this table, so a key cannot be known to one and not to another. A key whose
`available` is false is known by name and refused with a reason; making it available here is the one line that lets
it through to its reader.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "BLOCK_KEYS", "DEFAULT_KEYS", "FILE_KEYS", "KEYS", "KINDS", "KIND_ALIASES", "LATER_KEYS", "LATER_TEST_KEYS",
    "PARTIALS", "RULE_KEYS", "SEVERITIES", "SOURCES", "STATUSES", "TEXT_KEYS", "WHERE_KEYS", "Key",
]  # fmt: skip


class Key(NamedTuple):
    """One key. `shape` names a definition in schema.py; `block` and `default` say where else than in a rule it stands.

    `default` keys may be given once for all rules of a file, under `defaults:`.
    """

    name: str
    shape: str
    meaning: str
    examples: tuple[Any, ...] = ()
    block: bool = False
    default: bool = False
    available: bool = True


def _later(name: str) -> Key:
    return Key(name, "", "", available=False)


KEYS: tuple[Key, ...] = (
    Key("name", "name", "Name of the rule; the file name without its ending if left out.", ("slack-on-screen",)),
    Key("description", "text", "What the rule is for, in a sentence."),
    Key("enabled", "flag", "False switches the rule off.", (False,), default=True),
    Key("severity", "severity", "How much it matters; `critical` passes quiet hours.", ("critical",), default=True),
    Key("tags", "texts", "Words to find and group rules by.", ("focus",), default=True),
    Key("owner", "text", "Who answers for the rule.", ("me@example.org",), default=True),
    Key("expires", "date", "Day on which the rule switches itself off.", ("2027-01-31",), default=True),
    Key("when", "when", "Which events the rule looks at.", ("transcript", "screen"), block=True, default=True),
    Key(
        "source", "texts", "Where the event comes from: mic, system_audio, display, or a pattern on the stream name.",
        ("mic", "display:*"), block=True, default=True,
    ),
    Key("contains", "needles", "Any of these texts occurs, letter case ignored.", ("Slack",), block=True),
    Key("contains_all", "needles", "All of these texts occur.", (["invoice", "overdue"],), block=True),
    Key("word", "needles", "Any of these whole words or phrases occurs.", (["deadline", "action item"],), block=True),
    Key("regex", "needles", "Any of these regular expressions is found.", (r"\berror \d+",), block=True),
    Key("in", "expressions", "Field the text tests look at, if not `_.text`.", ("data.x",), block=True, default=True),
    Key("case", "case", "`exact` minds upper and lower case; `ignore` does not.", ("exact",), block=True, default=True),
    Key("where", "where", "Tests on fields.", ({"label": "invoice", "confidence": {"gte": 0.8}},), block=True),
    Key("filter", "expression", "A jmespath expression that must hold too.", ("has(_.text, 'Slack')",), block=True),
    Key("any", "blocks", "At least one of these blocks holds.", block=True),
    Key("all", "blocks", "Each of these blocks holds.", block=True),
    Key("not", "block_or_blocks", "The block, or each of them, does not hold.", ({"contains": "draft"},), block=True),
    Key("except", "blocks", "None of these blocks holds; others may append to the list.", ([{"word": "test"}],)),
    Key("partials", "partials", "What to do with unfinished transcript text.", ("early",), default=True),
    Key("classify", "classify", "Labels with their tests; the first that holds becomes `_.class`.",
        ({"Chat": {"word": "slack"}, "else": "Other"},)),
    Key("by", "expressions", "Field that splits events into groups, each with its gates.", ("_.stream",), default=True),
    Key("cooldown", "duration", "Shortest time between two messages.", ("5m",), default=True),
    Key("dedup", "dedup", "Hold a firing back if the same text was sent within this time.", ("1h",), default=True),
    Key("limit", "limit", "Most messages in a time.", ("10/h",), default=True),
    Key("unless", "unless", "Hold firings back while this holds.", ("session.stopping",), default=True),
    Key("active", "hours", "Hours in which the rule works.", ("mon-fri 09:00-18:00",), default=True),
    Key("quiet", "hours", "Hours in which messages wait.", ("22:00-07:00",), default=True),
    Key("notify", "texts", "Names of destinations in engine.yaml.", ("me", ["me", "team"]), default=True),
    Key("title", "template", "Title of the message.", ("{{ rule.name }}",), default=True),
    Key("message", "template", "Text of the message.", ("{{ time(_.at) }} {{ _.text }}",), default=True),
    Key("record", "file_name", "File in the output folder to append firings to.", ("usage.jsonl",), default=True),
    Key("emit", "emit", "Fields of the event that other rules hear of by `when: rule.<name>`.", (True,), default=True),
    Key("tests", "tests", "Examples with the result they must give."),
    *map(_later, (
        "count", "sequence", "together", "within", "absent", "for", "gap", "while", "changes", "first_seen", "spike",
        "track", "every", "at", "days", "digest", "summarize", "escalate", "until", "resolve", "expect", "use", "with",
        "clock", "missed", "reset", "lateness", "dialect",
    )),
)  # fmt: skip

RULE_KEYS: dict[str, Key] = {key.name: key for key in KEYS if key.available}
BLOCK_KEYS: dict[str, Key] = {key.name: key for key in KEYS if key.available and key.block}
DEFAULT_KEYS: dict[str, Key] = {key.name: key for key in KEYS if key.available and key.default}
LATER_KEYS: frozenset[str] = frozenset(key.name for key in KEYS if not key.available)

FILE_KEYS: dict[str, str] = {
    "rules": "The rules of this file.",
    "defaults": "Keys that every rule of `rules:` takes on unless it says otherwise.",
    "vars": "Values for templates, read as `vars.<name>`.",
}

LATER_TEST_KEYS: frozenset[str] = frozenset(
    {"ack", "mock", "route", "recording", "resolves_at", "delivered", "state", "digest"}
)

TEXT_KEYS: tuple[str, ...] = ("contains", "contains_all", "word", "regex")
WHERE_KEYS: tuple[str, ...] = ("gt", "gte", "lt", "lte", "ne", "in", "exists", "regex", "glob")

KINDS: tuple[str, ...] = ("transcript", "visual_index", "audio_index", "alert", "session", "engine", "capture", "any")
KIND_ALIASES: dict[str, str] = {
    "scene_index": "visual_index",
    "screen": "visual_index",
    "audio": "audio_index",
    "spoken_index": "audio_index",
}
STATUSES: tuple[str, ...] = (
    "created", "starting", "active", "stopping", "stop_requested", "stopped", "exported", "failed",
)  # fmt: skip
SEVERITIES: tuple[str, ...] = ("info", "warn", "error", "critical")
PARTIALS: tuple[str, ...] = ("ignore", "early", "all")
SOURCES: tuple[str, ...] = ("mic", "system_audio", "display")
