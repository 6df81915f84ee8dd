"""How a rule stands, in words: what holds it back, what waits, and what happens next."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.core import gates
from engine.core.compile import CompiledRule
from engine.core.digest import Head
from engine.core.gates import GateState

__all__ = ["digest_words", "gate_words", "labelled"]

MOST_LINES = 30

Clock = Callable[[int], str]


def gate_words(compiled: CompiledRule, state: GateState, now_ms: int, clock: Clock) -> str:
    """Return what the gates of a group remember, empty if that changes nothing now."""
    parts: list[str] = []
    until_ms = gates.cooldown_end_ms(compiled.rule.gates, state)
    if until_ms is not None and now_ms < until_ms:
        parts.append(f"cooldown until {clock(until_ms)}")
    if state.held:
        parts.append(f"{state.held:,} held since the last message")
    if state.deferred:
        count = len(state.deferred)
        parts.append(f"{count} message{' waits' if count == 1 else 's wait'} for quiet hours to end")
    return "; ".join(parts)


def digest_words(head: Head, due_ms: int | None, clock: Clock) -> str:
    """Return how a digest stands."""
    text = f"digest with {head.size:,} item{'' if head.size == 1 else 's'}"
    if head.first_ms is not None:
        text += f" since {clock(head.first_ms)}"
    return f"{text}; due at {clock(due_ms)}" if due_ms is not None else f"{text}; waits for more, or a session's end"


def labelled(lines: Iterator[tuple[str, str]]) -> list[str]:
    """Return (group, words) as lines, those without words left out, and how many more there are beyond 30."""
    shown: list[str] = []
    more = 0
    for group, words in lines:
        if not words:
            continue
        if len(shown) < MOST_LINES:
            shown.append(f"{group}: {words}" if group else words)
        else:
            more += 1
    return [*shown, f"and {more:,} more"] if more else shown
