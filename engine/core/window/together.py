"""Steps in any order, no two of the chosen events farther apart than `within`.

The distance of two events is the gap between their intervals, 0 where they overlap; a gap of exactly `within` is near
enough. One event may stand for several steps. Of each step the event that ends last is remembered, the later one of
two that end together: what starts now is near it if it is near any. A choice has an event for every step that is near.

A `not` event rules out every event it is near, those that come after it too, and itself. So with a `not` step the first
choice with enough steps waits until `within` after its last end; what else comes meanwhile is not looked at. Firing
forgets everything.

Hits come in order of their start. One that is late may complete a choice with what is remembered, and a late `not`
event may undo one. What was already replaced does not come back, and before the last `not` event nothing is taken in.

`Fired.found`: `steps`, from the name of each step that has an event to its place in the items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from engine.core.moment import duration_text
from engine.model.match import Step
from engine.model.window import Fired, Item, Together

__all__ = ["EMPTY", "TogetherState", "on_hit", "on_time", "words"]

Choice: TypeAlias = list[Item | None]
"""For every step, `not` steps included, the event it has."""


class TogetherState(NamedTuple):
    """The latest event of each step. Shape: `items` by start, each once; `places` has for each step its place, or -1.

    `due_ms` is set when the items are a whole choice that waits. `barred_ms` is the last start that is near a `not`
    event: events from before and from after it cannot be near each other, so one number tells all.
    """

    items: tuple[Item, ...] = ()
    places: tuple[int, ...] = ()
    due_ms: int | None = None
    barred_ms: int | None = None


EMPTY = TogetherState()


def on_hit(spec: Together, state: TogetherState, item: Item) -> Step[TogetherState, tuple[Fired, ...]]:
    """Take in one event; fire when it completes a choice, or came after the instant at which one was due."""
    out: tuple[Fired, ...] = ()
    if state.due_ms is not None and state.due_ms < item.at_ms:
        state, out = EMPTY, (_fired(spec, state),)
    roles = [role for role in item.roles if 0 <= role < len(spec.steps)]
    if any(spec.steps[role].negated for role in roles):
        state = _ruled_out(spec, state, item)
    elif state.due_ms is None and (state.barred_ms is None or item.at_ms > state.barred_ms):
        choice, known = _choice(spec, state), (*state.items, item)
        complete = _complete(spec, choice, item, roles)
        if complete is None:
            state = _state(known, _remembered(spec, choice, item, roles), None, state.barred_ms)
        elif any(step.negated for step in spec.steps):
            state = _state(known, complete, _last_end_ms(complete) + spec.within_ms, state.barred_ms)
        else:
            state, out = EMPTY, (*out, _fired(spec, _state(known, complete, None, None)))
    return Step(state, out, _wake_ms(spec, state))


def _ruled_out(spec: Together, state: TogetherState, item: Item) -> TogetherState:
    """Return the state without what is near a `not` event; what is near it and comes later is barred."""
    choice = _choice(spec, state)
    first_ms, last_ms = item.at_ms - spec.within_ms, item.end_ms + spec.within_ms
    left = [one if one is not None and (one.end_ms < first_ms or last_ms < one.at_ms) else None for one in choice]
    barred_ms = last_ms if state.barred_ms is None else max(state.barred_ms, last_ms)
    return _state(state.items, left, state.due_ms if left == choice else None, barred_ms)


def _complete(spec: Together, choice: Choice, item: Item, roles: list[int]) -> Choice | None:
    """Return the choice that an event completes, or None.

    Events are near each other when all have begun by the last start and none ended more than `within` before it. In
    order that start is the new event's; one that is late may have to be matched with later ones.
    """
    starts = {item.at_ms, *(one.at_ms for one in choice if one is not None and one.at_ms > item.at_ms)}
    for last_ms in sorted(starts):
        near = [
            _latest((item if role in roles else None, known), last_ms, spec.within_ms)
            for role, known in enumerate(choice)
        ]
        if sum(one is not None for one in near) >= spec.at_least:
            return near
    return None


def _latest(events: tuple[Item | None, ...], last_ms: int, within_ms: int) -> Item | None:
    near = [one for one in events if one is not None and one.at_ms <= last_ms <= one.end_ms + within_ms]
    return max(near, key=lambda one: one.end_ms, default=None)


def _remembered(spec: Together, choice: Choice, item: Item, roles: list[int]) -> Choice:
    """Return the choice with the event where it is the latest, without those no later event can be near."""
    kept = [one if one is not None and one.end_ms + spec.within_ms >= item.at_ms else None for one in choice]
    for role in roles:
        known = kept[role]
        if known is None or item.end_ms >= known.end_ms:
            kept[role] = item
    return kept


def _choice(spec: Together, state: TogetherState) -> Choice:
    if not state.items:
        return [None] * len(spec.steps)
    return [state.items[place] if place >= 0 else None for place in state.places]


def _state(known: tuple[Item, ...], choice: Choice, due_ms: int | None, barred_ms: int | None) -> TogetherState:
    """Return the state of a choice. Shape: `known` has its events in the order in which they came."""
    # An event is told from another by being the same object here: two lines may be equal in all they say.
    chosen = {id(one) for one in choice if one is not None}
    items = tuple(sorted((one for one in known if id(one) in chosen), key=lambda one: one.at_ms))
    if not items:
        return TogetherState(barred_ms=barred_ms)
    place = {id(one): number for number, one in enumerate(items)}
    return TogetherState(items, tuple(place.get(id(one), -1) for one in choice), due_ms, barred_ms)


def _last_end_ms(choice: Choice) -> int:
    return max(one.end_ms for one in choice if one is not None)


def _fired(spec: Together, state: TogetherState) -> Fired:
    steps = {step.name: place for step, place in zip(spec.steps, state.places, strict=True) if place >= 0}
    return Fired(state.items, state.due_ms, state.items[0].at_ms, {"steps": steps})


def _wake_ms(spec: Together, state: TogetherState) -> int | None:
    """Return the due instant of what waits, else the first at which nothing remembered matters any more."""
    if state.due_ms is not None:
        return state.due_ms
    ends = [one.end_ms + spec.within_ms for one in state.items]
    if state.barred_ms is not None:
        ends.append(state.barred_ms)
    return max(ends) + 1 if ends else None


def on_time(spec: Together, state: TogetherState, now_ms: int) -> Step[TogetherState, tuple[Fired, ...]]:
    """Fire what was due by now, when all hits up to now have come; forget what is too long ago."""
    wake_ms = _wake_ms(spec, state)
    if wake_ms is None or now_ms < wake_ms:
        return Step(state, (), wake_ms)
    return Step(EMPTY, () if state.due_ms is None else (_fired(spec, state),))


def words(spec: Together, state: TogetherState, now_ms: int, clock: Callable[[int], str]) -> str:
    """Tell which steps are there: `1 of 2 steps within 2m: slack at 10:03:02; forgotten at 10:05:02`."""
    there = [
        (step.name, one)
        for step, one in zip(spec.steps, _choice(spec, state), strict=True)
        if one is not None and (state.due_ms is not None or now_ms <= one.end_ms + spec.within_ms)
    ]
    text = f"{len(there)} of {spec.at_least} steps within {duration_text(spec.within_ms)}"
    if there:
        text += ": " + ", ".join(f"{name} at {clock(one.at_ms)}" for name, one in there)
    forbidden = " or ".join(step.name for step in spec.steps if step.negated)
    if state.due_ms is not None:
        return f"{text}; fires at {clock(state.due_ms)} unless {forbidden} comes"
    if there:
        text += f"; forgotten at {clock(min(one.end_ms for _, one in there) + spec.within_ms)}"
    if state.barred_ms is not None and now_ms <= state.barred_ms:
        text += f"; {forbidden} rules it out until {clock(state.barred_ms)}"
    return text
