"""New values against a look back from each event."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.text import fold
from engine.core.window import novelty
from engine.model.window import FirstSeen, Item
from tests.core.window.quiet_items import BASE, after_lateness, at_base, clock, in_order, item, play, same_anyhow

SPEC = FirstSeen("data.app", memory_ms=10)
END = at_base(120)


def told(items: list[Item]) -> list[tuple[int, str]]:
    fired = same_anyhow(novelty, SPEC, items, END, [at_base(3)])
    return [(one.items[-1].at_ms - BASE, one.found["value"]) for one in fired]


def test_a_value_is_new_the_first_time() -> None:
    items = [item(0, value="a"), item(1, value="b"), item(2, value="a"), item(3, value=None)]
    assert told(items) == [(0, "a"), (1, "b")]


def test_it_is_new_again_after_exactly_the_memory() -> None:
    assert told([item(0, value="a"), item(10, value="a")]) == [(0, "a"), (10, "a")]
    assert told([item(0, value="a"), item(9, value="a"), item(18, value="a")]) == [(0, "a")]


def test_values_are_compared_folded_and_told_as_they_are() -> None:
    assert told([item(0, value="Café  Chat"), item(1, value="cafe\u0301 CHAT")]) == [(0, "Café  Chat")]


def test_no_captured_text_is_remembered() -> None:
    state = novelty.on_hit(SPEC, novelty.EMPTY, item(0, value="a secret")).state
    assert "secret" not in repr(state)


def test_a_late_value_that_was_seen_since_is_not_new() -> None:
    state = novelty.on_hit(SPEC, novelty.EMPTY, item(8, value="a")).state
    assert novelty.on_hit(SPEC, state, item(2, value="a")).out == ()
    assert novelty.on_hit(SPEC, state, item(2, value="b")).out
    later = novelty.on_hit(SPEC, state, item(50, value="c")).state
    assert novelty.on_hit(SPEC, later, item(40, value="d")).state == later


def test_of_too_many_values_the_oldest_are_forgotten_and_counted() -> None:
    spec, state = FirstSeen("_.text", memory_ms=1_000_000), novelty.EMPTY
    for number in range(novelty.MAX_TERMS + 2):
        state = novelty.on_hit(spec, state, item(number, value=f"value {number}")).state
    assert (len(state.terms), len(state.seen), state.evicted) == (novelty.MAX_TERMS, novelty.MAX_TERMS, 2)
    again = at_now = novelty.MAX_TERMS + 2
    assert novelty.on_hit(spec, state, item(again, value="value 1")).out
    assert novelty.on_hit(spec, state, item(again, value="value 2")).out == ()
    words = novelty.words(spec, state, at_base(at_now), clock)
    assert words == "10000 values known from the last 16m40s; 2 forgotten early, for there were more than 10000"
    # Values whose time is over make room before any other, and are not counted.
    state = novelty.on_hit(spec, state, item(again + 999_990, value="another")).state
    assert (len(state.terms), state.evicted) == (10, 2)


def test_words_for_people() -> None:
    state = novelty.on_hit(SPEC, novelty.EMPTY, item(0, value="a")).state
    assert novelty.words(SPEC, state, BASE, clock) == "1 value known from the last 10ms"
    assert novelty.words(SPEC, state, at_base(10), clock) == "0 values known from the last 10ms"


_items = st.lists(
    st.builds(
        lambda at, value: item(at, value=value), st.integers(0, 60), st.sampled_from(["a", "A ", "b", "c", None])
    ),
    max_size=14,
)  # fmt: skip
_specs = st.builds(FirstSeen, st.just("data.app"), st.integers(1, 30))


@settings(max_examples=100, deadline=None)
@given(_specs, _items, st.lists(st.integers(BASE, END), max_size=6))
def test_it_fires_as_the_definition_says(spec: FirstSeen, items: list[Item], calls: list[int]) -> None:
    items = in_order(items)
    expected = []
    for number, one in enumerate(items):
        recent = [part for part in items[:number] if part.value and part.at_ms > one.at_ms - spec.memory_ms]
        if one.value is not None and fold(one.value) not in {fold(part.value) for part in recent}:
            expected.append((one, one.value))
    fired = same_anyhow(novelty, spec, items, END, calls)
    assert [(one.items[-1], one.found["value"]) for one in fired] == expected


@settings(max_examples=100, deadline=None)
@given(_specs, _items.flatmap(st.permutations))
def test_late_events_leave_every_value_once_and_nothing_for_good(spec: FirstSeen, items: list[Item]) -> None:
    state = after_lateness(novelty, spec, items)
    assert list(state.terms) == sorted(set(state.terms))
    assert state.newest_ms == max(state.seen, default=0)
    assert novelty.on_time(spec, state, END).state == novelty.EMPTY
    assert play(novelty, spec, [item(0, value="a")], END)
