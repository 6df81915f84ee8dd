"""Recurring hours against a walk minute by minute."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.hours import WEEK_MINUTES, covers, end_of_span_ms
from engine.core.moment import iso_ms
from engine.model.rule import Hours

MONDAY_MS = iso_ms("2026-01-05T00:00:00Z") or 0
MINUTE_MS = 60_000
# 22:00-07:00 every day: each night touches the next morning, and Sunday's the Monday of the next week.
NIGHTS = Hours(
    tuple(span for day in range(0, WEEK_MINUTES, 1440) for span in ((day, day + 420), (day + 1320, day + 1440)))
)


def _at(text: str) -> int:
    at_ms = iso_ms(text)
    assert at_ms is not None
    return at_ms


@pytest.mark.parametrize(
    ("text", "end"),
    [("2026-01-05T06:59:59Z", "2026-01-05T07:00:00Z"), ("2026-01-05T22:00:00Z", "2026-01-06T07:00:00Z"),
     ("2026-01-11T23:30:01Z", "2026-01-12T07:00:00Z"), ("2026-01-05T07:00:00Z", None), ("2026-01-05T21:59:59Z", None)],
)  # fmt: skip
def test_a_night_ends_in_the_morning(text: str, end: str | None) -> None:
    at_ms = _at(text)
    assert covers(NIGHTS, at_ms, 0) is (end is not None)
    if end is not None:
        assert end_of_span_ms(NIGHTS, at_ms, 0) == _at(end)


def test_the_zone_is_an_offset() -> None:
    at_ms = _at("2026-01-05T21:30:00Z")
    assert covers(NIGHTS, at_ms, 60) and not covers(NIGHTS, at_ms, 0)
    assert end_of_span_ms(NIGHTS, at_ms, 60) == _at("2026-01-06T06:00:00Z")


_spans = st.lists(st.integers(0, WEEK_MINUTES), min_size=2, max_size=8, unique=True).map(
    lambda ends: Hours(tuple(zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)))
)


@settings(max_examples=60, deadline=None)
@given(_spans, st.integers(0, 3 * WEEK_MINUTES), st.integers(-840, 840), st.integers(0, MINUTE_MS - 1))
def test_the_end_is_the_first_minute_outside(hours: Hours, minute: int, offset_min: int, rest_ms: int) -> None:
    at_ms = MONDAY_MS + minute * MINUTE_MS
    if covers(hours, at_ms + rest_ms, offset_min):
        end_ms = end_of_span_ms(hours, at_ms + rest_ms, offset_min)
        inside = range(at_ms, end_ms, MINUTE_MS)
        assert all(covers(hours, one, offset_min) for one in inside)
        assert not covers(hours, end_ms, offset_min) or len(inside) == WEEK_MINUTES


def test_a_span_of_the_whole_week_is_asked_about_again_a_week_later() -> None:
    assert end_of_span_ms(Hours(((0, WEEK_MINUTES),)), MONDAY_MS, 0) == MONDAY_MS + WEEK_MINUTES * MINUTE_MS
