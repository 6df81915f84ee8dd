"""The life of a row: every way ends, waits stay in bounds, illegal moves are refused; and the destination's breaker."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import retry
from engine.core.retry import CLOSED, MAX_WAIT_MS, MIN_WAIT_MS, MOVES, OPEN_AFTER, PAUSE_MS, Cause, IllegalMove
from engine.model.delivery import Delivery, DeliveryState, Outcome, Permanent, Sent, Temporary
from engine.model.notification import Notification

NOW = 1_760_000_000_000
PENDING, SENDING, SENT, DEAD = DeliveryState
NOTE = Notification("k", "f", "rule", None, "me", "title", "body", "info", NOW)

jitters = st.floats(0, 1, exclude_max=True)
temporaries = st.builds(Temporary, st.text(max_size=5), st.none() | st.integers(-(10**9), 10**12))
outcomes = st.just(Sent()) | temporaries | st.builds(Permanent, st.just("no"), st.booleans())


def sending(tries: int = 1, age_ms: int = 0, crashes: int = 0) -> Delivery:
    return Delivery(7, NOTE, SENDING, tries, NOW - age_ms, NOW - age_ms, crashes)


def test_the_table_is_the_whole_law() -> None:
    for state, cause in product(DeliveryState, Cause):
        if (state, cause) in MOVES:
            assert retry.move(state, cause) is MOVES[state, cause]
        else:
            with pytest.raises(IllegalMove, match=cause.value):
                retry.move(state, cause)


def test_nothing_leaves_sent_and_only_a_person_leaves_dead() -> None:
    assert {cause for state, cause in MOVES if state is SENT} == set()
    assert {cause for state, cause in MOVES if state is DEAD} == {Cause.REVIVED}


@pytest.mark.parametrize(
    ("outcome", "state", "error"),
    [(Sent(), SENT, ""), (Permanent("400"), DEAD, "400"), (Temporary("503"), PENDING, "503")],
)
def test_each_outcome_has_its_state(outcome: Outcome, state: DeliveryState, error: str) -> None:
    after = retry.after(replace(sending(), last_error="before"), outcome, NOW, 0.5)
    assert (after.state, after.last_error, after.tries) == (state, error, 1)


@pytest.mark.parametrize("outcome", [Sent(), Permanent("400")])
def test_a_row_at_its_end_carries_the_instant_of_it(outcome: Outcome) -> None:
    assert retry.after(sending(), outcome, NOW + 3, 0.5).due_ms == NOW + 3


@pytest.mark.parametrize("state", [PENDING, SENT, DEAD])
def test_only_a_row_being_sent_has_an_outcome(state: DeliveryState) -> None:
    with pytest.raises(IllegalMove):
        retry.after(replace(sending(), state=state), Sent(), NOW, 0.0)


@pytest.mark.parametrize(("tries", "age_ms", "state"), [
    (49, 0, PENDING), (50, 0, DEAD), (1, 86_400_000, PENDING), (1, 86_400_001, DEAD),
])  # fmt: skip
def test_a_row_is_given_up_after_50_tries_or_a_day(tries: int, age_ms: int, state: DeliveryState) -> None:
    after = retry.after(sending(tries, age_ms), Temporary("503"), NOW, 0.5)
    assert after.state is state
    assert after.last_error == ("503" if state is PENDING else f"gave up after {tries} tries: 503")


def test_a_destination_may_give_up_sooner() -> None:
    assert retry.after(sending(age_ms=61), Temporary("503"), NOW, 0.5, max_age_ms=60).state is DEAD
    assert retry.after(sending(age_ms=61), Sent(), NOW, 0.5, max_age_ms=60).state is SENT


@given(st.integers(1, 49), temporaries, jitters)
def test_the_next_try_is_one_second_to_one_hour_away(tries: int, outcome: Temporary, jitter: float) -> None:
    wait_ms = retry.after(sending(tries), outcome, NOW, jitter).due_ms - NOW
    assert MIN_WAIT_MS <= wait_ms <= MAX_WAIT_MS
    assert wait_ms >= min(outcome.retry_after_ms or 0, MAX_WAIT_MS)


@given(st.integers(0, 10**6), jitters, jitters)
def test_waits_grow_with_the_tries_and_with_the_jitter(tries: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert retry.backoff_ms(tries, low) <= retry.backoff_ms(tries, high)
    assert retry.backoff_ms(tries, one) <= retry.backoff_ms(tries + 1, one)


def test_the_jitter_spreads_over_the_whole_range() -> None:
    assert [retry.backoff_ms(tries, 0.0) for tries in (0, 5, 50)] == [1_000] * 3
    nearly = [retry.backoff_ms(tries, 1 - 2**-53) for tries in (0, 1, 5, 11, 12, 50)]
    assert nearly == [1_000, 1_999, 31_999, 2_047_999, 3_599_999, 3_599_999]


@given(st.lists(outcomes, min_size=1), jitters)
def test_every_story_ends_sent_or_dead_and_time_never_runs_back(story: list[Outcome], jitter: float) -> None:
    row, now_ms, tries = replace(sending(0), state=PENDING), NOW, 0
    while row.state is PENDING:
        now_ms = max(now_ms, row.due_ms)
        outcome = story[tries % len(story)]
        tries += 1
        after = retry.after(retry.claimed(row), outcome, now_ms, jitter)
        assert after.due_ms >= now_ms >= row.due_ms
        assert after.tries == tries
        row = after
    assert row.state in {SENT, DEAD}
    assert tries <= retry.MAX_TRIES


def test_the_third_crash_is_one_too_many() -> None:
    row = replace(sending(0), state=PENDING)
    for _ in range(2):
        row = retry.after_crash(retry.crashed(retry.claimed(row), NOW), NOW)
        assert (row.state, row.due_ms) == (PENDING, NOW)
    row = retry.after_crash(retry.crashed(retry.claimed(row), NOW), NOW + 1)
    assert (row.state, row.due_ms, row.last_error) == (DEAD, NOW + 1, "the sender died 3 times while sending this")


def test_a_row_handed_back_is_as_before_the_claim() -> None:
    row = replace(sending(4), state=PENDING, last_error="503")
    assert retry.handed_back(retry.claimed(row)) == row


def test_a_revived_row_starts_again() -> None:
    dead = retry.bury(replace(sending(50, 10**9, 2)), "too old", NOW)
    row = retry.revived(dead, NOW + 5)
    assert (row.state, row.tries, row.crashes, row.created_ms, row.due_ms) == (PENDING, 0, 0, NOW + 5, NOW + 5)
    assert row.last_error == "too old"
    assert retry.after(retry.claimed(row), Temporary("503"), NOW + 6, 0.5).state is PENDING


def told(*outcomes: Outcome, start: retry.Breaker = CLOSED, now_ms: int = NOW) -> retry.Breaker:
    breaker = start
    for outcome in outcomes:
        breaker = retry.record(breaker, outcome, now_ms, 0.5)
    return breaker


def test_five_failures_in_a_row_open_a_destination() -> None:
    failing = Temporary("503")
    assert retry.window(told(*[failing] * (OPEN_AFTER - 1)), NOW, 4) == 4
    opened = told(*[failing] * OPEN_AFTER)
    assert (retry.allow(opened, NOW), retry.window(opened, NOW, 4)) == (False, 0)
    assert NOW + MIN_WAIT_MS <= opened.until_ms <= NOW + 32_000
    for between in (Sent(), Permanent("400")):
        assert retry.allow(told(*[failing] * 4, between, failing), NOW)


def test_one_probe_a_backoff_then_all_or_a_longer_wait() -> None:
    opened = told(*[Temporary("503")] * OPEN_AFTER)
    due = opened.until_ms
    assert (retry.window(opened, due - 1, 4), retry.window(opened, due, 4), retry.window(opened, due, 0)) == (0, 1, 0)
    again = told(Temporary("503"), start=opened, now_ms=due)
    assert again.until_ms - due > opened.until_ms - NOW
    assert retry.window(again, due, 4) == 0
    assert told(Sent(), start=opened, now_ms=due) == CLOSED


def test_a_refusal_pauses_until_a_person_or_a_quarter_of_an_hour() -> None:
    paused = told(Permanent("401 invalid_token", pause=True))
    assert (paused.paused, paused.until_ms) == ("401 invalid_token", NOW + PAUSE_MS)
    assert [retry.window(paused, NOW + ms, 4) for ms in (0, PAUSE_MS - 1, PAUSE_MS)] == [0, 0, 1]
    still = told(Temporary("timeout"), start=paused, now_ms=NOW + PAUSE_MS)
    assert (still.paused, still.until_ms) == ("401 invalid_token", NOW + 2 * PAUSE_MS)
    assert told(Sent(), start=still) == CLOSED
    assert retry.window(CLOSED, NOW, 4) == 4


def test_a_wish_to_wait_holds_for_the_whole_destination() -> None:
    asked = told(Temporary("429", retry_after_ms=30_000))
    assert [retry.window(asked, NOW + ms, 4) for ms in (0, 29_999, 30_000)] == [0, 0, 4]
    assert told(Temporary("429", retry_after_ms=10**12)).until_ms == NOW + MAX_WAIT_MS


@given(st.lists(outcomes), jitters)
def test_a_breaker_opens_for_an_hour_at_most_and_one_success_closes_it(story: list[Outcome], jitter: float) -> None:
    breaker = CLOSED
    for outcome in story:
        breaker = retry.record(breaker, outcome, NOW, jitter)
        assert breaker.until_ms <= NOW + MAX_WAIT_MS
    assert retry.allow(breaker, NOW + MAX_WAIT_MS)
    assert retry.record(breaker, Sent(), NOW, jitter) == CLOSED
