"""Steps one after the other, the last begun at most `within` after the first ended.

"After" is the order of hits: by start, and at the same start by the lowest step. An event stands for one step of a
chain. `at_least: k` takes any k of the steps, in their order. Of the chains an event completes, the one whose first
event ends last fires: the tightest. Of several such, the one with the latest events, compared from the last to the
first. An event that fits several steps is tried from the last step to the first.

`not` steps. Between two steps: no such event from the one up to the other; with `at_least` it counts between the chosen
steps on both sides of it, and where one side has none it forbids nothing. Before all steps: none that ended in the
`within` before the first event, or later. After all steps: the chain waits until `within` after the first event's end,
included; of chains that wait, the one due first fires. An event that is both a step and a `not` step next to it cannot
stand for the step. Firing forgets all chains; a `not` event heard stays heard.

A hit that is late continues what is remembered, and a late `not` event breaks what it would have broken. What was
already replaced does not come back, so a late hit may be in vain; it never makes a chain that a `not` event forbids,
as long as the group is remembered at all.

`Fired.found`: `steps`, from the name of each step of the chain to its place in the items.

Why one chain is enough for each (last step, length): of two, the one whose first event ends later can be continued
whenever the other can. Only `not` events in the middle make a difference between them, so a chain knows the steps that
may still follow it, and one that allows more is kept beside one that ends later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from engine.core.moment import duration_text
from engine.model.match import Step
from engine.model.window import Fired, Item, Sequence

__all__ = ["EMPTY", "SequenceState", "on_hit", "on_time", "words"]

# Up to nine steps in full need 45; what is more, in rules that nobody writes, loses the chains that end soonest.
MAX_ITEMS = 50

Chain: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], tuple[Item, ...]]
"""Steps that may come next, steps that came, and their events."""


class SequenceState(NamedTuple):
    """Chains that are not complete, in the order of their last events.

    Shape: `heard` has (step, latest start, latest end) of `not` events. `waiting` is (due instant, steps, items) of the
    complete chain that only a last `not` step can still break.
    """

    chains: tuple[Chain, ...] = ()
    heard: tuple[tuple[int, int, int], ...] = ()
    waiting: tuple[int, tuple[int, ...], tuple[Item, ...]] | None = None


EMPTY = SequenceState()


def on_hit(spec: Sequence, state: SequenceState, item: Item) -> Step[SequenceState, tuple[Fired, ...]]:
    """Take in one event; fire when it completes a chain, or came after the instant at which one was due."""
    out: tuple[Fired, ...] = ()
    if state.waiting is not None and state.waiting[0] < item.at_ms:
        out = (_fired(spec, *state.waiting),)
        state = SequenceState(heard=state.heard)
    roles = [role for role in item.roles if 0 <= role < len(spec.steps)]
    denied = frozenset(role for role in roles if spec.steps[role].negated)
    if denied:
        state = _broken(spec, state, item, denied)
    state = state._replace(chains=tuple(chain for chain in state.chains if item.at_ms <= _end_ms(spec, chain[2])))
    denied |= {step for step, last_ms, _ in state.heard if last_ms > item.at_ms}
    longer: list[Chain] = []
    for role in sorted(role for role in roles if not spec.steps[role].negated)[::-1]:
        for steps, items in _continued(spec, state, item, role):
            if len(steps) < spec.at_least:
                longer.append((_following(spec, steps, denied), steps, items))
            elif not _last_nots(spec):
                state = SequenceState(heard=state.heard)
                return Step(state, (*out, _fired(spec, None, steps, items)), _wake_ms(spec, state))
            elif not denied & _last_nots(spec):
                state = _waiting(spec, state, steps, items)
    state = state._replace(chains=_kept(state, longer[::-1]))
    return Step(state, out, _wake_ms(spec, state))


def _end_ms(spec: Sequence, items: tuple[Item, ...]) -> int:
    """Return the last instant at which an event may begin that belongs to the chain."""
    return items[0].end_ms + spec.within_ms


def _positive(spec: Sequence) -> list[int]:
    return [number for number, step in enumerate(spec.steps) if not step.negated]


def _last_nots(spec: Sequence) -> frozenset[int]:
    last = max(_positive(spec), default=-1)
    return frozenset(number for number in range(last + 1, len(spec.steps)))


def _continued(
    spec: Sequence, state: SequenceState, item: Item, role: int
) -> list[tuple[tuple[int, ...], tuple[Item, ...]]]:
    """Return what chains become with the event as this step: the best of every length."""
    best: dict[int, Chain] = {}
    for chain in state.chains:  # of equal ones the later in the list has the later events
        nexts, _, items = chain
        if role in nexts and items[-1].at_ms <= item.at_ms:
            known = best.get(len(items))
            if known is None or items[0].end_ms >= known[2][0].end_ms:
                best[len(items)] = chain
    found = [((*steps, role), (*items, item)) for _, steps, items in best.values()]
    if _begins(spec, state, item, role):
        found.append(((role,), (item,)))
    return found


def _begins(spec: Sequence, state: SequenceState, item: Item, role: int) -> bool:
    positive = _positive(spec)
    forbidden = any(step < positive[0] and item.at_ms - end_ms <= spec.within_ms for step, _, end_ms in state.heard)
    return not forbidden and sum(step >= role for step in positive) >= spec.at_least


def _following(spec: Sequence, steps: tuple[int, ...], denied: frozenset[int]) -> tuple[int, ...]:
    """Return the steps that may come next: enough must be left after them, and no denied one stands before them."""
    limit = min((step for step in denied if step > steps[-1]), default=len(spec.steps))
    positive = _positive(spec)
    return tuple(
        role
        for role in positive
        if steps[-1] < role < limit and len(steps) + sum(step >= role for step in positive) >= spec.at_least
    )


def _kept(state: SequenceState, longer: list[Chain]) -> tuple[Chain, ...]:
    """Return the chains with the longer ones, but for those that another makes needless."""
    chains = list(state.chains)
    for new in longer:
        left = [old for old in chains if not _covers(new, old)]
        if new[0] and not any(_covers(old, new) for old in left):
            chains = [*left, new]
    most = MAX_ITEMS - (len(state.waiting[2]) if state.waiting is not None else 0)
    while sum(len(items) for _, _, items in chains) > most:
        chains.remove(min(chains, key=lambda chain: chain[2][0].end_ms))
    return tuple(chains)


def _covers(one: Chain, other: Chain) -> bool:
    """Tell whether one chain can go on wherever the other can. The steps that may follow differ in where they stop."""
    return (
        one[1][-1] == other[1][-1]
        and len(one[1]) == len(other[1])
        and len(one[0]) >= len(other[0])
        and one[2][0].end_ms >= other[2][0].end_ms
    )


def _waiting(spec: Sequence, state: SequenceState, steps: tuple[int, ...], items: tuple[Item, ...]) -> SequenceState:
    due_ms = _end_ms(spec, items)
    if state.waiting is not None and state.waiting[0] <= due_ms:
        return state
    return state._replace(waiting=(due_ms, steps, items))


def _broken(spec: Sequence, state: SequenceState, item: Item, denied: frozenset[int]) -> SequenceState:
    """Return the state after a `not` event: with less that may follow, and without the chains it breaks."""
    cut = [_cut(spec, chain, item, denied) for chain in state.chains]
    waiting = state.waiting
    if waiting is not None:
        _, steps, items = waiting
        is_after = items[-1].at_ms <= item.at_ms
        if denied & _last_nots(spec) if is_after else _breaks(spec, steps, items, item, denied):
            waiting = None
    return SequenceState(tuple(chain for chain in cut if chain is not None), _heard(state, item, denied), waiting)


def _cut(spec: Sequence, chain: Chain, item: Item, denied: frozenset[int]) -> Chain | None:
    nexts, steps, items = chain
    if item.at_ms < items[-1].at_ms:
        return None if _breaks(spec, steps, items, item, denied) else chain
    limit = min((step for step in denied if step > steps[-1]), default=len(spec.steps))
    nexts = tuple(role for role in nexts if role < limit)
    return (nexts, steps, items) if nexts else None


def _breaks(
    spec: Sequence, steps: tuple[int, ...], items: tuple[Item, ...], item: Item, denied: frozenset[int]
) -> bool:
    """Tell whether a late `not` event lies before a chain's first event or between two of its events."""
    first = items[0]
    if item.at_ms < first.at_ms <= item.end_ms + spec.within_ms and min(denied) < _positive(spec)[0]:
        return True
    return any(
        before.at_ms <= item.at_ms < after.at_ms and any(step < role < next_step for role in denied)
        for before, after, step, next_step in zip(items, items[1:], steps, steps[1:], strict=False)
    )


def _heard(state: SequenceState, item: Item, denied: frozenset[int]) -> tuple[tuple[int, int, int], ...]:
    heard = {step: (last_ms, end_ms) for step, last_ms, end_ms in state.heard}
    for step in denied:
        last_ms, end_ms = heard.get(step, (item.at_ms, item.end_ms))
        heard[step] = max(last_ms, item.at_ms), max(end_ms, item.end_ms)
    return tuple((step, *heard[step]) for step in sorted(heard))


def _fired(spec: Sequence, due_ms: int | None, steps: tuple[int, ...], items: tuple[Item, ...]) -> Fired:
    names = {spec.steps[step].name: place for place, step in enumerate(steps)}
    return Fired(items, due_ms, items[0].at_ms, {"steps": names})


def _wake_ms(spec: Sequence, state: SequenceState) -> int | None:
    """Return the due instant of what waits, else the first at which nothing remembered matters any more."""
    if state.waiting is not None:
        return state.waiting[0]
    ends = [_end_ms(spec, items) for _, _, items in state.chains]
    ends += [end_ms + spec.within_ms for _, _, end_ms in state.heard]
    return max(ends) + 1 if ends else None


def on_time(spec: Sequence, state: SequenceState, now_ms: int) -> Step[SequenceState, tuple[Fired, ...]]:
    """Fire what was due by now, when all hits up to now have come; forget what is too long ago."""
    wake_ms = _wake_ms(spec, state)
    if wake_ms is None or now_ms < wake_ms:
        return Step(state, (), wake_ms)
    out = () if state.waiting is None else (_fired(spec, *state.waiting),)
    left = SequenceState(heard=state.heard)
    left_wake_ms = _wake_ms(spec, left)
    if left_wake_ms is None or left_wake_ms <= now_ms:
        return Step(EMPTY, out)
    return Step(left, out, left_wake_ms)


def words(spec: Sequence, state: SequenceState, now_ms: int, clock: Callable[[int], str]) -> str:
    """Tell how far the longest chain is: `1 of 2 steps within 2m since 10:03:02: a; next b; forgotten at 10:05:02`."""
    if state.waiting is not None:
        due_ms, steps, items = state.waiting
        forbidden = " or ".join(spec.steps[step].name for step in sorted(_last_nots(spec)))
        return f"{_progress(spec, steps, items, clock)}; fires at {clock(due_ms)} unless {forbidden} comes"
    alive = [chain for chain in state.chains if now_ms <= _end_ms(spec, chain[2])]
    if not alive:
        return f"0 of {spec.at_least} steps within {duration_text(spec.within_ms)}"
    nexts, steps, items = max(alive, key=lambda chain: (len(chain[1]), chain[2][0].end_ms))
    awaited = " or ".join(spec.steps[step].name for step in nexts)
    progress = _progress(spec, steps, items, clock)
    return f"{progress}; next {awaited}; forgotten at {clock(_end_ms(spec, items))}"


def _progress(spec: Sequence, steps: tuple[int, ...], items: tuple[Item, ...], clock: Callable[[int], str]) -> str:
    names = ", ".join(spec.steps[step].name for step in steps)
    within = duration_text(spec.within_ms)
    return f"{len(steps)} of {spec.at_least} steps within {within} since {clock(items[0].at_ms)}: {names}"
