"""Steps in any order against an oracle that tries every choice of events and measures every pair."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.window import together
from engine.core.window.together import EMPTY, on_hit, on_time, words
from engine.model.condition import AllOf
from engine.model.window import Item, StepSpec, Together
from tests.core.window.items import Told, clock, in_order, item, lines, numbered, play

WITHIN_MS = 10
MINUTE_MS = 60_000
NAMES = ("slack", "said", "seen", "typed")


def spec_of(nots: tuple[bool, ...], at_least: int | None = None, within_ms: int = WITHIN_MS) -> Together:
    steps = tuple(StepSpec(name, AllOf(()), negated) for name, negated in zip(NAMES, nots, strict=False))
    positive = sum(not negated for negated in nots)
    return Together(steps, within_ms, positive if at_least is None else min(at_least, positive))


plain = st.builds(spec_of, st.integers(1, 4).map(lambda n: (False,) * n), st.integers(1, 4))
some_not = st.lists(st.booleans(), min_size=2, max_size=4).filter(lambda nots: any(nots) and not all(nots))
with_not = st.builds(spec_of, some_not.map(tuple), st.integers(1, 3))


def hits_of(spec: Together) -> st.SearchStrategy[list[Item]]:
    """Return events close together, so that gaps of exactly `within` are common, some with several roles."""
    roles = st.sets(st.integers(0, len(spec.steps) - 1), min_size=1, max_size=2).map(lambda found: tuple(sorted(found)))
    return st.lists(
        st.builds(item, st.integers(0, 50), roles, long_ms=st.sampled_from((0, 0, 0, 1, 4, 10, 30))), max_size=14
    )


def _case(specs: st.SearchStrategy[Together]) -> st.SearchStrategy[tuple[Together, list[Item]]]:
    return specs.flatmap(lambda spec: st.tuples(st.just(spec), hits_of(spec)))


def _gap(one: Item, other: Item) -> int:
    return max(0, max(one.at_ms, other.at_ms) - min(one.end_ms, other.end_ms))


def _is_near(one: Item, others: list[Item]) -> bool:
    return any(_gap(one, other) <= WITHIN_MS for other in others)


def _is_together(items: tuple[Item, ...]) -> bool:
    return all(_gap(one, other) <= WITHIN_MS for one, other in combinations(items, 2))


def _has_choice(spec: Together, usable: list[Item], newest: Item) -> bool:
    """Try every set of steps and every event for each."""
    positive = [number for number, step in enumerate(spec.steps) if not step.negated]
    for chosen in combinations(positive, spec.at_least):
        for items in product(*([one for one in usable if role in one.roles] for role in chosen)):
            if newest in items and _is_together(items):
                return True
    return False


def _expected(spec: Together, items: list[Item]) -> list[Told]:
    """Return what fires when all items come in order."""
    nots = {number for number, step in enumerate(spec.steps) if step.negated}
    told: list[Told] = []
    first, number = 0, -1
    while (number := number + 1) < len(items):
        newest = items[number]
        forbidden = [one for one in items[: number + 1] if nots & set(one.roles)]
        usable = [one for one in items[first : number + 1] if not _is_near(one, forbidden)]
        if newest not in usable or not _has_choice(spec, usable, newest):
            continue
        near = [one for one in usable if _gap(one, newest) <= WITHIN_MS]
        choice = {
            step.name: max((one for one in near if role in one.roles), key=lambda one: (one.end_ms, items.index(one)))
            for role, step in enumerate(spec.steps)
            if any(role in one.roles for one in near) and role not in nots
        }
        if not nots:
            told.append(_told(choice, newest.event.position.offset, None, items))
            first = number + 1
            continue
        due_ms = max(one.end_ms for one in choice.values()) + WITHIN_MS
        later = [one for one in items[number + 1 :] if one.at_ms <= due_ms]
        breaks = next((one for one in later if nots & set(one.roles) and _is_near(one, list(choice.values()))), None)
        number = items.index(breaks if breaks is not None else later[-1] if later else newest)
        if breaks is None:
            told.append(_told(choice, None, due_ms, items))
            first = number + 1
    return told


def _told(choice: dict[str, Item], line: int | None, due_ms: int | None, items: list[Item]) -> Told:
    evidence = [one for one in items if one in choice.values()]
    steps = {name: evidence.index(one) for name, one in choice.items()}
    return Told(line, due_ms, lines(evidence), evidence[0].at_ms, {"steps": steps})


@settings(max_examples=200, deadline=None)
@given(_case(plain))
def test_fires_when_some_choice_of_events_is_near(case: tuple[Together, list[Item]]) -> None:
    spec, items = case[0], in_order(case[1])
    assert play(together, spec, items) == _expected(spec, items)


@settings(max_examples=200, deadline=None)
@given(_case(with_not))
def test_fires_when_nothing_forbidden_came_near(case: tuple[Together, list[Item]]) -> None:
    spec, items = case[0], in_order(case[1])
    assert play(together, spec, items) == _expected(spec, items)


@settings(max_examples=150, deadline=None)
@given(_case(st.one_of(plain, with_not)), st.lists(st.integers(0, 120), max_size=20), st.booleans())
def test_calls_of_time_and_the_store_change_nothing(
    case: tuple[Together, list[Item]], ticks: list[int], keep: bool
) -> None:
    spec, items = case[0], in_order(case[1])
    expected = play(together, spec, items)
    assert play(together, spec, items, ticks=ticks, keep=keep, wake=keep) == expected
    if not any(step.negated for step in spec.steps):
        assert play(together, spec, items, ticks=ticks, touching=True) == expected


@settings(max_examples=200, deadline=None)
@given(_case(st.one_of(plain, with_not)))
def test_a_late_event_never_makes_a_false_choice(case: tuple[Together, list[Item]]) -> None:
    spec, items = case[0], numbered(case[1])
    nots = {number for number, step in enumerate(spec.steps) if step.negated}
    used: set[int] = set()
    state = EMPTY
    for number, one in enumerate(items):
        step = on_hit(spec, state, one)
        state = step.state
        assert len(state.items) <= len(spec.steps)
        for fired in step.out:
            assert len(fired.found["steps"]) >= spec.at_least
            assert _is_together(fired.items)
            assert not used & set(lines(fired.items))
            used |= set(lines(fired.items))
            came = items[:number] if fired.at_ms is not None else items[: number + 1]
            forbidden = [known for known in came if nots & set(known.roles)]
            assert not any(_is_near(known, list(fired.items)) for known in forbidden)


def test_a_late_event_completes_a_choice() -> None:
    spec = spec_of((False, False))
    items = numbered([item(50, (0,)), item(45, (1,))])
    assert [told.evidence for told in play(together, spec, items, wake=False)] == [(2, 1)]
    long = numbered([item(0, (0,), long_ms=60), item(60, (1,), long_ms=10), item(5, (2,))])
    assert [told.evidence for told in play(together, spec_of((False,) * 3, 2), long[::2], wake=False)] == [(1, 3)]


@pytest.mark.parametrize(("late_ms", "fires"), [(39, True), (40, False), (45, False), (51, False)])
def test_a_late_forbidden_event_undoes_a_choice_it_is_near(late_ms: int, fires: bool) -> None:
    spec, late = spec_of((False, False, True)), item(late_ms, (2,))
    waiting = [item(50, (0,)), item(52, (1,)), late]
    assert bool(play(together, spec, numbered(waiting), wake=False)) is fires
    apart = [item(50, (0,)), late, item(52, (1,))]
    assert bool(play(together, spec, numbered(apart), wake=False)) is fires


def test_an_event_just_near_enough_waits_for_all_of_an_instant() -> None:
    items = numbered([item(0, (0,)), item(WITHIN_MS, (1,)), item(WITHIN_MS, (2,))])
    assert [told.line for told in play(together, spec_of((False,) * 3), items)] == [3]


SLACK = spec_of((False, False), within_ms=2 * MINUTE_MS)


@pytest.mark.parametrize(("items", "fires"), [
    ([item(0, (1,)), item(110_000, (0,))], True),  # either order, inside two minutes
    ([item(0, (0,)), item(121_000, (1,))], False),  # too far apart
    ([item(0, (0,), long_ms=60_000), item(170_000, (1,))], True),  # a long segment still overlaps
    ([item(0, (0,)), item(120_000, (1,))], True),  # exactly `within` is near enough
    ([item(0, (0,)), item(120_001, (1,))], False),
    ([item(0, (0, 1))], True),  # one event for two steps
])  # fmt: skip
def test_slack_on_screen_while_somebody_says_deadline(items: list[Item], fires: bool) -> None:
    told = play(together, SLACK, numbered(items))  # RULES 9, example 8
    assert [one.line for one in told] == ([len(items)] if fires else [])


def test_the_evidence_says_which_event_stands_for_which_step() -> None:
    spec = spec_of((False, False, False), 2)
    told = play(together, spec, numbered([item(0, (1,)), item(1, (1,)), item(1, (0, 2))]))
    assert told == [Told(3, None, (2, 3), 1, {"steps": {"slack": 1, "said": 0, "seen": 1}})]


@pytest.mark.parametrize(
    ("forbidden", "fires"), [(4, True), (5, False), (20, False), (34, False), (35, False), (36, True)]
)
def test_a_forbidden_event_may_be_just_too_far_away(forbidden: int, fires: bool) -> None:
    spec = spec_of((False, False, True))
    items = [item(15, (0,)), item(20, (1,), long_ms=5), item(forbidden, (2,))]
    told = play(together, spec, in_order(items))
    assert [(one.due_ms, one.line) for one in told] == ([(35, None)] if fires else [])


def test_a_forbidden_event_counts_until_it_ends() -> None:
    forbidden = [item(0, (1,), long_ms=25), item(5, (1,))]
    for at_ms, fires in ((35, False), (36, True)):
        assert bool(play(together, spec_of((False, True)), numbered([*forbidden, item(at_ms, (0,))]))) is fires


def test_an_event_that_is_forbidden_itself_stands_for_nothing() -> None:
    assert play(together, spec_of((False, True)), [item(0, (0, 1))]) == []


def test_firing_forgets_everything() -> None:
    spec = spec_of((False, False))
    told = play(together, spec, numbered([item(0, (0,)), item(1, (1,)), item(2, (0,)), item(3, (0,)), item(4, (1,))]))
    assert [one.evidence for one in told] == [(1, 2), (4, 5)]


def test_a_group_is_forgotten_when_nothing_can_be_near_any_more() -> None:
    for roles in ((0,), (2,)):
        spec = spec_of((False, False, True))
        step = on_hit(spec, EMPTY, item(0, roles, long_ms=5))
        assert step.wake_at_ms == 5 + WITHIN_MS + 1
        assert on_time(spec, step.state, step.wake_at_ms - 1).state == step.state
        assert on_time(spec, step.state, step.wake_at_ms).state == EMPTY


def test_words_tell_what_is_there_and_what_may_still_happen() -> None:
    spec = spec_of((False, False, True), within_ms=2 * MINUTE_MS)
    assert words(spec, EMPTY, 0, clock) == "0 of 2 steps within 2m"
    first = on_hit(spec, EMPTY, item(0, (0,))).state
    assert words(spec, first, 0, clock) == "1 of 2 steps within 2m: slack at t0; forgotten at t120000"
    assert words(spec, first, 120_001, clock) == "0 of 2 steps within 2m"
    both = on_hit(spec, first, item(50, (1,))).state
    told = "2 of 2 steps within 2m: slack at t0, said at t50; fires at t120050 unless seen comes"
    assert words(spec, both, 60, clock) == told
    undone = on_hit(spec, both, item(70, (2,))).state
    assert words(spec, undone, 80, clock) == "0 of 2 steps within 2m; seen rules it out until t120070"
