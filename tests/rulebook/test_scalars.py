"""The small words of the rule language: what they mean and what a refusal says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.rule import Limit
from engine.rulebook.scalars import (
    ScalarError,
    clock_time,
    date_ms,
    days,
    duration_ms,
    file_name,
    frequency,
    hours,
    limit,
    nearest,
    offset_ms,
    rate,
    rule_name,
    zone_name,
)

ALL: list[Callable[[Any], object]] = [
    clock_time, date_ms, days, duration_ms, file_name, frequency, hours, limit, offset_ms, rate, rule_name, zone_name,
]  # fmt: skip
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
WEEK_MIN = 7 * 1_440


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5s", 5 * SECOND), ("2m", 2 * MINUTE), ("1h30m", 90 * MINUTE), ("1h 30m", 90 * MINUTE), ("2d", 2 * DAY),
     ("500ms", 500), ("0s", 0), ("1w2d3h4m5s6ms", 9 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND + 6), (" 90s ", 90_000)],
)  # fmt: skip
def test_durations(text: str, expected: int) -> None:
    assert duration_ms(text) == expected


@pytest.mark.parametrize(
    ("value", "hint"),
    [(90, "write 90s for seconds"), ("5 minutes", "write 5m"), ("5min", "write 5m"), ("2 Hours", "write 2h"),
     ("2M", "write 2m"), ("5 months", "large units first"), ("30m1h", "large units first"), ("5m5m", "large units"),
     ("1.5h", "whole numbers"), ("", "write 90s"), ("-5s", "write 90s"), ("99999d", "shorter"), (None, "write 90s"),
     (True, "write 90s"), (10**30, "for seconds"), ("9" * 400, "write 90s"), ([], "write 90s"), ("h", "write 90s")],
)  # fmt: skip
def test_a_refused_duration_says_what_to_write(value: object, hint: str) -> None:
    with pytest.raises(ScalarError) as refused:
        duration_ms(value)
    assert hint in refused.value.hint and len(refused.value.message) < 100


def test_a_number_python_will_not_write_out_is_refused_like_any_other() -> None:
    for parse in (duration_ms, limit, rule_name):
        with pytest.raises(ScalarError, match="this number"):
            parse(10**5000)


@given(st.lists(st.integers(0, 50), min_size=7, max_size=7).filter(any))
def test_a_duration_is_the_sum_of_its_parts(counts: list[int]) -> None:
    units = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1}
    parts = [(count, unit) for count, unit in zip(counts, units, strict=False) if count]
    if parts:
        assert duration_ms("".join(f"{n}{unit}" for n, unit in parts)) == sum(n * units[unit] for n, unit in parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10/h", Limit(10, HOUR)), ("3/10m", Limit(3, 10 * MINUTE)), ("20/day", Limit(20, DAY)),
     ("1/week", Limit(1, 7 * DAY)), ("10 / hour", Limit(10, HOUR)), ("5/min", Limit(5, MINUTE)),
     ("2/1h30m", Limit(2, 90 * MINUTE))],
)  # fmt: skip
def test_limits(text: str, expected: Limit) -> None:
    assert limit(text) == expected


@pytest.mark.parametrize("value", ["0/h", "5/0s", "10", 5, "10/fortnight", "/h", "3/10", None, "-1/h", "1/h/h"])
def test_refused_limits(value: object) -> None:
    with pytest.raises(ScalarError):
        limit(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3 within 10m", (3, 10 * MINUTE)), (" 12  within 1h30m ", (12, 90 * MINUTE)), ("0 within 0s", (0, 0))],
)
def test_frequencies(text: str, expected: tuple[int, int]) -> None:
    assert frequency(text) == expected


@pytest.mark.parametrize(
    ("value", "hint"),
    [(3, "write 3 within 10m"), ("3", "write 3 within 10m"), ("within 10m", "write 3"), ("3 within", "write 3"),
     ("3 within 10", "write 90s"), ("-3 within 10m", "write 3"), (None, "write 3"), (True, "write 3"), ({}, "write 3")],
)  # fmt: skip
def test_refused_frequencies(value: object, hint: str) -> None:
    with pytest.raises(ScalarError) as refused:
        frequency(value)
    assert hint in refused.value.hint


def test_rates() -> None:
    assert [rate(each) for each in ("20/day", "1/week", "0/h")] == [(20, DAY), (1, 7 * DAY), (0, HOUR)]


def test_times_of_day() -> None:
    assert [clock_time(each) for each in ("00:00", "9:05", "18:00", "23:59")] == [0, 545, 1080, 1439]
    for value in ("24:00", "25:00", "18:60", "6pm", "18", 1080, None, "18:0", "٠٩:٠٠"):
        with pytest.raises(ScalarError):
            clock_time(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("mon-fri", (0, 1, 2, 3, 4)), ("sat-mon", (0, 5, 6)), ("sun", (6,)), ("weekend", (5, 6)),
     ("weekdays", (0, 1, 2, 3, 4)),
     ("daily", tuple(range(7))), ("Mon, Wed", (0, 2)), (["tuesday", "fri-sat"], (1, 4, 5)), ("mon,mon", (0,))],
)  # fmt: skip
def test_days(value: object, expected: tuple[int, ...]) -> None:
    assert days(value) == expected


@pytest.mark.parametrize("value", ["", "funday", "mon-", "-fri", [], [1], None, 5, "mon--tue", {"a": 1}])
def test_refused_days(value: object) -> None:
    with pytest.raises(ScalarError):
        days(value)


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        ("mon 09:00-18:00", ((540, 1080),)),
        ("mon,tue 09:00 - 18:00", ((540, 1080), (1980, 2520))),
        ("mon 22:00-07:00", ((1320, 1860),)),
        ("sun 22:00-01:00", ((0, 60), (9960, WEEK_MIN))),
        ("sun 22:00-24:00", ((9960, WEEK_MIN),)),
        ("weekend", ((7200, WEEK_MIN),)),
        ("00:00-24:00", ((0, WEEK_MIN),)),
        (["mon 09:00-10:00", "mon 09:30-12:00", "mon 12:00-13:00"], ((540, 780),)),
        ({"hours": ["09:00-10:00", "11:00-12:00"], "days": "mon"}, ((540, 600), (660, 720))),
        ({"hours": "tue 09:00-10:00", "days": "mon"}, ((1980, 2040),)),
        ({"days": ["mon", "wed"]}, ((0, 1440), (2880, 4320))),
        ({"zone": "UTC"}, ((0, WEEK_MIN),)),
    ],
)
def test_hours(value: object, spans: tuple[tuple[int, int], ...]) -> None:
    assert hours(value).spans == spans


def test_hours_keep_zone_and_words() -> None:
    found = hours({"hours": "09:00-18:00", "days": "mon-fri", "zone": "Europe/Berlin"})
    assert (found.zone, found.source) == ("Europe/Berlin", "mon,tue,wed,thu,fri 09:00-18:00 Europe/Berlin")
    assert (hours("22:00-07:00").zone, hours("22:00-07:00").source) == ("local", "22:00-07:00")


@pytest.mark.parametrize(
    ("value", "hint"),
    [("09:00-09:00", "00:00-24:00"), ("24:00-09:00", "midnight"), ({"hour": "x"}, "did you mean hours"),
     (900, "09:00-18:00"), ([], "09:00-18:00"),
     (None, "09:00-18:00"), ("mon-fri 9-18", "09:00-18:00"), ("x" * 10_000, "09:00-18:00"),
     ("foo 09:00-18:00", "mon-fri"), ({"zone": "Europe/Berlim"}, "Europe/Berlin"), ({1: 2}, "use hours"),
     ({"zone": "../../etc/passwd"}, "Europe/Berlin"), ({"zone": "Europe"}, ""), ({"zone": 5}, "local, UTC")],
)  # fmt: skip
def test_a_refused_span_says_what_to_write(value: object, hint: str) -> None:
    with pytest.raises(ScalarError) as refused:
        hours(value)
    assert hint in refused.value.hint


@given(start=st.integers(0, 1439), end=st.integers(0, 1440), day=st.sampled_from([*range(7), None]))
def test_a_span_covers_exactly_its_minutes(start: int, end: int, day: int | None) -> None:
    if start == end:
        return
    word = "" if day is None else ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day] + " "
    spans = hours(f"{word}{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}").spans
    length = (end - start) if end > start else end - start + 1440
    begins = [each * 1440 + start for each in (range(7) if day is None else [day])]
    expected = {(begin + step) % WEEK_MIN for begin in begins for step in range(length)}
    assert {minute for first, last in spans for minute in range(first, last)} == expected
    assert all(0 <= first < last <= WEEK_MIN for first, last in spans) and list(spans) == sorted(spans)


def test_a_date_ends_with_its_day() -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    assert date_ms("2026-12-31") == int(end.timestamp() * 1000)
    assert date_ms("2026-12-31", "Europe/Berlin") == date_ms("2026-12-31") - HOUR
    # On 25 October 2026 a day in Berlin has 25 hours.
    assert date_ms("2026-10-25", "Europe/Berlin") - date_ms("2026-10-24", "Europe/Berlin") == 25 * HOUR
    local = datetime.fromtimestamp(date_ms("2026-12-31", "local") / 1000, tz=None).astimezone()
    assert (local.day, local.month, local.hour, local.minute) == (1, 1, 0, 0)
    assert ZoneInfo("Europe/Berlin").key == zone_name("Europe/Berlin")


@pytest.mark.parametrize(
    "value", ["2026-02-30", "9999-12-31", "0000-01-01", "31.12.2026", "2026-1-1", 20261231, None, ""]
)
def test_refused_dates(value: object) -> None:
    with pytest.raises(ScalarError) as refused:
        date_ms(value)
    assert "2027-01-31" in refused.value.hint


def test_offsets() -> None:
    words = {"10:15:00": 36_900_000, "0:00:01.5": 1_500, "90s": 90_000, "0s": 0, "99:00:00": 99 * HOUR}
    assert {word: offset_ms(word) for word in words} == words
    for value in ("10:15", "10:61:00", "10:00:61", 0, None, "", "-1s"):
        with pytest.raises(ScalarError):
            offset_ms(value)


def test_file_names() -> None:
    assert [file_name(each) for each in ("usage.jsonl", "usage", "a.JSONL", "1.x", "_a-b")] == [
        "usage.jsonl", "usage.jsonl", "a.JSONL", "1.x.jsonl", "_a-b.jsonl",
    ]  # fmt: skip
    assert file_name("a" * 74) == "a" * 74 + ".jsonl"


@pytest.mark.parametrize(
    "value",
    ["", ".jsonl", ".hidden", "-rf", "a/b", "../a", "a\\b", "a b", "ü", "a" * 75, "con", "NUL.jsonl", "com1.x", "aux.",
     5, None, "a\n", "a\x00", "C:a"],
)  # fmt: skip
def test_refused_file_names(value: object) -> None:
    with pytest.raises(ScalarError):
        file_name(value)


def test_names() -> None:
    assert [rule_name(each) for each in ("slack-on-screen", "a", "9.b_c", "mu\u0308digkeit")] == [
        "slack-on-screen", "a", "9.b_c", "m\u00fcdigkeit",
    ]  # fmt: skip
    for value, hint in [("Slack on screen", "write slack-on-screen"), ("-x", "write x"), ("a/b", "write a-b"),
                        ("", "such as"), ("!!", "such as"), (5, "such as"), ("x" * 81, "write " + "x" * 80),
                        ("record:x", "write record-x"), ("a\n", "write a")]:  # fmt: skip
        with pytest.raises(ScalarError) as refused:
            rule_name(value)
        assert hint in refused.value.hint


def test_the_nearest_word() -> None:
    known = ["contains", "contains_all", "case"]
    assert [nearest(word, known) for word in ("contians", "Contains", "containsall", "zzz", "")] == [
        "contains", "contains", "contains_all", None, None,
    ]  # fmt: skip
    assert nearest("x" * 100_000, known) is None


@pytest.mark.parametrize("parse", ALL)
@given(
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.text(max_size=9))
)
def test_no_value_raises_anything_else(parse: Callable[[Any], object], value: object) -> None:
    try:
        parse(value)
    except ScalarError as refused:
        assert refused.message.isprintable() and refused.hint.isprintable()
