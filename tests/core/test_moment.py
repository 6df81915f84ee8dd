"""Instants and durations, checked against the standard library's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.moment import (
    civil_from_days,
    clock_text,
    date_text,
    days_from_civil,
    duration_text,
    instant_ms,
    iso_ms,
    iso_text,
    week_minute,
)

AT = 1_772_618_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(946_771_200_000, 4_102_272_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
offsets = st.integers(-14 * 60, 14 * 60)


def _ms(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("value", "at_ms"),
    [
        (AT, AT), (AT / 1000, AT), (AT // 1000, AT), (AT * 1000, AT), (AT + 0.4, AT), (AT / 1000 + 0.0125, AT + 12),
        ("2026-03-04T10:00:00Z", AT), ("2026-03-04 10:00:00,25", AT + 250), ("2026-03-04T11:00+01:00", AT),
        (" 2026-03-04T10:00:00.000012+00:00 ", AT), ("2026-03-04T10:00:00-0000", AT),
        (12.5, None), (0, None), (-AT, None), (99_999_999, None), (1e17, None), (10**30, None), (float("nan"), None),
        (float("inf"), None), (True, None), (None, None), ([], None), ({}, None), ("", None), (str(AT), None),
        ("0000-01-01T00:00:00Z", None), ("2026-02-30T00:00:00Z", None), ("2025-02-29T00:00:00Z", None),
        ("2026-03-04T24:00:00Z", None), ("2026-03-04T10:60:00Z", None), ("2026-03-04T10:00:00+99:99", None),
        ("2026-03-04T10:00:00+00:60", None), ("٢٠٢٦-03-04T10:00:00Z", None), ("1999-12-31T00:00:00Z", None),
        ("2026-03-04T10:00:00Z" + " " * 99, None),
    ],
)  # fmt: skip
def test_a_stamp_is_read_by_its_size(value: Any, at_ms: int | None) -> None:
    assert instant_ms(value) == at_ms


@given(moments, offsets)
def test_iso_dates_are_read_as_the_standard_library_does(at: datetime, offset_min: int) -> None:
    text = at.astimezone(timezone(timedelta(minutes=offset_min))).isoformat()
    assert iso_ms(text) == _ms(at)


@given(moments, offsets)
def test_clock_date_and_minute_of_the_week_are_local(at: datetime, offset_min: int) -> None:
    local = at + timedelta(minutes=offset_min)
    assert clock_text(_ms(at), offset_min) == local.strftime("%H:%M:%S")
    assert date_text(_ms(at), offset_min) == local.strftime("%Y-%m-%d")
    assert week_minute(_ms(at), offset_min) == local.weekday() * 1440 + local.hour * 60 + local.minute
    assert iso_ms(iso_text(_ms(at))) == _ms(at)


@given(st.integers(-800_000, 800_000))
def test_days_and_dates_are_inverse(days: int) -> None:
    assert days_from_civil(*civil_from_days(days)) == days


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [(0, "0s"), (850, "850ms"), (5_000, "5s"), (59_999, "59s"), (125_000, "2m05s"), (120_000, "2m"),
     (5_400_000, "1h30m"),
     (3_600_000, "1h"), (187_200_000, "2d4h"), (172_800_000, "2d"), (-5_000, "-5s")],
)  # fmt: skip
def test_durations_read_at_a_glance(span_ms: int, text: str) -> None:
    assert duration_text(span_ms) == text
