"""`expect:` of a rule test. Shapes: parse_tests.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.model.errors import Span
from engine.model.match import Reason
from engine.rulebook.keys import LATER_TEST_KEYS, SEVERITIES
from engine.rulebook.parse_reader import Reader, count
from engine.rulebook.parse_where import check_pattern
from engine.rulebook.scalars import offset_ms
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar

__all__ = ["COUNTS", "EXPECT_KEYS", "INSTANTS", "STATES", "WORDS", "read_expect"]

COUNTS = ("fires", "deferred", "retracted")
INSTANTS = ("fires_at", "resolves_at", "escalates_at")
WORDS = ("message", "title", "resolve")
STATES = ("open", "armed", "collected", "waiting")
"""Open incidents, windows in progress, items collected for a digest, messages that wait for the end of `quiet`."""
EXPECT_KEYS = (*COUNTS, *INSTANTS, "group", "severity", "routes", "suppressed", *WORDS, "digest", "delivered", "state")
_REASONS = tuple(reason.value for reason in Reason)
_EXAMPLE = "expect: {fires_at: [0s]}"
Places = tuple[tuple[str, Span], ...]


def read_expect(reader: Reader, node: Node) -> tuple[dict[str, Any], Places]:
    """Return what the test demands, and where each demand is written. After a report it may be incomplete."""
    if isinstance(node, Mapping):
        return _demands(reader, node), tuple((pair.key.text, pair.key.span) for pair in node.pairs)
    if isinstance(node, Scalar) and node.value == "never":
        return {"fires": 0}, (("fires", node.span),)
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        fires = count(reader, node, "expect")
        return {} if fires is None else {"fires": fires}, (("fires", node.span),)
    reader.error(node.span, "wrong-form", "`expect` takes never, a number or a mapping", f"such as {_EXAMPLE}")
    return {}, ()


def _demands(reader: Reader, expect: Mapping) -> dict[str, Any]:
    if not expect.pairs:
        message = "`expect` demands nothing, so the test cannot fail"
        reader.error(expect.span, "test-cannot-fail", message, f"such as {_EXAMPLE}")
    reader.check_keys(expect, EXPECT_KEYS, LATER_TEST_KEYS)
    found: dict[str, Any] = {}
    for pair in expect.pairs:
        name = pair.key.text
        if name in EXPECT_KEYS:
            found[f"{name}_ms" if name in INSTANTS else name] = _READERS[name](reader, name, pair.value)
    fires, instants = found.get("fires"), found.get("fires_at_ms")
    if fires is not None and instants is not None and fires != len(instants):
        message = f"`fires` says {fires} and `fires_at` {len(instants)}"
        reader.error(expect.span, "contradiction", message, "fires_at alone says both")
    return {name: value for name, value in found.items() if value is not None or name == "group"}


def _count(reader: Reader, name: str, node: Node) -> int | None:
    return count(reader, node, name)


def _severity(reader: Reader, name: str, node: Node) -> str | None:
    return reader.choice(node, name, SEVERITIES)


def _routes(reader: Reader, name: str, node: Node) -> list[str] | None:
    return list(reader.texts(node, name)) or None


def _instants(reader: Reader, name: str, node: Node) -> list[int] | None:
    """Read one offset or several; `never` for what else would need a count of its own."""
    if name != "fires_at" and isinstance(node, Scalar) and node.value == "never":
        return []
    parts = node.items if isinstance(node, Items) else (node,)
    if not parts:
        hint = "write expect: never" if name == "fires_at" else f"write {name}: never"
        reader.error(node.span, "empty-list", f"`{name}` is an empty list", hint)
    found = [reader.converted(part, name, "bad-duration", offset_ms) for part in parts]
    return [at_ms for at_ms in found if at_ms is not None] or None


def _suppressed(reader: Reader, name: str, node: Node) -> dict[str, int] | None:
    return _counts(reader, node, name, "suppressed: {cooldown: 1}", _REASONS)


def _counts(
    reader: Reader, node: Node, name: str, example: str, known: tuple[str, ...] | None
) -> dict[str, int] | None:
    mapping = reader.mapping(node, name, example)
    if mapping is None:
        return None
    if known is not None:
        reader.check_keys(mapping, known)
    counts = {pair.key.text: count(reader, pair.value, pair.key.text) for pair in mapping.pairs}
    return {word: number for word, number in counts.items() if number is not None} or None


def _group(reader: Reader, name: str, node: Node) -> Any:
    """Read one group, or a list of them: one for each message."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items) and node.items and all(isinstance(part, Scalar) for part in node.items):
        return [part.value for part in node.items if isinstance(part, Scalar)]
    message = "`group` takes one value, or one for each message"
    reader.error(node.span, "wrong-form", message, 'such as group: "display:1"')
    return None


def _words(reader: Reader, name: str, node: Node) -> dict[str, Any] | None:
    """Read what a message must say: a text, or a mapping of demands."""
    if isinstance(node, Scalar):
        text = reader.text(node, name)
        return None if text is None else {"equals": text}
    mapping = reader.mapping(node, name, f"{name}: {{contains: Slack}}")
    if mapping is None:
        return None
    reader.check_keys(mapping, ("contains", "equals", "matches"))
    contains, equals, matches = mapping.get("contains"), mapping.get("equals"), mapping.get("matches")
    found: dict[str, Any] = {
        "contains": list(reader.texts(contains, "contains")) if contains is not None else None,
        "equals": reader.text(equals, "equals") if equals is not None else None,
        "matches": _pattern(reader, matches) if matches is not None else None,
    }
    return {word: demand for word, demand in found.items() if demand is not None} or None


def _pattern(reader: Reader, node: Node) -> str | None:
    pattern = reader.text(node, "matches")
    usable = pattern is not None and isinstance(node, Scalar) and check_pattern(reader, node, "matches", exact=True)
    return pattern if usable else None


def _digest(reader: Reader, name: str, node: Node) -> list[dict[str, Any]] | None:
    """Read one digest message, or all of them in order; `never` for none."""
    if isinstance(node, Scalar) and node.value == "never":
        return []
    parts = node.items if isinstance(node, Items) else (node,)
    if not parts:
        reader.error(node.span, "empty-list", "`digest` is an empty list", "write digest: never")
    found = [_one_digest(reader, part) for part in parts]
    return [one for one in found if one] or None


def _one_digest(reader: Reader, node: Node) -> dict[str, Any]:
    mapping = reader.mapping(node, "digest", "digest: {items: 3, at: 30m}")
    if mapping is None:
        return {}
    reader.check_keys(mapping, ("items", "at", "contains"))
    items, contains = mapping.get("items"), mapping.get("contains")
    found: dict[str, Any] = {
        "items": None if items is None else count(reader, items, "items"),
        "at_ms": reader.optional(mapping, "at", "bad-duration", offset_ms),
        "contains": None if contains is None else list(reader.texts(contains, "contains")),
    }
    return {word: demand for word, demand in found.items() if demand is not None}


def _delivered(reader: Reader, name: str, node: Node) -> int | dict[str, int] | None:
    if isinstance(node, Scalar):
        return count(reader, node, name)
    return _counts(reader, node, name, "delivered: {me: 1}", None)


def _state(reader: Reader, name: str, node: Node) -> dict[str, Any] | None:
    """Read what is remembered at the end: how many, or whether any."""
    mapping = reader.mapping(node, name, "state: {open: true}")
    if mapping is None:
        return None
    reader.check_keys(mapping, STATES)
    found: dict[str, Any] = {}
    for pair in mapping.pairs:
        is_flag = isinstance(pair.value, Scalar) and isinstance(pair.value.value, bool)
        read = reader.flag if is_flag else (lambda node, key: count(reader, node, key))
        found[pair.key.text] = read(pair.value, pair.key.text)
    return {word: demand for word, demand in found.items() if demand is not None} or None


_READERS: dict[str, Callable[[Reader, str, Node], Any]] = {
    **dict.fromkeys(COUNTS, _count), **dict.fromkeys(INSTANTS, _instants), **dict.fromkeys(WORDS, _words),
    "group": _group, "severity": _severity, "routes": _routes, "suppressed": _suppressed, "digest": _digest,
    "delivered": _delivered, "state": _state,
}  # fmt: skip
