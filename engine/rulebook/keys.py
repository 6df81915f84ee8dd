"""The words of the rule language: every key with its form and meaning, and the closed lists of values.

Parser, lints and JSON Schema read this table, so a key cannot be known to one and not to another. A key whose
`available` is false is known by name and refused with a reason; making it available here is the one line that lets
it through to its reader.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "BLOCK_KEYS", "DEFAULT_KEYS", "FILE_KEYS", "INPUT_KEYS", "INPUT_TYPES", "KEYS", "KINDS", "KIND_ALIASES",
    "LATER_KEYS", "LATER_TEST_KEYS", "PARTIALS", "RULE_KEYS", "SEVERITIES", "SOURCES", "STATUSES", "TEMPLATE_WORDS",
    "TEXT_KEYS", "USE_KEYS", "WHERE_KEYS", "Key",
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
    Key("count", "count", "So many matches within a time fire once; or so many different values, or too few matches.",
        ("3 within 10m", {"at_least": 5, "within": "1h", "distinct": "_.stream"}, {"at_most": 2, "within": "1h"})),
    Key("reset", "reset", "`keep` lets a `count` roll on; else it begins anew after a firing.", ("keep",)),
    Key("together", "steps", "Named blocks that all happen in any order; one that is `not:` must not happen.",
        ({"seen": {"when": "screen", "contains": "Slack"}, "said": {"when": "transcript", "word": "deadline"}},)),
    Key(
        "sequence", "steps", "Named blocks that happen one after the other; one that is `not:` must not happen there.",
        ({"asked": {"when": "transcript", "contains": "?"}, "silent": {"not": {"when": "transcript"}}},),
    ),
    Key("within", "duration", "Longest time between the first and the last step of `together` or `sequence`.", ("2m",)),
    Key("at_least", "enough", "So many steps of `together` or `sequence` are enough.", (2,)),
    Key("absent", "block", "What should happen, and does not happen for the time of `for`.", ({"when": "transcript"},)),
    Key("for", "duration", "How long nothing happens (`absent`), or how long matches go on.", ("10m",)),
    Key("gap", "duration", "Longest silence between two matches that still go on (`for`).", ("90s",)),
    Key("while", "state", "Only while some session is in this state: `absent`, `count` at most, timers.",
        ("session.active",)),
    Key("changes", "expression", "Fires when this value is another than before.", ("_.class",)),
    Key("first_seen", "first_seen", "Fires when this value is new, or was not seen for the time of `memory`.",
        ("data.label", {"path": "data.label", "memory": "7d"})),
    Key("spike", "spike", "Fires when there are several times as many matches as usual.",
        ({"ratio": 3, "window": "10m", "baseline": "1h", "min": 5}, True)),
    Key("track", "track", "Spans in which this value stays the same; each is told when it ends.",
        ({"key": "_.class", "gap": "90s", "min": "10s"}, "_.class")),
    Key("every", "duration", "Fires by the clock: at each multiple of this since local midnight.", ("30m",)),
    Key("at", "clock_times", "Fires by the clock: at these local times of day.", ("18:00", ["09:00", "18:00"])),
    Key("days", "texts", "Days on which `every` and `at` fire.", ("mon-fri",)),
    Key("missed", "missed", "`skip` forgets times that were slept through; else the latest one fires late.", ("skip",)),
    Key("zone", "text", "Time zone of the rule's times of day.", ("Europe/Berlin",), default=True),
    Key("lateness", "duration", "How long a pattern waits for events that arrive late; `0s` takes them as they come.",
        ("30s",), default=True),
    Key("by", "expressions", "Field that splits events into groups, each with its own pattern, gates and incidents.",
        ("_.stream",), default=True),
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
    Key("digest", "digest", "Collects firings and tells them together.",
        ({"every": "30m", "or_at": 200}, {"at": "session_end", "min": 3}, {"at": "18:00", "days": "mon-fri"})),
    Key("summarize", "summarize", "Has the text summed up, by a model or, without one, by counting words.",
        (True, {"prompt": "Decisions and open questions.", "max_chars": 800, "fallback": "terms", "budget": "20/day"}),
        default=True),
    Key("escalate", "escalate", "Who else is told while a firing is open, and when.",
        ([{"after": "5m", "notify": "oncall"}, {"after": "15m", "notify": "phone", "repeat": "15m", "max": 4}],)),
    Key("until", "until", "What ends a firing: `acked`, or events as under `when`. Until then others are held.",
        ("session.active", ["acked", "rule.recorder-back"])),
    Key("resolve", "template", "Text of the message when it has ended.", ("Back after {{ dur(duration) }}",)),
    Key("expect", "expect", "How often the rule should speak an hour, a day or a week; else it reports itself.",
        ({"max": "20/day"}, {"min": "1/week"}), default=True),
    Key("tests", "tests", "Examples with the result they must give."),
    *map(_later, ("clock", "dialect")),
)  # fmt: skip

RULE_KEYS: dict[str, Key] = {key.name: key for key in KEYS if key.available}
BLOCK_KEYS: dict[str, Key] = {key.name: key for key in KEYS if key.available and key.block}
DEFAULT_KEYS: dict[str, Key] = {key.name: key for key in KEYS if key.available and key.default}
LATER_KEYS: frozenset[str] = frozenset(key.name for key in KEYS if not key.available)

FILE_KEYS: dict[str, str] = {
    "rules": "The rules of this file.",
    "defaults": "Keys that every rule of `rules:` takes on unless it says otherwise.",
    "vars": "Values for templates, read as `vars.<name>`.",
    "inputs": "What others fill in who use this file as a pack: `$name` stands for it in the rules.",
}

USE_KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("use", "pack_name", "Takes the rules of a pack over into this file.", ("focus",)),
        Key("with", "given", "Values for the inputs of the pack.", ({"after": "10m", "notify": "me"},)),
        Key("without", "texts", "Rules of the pack that are left switched off, by their names in it.", ("drift",)),
        Key("name", "name", "Beginning of the rules' names, in place of the pack's name.", ("my-focus",)),
        Key("enabled", "flag", "False switches all rules of the pack off.", (False,)),
    )
}

INPUT_KEYS: dict[str, str] = {
    "type": "What may be filled in.",
    "default": "What stands there if nothing is filled in; without it something must be.",
    "choices": "The values to choose from, for `type: choice`.",
    "description": "What it is for, in a sentence.",
}
INPUT_TYPES: tuple[str, ...] = ("text", "list", "number", "duration", "time", "flag", "route", "choice")

LATER_TEST_KEYS: frozenset[str] = frozenset()

TEMPLATE_WORDS: frozenset[str] = frozenset(
    {"_", "rule", "group", "count", "suppressed", "duration", "events", "vars", "link", "items", "summary"}
    | {"channel", "data", "event", "type", "ts", "unix_ts"}
)
"""What messages read at the root, from the engine and from every event: no step can be called so."""
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
