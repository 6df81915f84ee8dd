"""Silence against a walk from instant to instant that counts anew at each."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.window import absence
from engine.model.window import BLIND, STATE, Absent, Fired, Item
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

QUIET = Absent(for_ms=10 * MINUTE, during="active")
END = at_base(80)


def turned(at: int, value: bool, unit: int = 1) -> Item:
    return item(at, value=value, role=STATE, unit=unit)


def heard(at: int, end: int | None = None) -> Item:
    return item(at, end, unit=MINUTE)


def told(fired: list[Fired]) -> list[tuple[str, float, float]]:
    """Return (what, when, since) in minutes after the base."""
    return [
        (
            "over" if one.closes else "quiet",
            ((one.at_ms or one.items[-1].at_ms) - BASE) / MINUTE,
            ((one.since_ms or 0) - BASE) / MINUTE,
        )
        for one in fired
    ]


def minutes(spec: Absent, items: list[Item], until: int) -> list[tuple[str, float, float]]:
    return told(same_anyhow(absence, spec, in_order(items), at_base(until, MINUTE), [at_base(7, MINUTE)]))


def test_it_fires_once_and_then_resolves() -> None:
    items = [turned(0, True, MINUTE), heard(2), heard(14)]
    assert minutes(QUIET, items, 60) == [("quiet", 12, 2), ("over", 14, 2), ("quiet", 24, 14)]


def test_it_does_not_fire_after_the_state_ended() -> None:
    assert minutes(QUIET, [turned(0, True, MINUTE), turned(5, False, MINUTE)], 40) == []


def test_silence_counts_from_the_begin_of_the_state_and_survives_a_restart() -> None:
    assert minutes(QUIET, [turned(0, True, MINUTE)], 11) == [("quiet", 10, 0)]


def test_the_end_of_the_state_resolves_nothing_and_leaves_nothing() -> None:
    items = [turned(0, True, MINUTE), turned(20, False, MINUTE), heard(21), turned(30, True, MINUTE)]
    assert minutes(QUIET, items, 50) == [("quiet", 10, 0), ("quiet", 40, 30)]


def test_a_state_that_is_told_again_does_not_begin_again() -> None:
    assert minutes(QUIET, [turned(0, True, MINUTE), turned(6, True, MINUTE)], 15) == [("quiet", 10, 0)]


def test_an_event_exactly_at_the_deadline_is_in_time() -> None:
    assert minutes(QUIET, [turned(0, True, MINUTE), heard(10)], 19) == []


def test_an_event_lasts_until_its_end() -> None:
    assert minutes(QUIET, [turned(0, True, MINUTE), heard(5, 9)], 25) == [("quiet", 19, 9)]


def test_without_a_state_it_begins_with_the_first_event() -> None:
    always = Absent(for_ms=10 * MINUTE)
    assert minutes(always, [], 60) == []
    assert minutes(always, [heard(3)], 60) == [("quiet", 13, 3)]


def test_a_deaf_recorder_proves_no_silence_and_resolves_none() -> None:
    deaf = item(4, 8, role=BLIND, unit=MINUTE)
    assert minutes(QUIET, [turned(0, True, MINUTE), deaf], 30) == [("quiet", 18, 8)]
    late_deaf = item(12, 15, role=BLIND, unit=MINUTE)
    items = [turned(0, True, MINUTE), late_deaf, heard(20)]
    assert minutes(QUIET, items, 25) == [("quiet", 10, 0), ("over", 20, 0)]


def test_fewer_than_three_an_hour() -> None:
    few = Absent(for_ms=60 * MINUTE, at_most=2)
    items = [heard(0), heard(10), heard(20), heard(30), heard(75), heard(80), heard(85)]
    # At 70 those of 0 and 10 have left the hour and two are too few; with that of 75 they are three.
    assert minutes(few, items, 100) == [("quiet", 70, 10), ("over", 75, 10)]
    assert minutes(few, items[:1], 100) == [("quiet", 60, 0)]


def test_of_many_events_the_newest_are_the_evidence() -> None:
    few = Absent(for_ms=60 * MINUTE, at_most=20)
    (quiet,) = play(absence, few, [heard(at) for at in range(0, 100, 4)], at_base(100, MINUTE))
    assert [(one.at_ms - BASE) / MINUTE for one in quiet.items] == [*range(24, 64, 4)]


def test_the_variables_tell_how_long_it_was_quiet() -> None:
    quiet, over = play(absence, QUIET, [turned(0, True, MINUTE), heard(2), heard(14)], at_base(14, MINUTE))
    assert quiet.found == {"silent_ms": 10 * MINUTE}
    assert [one.at_ms for one in quiet.items] == [at_base(2, MINUTE)]
    assert over.found == {"silent_ms": 12 * MINUTE}
    assert over.items[-1].at_ms == at_base(14, MINUTE)


def test_where_nothing_came_the_begin_of_the_state_is_the_evidence() -> None:
    begun = turned(0, True, MINUTE)
    (quiet,) = play(absence, QUIET, [begun], at_base(10, MINUTE))
    assert quiet.items == (begun,)


def test_a_late_event_resolves_what_it_disproves_and_silence_counts_from_it() -> None:
    step = absence.on_time(QUIET, absence.on_hit(QUIET, absence.EMPTY, turned(0, True, MINUTE)).state, END + MINUTE**2)
    state, (over,), wake_ms = absence.on_hit(QUIET, step.state, heard(5))
    assert over.closes and over.found == {"silent_ms": 5 * MINUTE}
    assert wake_ms == at_base(15, MINUTE)
    assert absence.on_time(QUIET, state, at_base(15, MINUTE)).out[0].at_ms == at_base(15, MINUTE)


def test_a_late_event_from_before_the_silence_is_no_news() -> None:
    items = [turned(0, True, MINUTE), heard(5)]
    state = after_lateness(absence, QUIET, items)
    told_of = absence.on_time(QUIET, state, at_base(15, MINUTE)).state
    assert absence.on_hit(QUIET, told_of, heard(3)).out == ()


def test_words_for_people() -> None:
    state = absence.EMPTY
    assert absence.words(QUIET, state, BASE, clock) == "waits for session.active"
    assert absence.words(Absent(for_ms=MINUTE), state, BASE, clock) == "waits for the first event"
    state = absence.on_hit(QUIET, state, turned(0, True)).state
    words = "quiet for 4m of 10m since 09:00:00; due at 09:10:00"
    assert absence.words(QUIET, state, BASE + 4 * MINUTE + 7, clock) == words
    state = absence.on_time(QUIET, state, BASE + 10 * MINUTE).state
    assert absence.words(QUIET, state, BASE + 11 * MINUTE, clock) == "quiet since 09:00:00, told at 09:10:00"
    few = Absent(for_ms=60 * MINUTE, at_most=2)
    state = absence.on_hit(few, absence.on_hit(few, absence.EMPTY, heard(0)).state, heard(30)).state
    assert absence.words(few, state, at_base(61, MINUTE), clock) == "1 within 1h, more than 2 wanted; due at 10:00:00"


_roles = st.sampled_from([0, 0, 0, 0, STATE, STATE, BLIND])
_items = st.lists(
    st.builds(
        lambda at, lasts, role, holds: item(at, at if role == STATE else at + lasts, holds, role),
        st.integers(0, 50), st.integers(0, 8), _roles, st.sampled_from([True, True, False]),
    ),
    max_size=12,
)  # fmt: skip
_specs = st.builds(Absent, st.integers(1, 14), st.integers(0, 3), st.sampled_from(["active", None]))


def naive(spec: Absent, items: list[Item]) -> list[tuple[bool, int, int]]:
    """Return (closes, when, since) by looking at each instant at everything that happened up to it."""
    found: list[tuple[bool, int, int]] = []
    watched_ms: int | None = None
    fired_ms: int | None = None
    seen: list[Item] = []
    for now in range(BASE, END + 1):
        for one in [one for one in items if one.at_ms == now]:
            if STATE in one.roles:
                if not one.value or watched_ms is None:
                    watched_ms, fired_ms, seen = (now if one.value else None), None, []
            elif BLIND in one.roles:
                watched_ms = None if watched_ms is None else max(watched_ms, one.end_ms)
            elif watched_ms is not None or spec.during is None:
                watched_ms = now if watched_ms is None else watched_ms
                seen.append(one)
                if fired_ms is not None and _within(spec, seen, now) > spec.at_most:
                    found.append((True, now, fired_ms - spec.for_ms))
                    fired_ms = None
        is_whole = watched_ms is not None and watched_ms <= now - spec.for_ms
        if is_whole and fired_ms is None and _within(spec, seen, now) <= spec.at_most:
            fired_ms = now
            found.append((False, now, now - spec.for_ms))
    return found


def _within(spec: Absent, seen: list[Item], now: int) -> int:
    return sum(1 for one in seen if one.end_ms > now - spec.for_ms)


@settings(max_examples=150, deadline=None)
@given(_specs, _items, st.lists(st.integers(BASE, END), max_size=6))
@example(Absent(3, 1, None), [item(0, 8), item(1), item(2), item(20)], [])
def test_it_fires_as_the_definition_says(spec: Absent, items: list[Item], calls: list[int]) -> None:
    # A rule without `while` is never told of states.
    items = in_order(one for one in items if spec.during is not None or STATE not in one.roles)
    fired = same_anyhow(absence, spec, items, END, calls)
    seen = [(one.closes, one.at_ms or one.items[-1].at_ms, one.since_ms) for one in fired]
    assert seen == naive(spec, items)
    assert all(len({id(part) for part in one.items}) == len(one.items) for one in fired)
    assert all(one.items == tuple(sorted(one.items, key=lambda part: part.end_ms)) or one.closes for one in fired)


@settings(max_examples=100, deadline=None)
@given(_specs, st.permutations(range(50)), st.data())
def test_late_events_leave_a_state_that_goes_on_as_it_should(
    spec: Absent, order: list[int], data: st.DataObject
) -> None:
    items = [item(at, at + data.draw(st.integers(0, 8))) for at in order[:10]]
    if spec.during is None:
        state = after_lateness(absence, spec, items)
        assert len(state.ends) <= spec.at_most + 1
        assert state.ends == tuple(sorted(one.end_ms for one in items))[-len(state.ends) :]
        return
    state = after_lateness(absence, spec, [turned(0, True), *items, turned(60, False)])
    assert state == absence.EMPTY
