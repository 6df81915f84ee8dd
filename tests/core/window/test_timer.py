"""Timers that are asked in time, late, after a sleep, and by clocks that were set."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import schedule
from engine.core.moment import iso_ms
from engine.core.window import timer
from engine.model.window import Timer
from engine.run.clock import zone_offset

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
OFFSET = zone_offset("Europe/Berlin")
EVENING = Timer(at_min=(18 * 60,))
HALF_HOURS = Timer(every_ms=30 * MINUTE_MS)


def at(text: str) -> int:
    """Return an instant of Monday 2 March 2026, or of another day of that month, in Berlin."""
    day, _, time = text.rpartition(" ")
    at_ms = iso_ms(f"2026-03-{day or '02'}T{time}:00+01:00")
    assert at_ms is not None
    return at_ms


def started(spec: Timer, text: str) -> timer.State:
    return timer.start(spec, at(text), OFFSET).state


def test_a_new_timer_is_due_at_its_next_instant_and_not_now() -> None:
    step = timer.start(EVENING, at("18:00"), OFFSET)
    assert (step.out, step.wake_at_ms) == ((), at("03 18:00"))


def test_it_is_due_once_and_then_the_next_time() -> None:
    step = timer.on_time(EVENING, started(EVENING, "12:00"), at("18:00"), OFFSET)
    assert (step.out, step.wake_at_ms) == ((at("18:00"),), at("03 18:00"))
    again = timer.on_time(EVENING, step.state, at("18:00"), OFFSET)
    assert (again.out, again.state, again.wake_at_ms) == ((), step.state, step.wake_at_ms)


def test_it_is_not_due_early() -> None:
    state = started(EVENING, "12:00")
    step = timer.on_time(EVENING, state, at("18:00") - 1, OFFSET)
    assert step == (state, (), at("18:00"))


@pytest.mark.parametrize(("missed_once", "now", "told"), [
    (True, "18:15", "18:00"), (False, "18:15", "18:00"), (True, "18:16", "18:00"), (False, "18:16", None),
    (True, "05 09:00", "04 18:00"), (False, "05 09:00", None),
])  # fmt: skip
def test_what_was_missed_fires_once_or_not_at_all(missed_once: bool, now: str, told: str | None) -> None:
    spec = Timer(at_min=(18 * 60,), missed_once=missed_once)
    step = timer.on_time(spec, started(spec, "12:00"), at(now), OFFSET)
    assert step.out == (() if told is None else (at(told),))
    assert timer.on_time(spec, step.state, at(now), OFFSET).out == ()
    assert step.wake_at_ms == at("05 18:00" if now.startswith("05") else "03 18:00")


def test_of_a_night_of_half_hours_only_the_latest_is_told() -> None:
    step = timer.on_time(HALF_HOURS, started(HALF_HOURS, "20:10"), at("03 07:10"), OFFSET)
    assert (step.out, step.wake_at_ms) == ((at("03 07:00"),), at("03 07:30"))


def test_a_clock_that_was_set_back_tells_nothing_twice() -> None:
    state = timer.on_time(HALF_HOURS, started(HALF_HOURS, "11:50"), at("12:00"), OFFSET).state
    step = timer.on_time(HALF_HOURS, state, at("11:45"), OFFSET)
    assert (step.out, step.wake_at_ms) == ((), at("12:30"))
    assert timer.on_time(HALF_HOURS, step.state, at("12:00"), OFFSET).out == ()


def test_it_comes_back_from_the_store() -> None:
    state = started(EVENING, "12:00")
    assert timer.State(*orjson.loads(orjson.dumps(list(state)))) == state
    assert timer.next_ms(EVENING, state, OFFSET) == at("18:00")


def test_words_for_people() -> None:
    state = started(EVENING, "12:00")
    assert timer.words(EVENING, state, at("12:00"), OFFSET) == "next at Mon 18:00:00"
    far = Timer(every_ms=28 * 24 * HOUR_MS)
    words = timer.words(far, started(far, "12:00"), at("12:00"), OFFSET)
    assert words == "next at Mon 2026-03-16 00:00:00"
    assert timer.words(far, started(far, "12:00"), at("10 00:00"), OFFSET) == "next at Mon 00:00:00"
    tokyo = Timer(at_min=(60,), zone="Asia/Tokyo")
    assert timer.words(tokyo, started(tokyo, "12:00"), at("12:00"), OFFSET) == "next at Tue 01:00:00"


_specs = st.builds(
    Timer, st.sampled_from([10, 30, 60, 420]).map(lambda one: one * MINUTE_MS), missed_once=st.booleans()
) | st.builds(
    lambda times, once: Timer(at_min=tuple(sorted(times)), missed_once=once),
    st.sets(st.integers(0, 1439), min_size=1, max_size=4), st.booleans(),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(_specs, st.lists(st.integers(1, 6 * 60).map(lambda one: one * 20_000), max_size=15))
def test_each_call_tells_the_latest_due_since_the_one_before(spec: Timer, pauses: list[int]) -> None:
    # The night of the 29th has an hour less.
    before_ms = at("28 20:00")
    state = timer.start(spec, before_ms, OFFSET).state
    for pause_ms in pauses:
        now_ms = before_ms + pause_ms
        due = []
        at_ms = schedule.next_ms(spec, before_ms, OFFSET)
        while at_ms <= now_ms:
            due.append(at_ms)
            at_ms = schedule.next_ms(spec, at_ms, OFFSET)
        told = tuple(one for one in due[-1:] if spec.missed_once or now_ms - one <= 15 * MINUTE_MS)
        step = timer.on_time(spec, state, now_ms, OFFSET)
        assert (step.out, step.wake_at_ms) == (told, at_ms)
        state, before_ms = step.state, now_ms
