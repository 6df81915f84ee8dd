"""The counters of a rule in words."""

from __future__ import annotations

from collections.abc import Mapping

from engine.cli.words import plural

__all__ = ["NO_REASONS", "count_words"]

# What a counter says when it does not count firings held back by a gate of that name.
_PLAIN = {
    "digest": "collected", "open": "held while its incident was open", "escalated": "escalated", "resolved": "resolved",
    "health": "reports of its own health", "retracted": "taken back", "late": "too late for the window",
    "evicted": "groups forgotten", "broken": "faults",
}  # fmt: skip
NO_REASONS = frozenset(("fired", *_PLAIN))


def count_words(counts: Mapping[str, int]) -> str:
    """Return `12 firings, 149 held by cooldown, 3 too late for the window`."""
    parts = [plural(counts.get("fired", 0), "firing")]
    parts += [f"{count:,} held by {what}" for what, count in counts.items() if what not in NO_REASONS]
    parts += [f"{counts[what]:,} {words}" for what, words in _PLAIN.items() if what in counts]
    return ", ".join(parts)
