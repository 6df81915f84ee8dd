"""Steps in order against an oracle that tries every chain of events and checks it by the definition."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.window import sequence
from engine.core.window.sequence import EMPTY, on_hit, on_time, words
from engine.model.condition import AllOf
from engine.model.window import Item, Sequence, StepSpec
from tests.core.window.items import Told, clock, in_order, item, lines, numbered, play

WITHIN_MS = 10
NAMES = ("login", "upload", "error", "logout", "reboot", "crash")


def spec_of(nots: tuple[bool, ...], at_least: int | None = None, within_ms: int = WITHIN_MS) -> Sequence:
    steps = tuple(StepSpec(name, AllOf(()), negated) for name, negated in zip(NAMES, nots, strict=False))
    positive = sum(not negated for negated in nots)
    return Sequence(steps, within_ms, positive if at_least is None else min(at_least, positive))


A, NOT = False, True
USUAL = ((A, A), (A, A, A), (A, NOT, A), (NOT, A, A), (A, A, NOT), (A, NOT), (NOT, A, NOT, A, NOT), (A, A, NOT, A))
any_steps = st.lists(st.booleans(), min_size=1, max_size=6).filter(lambda nots: not all(nots)).map(tuple)
specs = st.builds(spec_of, st.one_of(st.sampled_from(USUAL), any_steps), st.sampled_from((None, None, 2, 1, 3, 4)))


def hits_of(spec: Sequence) -> st.SearchStrategy[list[Item]]:
    """Return events close together, so that ties and edges are common, some with several roles."""
    role = st.integers(0, len(spec.steps) - 1)
    roles = st.one_of(
        role.map(lambda one: (one,)), st.sets(role, min_size=1, max_size=3).map(lambda some: tuple(sorted(some)))
    )
    return st.lists(
        st.builds(item, st.integers(0, 24), roles, long_ms=st.sampled_from((0, 0, 0, 1, 4, 10, 25))), max_size=12
    )


cases = specs.flatmap(lambda spec: st.tuples(st.just(spec), hits_of(spec)))


class Chain:
    """Steps and the places of their events among all items."""

    def __init__(self, spec: Sequence, items: list[Item], steps: tuple[int, ...], places: tuple[int, ...]) -> None:
        self.spec, self.items, self.steps, self.places = spec, items, steps, places
        self.first, self.last = items[places[0]], items[places[-1]]
        self.due_ms = self.first.end_ms + spec.within_ms
        positive = [number for number, step in enumerate(spec.steps) if not step.negated]
        self.leading = set(range(positive[0]))
        self.trailing = set(range(positive[-1] + 1, len(spec.steps)))

    def is_valid(self) -> bool:
        """Tell whether the events stand in order, in time, and with no forbidden one before or between them."""
        steps, places, items = self.steps, self.places, self.items
        if not all(step in items[place].roles for step, place in zip(steps, places, strict=True)):
            return False
        if self.last.at_ms - self.first.end_ms > self.spec.within_ms:
            return False
        before = [one for one in items[: places[0] + 1] if self.first.at_ms - one.end_ms <= self.spec.within_ms]
        if any(self.leading & set(one.roles) for one in before):
            return False
        for (step, place), (next_step, next_place) in pairwise(zip(steps, places, strict=True)):
            nots = {role for role in range(step + 1, next_step) if self.spec.steps[role].negated}
            if any(nots & set(one.roles) for one in items[place : next_place + 1]):
                return False
        return True

    def is_undone(self) -> bool:
        """Tell whether an event that must not come after the last step came until the due instant."""
        after = [one for one in self.items[self.places[-1] :] if one.at_ms <= self.due_ms]
        return any(self.trailing & set(one.roles) for one in after)

    def rank(self) -> tuple[int, list[tuple[int, int]]]:
        return self.first.end_ms, list(zip(self.places, self.steps, strict=True))[::-1]

    def told(self) -> Told:
        evidence = tuple(self.items[place] for place in self.places)
        found = {"steps": {self.spec.steps[step].name: number for number, step in enumerate(self.steps)}}
        line = None if self.trailing else self.last.event.position.offset
        return Told(line, self.due_ms if self.trailing else None, lines(evidence), self.first.at_ms, found)


def _chains(spec: Sequence, items: list[Item], first: int, last: int) -> Iterator[Chain]:
    """Yield the best chain of those that end with this event, for each step it can be, from the last step on."""
    positive = [number for number, step in enumerate(spec.steps) if not step.negated]
    for role in reversed(positive):
        found = [
            chain
            for steps in combinations([step for step in positive if step < role], spec.at_least - 1)
            for places in combinations(range(first, last), spec.at_least - 1)
            if (chain := Chain(spec, items, (*steps, role), (*places, last))).is_valid()
        ]
        if found:
            yield max(found, key=Chain.rank)


def _expected(spec: Sequence, items: list[Item]) -> list[Told]:
    """Return what fires when all items come in order."""
    told: list[Told] = []
    first = 0
    while (chain := _next(spec, items, first)) is not None:
        told.append(chain.told())
        gone = [place for place, one in enumerate(items) if one.at_ms <= chain.due_ms]
        first = (gone[-1] if chain.trailing else chain.places[-1]) + 1
    return told


def _next(spec: Sequence, items: list[Item], first: int) -> Chain | None:
    complete = (chain for last in range(first, len(items)) for chain in _chains(spec, items, first, last))
    if not any(step.negated for step in spec.steps[-1:]):
        return next(complete, None)
    return min((chain for chain in complete if not chain.is_undone()), key=lambda chain: chain.due_ms, default=None)


@settings(max_examples=500, deadline=None)
@given(cases)
def test_fires_when_some_chain_is_complete(case: tuple[Sequence, list[Item]]) -> None:
    spec, items = case[0], in_order(case[1])
    assert play(sequence, spec, items) == _expected(spec, items)


@settings(max_examples=200, deadline=None)
@given(cases, st.lists(st.integers(0, 80), max_size=20), st.booleans())
def test_calls_of_time_and_the_store_change_nothing(
    case: tuple[Sequence, list[Item]], ticks: list[int], keep: bool
) -> None:
    spec, items = case[0], in_order(case[1])
    expected = play(sequence, spec, items)
    assert play(sequence, spec, items, ticks=ticks, keep=keep, wake=keep) == expected
    if not spec.steps[-1].negated:
        assert play(sequence, spec, items, ticks=ticks, touching=True) == expected


@settings(max_examples=200, deadline=None)
@given(cases)
def test_a_late_event_never_makes_a_false_chain(case: tuple[Sequence, list[Item]]) -> None:
    spec, items = case[0], numbered(case[1])
    used: set[int] = set()
    state = EMPTY
    for number, one in enumerate(items):
        step = on_hit(spec, state, one)
        state = step.state
        for fired in step.out:
            evidence = lines(fired.items)
            assert not used & set(evidence)
            used |= set(evidence)
            came = items[: number + (fired.at_ms is None)]
            known = sorted(came, key=lambda one: one.at_ms)
            steps = tuple(NAMES.index(name) for name in fired.found["steps"])
            assert len(steps) == spec.at_least
            _assert_true(spec, known, steps, fired.items)


def _assert_true(spec: Sequence, known: list[Item], steps: tuple[int, ...], evidence: tuple[Item, ...]) -> None:
    """Check a chain by starts alone: what a `not` event of the very same start would say depends on the order."""
    assert [one.at_ms for one in evidence] == sorted(one.at_ms for one in evidence)
    others = [one for one in known if one.at_ms not in {chosen.at_ms for chosen in evidence}]
    items = sorted([*others, *evidence], key=lambda one: one.at_ms)
    chain = Chain(spec, items, steps, tuple(items.index(one) for one in evidence))
    assert chain.is_valid()
    assert not chain.trailing or not chain.is_undone()


def _fires(nots: tuple[bool, ...], *items: Item, at_least: int | None = None) -> list[tuple[int, ...]]:
    return [told.evidence for told in play(sequence, spec_of(nots, at_least), numbered(items))]


@pytest.mark.parametrize(("second_ms", "fires"), [(0, True), (10, True), (15, True), (16, False)])
def test_the_last_begins_at_most_within_after_the_first_ended(second_ms: int, fires: bool) -> None:
    assert bool(_fires((A, A), item(0, (0,), long_ms=5), item(second_ms, (1,)))) is fires


def test_order_counts_and_needs_two_events() -> None:
    assert _fires((A, A), item(0, (1,)), item(1, (0,))) == []
    assert _fires((A, A), item(0, (0, 1))) == []
    assert _fires((A, A), item(0, (0, 1)), item(1, (0, 1))) == [(1, 2)]


def test_the_tightest_chain_fires() -> None:
    assert _fires((A, A), item(0, (0,)), item(1, (0,)), item(2, (1,))) == [(2, 3)]
    assert _fires((A, A), item(0, (0,), long_ms=9), item(1, (0,)), item(2, (1,))) == [(1, 3)]
    assert _fires((A, A, A), item(0, (0,)), item(1, (1,)), item(2, (1,)), item(3, (2,))) == [(1, 3, 4)]


def test_firing_forgets_the_chains() -> None:
    items = (item(0, (0,)), item(1, (0,)), item(2, (1,)), item(3, (1,)))
    assert _fires((A, A), *items) == [(2, 3)]


@pytest.mark.parametrize(("between", "fires"), [(4, True), (5, False), (6, False), (7, False), (8, True)])
def test_nothing_forbidden_from_the_one_to_the_next(between: int, fires: bool) -> None:
    items = in_order([item(5, (0,)), item(between, (1,)), item(7, (2,))])
    assert bool(play(sequence, spec_of((A, NOT, A)), items)) is fires


@pytest.mark.parametrize(("before", "fires"), [(9, True), (10, False), (20, False), (21, True)])
def test_nothing_forbidden_in_the_time_before_the_first(before: int, fires: bool) -> None:
    items = in_order([item(before, (0,)), item(20, (1,)), item(22, (2,))])
    assert bool(play(sequence, spec_of((NOT, A, A)), items)) is fires


@pytest.mark.parametrize(("after", "fires"), [(3, True), (4, False), (10, False), (11, True)])
def test_nothing_forbidden_after_the_last(after: int, fires: bool) -> None:
    items = in_order([item(0, (0,)), item(4, (1,)), item(after, (2,))])
    told = play(sequence, spec_of((A, A, NOT)), items)
    assert [(one.line, one.due_ms) for one in told] == ([(None, 10)] if fires else [])


def test_an_event_that_is_forbidden_beside_a_step_cannot_be_the_step() -> None:
    for both in ((0, 1), (1, 2)):
        first, last = (both, (2,)) if 0 in both else ((0,), both)
        assert _fires((A, NOT, A), item(0, first), item(1, last)) == []
    assert _fires((NOT, A), item(0, (0, 1))) == []
    assert _fires((A, NOT), item(0, (0, 1))) == []


def test_an_event_that_is_forbidden_just_before_a_step_by_order_does_not_count() -> None:
    assert _fires((A, NOT, A), item(0, (0, 1)), item(0, (0,)), item(1, (2,))) == [(2, 3)]


def test_what_must_not_come_first_is_remembered_after_firing() -> None:
    items = numbered([item(0, (1,)), item(1, (0,)), item(2, (2,)), item(3, (1,)), item(4, (2,))])
    assert [told.evidence for told in play(sequence, spec_of((NOT, A, A)), items)] == [(1, 3)]
    items = numbered([item(0, (1,)), item(5, (0,)), item(12, (1,))])
    for wake in (True, False):
        assert [told.evidence for told in play(sequence, spec_of((NOT, A, NOT)), items, wake=wake)] == [(1,)]


def test_what_must_not_come_first_counts_until_it_ends() -> None:
    assert _fires((NOT, A), item(0, (0,), long_ms=25), item(5, (0,)), item(35, (1,))) == []
    assert _fires((NOT, A), item(0, (0,), long_ms=25), item(5, (0,)), item(36, (1,))) == [(3,)]


def test_the_first_complete_chain_waits_unless_another_is_due_before() -> None:
    assert _fires((A, A, NOT), item(0, (0,)), item(1, (1,)), item(2, (0,)), item(3, (1,))) == [(1, 2)]
    assert _fires((A, A, NOT), item(0, (0,)), item(1, (1,)), item(2, (1,))) == [(1, 2)]
    items = (item(0, (0,), long_ms=25), item(1, (2,)), item(2, (1,)), item(3, (0,)), item(4, (2,)))
    assert _fires((A, NOT, A, NOT), *items[:3]) == [(1, 2)]
    assert _fires((A, NOT, A, NOT), *items) == [(4, 5)]


def test_any_two_of_three_in_order() -> None:
    assert _fires((A, A, A), item(0, (1,)), item(1, (0,)), item(2, (2,)), at_least=2) == [(2, 3)]
    assert _fires((A, A, A), item(0, (2,)), item(1, (1,)), item(2, (0,)), at_least=2) == []


def test_an_event_that_fits_two_steps_is_tried_as_the_later_one() -> None:
    items = numbered([item(0, (0,)), item(1, (1, 2)), item(2, (3,))])
    told = play(sequence, spec_of((A, A, A, A), 3), items)
    assert [one.found for one in told] == [{"steps": {"login": 0, "error": 1, "logout": 2}}]


def test_with_a_choice_of_steps_a_not_counts_between_the_chosen() -> None:
    steps = (A, NOT, A, A)
    assert _fires(steps, item(0, (0,)), item(1, (1,)), item(2, (3,)), at_least=2) == []
    assert _fires(steps, item(0, (2,)), item(1, (1,)), item(2, (3,)), at_least=2) == [(1, 3)]


def test_a_chain_that_allows_more_is_kept_beside_one_that_ends_later() -> None:
    items = (item(0, (0,), long_ms=25), item(1, (2,)), item(2, (1, 4)), item(3, (0,)), item(4, (2,)), item(5, (5,)))
    assert _fires((A, NOT, A, A, NOT, A), *items, at_least=3) == [(4, 5, 6)]


def test_a_late_forbidden_event_breaks_only_what_it_lies_in() -> None:
    steps, items = (A, NOT, A, NOT, A), [item(5, (0,)), item(8, (2,)), item(9, (4,))]
    for late_ms, role, fires in ((4, 1, True), (5, 1, False), (7, 1, False), (8, 1, True), (7, 3, True), (8, 3, False)):
        told = _fires(steps, *items[:2], item(late_ms, (role,)), items[2])
        assert bool(told) is fires, (late_ms, role)
    for late_ms, fires in ((9, True), (10, False), (19, False), (20, True)):
        told = _fires((NOT, A, A), item(20, (1,)), item(late_ms, (0,)), item(21, (2,)))
        assert bool(told) is fires, late_ms


def test_a_late_event_continues_a_chain_and_a_late_forbidden_one_breaks_it() -> None:
    assert _fires((A, A, A), item(0, (0,)), item(9, (1,)), item(8, (1,)), item(8, (2,))) == [(1, 3, 4)]
    assert _fires((A, NOT, A, A), item(0, (0,)), item(5, (2,)), item(3, (1,)), item(6, (3,))) == []
    assert _fires((A, NOT, A, A), item(0, (0,)), item(5, (2,)), item(6, (1,)), item(6, (3,))) == [(1, 2, 4)]
    assert _fires((A, A, NOT, A), item(0, (0,)), item(7, (2,)), item(5, (1,)), item(8, (3,))) == []


def test_the_memory_is_bounded_whatever_the_rule() -> None:
    steps = tuple(StepSpec(f"step {number}", AllOf(())) for number in range(20))
    state = EMPTY
    for at_ms in range(400):
        state = on_hit(Sequence(steps, 1_000, 20), state, item(at_ms, tuple(range(20)), number=at_ms)).state
        assert sum(len(items) for _, _, items in state.chains) <= 50


def test_nine_steps_fit_in_full() -> None:
    steps = tuple(StepSpec(f"step {number}", AllOf(())) for number in range(9))
    items = numbered([item(at_ms, tuple(range(9))) for at_ms in range(9)])
    assert [told.line for told in play(sequence, Sequence(steps, 100, 9), items)] == [9]


def test_a_group_is_forgotten_when_no_chain_can_be_completed() -> None:
    spec = spec_of((NOT, A, A))
    for role in (0, 1):
        step = on_hit(spec, EMPTY, item(0, (role,), long_ms=5))
        assert step.wake_at_ms == 5 + WITHIN_MS + 1
        assert on_time(spec, step.state, step.wake_at_ms - 1).state == step.state
        assert on_time(spec, step.state, step.wake_at_ms).state == EMPTY


def test_words_tell_what_came_and_what_is_next() -> None:
    spec = spec_of((A, A, NOT), within_ms=60_000)
    assert words(spec, EMPTY, 0, clock) == "0 of 2 steps within 1m"
    first = on_hit(spec, EMPTY, item(5, (0,))).state
    expected = "1 of 2 steps within 1m since t5: login; next upload; forgotten at t60005"
    assert words(spec, first, 6, clock) == expected
    assert words(spec, first, 60_006, clock) == "0 of 2 steps within 1m"
    both = on_hit(spec, first, item(7, (1,))).state
    expected = "2 of 2 steps within 1m since t5: login, upload; fires at t60005 unless error comes"
    assert words(spec, both, 8, clock) == expected
