"""Spikes against counts over the whole list of events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.window import spike
from engine.model.window import Item, Spike
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

SPEC = Spike(ratio=3, window_ms=10, baseline_ms=60, minimum=5)
END = at_base(400)


def told(*instants: int) -> list[tuple[int, int, float, float | None]]:
    """Return (when, count, usual, ratio)."""
    fired = same_anyhow(spike, SPEC, [item(at) for at in instants], END, [at_base(33)])
    return [(one.items[-1].at_ms - BASE, one.found["count"], one.found["usual"], one.found["ratio"]) for one in fired]


def test_three_times_as_many_as_usual() -> None:
    # Twelve in the hour before: two in ten minutes, so six are three times as many.
    assert told(*range(0, 90, 5), 90, 91, 92, 93) == []
    assert told(*range(0, 90, 5), 90, 91, 92, 93, 94) == [(94, 6, 2.0, 3.0)]


def test_the_minimum_holds_where_nothing_is_usual() -> None:
    assert told(0, 100, 101, 102, 103) == []
    assert told(0, 100, 101, 102, 103, 104) == [(104, 5, 0.0, None)]


def test_nothing_is_usual_before_a_whole_baseline_has_passed() -> None:
    assert told(1, 66, 67, 68, 69, 70) == []
    assert told(0, 66, 67, 68, 69, 70) == [(70, 5, 0.0, None)]


def test_the_windows_are_open_to_the_left() -> None:
    assert told(0, 100, 107, 108, 109, 110) == []
    assert told(0, 100, 106, 107, 108, 109) == [(109, 5, 0.0, None)]


def test_after_a_firing_the_window_counts_from_zero() -> None:
    assert told(0, *range(100, 109)) == [(104, 5, 0.0, None)]
    assert told(0, *range(100, 110)) == [(104, 5, 0.0, None), (109, 5, 0.0, None)]
    assert told(0, *[100] * 9) == [(100, 5, 0.0, None)]
    assert told(0, *[100] * 10) == [(100, 5, 0.0, None)] * 2
    # A window later nothing of it is left to count, and five an hour are 0.8 in ten minutes.
    assert told(0, *[100] * 5, *[110] * 5) == [(100, 5, 0.0, None), (110, 5, 0.8, 6.0)]


def test_a_burst_after_a_long_silence_is_a_spike() -> None:
    assert told(0, 300, 301, 302, 303, 304) == [(304, 5, 0.0, None)]


def test_it_began_with_the_first_event_that_counts() -> None:
    (fired,) = play(spike, SPEC, [item(at) for at in (0, 100, 101, 102, 103, 104)], END)
    assert fired.since_ms == at_base(100)
    assert [one.at_ms - BASE for one in fired.items] == [100, 101, 102, 103, 104]


def test_a_late_event_counts_where_it_belongs() -> None:
    state = after_lateness(spike, SPEC, [item(at) for at in (0, 100, 102, 103, 104)])
    _, (fired,), _ = spike.on_hit(SPEC, state, item(101))
    assert [one.at_ms - BASE for one in fired.items] == [100, 101, 102, 103, 104]
    assert spike.on_hit(SPEC, state, item(94)).out == ()
    assert spike.on_hit(SPEC, state, item(34)).state == state


def test_what_is_told_already_is_not_counted_again_when_it_comes_late() -> None:
    state = after_lateness(spike, SPEC, [item(at) for at in (0, 100, 101, 102, 103, 104, 105, 106, 107, 108)])
    late = spike.on_hit(SPEC, state, item(103))
    assert (late.out, late.state.items) == ((), state.items)
    assert spike.on_hit(SPEC, state, item(104)).out


def test_of_too_many_events_the_oldest_are_forgotten_and_the_baseline_is_as_much_shorter() -> None:
    spec, state = Spike(ratio=2, window_ms=100, baseline_ms=20_000, minimum=5), spike.EMPTY
    for number in range(20_200):
        step = spike.on_hit(spec, state, item(number))
        assert step.out == ()
        state = step.state
        assert len(state.instants) == min(number + 1, spike.MAX_INSTANTS)
    assert state.evicted == 10_200
    words = spike.words(spec, state, state.instants[-1], clock)
    assert words == "100 within 100ms, usually 100; fires at 200; 10200 forgotten early, for there were more than 10000"


def test_words_for_people() -> None:
    spec = Spike(3, 10 * MINUTE, 60 * MINUTE, 5)
    assert spike.words(spec, spike.EMPTY, BASE, clock) == "waits for the first event"
    state = after_lateness(spike, spec, [item(at, unit=MINUTE) for at in (0, 5)])
    words = spike.words(spec, state, at_base(6, MINUTE), clock)
    assert words == "2 within 10m; learns what is usual until 10:10:00"
    state = after_lateness(spike, spec, [item(at, unit=MINUTE) for at in range(0, 75, 5)])
    words = spike.words(spec, state, at_base(70, MINUTE), clock)
    assert words == "2 within 10m, usually 2; fires at 6"


_specs = st.builds(
    Spike, st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.integers(1, 12), st.integers(1, 40), st.integers(1, 5)
)
_starts = st.lists(st.integers(0, 200), max_size=12) | st.lists(st.integers(100, 130), max_size=30)
_items = st.builds(lambda first, rest: [item(at) for at in (first, *rest)], st.integers(0, 20), _starts)


def naive(spec: Spike, items: list[Item]) -> list[tuple[Item, int, float, float | None]]:
    found: list[tuple[Item, int, float, float | None]] = []
    zero = 0
    for number, one in enumerate(items):
        now, upto = one.at_ms, items[: number + 1]
        counted = sum(1 for part in items[zero : number + 1] if part.at_ms > now - spec.window_ms)
        begin = now - spec.window_ms - spec.baseline_ms
        past = sum(1 for part in upto if begin < part.at_ms <= now - spec.window_ms)
        enough = counted * spec.baseline_ms >= spec.ratio * past * spec.window_ms
        if items[0].at_ms <= begin and counted >= spec.minimum and enough:
            usual = past * spec.window_ms / spec.baseline_ms
            found.append((one, counted, round(usual, 1), round(counted / usual, 1) if usual else None))
            zero = number + 1
    return found


@settings(max_examples=150, deadline=None)
@given(_specs, _items, st.lists(st.integers(BASE, END), max_size=6))
def test_it_fires_as_the_definition_says(spec: Spike, items: list[Item], calls: list[int]) -> None:
    items = in_order(items)
    fired = same_anyhow(spike, spec, items, END, calls)
    told = [(one.items[-1], one.found["count"], one.found["usual"], one.found["ratio"]) for one in fired]
    assert told == naive(spec, items)
    # The evidence is what was counted, the newest ten of it.
    assert [len(one.items) for one in fired] == [min(one.found["count"], spike.MAX_ITEMS) for one in fired]


@settings(max_examples=100, deadline=None)
@given(_specs, _items.flatmap(st.permutations))
def test_late_events_leave_sorted_counts_and_no_more_than_since_when(spec: Spike, items: list[Item]) -> None:
    state = after_lateness(spike, spec, items)
    assert list(state.instants) == sorted(state.instants)
    over = spike.on_time(spec, state, END)
    assert over.state == spike.State(first_ms=state.first_ms)
    assert over.wake_at_ms is None
