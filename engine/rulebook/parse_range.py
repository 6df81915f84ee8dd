"""Lengths of time, numbers and paths that a pattern is made of, each within what it can work with."""

from __future__ import annotations

from engine.core.moment import duration_text
from engine.rulebook.parse_expression import check_expression
from engine.rulebook.parse_reader import Reader, number
from engine.rulebook.scalars import duration_ms
from engine.rulebook.yaml_guard import Mapping, Node, Scalar

__all__ = [
    "GAP_MS", "MINUTE_MS", "MOST_EVENTS", "WEEK_MS", "YEAR_MS", "read_length", "read_path", "read_whole", "required",
]  # fmt: skip

GAP_MS = 90_000
"""The longest silence within what goes on, unless a rule says otherwise: three descriptions of a screen, 30 s apart."""
MINUTE_MS = 60_000
WEEK_MS = 7 * 86_400_000
YEAR_MS = 366 * 86_400_000
MOST_EVENTS = 10_000
"""More events than this are not remembered by one window (docs/rules.md 7)."""


def read_length(reader: Reader, node: Node, key: str, least_ms: int = 1, most_ms: int | None = None) -> int | None:
    """Read a duration that is neither too short nor too long for its purpose. Units: milliseconds, both inclusive."""
    length_ms = reader.converted(node, key, "bad-duration", duration_ms)
    if length_ms is None:
        return None
    if length_ms < least_ms:
        hint = f"write {duration_text(least_ms)} or more" if least_ms > 1 else "write a longer one, such as 10m"
        found = f"shorter than {duration_text(least_ms)}" if least_ms > 1 else "no time at all"
        reader.error(node.span, "impossible-window", f"`{key}` is {found}", hint)
        return None
    if most_ms is not None and length_ms > most_ms:
        message = f"`{key}` is longer than {duration_text(most_ms)}"
        reader.error(node.span, "impossible-window", message, f"write {duration_text(most_ms)} or less")
        return None
    return length_ms


def read_whole(reader: Reader, node: Node, key: str, least: int, most: int = MOST_EVENTS) -> int | None:
    """Read a whole number from `least` to `most`."""
    example = str(max(least, min(3, most)))
    value = number(reader, node, key, example)
    if value is None:
        return None
    if isinstance(value, int) and least <= value <= most:
        return value
    message = f"`{key}` takes a whole number from {least} to {most:,}"
    reader.error(node.span, "out-of-range", message, f"such as {example}")
    return None


def read_path(reader: Reader, node: Node, key: str) -> str | None:
    """Read one jmespath expression."""
    text = reader.text(node, key)
    if text is None or not isinstance(node, Scalar):
        return None
    if isinstance(node.value, bool):
        reader.error(node.span, "wrong-form", f"`{key}` takes a field, not {text}", "such as data.app")
        return None
    check_expression(reader, node, key, text)
    return text


def required(reader: Reader, mapping: Mapping, key: str, name: str, example: str) -> Node | None:
    """Return what stands under the key; its absence is reported at the mapping that `key` holds."""
    node = mapping.get(name)
    if node is None:
        reader.error(mapping.span, "missing-key", f"`{key}` does not say `{name}`", f"such as {example}")
    return node
