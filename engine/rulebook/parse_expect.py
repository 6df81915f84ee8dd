"""`expect:` of a rule test. Shapes: parse_tests.py."""

from __future__ import annotations

from typing import Any

from engine.model.match import Reason
from engine.rulebook.keys import LATER_TEST_KEYS, SEVERITIES
from engine.rulebook.parse_reader import Reader, count
from engine.rulebook.parse_where import check_pattern
from engine.rulebook.scalars import offset_ms
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar

__all__ = ["read_expect"]

_COUNTS = ("fires", "deferred", "retracted")
_KEYS = (*_COUNTS, "fires_at", "group", "severity", "routes", "suppressed", "message", "title")
_REASONS = tuple(reason.value for reason in Reason)
_EXAMPLE = "expect: {fires_at: [0s]}"


def read_expect(reader: Reader, node: Node) -> dict[str, Any]:
    """Return what the test demands. After a report it may be incomplete."""
    if isinstance(node, Mapping):
        return _demands(reader, node)
    if isinstance(node, Scalar) and node.value == "never":
        return {"fires": 0}
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        fires = count(reader, node, "expect")
        return {} if fires is None else {"fires": fires}
    reader.error(node.span, "wrong-form", "`expect` takes never, a number or a mapping", f"such as {_EXAMPLE}")
    return {}


def _demands(reader: Reader, expect: Mapping) -> dict[str, Any]:
    if not expect.pairs:
        message = "`expect` demands nothing, so the test cannot fail"
        reader.error(expect.span, "test-cannot-fail", message, f"such as {_EXAMPLE}")
    reader.check_keys(expect, _KEYS, LATER_TEST_KEYS)
    found: dict[str, Any] = {}
    for pair in expect.pairs:
        name = pair.key.text
        if name in _KEYS:
            found["fires_at_ms" if name == "fires_at" else name] = _demand(reader, name, pair.value)
    fires, instants = found.get("fires"), found.get("fires_at_ms")
    if fires is not None and instants is not None and fires != len(instants):
        message = f"`fires` says {fires} and `fires_at` {len(instants)}"
        reader.error(expect.span, "contradiction", message, "fires_at alone says both")
    return {name: value for name, value in found.items() if value is not None or name == "group"}


def _demand(reader: Reader, name: str, node: Node) -> Any:
    if name in _COUNTS:
        return count(reader, node, name)
    if name == "fires_at":
        return _instants(reader, node)
    if name == "severity":
        return reader.choice(node, name, SEVERITIES)
    if name == "routes":
        return list(reader.texts(node, name)) or None
    if name == "suppressed":
        return _suppressed(reader, node)
    if name == "group":
        return _group(reader, node)
    return _words(reader, name, node)


def _instants(reader: Reader, node: Node) -> list[int] | None:
    parts = node.items if isinstance(node, Items) else (node,)
    if not parts:
        reader.error(node.span, "empty-list", "`fires_at` is an empty list", "write expect: never")
    found = [reader.converted(part, "fires_at", "bad-duration", offset_ms) for part in parts]
    return [at_ms for at_ms in found if at_ms is not None] or None


def _suppressed(reader: Reader, node: Node) -> dict[str, int] | None:
    mapping = reader.mapping(node, "suppressed", "suppressed: {cooldown: 1}")
    if mapping is None:
        return None
    reader.check_keys(mapping, _REASONS)
    counts = {pair.key.text: count(reader, pair.value, pair.key.text) for pair in mapping.pairs}
    return {reason: number for reason, number in counts.items() if number is not None}


def _group(reader: Reader, node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    reader.error(node.span, "wrong-form", "`group` takes one value", 'such as group: "display:1"')
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
    return {word: demand for word, demand in found.items() if demand is not None}


def _pattern(reader: Reader, node: Node) -> str | None:
    pattern = reader.text(node, "matches")
    usable = pattern is not None and isinstance(node, Scalar) and check_pattern(reader, node, "matches", exact=True)
    return pattern if usable else None
