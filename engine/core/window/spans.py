"""Spans during which a value stays the same (`track`), told when they end.

A span goes on while events with its value start no later than `gap` after the last one's end. An event with another
value within the gap ends it at that event's start, even inside an event of its own: the spans of a group do not
overlap. Else it ends where its last event ended, which is known when the gap has passed. Null is no value. The end of
the session of its events (an item of the role `STATE`) ends it, too.

Late: an event of the span's value may still move its end; one of another value would cut what is past and is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.core.moment import duration_text
from engine.core.window.changes import quoted, value_text
from engine.model.match import Step
from engine.model.window import STATE, Fired, Item, Track

__all__ = ["EMPTY", "State", "on_hit", "on_time", "words"]


class State(NamedTuple):
    """The open span. `newest_ms` is the start of its newest event. Shape: `items` its first and newest event.

    A span may last all day with an event every three seconds, and the state is saved with every batch.
    """

    value: str | None = None
    start_ms: int = 0
    end_ms: int = 0
    newest_ms: int = 0
    items: tuple[Item, ...] = ()


EMPTY = State()


def on_hit(spec: Track, state: State, item: Item) -> Step[State, tuple[Fired, ...]]:
    """Let an event lengthen the span, end it, or begin one."""
    if item.roles == (STATE,):
        return _session_over(spec, state, item)
    if item.value is None:
        return Step(state, (), _over_ms(spec, state))
    state, out, _ = on_time(spec, state, item.at_ms - 1)
    value = value_text(item.value)
    if state.value is None:
        state = _begun(value, item)
    elif value == state.value:
        state = _longer(state, item)
    elif item.at_ms >= state.newest_ms:
        # The firing's own time is the arrival of the line that ended it; that line is no evidence for the span.
        out += _ended(spec, state, item.at_ms, item.seen_ms)
        state = _begun(value, item)
    return Step(state, out, _over_ms(spec, state))


def _session_over(spec: Track, state: State, item: Item) -> Step[State, tuple[Fired, ...]]:
    state, out, over_ms = on_time(spec, state, item.at_ms - 1)
    if state.value is None or state.items[-1].event.session not in (None, item.event.session):
        return Step(state, out, over_ms)
    return Step(EMPTY, out + _ended(spec, state, max(item.at_ms, state.newest_ms), item.seen_ms))


def _begun(value: str, item: Item) -> State:
    return State(value, item.at_ms, item.end_ms, item.at_ms, (item,))


def _longer(state: State, item: Item) -> State:
    state = state._replace(end_ms=max(state.end_ms, item.end_ms))
    if item.at_ms < state.newest_ms:
        return state
    return state._replace(newest_ms=item.at_ms, items=(state.items[0], item))


def _ended(spec: Track, state: State, end_ms: int, at_ms: int) -> tuple[Fired, ...]:
    lasted_ms = end_ms - state.start_ms
    if lasted_ms < spec.min_ms:
        return ()
    seconds = lasted_ms / 1000 if lasted_ms % 1000 else lasted_ms // 1000
    found = {"key": state.value, "start": state.start_ms, "end": end_ms, "seconds": seconds}
    return (Fired(state.items, at_ms, state.start_ms, found),)


def _over_ms(spec: Track, state: State) -> int | None:
    return None if state.value is None else state.end_ms + spec.gap_ms


def on_time(spec: Track, state: State, now_ms: int) -> Step[State, tuple[Fired, ...]]:
    """End the span once the gap has passed."""
    over_ms = _over_ms(spec, state)
    if over_ms is None or now_ms < over_ms:
        return Step(state, (), over_ms)
    return Step(EMPTY, _ended(spec, state, state.end_ms, over_ms))


def words(spec: Track, state: State, now_ms: int, clock: Callable[[int], str]) -> str:
    """Return the value, since when it is there, and when the span will be over."""
    if state.value is None:
        return "waits for the first value"
    lasted = duration_text(state.end_ms - state.start_ms)
    over = clock(state.end_ms + spec.gap_ms)
    return f"{quoted(state.value)} for {lasted} since {clock(state.start_ms)}; over at {over} unless it comes again"
