"""Counting windows against an oracle that looks at all hits anew for each, straight from the definition."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.window import count
from engine.core.window.count import EMPTY, MAX_HITS, CountState, on_hit, on_time, words
from engine.model.window import Count, Item
from tests.core.window.items import Told, clock, in_order, item, lines, numbered, play, stored

WITHIN_MS = 10
MINUTE_MS = 60_000
ERRORS = Count(3, 10 * MINUTE_MS)

specs = st.builds(
    Count,
    at_least=st.integers(1, 5),
    within_ms=st.just(WITHIN_MS),
    distinct=st.sampled_from((None, "data.path")),
    keep=st.booleans(),
)
# Instants close together, so that many fall on one another and on the edges of windows.
hits = st.lists(
    st.builds(item, st.integers(0, 60), value=st.sampled_from(("a", "b", "c", "d", None))), max_size=40
)  # fmt: skip


def _expected(spec: Count, items: list[Item]) -> list[Told]:
    """Return what fires when all items come in order."""
    told: list[Told] = []
    first = 0
    for number, newest in enumerate(items):
        window = [one for one in items[first : number + 1] if newest.at_ms - spec.within_ms < one.at_ms]
        if spec.distinct is not None:
            if newest.value is None:
                continue
            latest = {one.value: one for one in window if one.value is not None}
            window = [one for one in window if latest.get(one.value) is one]
        if len(window) >= spec.at_least:
            told.append(_told(spec, newest, window))
            first = first if spec.keep else number + 1
    return told


def _expected_late(spec: Count, items: list[Item]) -> list[Told]:
    """Return what fires when the items come in any order: a window ends at the newest that came."""
    told: list[Told] = []
    window: list[Item] = []
    for one in items:
        edge_ms = max([one.at_ms, *(known.at_ms for known in window)]) - spec.within_ms
        same = [known for known in window if spec.distinct is not None and known.value == one.value]
        if one.at_ms <= edge_ms or (spec.distinct is not None and one.value is None):
            continue
        if any(known.at_ms > one.at_ms for known in same):
            continue
        window = [known for known in [*window, one] if known.at_ms > edge_ms and known not in same]
        window.sort(key=lambda known: known.at_ms)
        if len(window) >= spec.at_least:
            told.append(_told(spec, one, window))
            window = window if spec.keep else []
    return told


def _told(spec: Count, newest: Item, window: list[Item]) -> Told:
    evidence = window[-50:]
    if newest not in evidence:
        evidence[0] = newest
    found = {"count": len(window)} | ({"distinct": [one.value for one in evidence]} if spec.distinct else {})
    return Told(newest.event.position.offset, None, lines(evidence), window[0].at_ms, found)


@settings(max_examples=200, deadline=None)
@given(specs, hits)
def test_same_as_the_definition(spec: Count, items: list[Item]) -> None:
    items = in_order(items)
    assert play(count, spec, items) == _expected(spec, items)


@settings(max_examples=150, deadline=None)
@given(specs, hits, st.lists(st.integers(0, 80), max_size=20), st.booleans())
def test_calls_of_time_and_the_store_change_nothing(
    spec: Count, items: list[Item], ticks: list[int], keep: bool
) -> None:
    items = in_order(items)
    assert play(count, spec, items, ticks=ticks, touching=True, keep=keep, wake=keep) == _expected(spec, items)


@settings(max_examples=200, deadline=None)
@given(specs, hits)
def test_a_late_hit_takes_its_place_if_its_window_still_exists(spec: Count, items: list[Item]) -> None:
    items = numbered(items)
    assert play(count, spec, items, wake=False) == _expected_late(spec, items)


@pytest.mark.parametrize("distinct", [None, "data.path"])
@pytest.mark.parametrize(("at_least", "keep", "disorder"), [
    (70, False, 0), (400, False, 0), (400, False, 700), (120, True, 700), (600, True, 0), (650, False, 300),
])  # fmt: skip
def test_large_windows_too(at_least: int, keep: bool, disorder: int, distinct: str | None) -> None:
    chance = Random(at_least)
    values = [str(number) for number in range(700)]
    arrivals = sorted(range(4_000), key=lambda at_ms: at_ms + chance.randrange(disorder + 1))
    items = numbered(item(at_ms // 2, value=chance.choice(values)) for at_ms in arrivals)
    spec = Count(at_least, 500, distinct, keep)
    assert play(count, spec, items, wake=False) == _expected_late(spec, items)


@pytest.mark.parametrize("distinct", [None, "data.path"])
def test_a_window_counts_to_ten_thousand_and_keeps_fifty_events(distinct: str | None) -> None:
    spec = Count(MAX_HITS, 10**9, distinct, keep=True)
    state, counts = EMPTY, []
    for at_ms in range(MAX_HITS + 5):
        step = on_hit(spec, state, item(at_ms, value=f"page {at_ms}", number=at_ms))
        state = step.state
        assert len(state.items) <= 50
        counts += [(fired.found["count"], len(fired.items), fired.since_ms) for fired in step.out]
    assert counts == [(MAX_HITS, 50, since_ms) for since_ms in range(6)]
    assert len(state.items) + sum(map(len, state.older)) == MAX_HITS
    assert stored(state) == state

    late = on_hit(spec, state, item(-1, value="late")).out[0]
    assert (late.items[0].at_ms, late.since_ms, late.found["count"]) == (-1, -1, MAX_HITS)


def test_what_has_left_a_rolling_window_leaves_nothing_behind() -> None:
    state, sizes = EMPTY, []
    for at_ms in range(5_000):
        state = on_hit(Count(500, 600, keep=True), state, item(at_ms)).state
        sizes.append((sum(map(len, state.older)), len(state.older)))
    assert max(sizes[1_000:]) <= (550, 6)
    assert max(parts for _, parts in sizes) <= 6


def test_a_long_value_is_remembered_by_a_short_name() -> None:
    state = EMPTY
    for number in range(60):
        state = on_hit(Count(100, 1_000, "data.path"), state, item(number, value=f"{number}" * 10_000)).state
    assert max(len(digest) for part in state.older for _, digest in part) == 32


@pytest.mark.parametrize(("starts", "fires"), [((0, 1, 9), True), ((0, 1, 10), False), ((0, 0, 0), True)])
def test_a_window_is_open_to_the_left(starts: tuple[int, ...], fires: bool) -> None:
    assert bool(play(count, Count(3, WITHIN_MS), [item(at_ms) for at_ms in starts])) is fires


def test_three_errors_on_one_display() -> None:
    starts = [0, 2 * MINUTE_MS, 3 * MINUTE_MS]  # RULES 9, example 12
    told = play(count, ERRORS, numbered(item(at_ms) for at_ms in starts))
    assert told == [Told(3, None, (1, 2, 3), 0, {"count": 3})]


def test_errors_spread_too_wide() -> None:
    assert play(count, ERRORS, [item(at_ms * MINUTE_MS) for at_ms in (0, 6, 12)]) == []


def test_firing_empties_the_window_unless_it_rolls() -> None:
    items = numbered(item(at_ms) for at_ms in range(5))
    assert [told.line for told in play(count, Count(2, WITHIN_MS), items)] == [2, 4]
    assert [told.line for told in play(count, Count(2, WITHIN_MS, keep=True), items)] == [2, 3, 4, 5]


def test_a_hit_that_is_too_late_changes_nothing() -> None:
    state = on_hit(ERRORS, EMPTY, item(20 * MINUTE_MS)).state
    assert on_hit(ERRORS, state, item(10 * MINUTE_MS)).state is state
    assert on_hit(ERRORS, state, item(10 * MINUTE_MS + 1)).state != state


def test_a_group_is_forgotten_when_its_newest_hit_has_left_the_window() -> None:
    step = on_hit(ERRORS, EMPTY, item(5))
    assert step.wake_at_ms == 5 + ERRORS.within_ms
    assert on_time(ERRORS, step.state, step.wake_at_ms - 1).state == step.state
    assert on_time(ERRORS, step.state, step.wake_at_ms).state == CountState()


def test_words_tell_how_many_and_until_when() -> None:
    state = EMPTY
    for at_ms in (1_000, 61_000):
        state = on_hit(ERRORS, state, item(at_ms)).state
    assert words(ERRORS, state, 70_000, clock) == "2 of 3 within 10m since t1000; forgotten at t601000"
    assert words(ERRORS, state, 601_000, clock) == "1 of 3 within 10m since t61000; forgotten at t661000"
    assert words(ERRORS, EMPTY, 0, clock) == "0 of 3 within 10m"
    spec = Count(4, 60_000, "data.path")
    state = on_hit(spec, EMPTY, item(0, value="a")).state
    expected = "1 of 4 different values of data.path within 1m since t0; forgotten at t60000"
    assert words(spec, state, 0, clock) == expected
