"""Due instants against the standard library's zones: its folds, and a walk minute by minute over what is skipped."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.moment import LATEST_MS, iso_ms
from engine.core.schedule import last_ms, next_ms, weekday
from engine.model.window import Timer

DAY_MS = 86_400_000
MINUTE_MS = 60_000
WEEKDAYS = (0, 1, 2, 3, 4)
# A jump of half an hour, of two and of three hours, at midnight, twice a year against the seasons, by three quarters.
ODD = (
    "Australia/Lord_Howe", "Antarctica/Troll", "Antarctica/Casey", "America/Havana", "America/Asuncion", "Asia/Beirut",
    "Africa/Casablanca", "Africa/Cairo", "Asia/Gaza", "Asia/Tehran", "Asia/Kathmandu", "Pacific/Chatham",
    "Pacific/Apia", "Pacific/Norfolk", "Europe/Dublin", "Europe/London", "America/New_York", "America/St_Johns",
    "Atlantic/Azores", "America/Scoresbysund", "Asia/Almaty", "UTC",
)  # fmt: skip


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def offset(zone: str, at_ms: int) -> int:
    delta = datetime.fromtimestamp(at_ms / 1000, _zone(zone)).utcoffset()
    assert delta is not None
    return int(delta.total_seconds()) // 60


def at(text: str) -> int:
    at_ms = iso_ms(text)
    assert at_ms is not None
    return at_ms


def due(timer: Timer, begin: str, end: str) -> list[int]:
    """Return the instants after the begin up to the end, by asking for one after the other."""
    found, until_ms = [], at(end)
    at_ms = next_ms(timer, at(begin), offset)
    while at_ms <= until_ms:
        found.append(at_ms)
        at_ms = next_ms(timer, at_ms, offset)
    return found


@pytest.mark.parametrize(
    ("zone", "time", "after", "expected"),
    [
        ("Europe/Berlin", "18:00", "2026-03-02T17:59:59.999+01:00", "2026-03-02T18:00:00+01:00"),
        ("Europe/Berlin", "18:00", "2026-03-02T18:00:00+01:00", "2026-03-03T18:00:00+01:00"),
        ("Asia/Kathmandu", "18:00", "2026-03-02T00:00:00Z", "2026-03-02T12:15:00Z"),
        # 02:30 is skipped: it happens as the clocks jump to 03:00.
        ("America/New_York", "02:30", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00"),
        # 01:30 comes twice: it happens the first time, and not again an hour later.
        ("America/New_York", "01:30", "2026-11-01T00:00:00-04:00", "2026-11-01T01:30:00-04:00"),
        ("America/New_York", "01:30", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"),
        ("America/New_York", "01:30", "2026-11-01T01:10:00-05:00", "2026-11-02T01:30:00-05:00"),
        # Lord Howe Island jumps by half an hour, from 02:00 to 02:30 and back.
        ("Australia/Lord_Howe", "02:15", "2026-10-04T00:00:00+10:30", "2026-10-04T02:30:00+11:00"),
        ("Australia/Lord_Howe", "01:45", "2026-04-05T00:00:00+11:00", "2026-04-05T01:45:00+11:00"),
        # Midnight itself is skipped.
        ("America/Havana", "00:00", "2026-03-07T12:00:00-05:00", "2026-03-08T01:00:00-04:00"),
        # Samoa left out a whole day, Friday 30 December 2011.
        ("Pacific/Apia", "18:00", "2011-12-29T18:00:00-10:00", "2011-12-31T00:00:00+14:00"),
    ],
)  # fmt: skip
def test_a_wall_time_happens_when_the_clock_first_shows_it_or_a_later_one(
    zone: str, time: str, after: str, expected: str
) -> None:
    hour, minute = time.split(":")
    timer = Timer(at_min=(int(hour) * 60 + int(minute),), zone=zone)
    assert next_ms(timer, at(after), offset) == at(expected)
    assert last_ms(timer, at(expected), offset) == at(expected)


def test_days_are_those_of_the_zone() -> None:
    timer = Timer(at_min=(60,), days=WEEKDAYS, zone="Pacific/Auckland")
    # Monday 01:00 there is Sunday noon in UTC.
    assert next_ms(timer, at("2026-06-05T14:00:00Z"), offset) == at("2026-06-07T13:00:00Z")


def test_several_times_a_day() -> None:
    timer = Timer(at_min=(9 * 60, 18 * 60), days=WEEKDAYS, zone="UTC")
    assert due(timer, "2026-03-05T12:00:00Z", "2026-03-09T12:00:00Z") == [
        at(text) for text in
        ("2026-03-05T18:00:00Z", "2026-03-06T09:00:00Z", "2026-03-06T18:00:00Z", "2026-03-09T09:00:00Z")
    ]  # fmt: skip


def test_every_half_hour_on_a_day_of_23_hours_leaves_out_what_is_skipped() -> None:
    found = due(Timer(every_ms=30 * MINUTE_MS, zone="America/New_York"), "2026-03-08T00:59:00-05:00",
                "2026-03-08T04:00:00-04:00")  # fmt: skip
    steps = [(at_ms - found[0]) // MINUTE_MS for at_ms in found]
    assert steps == [0, 30, 60, 90, 120]


def test_every_half_hour_on_a_day_of_25_hours_pauses_while_times_are_repeated() -> None:
    found = due(Timer(every_ms=30 * MINUTE_MS, zone="America/New_York"), "2026-11-01T00:59:00-04:00",
                "2026-11-01T03:00:00-05:00")  # fmt: skip
    steps = [(at_ms - found[0]) // MINUTE_MS for at_ms in found]
    assert steps == [0, 30, 120, 150, 180]


def test_every_begins_anew_at_local_midnight() -> None:
    found = due(Timer(every_ms=8 * 60 * MINUTE_MS, zone="Asia/Kathmandu"), "2026-03-01T18:00:00Z",
                "2026-03-02T18:15:00Z")  # fmt: skip
    assert found == [at(f"2026-03-02T{text}:00+05:45") for text in ("00:00", "08:00", "16:00")] + [
        at("2026-03-03T00:00:00+05:45")
    ]


def test_weeks_begin_on_monday_and_other_steps_go_on_through_midnight() -> None:
    week = Timer(every_ms=7 * DAY_MS, zone="Europe/Berlin")
    assert next_ms(week, at("2026-03-03T00:00:00Z"), offset) == at("2026-03-09T00:00:00+01:00")
    seven = due(Timer(every_ms=7 * 60 * MINUTE_MS, zone="UTC"), "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z")
    assert len(seven) == 24
    assert {after - before for before, after in pairwise(seven)} == {7 * 60 * MINUTE_MS}


def test_a_step_below_a_minute() -> None:
    timer = Timer(every_ms=10_000, zone="UTC", days=(0,))
    assert next_ms(timer, at("2026-03-02T10:00:00.001Z"), offset) == at("2026-03-02T10:00:10Z")
    assert next_ms(timer, at("2026-03-02T23:59:50Z"), offset) == at("2026-03-09T00:00:00Z")
    assert last_ms(timer, at("2026-03-08T12:00:00Z"), offset) == at("2026-03-02T23:59:50Z")


def test_days_that_never_come_are_told_by_the_end_of_time() -> None:
    never = Timer(every_ms=7 * DAY_MS, days=(1,), zone="UTC")
    assert next_ms(never, at("2026-03-02T00:00:00Z"), offset) == LATEST_MS
    assert last_ms(never, at("2026-03-02T00:00:00Z"), offset) is None
    assert next_ms(Timer(at_min=(), zone="UTC"), 0, offset) == LATEST_MS


def test_a_long_step_is_looked_back_for_as_far_as_it_is() -> None:
    month = Timer(every_ms=30 * DAY_MS, zone="UTC")
    due_ms = next_ms(month, at("2026-03-02T00:00:00Z"), offset)
    assert last_ms(month, due_ms + 30 * DAY_MS - 1, offset) == due_ms


def test_the_weekday_of_a_wall_time() -> None:
    assert [weekday(at("2026-03-02T00:00:00Z") + day * DAY_MS) for day in range(-1, 7)] == [6, 0, 1, 2, 3, 4, 5, 6]
    assert weekday(-1) == 2


@cache
def changes(zone: str) -> tuple[date, ...]:
    """Return the days of 2020 to 2035 on which the zone changes its offset."""
    zoned, found = ZoneInfo(zone), []
    day = datetime(2020, 1, 1, tzinfo=UTC)
    while day.year < 2036:
        after = day + timedelta(days=1)
        if day.astimezone(zoned).utcoffset() != after.astimezone(zoned).utcoffset():
            found.append(day.date())
        day = after
    return tuple(found)


def naive_due(timer: Timer, begin: datetime, end: datetime) -> list[int]:
    """Return the due instants after the begin and up to the end."""
    zone, found = ZoneInfo(timer.zone), set()
    day = begin.astimezone(zone).date() - timedelta(days=2)
    while day <= end.astimezone(zone).date() + timedelta(days=1):
        for wall in _walls(timer, day):
            instant = wall.replace(tzinfo=zone).astimezone(UTC)
            if instant.astimezone(zone).replace(tzinfo=None) != wall:
                instant = _next_valid(wall, zone, instant)
            if begin < instant <= end:
                found.add(round(instant.timestamp() * 1000))
        day += timedelta(days=1)
    return sorted(found)


def _walls(timer: Timer, day: date) -> list[datetime]:
    """Return the wall times of one date, looking at each of its minutes."""
    if day.weekday() not in timer.days:
        return []
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall time has no zone
    since = (midnight - datetime(1970, 1, 5)) // timedelta(minutes=1)  # noqa: DTZ001
    every = timer.every_ms
    minutes = range(1440) if every is not None else timer.at_min
    return [
        midnight + timedelta(minutes=minute)
        for minute in minutes
        if every is None or (since + minute) * MINUTE_MS % every == 0
    ]


def _next_valid(wall: datetime, zone: ZoneInfo, near: datetime) -> datetime:
    """Walk from before the jump to the first minute at which the clock shows more than the skipped time."""
    instant = near.replace(second=0) - timedelta(hours=4)
    assert instant.astimezone(zone).replace(tzinfo=None) < wall
    while instant.astimezone(zone).replace(tzinfo=None) < wall:
        instant += timedelta(minutes=1)
    return instant


_days = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))) | st.just((0, 1, 2, 3, 4, 5, 6))
_times = st.sets(st.integers(0, 1439) | st.integers(0, 240), min_size=1, max_size=5).map(lambda one: tuple(sorted(one)))
_every = st.sampled_from([15, 30, 45, 50, 60, 90, 360, 420, 1440, 2880, 4320, 10_080]).map(lambda one: one * MINUTE_MS)
_zones = st.sampled_from(ODD) | st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Timer, datetime]:
    zone, days = draw(_zones), draw(_days)
    timer = draw(
        st.builds(lambda every: Timer(every_ms=every, days=days, zone=zone), _every)
        | st.builds(lambda times: Timer(at_min=times, days=days, zone=zone), _times)
    )
    near = changes(zone)
    any_day = st.dates(date(2020, 1, 3), date(2035, 12, 28))
    day = draw(st.sampled_from(near) | any_day if near else any_day) - timedelta(days=draw(st.integers(0, 2)))
    return timer, datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=draw(st.integers(0, 86_399)))


@settings(max_examples=200, deadline=None)
@given(_cases(), st.lists(st.integers(0, 3 * DAY_MS), max_size=8))
def test_it_is_due_as_the_zones_of_the_standard_library_say(case: tuple[Timer, datetime], probes: list[int]) -> None:
    timer, begin = case
    begin_ms, end = round(begin.timestamp() * 1000), begin + timedelta(days=3)
    expected = naive_due(timer, begin, end)
    found, at_ms = [], next_ms(timer, begin_ms, offset)
    while at_ms <= begin_ms + 3 * DAY_MS:
        found.append(at_ms)
        at_ms = next_ms(timer, at_ms, offset)
    assert found == expected
    assert [next_ms(timer, one - 1, offset) for one in expected] == expected
    for probe in probes:
        asked_ms = begin_ms + probe
        assert next_ms(timer, asked_ms, offset) == min((one for one in expected if one > asked_ms), default=at_ms)
        before = [one for one in expected if one <= asked_ms]
        latest_ms = last_ms(timer, asked_ms, offset)
        assert latest_ms == before[-1] if before else latest_ms is None or latest_ms <= begin_ms


@settings(max_examples=100, deadline=None)
@given(_cases())
def test_the_last_of_an_instant_just_before_the_next_is_the_one_before(case: tuple[Timer, datetime]) -> None:
    timer, begin = case
    first_ms = next_ms(timer, round(begin.timestamp() * 1000), offset)
    second_ms = next_ms(timer, first_ms, offset)
    assert (
        last_ms(timer, first_ms, offset) == last_ms(timer, second_ms - 1, offset) or second_ms - first_ms > 8 * DAY_MS
    )
    assert last_ms(timer, first_ms, offset) in (first_ms, None)
