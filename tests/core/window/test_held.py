"""Something that goes on, against stretches cut from the whole list of events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.window import held
from engine.model.window import Fired, Held, Item
from tests.core.window.quiet_items import (
    BASE,
    MINUTE,
    after_lateness,
    at_base,
    clock,
    in_order,
    item,
    play,
    same_anyhow,
)

SPEC = Held(for_ms=20, gap_ms=5)
END = at_base(120)


def told(items: list[Item], until: int = 100) -> list[tuple[str, int, int]]:
    """Return (what, when, since) after the base; a line's time is when it was seen."""
    fired = same_anyhow(held, SPEC, in_order(items), at_base(until), [at_base(11)])
    return [_told(one) for one in fired]


def _told(one: Fired) -> tuple[str, int, int]:
    when_ms = one.at_ms if one.at_ms is not None else max(part.seen_ms for part in one.items)
    return "over" if one.closes else "held", when_ms - BASE, (one.since_ms or 0) - BASE


def test_it_fires_by_the_event_that_completes_it_and_closes_after_the_gap() -> None:
    items = [item(at, at + 1) for at in range(0, 24, 4)]
    assert told(items) == [("held", 21, 0), ("over", 26, 0)]
    assert told(items[:-1]) == []


def test_a_start_exactly_the_gap_after_the_last_end_supports() -> None:
    assert told([item(0, 10), item(15, 20)]) == [("held", 20, 0), ("over", 25, 0)]
    assert told([item(0, 10), item(16, 21)]) == []


def test_reaching_the_time_exactly_is_enough() -> None:
    assert told([item(0, 20)]) == [("held", 20, 0), ("over", 25, 0)]
    assert told([item(0, 19)]) == []


def test_it_fires_once_a_stretch() -> None:
    items = [item(at, at + 4) for at in range(0, 40, 4)] + [item(60, 90)]
    assert told(items) == [("held", 20, 0), ("over", 45, 0), ("held", 90, 60), ("over", 95, 60)]


def test_a_long_event_keeps_supporting_while_short_ones_pass() -> None:
    assert told([item(0, 15), item(2, 3), item(19, 20)]) == [("held", 20, 0), ("over", 25, 0)]


def test_the_variables_tell_how_long_it_lasted() -> None:
    first, over = play(held, SPEC, [item(0, 12), item(14, 21), item(23, 30)], END)
    assert first.found == {"duration_ms": 21}
    assert [one.at_ms for one in first.items] == [at_base(0), at_base(14)]
    assert over.found == {"duration_ms": 30}
    assert [one.at_ms for one in over.items] == [at_base(23)]


def test_the_evidence_is_what_began_it_and_what_came_last() -> None:
    for size in (1_000, 1_001):
        first, over = play(held, Held(size, 5), [item(at, at + 1) for at in range(size)], at_base(1_010))
        assert [one.at_ms - BASE for one in first.items] == [0, *range(size - 9, size)]
        assert [one.at_ms - BASE for one in over.items] == [size - 1]


def test_a_late_event_joins_what_it_touches() -> None:
    state = held.on_hit(SPEC, held.EMPTY, item(10, 22)).state
    _, (fired,), wake_ms = held.on_hit(SPEC, state, item(2, 5))
    assert (fired.since_ms, wake_ms) == (at_base(2), at_base(27))
    assert [one.at_ms - BASE for one in fired.items] == [2, 10]
    assert held.on_hit(SPEC, state, item(2, 4)).state == state


def test_words_for_people() -> None:
    spec = Held(20 * MINUTE, MINUTE)
    assert held.words(spec, held.EMPTY, BASE, clock) == "waits for an event"
    state = held.on_hit(spec, held.EMPTY, item(0, 4, unit=MINUTE)).state
    words = held.words(spec, state, at_base(4, MINUTE), clock)
    assert words == "holds for 4m of 20m since 09:00:00; over at 09:05:00 unless it comes again"
    state = held.on_hit(spec, state, item(4, 21, unit=MINUTE)).state
    words = held.words(spec, state, at_base(21, MINUTE), clock)
    assert words == "holds for 21m and told since 09:00:00; over at 09:22:00 unless it comes again"


_items = st.lists(
    st.builds(lambda at, lasts: item(at, at + lasts), st.integers(0, 80), st.integers(0, 12)), max_size=14
)
_specs = st.builds(Held, st.integers(1, 30), st.integers(0, 12))


def naive(spec: Held, items: list[Item]) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    begins = [
        number
        for number, one in enumerate(items)
        if all(one.at_ms - before.end_ms > spec.gap_ms for before in items[:number])
    ]
    for begin, end in zip(begins, [*begins[1:], len(items)], strict=False):
        stretch = items[begin:end]
        start_ms = stretch[0].at_ms
        done = [one for one in stretch if one.end_ms - start_ms >= spec.for_ms]
        if done:
            over_ms = max(one.end_ms for one in stretch) + spec.gap_ms
            found += [("held", done[0].end_ms - BASE, start_ms - BASE), ("over", over_ms - BASE, start_ms - BASE)]
    return found


@settings(max_examples=150, deadline=None)
@given(_specs, _items, st.lists(st.integers(BASE, END), max_size=6))
def test_it_fires_as_the_definition_says(spec: Held, items: list[Item], calls: list[int]) -> None:
    items = in_order(items)
    fired = same_anyhow(held, spec, items, END, calls)
    seen = []
    for one in fired:
        what, when, since = _told(one)
        # The completing line is the one that came last, though an earlier one may be seen longer.
        completed = [part.end_ms - BASE for part in one.items if part.end_ms - BASE - since >= spec.for_ms]
        seen.append((what, when if one.closes else completed[0], since))
    assert seen == naive(spec, items)


@settings(max_examples=100, deadline=None)
@given(_specs, st.lists(_items.flatmap(st.permutations), min_size=1, max_size=2), _items)
def test_nothing_late_is_left_when_the_gap_has_passed(spec: Held, late: list[list[Item]], items: list[Item]) -> None:
    state = after_lateness(held, spec, [one for part in late for one in part])
    assert held.on_time(spec, state, END).state == held.EMPTY
    if state != held.EMPTY:
        assert state.start_ms <= state.end_ms
        assert [one.at_ms for one in state.items] == sorted(one.at_ms for one in state.items)
