"""The value at a path is another than before.

Null says nothing, the first value is only learnt, and so is one that an event shows which comes late: the newest
event says what the value is. A group's last value is remembered for good. `duration` is how long the previous value
was there, from the first event that showed it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.model.match import Step
from engine.model.window import Changes, Fired, Item

__all__ = ["EMPTY", "State", "on_hit", "on_time", "quoted", "value_text", "words"]

# As much of a text as messages may show (core/window/memory.py); beyond it two values are taken for the same.
MAX_VALUE = 4_000
MAX_QUOTE = 60


class State(NamedTuple):
    """The value, since when it is there, and the start of the newest event."""

    value: str | None = None
    since_ms: int = 0
    newest_ms: int = 0


EMPTY = State()


def on_hit(spec: Changes, state: State, item: Item) -> Step[State, tuple[Fired, ...]]:
    """Compare the event's value with the last one."""
    if item.value is None:
        return Step(state, ())
    value = value_text(item.value)
    if state.value is None:
        return Step(State(value, item.at_ms, item.at_ms), ())
    if item.at_ms < state.newest_ms:
        return Step(state, ())
    if value == state.value:
        return Step(state._replace(newest_ms=item.at_ms), ())
    fired = Fired((item,), None, state.since_ms, {"previous": state.value, "value": value})
    return Step(State(value, item.at_ms, item.at_ms), (fired,))


def on_time(spec: Changes, state: State, now_ms: int) -> Step[State, tuple[Fired, ...]]:
    """Do nothing: time changes no value."""
    return Step(state, ())


def value_text(value: Any) -> str:
    """Return as much of a value as is compared and remembered."""
    return str(value)[:MAX_VALUE]


def quoted(text: str) -> str:
    """Return the beginning of a captured text on one line, without anything that would steer a terminal."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: MAX_QUOTE + 1])
    return f'"{line}"' if len(line) <= MAX_QUOTE else f'"{line[:MAX_QUOTE]}..."'


def words(spec: Changes, state: State, now_ms: int, clock: Callable[[int], str]) -> str:
    """Return the value and since when it is there."""
    if state.value is None:
        return "waits for the first value"
    return f"{quoted(state.value)} since {clock(state.since_ms)}"
