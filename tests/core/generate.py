"""Random conditions, rules and lines of a journal, full of the letters that make text comparison hard.

Leaves are sampled from products made once: drawing one costs 20 us, so that a rulebook of twenty rules is cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import orjson
from hypothesis import strategies as st

from engine.core.decode import Draft, decode
from engine.core.express import literal
from engine.core.intake import Intake
from engine.model.condition import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    Exists,
    Filter,
    FromSource,
    Glob,
    Kinds,
    Matches,
    Not,
    OneOf,
    Selector,
    Text,
    Where,
    WhereTest,
)
from engine.model.errors import NOWHERE
from engine.model.event import Event, Line, Position
from engine.model.rule import Rule

START_MS = 1_772_618_400_000

# Sharp s, dotted and dotless I, Kelvin, long s, ligature, full width, accents in both spellings, a letter with a mark
# that joins only in lower case, and marks on their own.
WORDS = (
    "Slack", "slack", "SLACK", "Ｓｌａｃｋ", "slacker", "deadline", "DEADLINE", "dead", "line", "straße", "STRASSE",
    "İstanbul", "istanbul", "ıstanbul", "Kelvin", "\u212aelvin", "ſlack", "ﬁle", "file", "café", "cafe\u0301", "cafe",
    "PATH", "PATH\u0331", "path\u0331", "pat\u1e96", "ΣΑΣ", "σας", "x", "5", "0.9", "a_b", "é", "e\u0301", "\u0331",
)  # fmt: skip
GLUE = (" ", " ", " ", "  ", "\n", "\u00a0", "", "-", "_", ", ", "\u0331", "\u0301")
NEEDLES = (*WORDS[:-1], "dead line", "slack  deadline", "the PATH x", "file slack", "cafe x")
KINDS = ("transcript", "visual_index", "audio_index", "alert", "session", "engine", "other", "rule", "capture")
STATUSES = ("active", "failed", "stopped")
LABELS = ("Slack", "slack", "sensitive_content", "café", "x", "5")
NUMBERS = (0, 1, 0.5, 0.8, 0.9, -1, 1.0, 2**63, 1e300)
PATTERNS = (
    "slack", "sl.ck", r"\bdead", r"dead\w+", "stra(ße|sse)", "kelvin", "[k]elvin", "istanbul", "^slack$", "a|x", "caf.",
    "path", "dead line", " ", "(?P<who>sl\\w+)", "x*", r"\d+",
)  # fmt: skip
PATHS: tuple[tuple[str, ...], ...] = (
    ("_.text",), ("_.text",), ("data.text",), ("data.label",), ("label", "_.text"), ("data.text || label",),
)  # fmt: skip
WHERE_PATHS = ("label", "confidence", "data.confidence", "data.label", "_.kind", "_.status", "_.stream",
               "_.final", "_.class", "data.tags[0]", "missing")  # fmt: skip


def _any(pool: Sequence[Any]) -> st.SearchStrategy[Any]:
    # By its number: the `repr` of `sampled_from` would hold the whole pool.
    return st.integers(0, len(pool) - 1).map(lambda number: pool[number])


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).flatmap(
    lambda words: st.lists(st.sampled_from(GLUE), min_size=len(words), max_size=len(words)).map(
        lambda glue: "".join(part for pair in zip(words, glue, strict=True) for part in pair)
    )
)

_TEXT_LEAVES: Sequence[Condition] = [
    Text(op, needles, paths, exact, NOWHERE)
    for op in ("contains", "contains_all", "word")
    for needles in [*((needle,) for needle in NEEDLES), ("slack", "x"), ("dead", "line"), ("STRASSE", "Kelvin")]
    for paths, exact in product(PATHS, (False, True))
] + [
    Text("word", (needle + "*",), ("_.text",), exact) for needle in NEEDLES for exact in (False, True)
] + [
    Text("regex", (pattern,), paths, exact) for pattern, paths, exact in product(PATTERNS, PATHS, (False, True))
]  # fmt: skip
_TESTS: list[WhereTest] = [
    *(Equals(value) for value in (*LABELS, *NUMBERS, True, False, None)),
    OneOf(("slack", 1)), OneOf((True, "x")), OneOf((0, 0.9, None)),
    *(Glob(pattern) for pattern in ("sl*", "*LACK", "?lack", "caf\u00e9", "s[l]ack", "*", "CAFE\u0301")),
    *(Compare(op, bound) for op in ("gt", "gte", "lt", "lte") for bound in NUMBERS),
    Exists(True), Exists(False),
    *(Matches(pattern, exact) for pattern in PATTERNS[:5] for exact in (False, True)),
]  # fmt: skip
_WHERE_LEAVES: list[Condition] = [Where(path, test) for path, test in product(WHERE_PATHS, _TESTS)]
_KIND_LEAVES: list[Condition] = [
    *(Kinds((Selector(kind),)) for kind in (*KINDS, "any")),
    *(Kinds((Selector("session", status),)) for status in STATUSES),
    Kinds((Selector("any"), Selector("session", "failed"))),
    Kinds((Selector("transcript"), Selector("alert"))),
    Kinds((Selector("rule", "first"), Selector("session", "active"))),
]
_SOURCE_LEAVES: list[Condition] = [
    FromSource((pattern,)) for pattern in ("mic", "MIC", "display", "system_audio", "display:*", "mic*", "*:1", "d*:1")
]
_SIGNS = ("==", "!=", "<", "<=", ">", ">=")
_FILTERS = [
    *(f"_.kind == {literal(kind)}" for kind in KINDS),
    *(f"channel == {literal(kind)}" for kind in KINDS[:4]),
    *(f"data.label == {literal(label)}" for label in LABELS),
    *(f"{literal(label)} == label" for label in LABELS),
    *(f"data.confidence {sign} {literal(number)}" for sign in _SIGNS for number in NUMBERS),
    *(f"{literal(number)} {sign} data.confidence" for sign in _SIGNS for number in NUMBERS[:5]),
    *(f"data.confidence == {literal(value)}" for value in (True, False, None)),
    *(f"{name}({path}, {literal(needle)})" for name in ("has", "has_all", "has_word", "has_exact", "has_word_exact",
                                                        "contains")
      for path in ("_.text", "data.text") for needle in NEEDLES),
    *(f"has_word({path}, {literal(needle + '*')})" for path in ("_.text", "data.text") for needle in NEEDLES),
    *(f"{name}(_.text, ['slack', {literal(needle)}])" for name in ("has", "has_all_exact") for needle in NEEDLES),
    *(f"{name}({path}, {literal(pattern)})" for name in ("matches", "matches_exact")
      for path in ("_.text", "data.text") for pattern in PATTERNS),
    "contains(data.tags, 'x')", "contains(['slack', 'x'], label)", "data.tags", "_.final", "!_.text", "data",
    "\"data\".text == 'x'", "\"a.b\" == 'x'", "\"my-field\" == 'x'", "\"a.b\" > `0`", "_.session == 'cap-1'",
    "contains(_.text, `5`)", "length(_.text) > `5`", "data.n || label", "label | contains(@, 'x')", "_.at > `0`",
]  # fmt: skip
_filters = st.one_of(
    _any(_FILTERS),
    st.builds("{} {} {}".format, _any(_FILTERS), st.sampled_from(("&&", "||")), _any(_FILTERS)),
    st.builds("({}) {} !({})".format, _any(_FILTERS), st.sampled_from(("&&", "||", "|")),
              _any(_FILTERS)),
)  # fmt: skip
LEAVES: st.SearchStrategy[Condition] = st.one_of(
    _any(_TEXT_LEAVES), _any(_TEXT_LEAVES), _any(_WHERE_LEAVES),
    _any(_KIND_LEAVES), _any(_SOURCE_LEAVES), _filters.map(Filter),
)  # fmt: skip


def _parts(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        several.map(AllOf), several.map(AnyOf), inner.map(Not), several.map(lambda parts: Not(AnyOf(parts)))
    )


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(LEAVES, _parts, max_leaves=4)

# As the parser makes them (kinds first), or whatever else a condition may be.
_matching = st.one_of(
    LEAVES,
    CONDITIONS,
    st.builds(lambda kinds, rest: AllOf((kinds, rest)), _any(_KIND_LEAVES), CONDITIONS),
    st.builds(lambda kinds, one, two: AllOf((kinds, one, Not(AnyOf((two,))))), _any(_KIND_LEAVES), LEAVES,
              LEAVES),
)  # fmt: skip


def _rule(condition: Condition, partials: Any, labels: list[Condition], otherwise: str | None) -> Rule:
    classify = tuple((f"label {number}", label) for number, label in enumerate(labels))
    return Rule("", condition, NOWHERE, partials=partials, classify=classify, classify_else=otherwise)


_RULES = st.builds(
    _rule,
    _matching,
    st.sampled_from(("ignore", "ignore", "early", "all")),
    st.one_of(st.just([]), st.lists(LEAVES, max_size=2)),
    st.sampled_from((None, None, "Other")),
)


def rulebooks(count: int) -> st.SearchStrategy[tuple[Rule, ...]]:
    """Give that many rules, named by their number."""
    return st.lists(_RULES, min_size=count, max_size=count).map(
        lambda rules: tuple(
            Rule(f"r{number}", rule.condition, NOWHERE, partials=rule.partials, classify=rule.classify,
                 classify_else=rule.classify_else)
            for number, rule in enumerate(rules)
        )
    )  # fmt: skip


_odd_texts = st.one_of(
    texts, texts, texts, st.none(), st.sampled_from(NUMBERS), st.just(""), st.just(" \n"), st.booleans(),
    st.lists(texts, max_size=2), st.lists(st.one_of(texts, st.integers(0, 5)), max_size=3),
)  # fmt: skip
_data = st.fixed_dictionaries(
    {},
    optional={
        "text": _odd_texts,
        "label": st.one_of(st.sampled_from(LABELS), st.sampled_from(NUMBERS), st.none()),
        "confidence": st.one_of(st.sampled_from(NUMBERS), st.sampled_from((True, False, "0.9", None, [1]))),
        "is_final": st.sampled_from((True, False, None, "false")),
        "tags": st.lists(st.sampled_from(("x", "slack", 5)), max_size=2),
    },
)
BODIES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "channel": st.sampled_from((*KINDS[:4], "scene_index", "spoken_index", "capture_session", "rule", "engine",
                                    "capture", "junk")),
        "data": st.one_of(_data, _data, _data, st.none(), st.just("text")),
        "unix_ts": st.integers(0, 3000).map(lambda tenths: START_MS / 1000 + tenths / 10),
    },
    optional={
        "event": st.sampled_from(("capture_session.active", "rule.first", "engine.late", "capture.gap", "odd")),
        "status": st.sampled_from(STATUSES),
        "text": _odd_texts,
        "label": st.sampled_from((*LABELS, 5, True)),
        "confidence": st.sampled_from(NUMBERS),
        "rtstream_id": st.sampled_from(("rts-1", "rts-2", "")),
        "rtstream_name": st.sampled_from(("mic:default", "display:1", "Display:2", "system_audio:default",
                                          "Capture mic - cap-83e6", "")),
        "capture_session_id": st.sampled_from(("cap-1", "cap-2")),
        "a.b": st.sampled_from(("x", 5)),
        "a": st.just({"b": "x"}),
        "my-field": st.just("x"),
    },
)  # fmt: skip


def line_of(body: Any, number: int = 1) -> Line:
    """Return the line that holds a body."""
    return Line(Position("log:0", number * 100), "log", number, orjson.dumps(body))


def event_of(body: dict[str, Any], number: int = 1) -> Event:
    """Return the event that a body is, as the first of its journal."""
    line = line_of(body, number)
    draft = decode(line)
    assert isinstance(draft, Draft), draft
    event = Intake().admit(draft, line, START_MS)
    assert event is not None
    return event
