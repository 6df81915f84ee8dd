"""More events than usual: so many times as many in the window as in the time before it, of the same length.

At an event's start `t` the count in `(t - window, t]` is compared with that in `(t - window - baseline, t - window]`,
scaled to a window. Nothing is usual before a whole baseline has passed since the group's first event; that is
remembered for good, so a burst after a silence is a spike (with `by: _.session` each session learns anew). After a
firing the window counts from zero, while the baseline goes on counting every event. An event that comes late counts
where it belongs, against the newest event's window, but not again after a firing that is younger than it.

With more than 10,000 events in both together the oldest are forgotten, and the baseline is as much shorter: an
average over less time, not over fewer events.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from engine.core.moment import duration_text
from engine.model.match import Step
from engine.model.window import Fired, Item, Spike

__all__ = ["EMPTY", "MAX_INSTANTS", "State", "on_hit", "on_time", "words"]

MAX_INSTANTS = 10_000
# The state is saved with every batch, and a screen event has some 3 kB.
MAX_ITEMS = 10


class State(NamedTuple):
    """What is counted. Shape: `instants` sorted starts of window and baseline; `items` the newest that count.

    `spent_ms` is when it fired last, and `spent` how many events of that very instant were counted then.
    `evicted` counts the instants forgotten because there were too many, `evicted_ms` is the newest of them.
    """

    first_ms: int | None = None
    instants: tuple[int, ...] = ()
    items: tuple[Item, ...] = ()
    spent_ms: int = 0
    spent: int = 0
    evicted_ms: int = 0
    evicted: int = 0


EMPTY = State()


class _Counts(NamedTuple):
    """How things stand at an instant. `span_ms` is the baseline's length, 0 while a whole one has not passed."""

    counted: int
    past: int = 0
    span_ms: int = 0

    def usual(self, window_ms: int) -> float:
        """Return how many events a window of the baseline has."""
        return self.past * window_ms / self.span_ms


def on_hit(spec: Spike, state: State, item: Item) -> Step[State, tuple[Fired, ...]]:
    """Count the event, and fire if there are too many now."""
    now_ms = max(item.at_ms, state.instants[-1]) if state.instants else item.at_ms
    if item.at_ms <= max(now_ms - spec.window_ms - spec.baseline_ms, state.evicted_ms):
        return Step(state, (), _over_ms(spec, state))
    state = _counted(spec, state, item, now_ms)
    counts = _counts(spec, state, now_ms)
    if not _is_spike(spec, counts):
        return Step(state, (), _over_ms(spec, state))
    fired = Fired(state.items, None, state.instants[-counts.counted], _found(spec, counts))
    spent = len(state.instants) - bisect_right(state.instants, now_ms - 1)
    return Step(state._replace(items=(), spent_ms=now_ms, spent=spent), (fired,), _over_ms(spec, state))


def _counted(spec: Spike, state: State, item: Item, now_ms: int) -> State:
    """Return the state with the event in it, and without what both spans have left behind."""
    place = bisect_right(state.instants, item.at_ms)
    begin = bisect_right(state.instants, now_ms - spec.window_ms - spec.baseline_ms)
    instants = (*state.instants[begin:place], item.at_ms, *state.instants[place:])
    items = sorted((*state.items, item), key=lambda one: one.at_ms)
    since_ms = max(now_ms - spec.window_ms, state.spent_ms - 1)
    newest = tuple(one for one in items if one.at_ms > since_ms)[-MAX_ITEMS:]
    first_ms = item.at_ms if state.first_ms is None else state.first_ms
    state = state._replace(first_ms=first_ms, instants=instants, items=newest)
    if len(instants) <= MAX_INSTANTS:
        return state
    evicted_ms = instants[-MAX_INSTANTS - 1]
    kept = instants[bisect_right(instants, evicted_ms) :]
    return state._replace(instants=kept, evicted_ms=evicted_ms, evicted=state.evicted + len(instants) - len(kept))


def _counts(spec: Spike, state: State, now_ms: int) -> _Counts:
    window_ms = now_ms - spec.window_ms
    past = bisect_right(state.instants, window_ms)
    counted = len(state.instants) - bisect_right(state.instants, max(window_ms, state.spent_ms - 1))
    if state.spent_ms > window_ms:
        counted -= state.spent
    begin_ms = window_ms - spec.baseline_ms
    if state.first_ms is None or begin_ms < state.first_ms:
        return _Counts(counted)
    past -= bisect_right(state.instants, begin_ms)
    span_ms = window_ms - max(begin_ms, state.evicted_ms)
    return _Counts(counted, past, max(0, span_ms))


def _is_spike(spec: Spike, counts: _Counts) -> bool:
    if not counts.span_ms or counts.counted < max(1, spec.minimum):
        return False
    # Multiplied out: a quotient of floats may miss what is exactly the ratio.
    return counts.counted * counts.span_ms >= spec.ratio * counts.past * spec.window_ms


def _found(spec: Spike, counts: _Counts) -> dict[str, float | None]:
    usual = counts.usual(spec.window_ms)
    return {
        "count": counts.counted,
        "usual": round(usual, 1),
        "ratio": round(counts.counted / usual, 1) if usual else None,
    }


def _over_ms(spec: Spike, state: State) -> int | None:
    return state.instants[-1] + spec.window_ms + spec.baseline_ms if state.instants else None


def on_time(spec: Spike, state: State, now_ms: int) -> Step[State, tuple[Fired, ...]]:
    """Forget the events once the newest has left window and baseline, but not since when the group is known."""
    over_ms = _over_ms(spec, state)
    if over_ms is not None and over_ms <= now_ms:
        return Step(State(first_ms=state.first_ms), ())
    return Step(state, (), over_ms)


def words(spec: Spike, state: State, now_ms: int, clock: Callable[[int], str]) -> str:
    """Return the count, what is usual, and what would be too many."""
    if state.first_ms is None:
        return "waits for the first event"
    counts = _counts(spec, state, now_ms)
    text = f"{counts.counted} within {duration_text(spec.window_ms)}"
    if not counts.span_ms:
        return f"{text}; learns what is usual until {clock(state.first_ms + spec.window_ms + spec.baseline_ms)}"
    usual = counts.usual(spec.window_ms)
    needed = max(spec.minimum, ceil(spec.ratio * usual))
    evicted = f"; {state.evicted} forgotten early, for there were more than {MAX_INSTANTS}" if state.evicted else ""
    return f"{text}, usually {round(usual, 1):g}; fires at {needed}{evicted}"
