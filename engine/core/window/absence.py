"""Too little happens: at most so many events within a time, told once, and once more when it is over.

An event lasts from its start to its end; it is in the window `(t - for, t]` while it has started and its end lies in
there. The rule fires at the first instant `t` at which at most `at_most` events are in the window and the whole
window was watched; with `at_most: 0` that is `for` after the end of the last event. Watching begins with the state
of `while`, else with the first event, and anew where the recorder could hear again. What happened before the state
began counts for nothing, nor does the state's end resolve anything: nobody waits any more.

It is over (`closes`) with the event that makes it more than `at_most` again. One that comes late counts if it shows
that what was told did not hold; one from before the silence is no news. Silence then counts from that event's end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.core.moment import duration_text
from engine.model.match import Step
from engine.model.window import BLIND, STATE, Absent, Fired, Item

__all__ = ["EMPTY", "State", "on_hit", "on_time", "words"]

# The state is saved with every batch that touched it, and a screen event has some 3 kB.
MAX_ITEMS = 10


class State(NamedTuple):
    """What is watched. `from_ms`: since when without a break, None if not at all. `fired_ms`: for when it was told.

    Shape: `ends` the latest ends of events, ascending, one more than may be there; `items` the newest of them;
    `begun` the session event that set off watching.
    """

    from_ms: int | None = None
    ends: tuple[int, ...] = ()
    items: tuple[Item, ...] = ()
    begun: Item | None = None
    fired_ms: int | None = None


EMPTY = State()


def on_hit(spec: Absent, state: State, item: Item) -> Step[State, tuple[Fired, ...]]:
    """Take in an event, a change of the `while` state, or the recorder's word that it could not hear."""
    state, out, _ = on_time(spec, state, item.at_ms - 1)
    if STATE in item.roles:
        state = _turned(state, item)
    elif BLIND in item.roles:
        if state.from_ms is not None:
            state = state._replace(from_ms=max(state.from_ms, item.end_ms))
    elif state.from_ms is not None or spec.during is None:
        state, closed = _heard(spec, state, item)
        out += closed
    return Step(state, out, _due_ms(spec, state))


def _turned(state: State, item: Item) -> State:
    if not item.value:
        return EMPTY
    return state if state.from_ms is not None else State(from_ms=item.at_ms, begun=item)


def _heard(spec: Absent, state: State, item: Item) -> tuple[State, tuple[Fired, ...]]:
    kept = spec.at_most + 1
    ends = tuple(sorted((*state.ends, item.end_ms)))[-kept:]
    items = tuple(sorted((*state.items, item), key=lambda one: one.end_ms))[-min(kept, MAX_ITEMS) :]
    state = state._replace(from_ms=item.at_ms if state.from_ms is None else state.from_ms, ends=ends, items=items)
    if state.fired_ms is None or len(ends) < kept or ends[0] + spec.for_ms <= max(state.fired_ms, item.at_ms):
        return state, ()
    since_ms = state.fired_ms - spec.for_ms
    found = {"silent_ms": max(0, item.at_ms - since_ms)}
    # The event that ended it stands last, even if it came late.
    evidence = (*(one for one in items if one is not item), item)
    return state._replace(fired_ms=None), (Fired(evidence, None, since_ms, found, closes=True),)


def on_time(spec: Absent, state: State, now_ms: int) -> Step[State, tuple[Fired, ...]]:
    """Tell of the silence once it has lasted long enough."""
    due_ms = _due_ms(spec, state)
    if due_ms is None or now_ms < due_ms:
        return Step(state, (), due_ms)
    evidence = state.items or (() if state.begun is None else (state.begun,))
    fired = Fired(evidence, due_ms, due_ms - spec.for_ms, {"silent_ms": spec.for_ms})
    return Step(state._replace(fired_ms=due_ms), (fired,))


def _due_ms(spec: Absent, state: State) -> int | None:
    """Return when it will have been quiet for long enough, if nothing more comes and it was not told yet."""
    if state.from_ms is None or state.fired_ms is not None:
        return None
    since_ms = max(state.from_ms, state.ends[0]) if len(state.ends) > spec.at_most else state.from_ms
    return since_ms + spec.for_ms


def words(spec: Absent, state: State, now_ms: int, clock: Callable[[int], str]) -> str:
    """Return since when it is quiet, and when that will be told."""
    if state.from_ms is None:
        return f"waits for session.{spec.during}" if spec.during else "waits for the first event"
    if state.fired_ms is not None:
        return f"quiet since {clock(state.fired_ms - spec.for_ms)}, told at {clock(state.fired_ms)}"
    due_ms = _due_ms(spec, state) or 0
    since_ms = due_ms - spec.for_ms
    if spec.at_most:
        recent = sum(1 for end_ms in state.ends if end_ms > now_ms - spec.for_ms)
        return f"{recent} within {duration_text(spec.for_ms)}, more than {spec.at_most} wanted; due at {clock(due_ms)}"
    quiet = duration_text(max(0, now_ms - since_ms) // 1000 * 1000)
    return f"quiet for {quiet} of {duration_text(spec.for_ms)} since {clock(since_ms)}; due at {clock(due_ms)}"
