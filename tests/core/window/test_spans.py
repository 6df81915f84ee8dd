"""Spans of one value against a cut of the whole list of events."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.window import spans
from engine.model.window import Item, Track
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

SECOND = 1_000
USAGE = Track("_.class", gap_ms=90 * SECOND, min_ms=10 * SECOND)
SPEC = Track("_.class", gap_ms=5, min_ms=3)
END = at_base(150)


def seen(at: int, end: int, label: str | None) -> Item:
    return item(at, end, label, unit=SECOND)


def usage(*items: Item) -> list[tuple[str, int, int, float]]:
    """Return (key, start, end, seconds) as seconds after the base."""
    fired = same_anyhow(spans, USAGE, in_order(items), at_base(4_000, SECOND), [at_base(100, SECOND)])
    return [
        (
            one.found["key"],
            (one.found["start"] - BASE) // SECOND,
            (one.found["end"] - BASE) // SECOND,
            one.found["seconds"],
        )
        for one in fired
    ]


def test_the_key_changes() -> None:
    items = [seen(0, 3, "Slack"), seen(30, 33, "Slack"), seen(60, 63, "Editor"), seen(90, 93, "Editor")]
    assert usage(*items) == [("Slack", 0, 60, 60), ("Editor", 60, 93, 33)]


def test_the_gap_passes() -> None:
    items = [seen(0, 20, "Slack"), seen(110, 120, "Slack"), seen(300, 320, "Slack")]
    assert usage(*items) == [("Slack", 0, 120, 120), ("Slack", 300, 320, 20)]


def test_a_start_exactly_the_gap_after_the_last_end_goes_on() -> None:
    assert usage(seen(0, 10, "Slack"), seen(100, 110, "Slack")) == [("Slack", 0, 110, 110)]
    assert usage(seen(0, 10, "Slack"), seen(101, 111, "Slack")) == [("Slack", 0, 10, 10), ("Slack", 101, 111, 10)]
    assert usage(seen(0, 10, "Slack"), seen(101, 111, "Editor")) == [("Slack", 0, 10, 10), ("Editor", 101, 111, 10)]


def test_short_spans_are_not_told() -> None:
    assert usage(seen(0, 9, "Slack")) == []
    assert usage(seen(0, 3, "Slack"), seen(9, 30, "Editor")) == [("Editor", 9, 30, 21)]


def test_null_is_no_support() -> None:
    assert usage(seen(0, 10, "Slack"), seen(50, 60, None), seen(120, 130, "Slack")) == [
        ("Slack", 0, 10, 10), ("Slack", 120, 130, 10),
    ]  # fmt: skip


def test_another_value_cuts_an_event_that_still_lasts() -> None:
    assert usage(seen(0, 60, "Slack"), seen(30, 45, "Editor")) == [("Slack", 0, 30, 30), ("Editor", 30, 45, 15)]


def test_a_span_that_a_line_ended_is_told_when_that_line_came_with_its_own_events_as_evidence() -> None:
    items = [item(0, value="a"), item(2, value="a"), item(4, value="a"), item(6, 7, value="b", seen=9)]
    first, second = play(spans, SPEC, [*items, item(8, 11, value="b")], END)
    assert first.items == (items[0], items[2])
    assert (first.at_ms, first.since_ms) == (at_base(9), at_base(0))
    assert (second.at_ms, second.since_ms) == (at_base(16), at_base(6))


def test_seconds_are_exact() -> None:
    (fired,) = play(spans, Track("x", 5, 0), [item(0, 1_500, "a")], at_base(2_000))
    assert fired.found == {"key": "a", "start": BASE, "end": BASE + 1_500, "seconds": 1.5}
    (whole,) = play(spans, Track("x", 5, 0), [item(0, 60_000, "a")], at_base(70_000))
    assert repr(whole.found["seconds"]) == "60"


def test_late_events_lengthen_a_span_but_do_not_cut_it() -> None:
    state = spans.on_hit(SPEC, spans.EMPTY, item(10, 12, "a")).state
    longer = spans.on_hit(SPEC, state, item(8, 14, "a"))
    assert (longer.out, longer.wake_at_ms, longer.state.start_ms) == ((), at_base(19), at_base(10))
    assert spans.on_hit(SPEC, state, item(9, 11, "b")).state == state


def test_words_for_people() -> None:
    assert spans.words(USAGE, spans.EMPTY, BASE, clock) == "waits for the first value"
    state = spans.on_hit(USAGE, spans.EMPTY, item(0, 5, "Slack", unit=MINUTE)).state
    words = spans.words(USAGE, state, at_base(5, MINUTE), clock)
    assert words == '"Slack" for 5m since 09:00:00; over at 09:06:30 unless it comes again'


_items = st.lists(
    st.builds(
        lambda at, lasts, value: item(at, at + lasts, value),
        st.integers(0, 80), st.integers(0, 12), st.sampled_from(["a", "a", "b", None]),
    ),
    max_size=14,
)  # fmt: skip
_specs = st.builds(Track, st.just("_.class"), st.integers(0, 12), st.integers(0, 8))


def naive(spec: Track, items: list[Item]) -> list[tuple[str, int, int, int]]:
    """Return (key, start, end, told)."""
    found, rest = [], [one for one in items if one.value is not None]
    while rest:
        size = 1
        while size < len(rest) and rest[size].value == rest[0].value and _reaches(spec, rest[:size], rest[size]):
            size += 1
        end_ms = max(one.end_ms for one in rest[:size])
        told_ms = end_ms + spec.gap_ms
        if size < len(rest) and _reaches(spec, rest[:size], rest[size]):
            end_ms, told_ms = rest[size].at_ms, rest[size].seen_ms
        if end_ms - rest[0].at_ms >= spec.min_ms:
            found.append((rest[0].value, rest[0].at_ms, end_ms, told_ms))
        rest = rest[size:]
    return found


def _reaches(spec: Track, span: list[Item], one: Item) -> bool:
    return one.at_ms <= max(part.end_ms for part in span) + spec.gap_ms


@settings(max_examples=150, deadline=None)
@given(_specs, _items, st.lists(st.integers(BASE, END), max_size=6))
def test_it_tells_of_spans_as_the_definition_says(spec: Track, items: list[Item], calls: list[int]) -> None:
    items = in_order(items)
    fired = same_anyhow(spans, spec, items, END, calls)
    told = [(one.found["key"], one.found["start"], one.found["end"], one.at_ms) for one in fired]
    assert told == naive(spec, items)
    assert all(end_ms <= start_ms for (_, _, end_ms, _), (_, start_ms, _, _) in pairwise(told))


@settings(max_examples=100, deadline=None)
@given(_specs, _items.flatmap(st.permutations))
def test_nothing_late_is_left_when_the_gap_has_passed(spec: Track, items: list[Item]) -> None:
    state = after_lateness(spans, spec, items)
    assert spans.on_time(spec, state, END).state == spans.EMPTY
    if state != spans.EMPTY:
        assert state.start_ms <= state.newest_ms
        assert state.start_ms <= state.end_ms
