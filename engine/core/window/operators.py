"""Which module works which pattern, and for how long an event matters to it."""

from __future__ import annotations

from typing import Any, assert_never

from engine.core.window import absence, changes, count, held, novelty, sequence, spans, spike, together
from engine.model.window import (
    Absent,
    Changes,
    Count,
    FirstSeen,
    Held,
    Sequence,
    Spike,
    Timer,
    Together,
    Track,
    Window,
)

__all__ = ["OPERATORS", "reach_ms"]

OPERATORS: dict[type, Any] = {
    Absent: absence, Changes: changes, Count: count, FirstSeen: novelty, Held: held, Sequence: sequence,
    Spike: spike, Together: together, Track: spans,
}  # fmt: skip


def reach_ms(window: Window) -> int | None:
    """Return for how long after its end an event can have a part in a firing; None if for ever."""
    match window:
        case Count(within_ms=reach) | Together(within_ms=reach) | Sequence(within_ms=reach) | Absent(for_ms=reach):
            return reach
        case Held(for_ms, gap_ms):
            return for_ms + gap_ms
        case Spike():
            return window.window_ms + window.baseline_ms
        case Track(gap_ms=reach):
            return reach
        case Changes() | FirstSeen():
            return None
        case Timer():
            return 0
        case _:
            assert_never(window)
