"""So many hits, or hits with so many different values, within a time.

A window is `(t - within, t]` and ends at the newest hit. Firing empties it; with `keep` every hit that finds enough in
it fires. With `distinct` a value counts from its latest hit, and a hit without a value is none. A hit that comes out of
order takes its place if it lies in the window; an older one changes nothing.

`Fired.found`: `count`, and with `distinct` the values of the evidence. `since_ms` is the start of the first hit that
counts, though its event may not be kept any more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias

from engine.core.moment import duration_text
from engine.model.match import Step
from engine.model.window import Count, Fired, Item

__all__ = ["EMPTY", "MAX_HITS", "CountState", "on_hit", "on_time", "words"]

MAX_HITS = 10_000
"""What a window can count to. A rule that asks for more could never fire."""
MAX_ITEMS = 50
# A tuple is copied to change it. In parts of about the square root of what they hold, a hit copies two short tuples:
# with 9,999 hits in the window it costs 6 us, and 30 us if they were one tuple.
PART = 128

Parts: TypeAlias = tuple[tuple[Any, ...], ...]


class CountState(NamedTuple):
    """The hits of one window. Shape: `items` are the newest, by start, at most 50; `older` stands for those before.

    `older` is empty while `items` has room. Without `distinct` it has starts, in parts none of which is empty; with it
    (start, digest of the value), in the part that the digest names. Each part is in order. There may still be some that
    have left the window: they are taken out before anything fires.
    """

    items: tuple[Item, ...] = ()
    older: Parts = ()


EMPTY = CountState()


def on_hit(spec: Count, state: CountState, item: Item) -> Step[CountState, tuple[Fired, ...]]:
    """Count one hit, and fire when that makes enough."""
    taken = _taken(spec, state, item)
    if taken is None:
        return Step(state, (), _end_ms(spec, state))
    items, older = taken
    count = len(items) + sum(map(len, older)) if older else len(items)
    if count < spec.at_least:
        return Step(taken, (), items[-1].at_ms + spec.within_ms)
    state = taken if spec.keep else EMPTY
    return Step(state, (_fired(spec, taken, item, count),), _end_ms(spec, state))


def _taken(spec: Count, state: CountState, item: Item) -> CountState | None:
    """Return the window with one more hit, without what that puts outside; None if the hit changes nothing."""
    items, older = state
    at_ms = item.at_ms
    if items:
        if at_ms <= items[-1].at_ms - spec.within_ms:
            return None
        if items[0].at_ms <= at_ms - spec.within_ms:
            items, older = items[bisect_right(items, at_ms - spec.within_ms, key=_start) :], ()
    if spec.distinct is not None:
        others = _others(items, older, item)
        if others is None:
            return None
        items, older = others
    if not items or at_ms >= items[-1].at_ms:
        items = (*items, item)
    else:
        place = bisect_right(items, at_ms, key=_start)
        items = (*items[:place], item, *items[place:])
    if len(items) > MAX_ITEMS:
        older = _put(spec, older, items[0])
        items = items[1:]
    return CountState(items, _bounded(spec, older, len(items), items[-1].at_ms) if older else older)


def _start(item: Item) -> int:
    return item.at_ms


def _end_ms(spec: Count, state: CountState) -> int | None:
    return state.items[-1].at_ms + spec.within_ms if state.items else None


def _fired(spec: Count, window: CountState, item: Item, count: int) -> Fired:
    items, older = window
    if item.at_ms < items[0].at_ms:  # it came late and is too old to be kept, yet it is what completed the window
        items = (item, *items[1:])
    found: dict[str, Any] = {"count": count}
    if spec.distinct is not None:
        found["distinct"] = [one.value for one in items]
    return Fired(items, None, _since_ms(items, older), found)


def _since_ms(items: tuple[Item, ...], older: Parts) -> int:
    return min(_oldest(older)[0], items[0].at_ms) if older else items[0].at_ms


def _others(items: tuple[Item, ...], older: Parts, item: Item) -> tuple[tuple[Item, ...], Parts] | None:
    """Return what remains without the item's value; None if it has no value, or one with a later hit already."""
    if item.value is None:
        return None
    for place, known in enumerate(items):
        if known.value == item.value:
            return None if known.at_ms > item.at_ms else ((*items[:place], *items[place + 1 :]), older)
    if not older:
        return items, older
    digest = _digest(item.value)
    number = _part_of(digest)
    for place, (at_ms, known_digest) in enumerate(older[number]):
        if known_digest == digest:
            if at_ms > item.at_ms:
                return None
            part = (*older[number][:place], *older[number][place + 1 :])
            return items, (*older[:number], part, *older[number + 1 :])
    return items, older


def _put(spec: Count, older: Parts, item: Item) -> Parts:
    if spec.distinct is not None:
        digest = _digest(item.value)
        return _insert(older or ((),) * PART, _part_of(digest), (item.at_ms, digest))
    if not older or len(older[-1]) >= PART:
        return (*older, (item.at_ms,))
    return _insert(older, len(older) - 1, item.at_ms)


def _insert(older: Parts, number: int, entry: Any) -> Parts:
    part = older[number]
    place = bisect_right(part, entry)
    return (*older[:number], (*part[:place], entry, *part[place:]), *older[number + 1 :])


def _digest(value: Any) -> str:
    """Return a name of fixed length for a value, which may be a whole page of text."""
    return blake2b(str(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _part_of(digest: str) -> int:
    return int(digest[:4], 16) % PART


def _bounded(spec: Count, older: Parts, beside: int, newest_ms: int) -> Parts:
    """Return the parts without what has left the window, where that matters, and never with more than `MAX_HITS`."""
    if beside + sum(map(len, older)) >= min(spec.at_least, MAX_HITS):
        older = _within(spec, older, newest_ms - spec.within_ms)
        if beside + sum(map(len, older)) > MAX_HITS:
            _, number = _oldest(older)
            parts = (*older[:number], older[number][1:], *older[number + 1 :])
            older = parts if spec.distinct is not None else tuple(part for part in parts if part)
    return older


def _within(spec: Count, older: Parts, edge_ms: int) -> Parts:
    first = edge_ms + 1 if spec.distinct is None else (edge_ms + 1,)
    parts = tuple(
        part if not part or part[0] >= first else part[bisect_left(part, first) :]
        for part in older
        if spec.distinct is not None or part[-1] >= first
    )
    return parts if any(parts) else ()


def _oldest(older: Parts) -> tuple[int, int]:
    """Return the earliest start in the parts and the number of its part."""
    return min(
        (part[0] if isinstance(part[0], int) else part[0][0], number) for number, part in enumerate(older) if part
    )


def on_time(spec: Count, state: CountState, now_ms: int) -> Step[CountState, tuple[Fired, ...]]:
    """Forget the window once its newest hit has left it. Nothing fires by time alone."""
    end_ms = _end_ms(spec, state)
    if end_ms is not None and now_ms >= end_ms:
        return Step(EMPTY, ())
    return Step(state, (), end_ms)


def words(spec: Count, state: CountState, now_ms: int, clock: Callable[[int], str]) -> str:
    """Tell how many there are now: `2 of 3 within 10m since 10:04:11; forgotten at 10:14:11`."""
    edge_ms = now_ms - spec.within_ms
    items = state.items[bisect_right(state.items, edge_ms, key=_start) :]
    older = _within(spec, state.older, edge_ms)
    what = "" if spec.distinct is None else f" different values of {spec.distinct}"
    text = f"{len(items) + sum(map(len, older))} of {spec.at_least}{what} within {duration_text(spec.within_ms)}"
    if not items:
        return text
    since_ms = _since_ms(items, older)
    return f"{text} since {clock(since_ms)}; forgotten at {clock(since_ms + spec.within_ms)}"
