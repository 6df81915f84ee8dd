"""What a rule looks for over time, and every event that has to do with it.

Whatever the pattern, the rule has one condition: that of the events which are handed to it. Which of its steps an
event stands for is asked later, and only of those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.model.condition import AllOf, AnyOf, Condition
from engine.model.window import Absent, Held, Sequence, Together, Window
from engine.rulebook.parse_condition import Around, read_condition, read_event
from engine.rulebook.parse_count import read_count
from engine.rulebook.parse_pattern import TIMERS, pattern_pairs
from engine.rulebook.parse_range import GAP_MS, read_length
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_steps import read_sequence, read_together
from engine.rulebook.parse_timer import read_timer
from engine.rulebook.parse_value import read_changes, read_first_seen, read_spike, read_track
from engine.rulebook.parse_when import read_during
from engine.rulebook.yaml_guard import Mapping, Node

__all__ = ["Pattern", "read_lateness", "read_pattern"]

_MOST_LATENESS_MS = 600_000


class Pattern(NamedTuple):
    """The pattern of a rule, None where it has none, and the condition of the events it is made of."""

    window: Window | None
    condition: Condition


def read_pattern(reader: Reader, around: Around) -> Pattern:
    """Return what the rule looks for. Of several patterns only the first is read; the others are reported elsewhere."""
    pairs = pattern_pairs(around.rule)
    if not pairs:
        return Pattern(None, read_condition(reader, around))
    name, node = pairs[0].key.text, pairs[0].value
    if name in TIMERS:
        return Pattern(read_timer(reader, around.rule), AnyOf(()))
    if name in ("together", "sequence"):
        return _steps(reader, node, name, around)
    if name == "absent":
        return _absent(reader, node, around)
    return Pattern(_READERS[name](reader, node, around.rule), read_condition(reader, around))


def read_lateness(reader: Reader, rule: Mapping) -> int | None:
    """Return how long the rule waits for late events, None for as long as all others. Units: milliseconds."""
    node = rule.get("lateness")
    return None if node is None else read_length(reader, node, "lateness", 0, _MOST_LATENESS_MS)


def _steps(reader: Reader, node: Node, name: str, around: Around) -> Pattern:
    window: Together | Sequence | None
    window = (read_together if name == "together" else read_sequence)(reader, node, around)
    conditions = () if window is None else tuple(step.condition for step in window.steps)
    return Pattern(window, AllOf((*around.parts, AnyOf(conditions))))


def _absent(reader: Reader, node: Node, around: Around) -> Pattern:
    awaited = read_event(reader, node, "absent", around)
    parts = awaited.parts if isinstance(awaited, AllOf) else () if awaited is None else (awaited,)
    length = around.rule.get("for")
    if length is None:
        reader.error(around.rule.place("absent"), "missing-key", "`absent` does not say for how long", "add for: 10m")
    for_ms = None if length is None else read_length(reader, length, "for")
    window = None if for_ms is None else Absent(for_ms, during=read_during(reader, around.rule))
    return Pattern(window, AllOf((*around.parts, *parts)))


def _held(reader: Reader, node: Node, rule: Mapping) -> Held | None:
    for_ms, gap = read_length(reader, node, "for"), rule.get("gap")
    if for_ms is None:
        return None
    if gap is None:
        return Held(for_ms, min(GAP_MS, for_ms))
    gap_ms = read_length(reader, gap, "gap", 0)
    if gap_ms is not None and gap_ms > for_ms:
        hint = "write a gap that is shorter than for"
        reader.error(gap.span, "impossible-window", "`gap` is longer than `for`: two events would be enough", hint)
        return None
    return None if gap_ms is None else Held(for_ms, gap_ms)


_READERS: dict[str, Callable[[Reader, Node, Mapping], Window | None]] = {
    "count": read_count,
    "for": _held,
    "changes": read_changes,
    "first_seen": read_first_seen,
    "spike": read_spike,
    "track": read_track,
}
