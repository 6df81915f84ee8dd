"""The gates of a rule: what may hold a firing back."""

from __future__ import annotations

from dataclasses import replace

from engine.model.rule import Dedup, Gates, Hours
from engine.rulebook.parse_condition import Scope, read_unless
from engine.rulebook.parse_expression import read_paths
from engine.rulebook.parse_reader import Reader
from engine.rulebook.scalars import date_ms, duration_ms, hours, limit
from engine.rulebook.yaml_guard import Mapping, Node

__all__ = ["read_gates"]


def read_gates(reader: Reader, rule: Mapping, scope: Scope, zone: str) -> Gates:
    """Return the gates of a rule; a gate that is not written holds nothing back.

    `zone` is that of the rule, which its hours go by unless they name one.
    """
    enabled, unless, dedup = rule.get("enabled"), rule.get("unless"), rule.get("dedup")
    return Gates(
        enabled=enabled is None or reader.flag(enabled, "enabled") is not False,
        expires_ms=reader.optional(rule, "expires", "bad-date", date_ms),
        active=_hours(reader, rule, "active", zone),
        unless=None if unless is None else read_unless(reader, unless, scope),
        dedup=None if dedup is None else _dedup(reader, dedup),
        cooldown_ms=reader.optional(rule, "cooldown", "bad-duration", duration_ms) or 0,
        limit=reader.optional(rule, "limit", "bad-limit", limit),
        quiet=_hours(reader, rule, "quiet", zone),
    )


def _hours(reader: Reader, rule: Mapping, key: str, zone: str) -> Hours | None:
    found, node = reader.optional(rule, key, "bad-hours", hours), rule.get(key)
    has_own = isinstance(node, Mapping) and node.get("zone") is not None
    if found is None or has_own or zone == "local":
        return found
    return replace(found, zone=zone, source=f"{found.source} {zone}")


def _dedup(reader: Reader, node: Node) -> Dedup | None:
    """Read a duration, which compares the text, or `{key, for}`."""
    if not isinstance(node, Mapping):
        for_ms = reader.converted(node, "dedup", "bad-duration", duration_ms)
        return None if for_ms is None else Dedup(("_.text",), for_ms)
    reader.check_keys(node, ("key", "for"))
    key, length = node.get("key"), node.get("for")
    if length is None:
        reader.error(
            node.span, "missing-key", "`dedup` does not say for how long", "such as dedup: {key: label, for: 1h}"
        )
        return None
    paths = ("_.text",) if key is None else read_paths(reader, key, "key")
    for_ms = reader.converted(length, "for", "bad-duration", duration_ms)
    return Dedup(paths, for_ms) if paths and for_ms is not None else None
