"""A value that was not there for a time (`first_seen`).

Values are compared as folded text and remembered as hashes: no captured text is kept, however long the memory. The
first value of a group is new like any other. An event from before the memory is ignored when it comes late.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

from engine.core.moment import duration_text
from engine.core.text import fold
from engine.core.window.changes import value_text
from engine.model.match import Step
from engine.model.window import Fired, FirstSeen, Item

__all__ = ["EMPTY", "MAX_TERMS", "State", "on_hit", "on_time", "words"]

MAX_TERMS = 10_000


class State(NamedTuple):
    """The values of a group. Shape: `terms` sorted hashes, `seen` the start of each one's newest event.

    `newest_ms` is the largest of `seen`; `evicted` counts the values that were forgotten because there were too many.
    """

    terms: tuple[str, ...] = ()
    seen: tuple[int, ...] = ()
    newest_ms: int = 0
    evicted: int = 0


EMPTY = State()


def on_hit(spec: FirstSeen, state: State, item: Item) -> Step[State, tuple[Fired, ...]]:
    """Remember the event's value, and fire if it was not seen within the memory."""
    at_ms = item.at_ms
    if item.value is None or (state.terms and at_ms <= state.newest_ms - spec.memory_ms):
        return Step(state, (), _forgotten_ms(spec, state))
    term = _term(item.value)
    place = bisect_left(state.terms, term)
    if place < len(state.terms) and state.terms[place] == term:
        before_ms = state.seen[place]
        is_new = before_ms <= at_ms - spec.memory_ms
        seen = (*state.seen[:place], max(before_ms, at_ms), *state.seen[place + 1 :])
        state = state._replace(seen=seen, newest_ms=max(state.newest_ms, at_ms))
    else:
        is_new = True
        state = _trimmed(spec, _added(state, place, term, at_ms))
    out = (Fired((item,), None, None, {"value": value_text(item.value)}),) if is_new else ()
    return Step(state, out, _forgotten_ms(spec, state))


def _term(value: Any) -> str:
    return blake2b(fold(value_text(value)).encode("utf-8", "replace"), digest_size=8).hexdigest()


def _added(state: State, place: int, term: str, at_ms: int) -> State:
    terms = (*state.terms[:place], term, *state.terms[place:])
    seen = (*state.seen[:place], at_ms, *state.seen[place:])
    return State(terms, seen, max(state.newest_ms, at_ms), state.evicted)


def _trimmed(spec: FirstSeen, state: State) -> State:
    """Keep to the cap: values whose time is over go first, else the one not seen for longest, which is counted."""
    if len(state.terms) <= MAX_TERMS:
        return state
    oldest_ms, over_ms = min(state.seen), state.newest_ms - spec.memory_ms
    if oldest_ms > over_ms:
        place = state.seen.index(oldest_ms)
        terms, seen = state.terms, state.seen
        return State(
            (*terms[:place], *terms[place + 1 :]),
            (*seen[:place], *seen[place + 1 :]),
            state.newest_ms,
            state.evicted + 1,
        )
    kept = [(term, at_ms) for term, at_ms in zip(state.terms, state.seen, strict=True) if at_ms > over_ms]
    return State(tuple(term for term, _ in kept), tuple(at_ms for _, at_ms in kept), state.newest_ms, state.evicted)


def _forgotten_ms(spec: FirstSeen, state: State) -> int | None:
    return state.newest_ms + spec.memory_ms if state.terms else None


def on_time(spec: FirstSeen, state: State, now_ms: int) -> Step[State, tuple[Fired, ...]]:
    """Forget everything once the newest value's time is over."""
    over_ms = _forgotten_ms(spec, state)
    if over_ms is not None and over_ms <= now_ms:
        return Step(EMPTY, ())
    return Step(state, (), over_ms)


def words(spec: FirstSeen, state: State, now_ms: int, clock: Callable[[int], str]) -> str:
    """Return how many values are known."""
    known = sum(1 for at_ms in state.seen if at_ms > now_ms - spec.memory_ms)
    evicted = f"; {state.evicted} forgotten early, for there were more than {MAX_TERMS}" if state.evicted else ""
    values = "1 value" if known == 1 else f"{known} values"
    return f"{values} known from the last {duration_text(spec.memory_ms)}{evicted}"
