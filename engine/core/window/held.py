"""Something keeps being so: events support it, with no silence between two that is longer than `gap`.

It fires once, with the event whose end reaches `for` after the first one's start, and closes when the gap has passed
without another event. An event that comes late joins what it touches, and may so complete it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.core.moment import duration_text
from engine.model.match import Step
from engine.model.window import Fired, Held, Item

__all__ = ["EMPTY", "State", "on_hit", "on_time", "words"]

# What began it and what came last. The state is saved with every batch, and a screen event has some 3 kB.
MAX_ITEMS = 10


class State(NamedTuple):
    """The stretch so far. Shape: `items` the first event and the newest ones; once told, the newest alone."""

    start_ms: int | None = None
    end_ms: int = 0
    items: tuple[Item, ...] = ()
    fired: bool = False


EMPTY = State()


def on_hit(spec: Held, state: State, item: Item) -> Step[State, tuple[Fired, ...]]:
    """Let an event lengthen the stretch, or begin one."""
    state, out, wake_ms = on_time(spec, state, item.at_ms - 1)
    if state.start_ms is None:
        state = State(item.at_ms, item.end_ms, (item,))
    elif state.start_ms - item.end_ms > spec.gap_ms:
        return Step(state, out, wake_ms)  # late, and of another stretch that is over
    else:
        items = (item,) if state.fired else _with(state.items, item)
        start_ms = min(state.start_ms, item.at_ms)
        state = State(start_ms, max(state.end_ms, item.end_ms), items, state.fired)
    state, fired = _told(spec, state)
    return Step(state, out + fired, state.end_ms + spec.gap_ms)


def _with(items: tuple[Item, ...], item: Item) -> tuple[Item, ...]:
    ordered = tuple(sorted((*items, item), key=lambda one: one.at_ms))
    return ordered if len(ordered) <= MAX_ITEMS else (ordered[0], *ordered[2:])


def _told(spec: Held, state: State) -> tuple[State, tuple[Fired, ...]]:
    if state.fired or state.start_ms is None or state.end_ms - state.start_ms < spec.for_ms:
        return state, ()
    fired = Fired(state.items, None, state.start_ms, {"duration_ms": state.end_ms - state.start_ms})
    return state._replace(items=state.items[-1:], fired=True), (fired,)


def on_time(spec: Held, state: State, now_ms: int) -> Step[State, tuple[Fired, ...]]:
    """End the stretch once the gap has passed; say so if it was told."""
    if state.start_ms is None:
        return Step(state, ())
    over_ms = state.end_ms + spec.gap_ms
    if now_ms < over_ms:
        return Step(state, (), over_ms)
    if not state.fired:
        return Step(EMPTY, ())
    found = {"duration_ms": state.end_ms - state.start_ms}
    return Step(EMPTY, (Fired(state.items, over_ms, state.start_ms, found, closes=True),))


def words(spec: Held, state: State, now_ms: int, clock: Callable[[int], str]) -> str:
    """Return how long it has lasted, and when it will be over."""
    if state.start_ms is None:
        return "waits for an event"
    lasted = duration_text(state.end_ms - state.start_ms)
    whole = "and told" if state.fired else f"of {duration_text(spec.for_ms)}"
    over = clock(state.end_ms + spec.gap_ms)
    return f"holds for {lasted} {whole} since {clock(state.start_ms)}; over at {over} unless it comes again"
