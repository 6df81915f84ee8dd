"""Instants and durations as text and numbers: what the wire says, turned into epoch milliseconds, and back.

Everything is arithmetic on integers: no zone data, no clock. A zone enters as an offset in minutes.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "DAY_MS",
    "EARLIEST_MS",
    "LATEST_MS",
    "clock_text",
    "date_text",
    "duration_text",
    "instant_ms",
    "is_instant",
    "iso_ms",
    "iso_text",
    "week_minute",
]

# 2000-01-01 and 2100-01-01: a stamp outside cannot come from a desktop and would only poison a watermark.
EARLIEST_MS = 946_684_800_000
LATEST_MS = 4_102_444_800_000
DAY_MS = 86_400_000

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?", re.ASCII
)
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def instant_ms(value: Any) -> int | None:
    """Return the epoch instant a wire value means, or None for an offset within a stream or nonsense.

    Source: RULES 7: by magnitude, >= 1e14 microseconds, >= 1e11 milliseconds, >= 1e8 seconds; smaller is relative.
    """
    if type(value) is int:
        if EARLIEST_MS <= value < LATEST_MS:  # the wire's own unit, and nine of ten values
            return value
    elif type(value) is not float:  # a Boolean is not a time
        return iso_ms(value) if isinstance(value, str) else None
    if not 1e8 <= value < 1e17:  # also refuses NaN
        return None
    at_ms = round(value / 1000 if value >= 1e14 else value if value >= 1e11 else value * 1000)
    return at_ms if EARLIEST_MS <= at_ms < LATEST_MS else None


def is_instant(at_ms: int) -> bool:
    """Tell whether this can be the time of a recording (years 2000 to 2099)."""
    return EARLIEST_MS <= at_ms < LATEST_MS


def iso_ms(text: str) -> int | None:
    """Return the epoch instant of an ISO 8601 date and time; without a zone it is read as UTC."""
    found = _ISO.fullmatch(text.strip()) if len(text) <= 64 else None
    if found is None:
        return None
    year, month, day, hour, minute = (int(found[i]) for i in range(1, 6))
    second = int(found[6] or 0)
    if not (1 <= month <= 12 and 1 <= day <= _days_in(year, month) and hour < 24 and minute < 60 and second < 61):
        return None
    fraction = int((found[7] or "0")[:3].ljust(3, "0"))
    at_ms = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction
    offset_min = _offset_minutes(found[8])
    if offset_min is None:
        return None
    at_ms -= offset_min * 60_000
    return at_ms if is_instant(at_ms) else None


def _days_in(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap else _MONTH_DAYS[month - 1]


def _offset_minutes(zone: str | None) -> int | None:
    if zone is None or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a Gregorian date (Hinnant's algorithm: March is the first month)."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Return the Gregorian date that many days after 1970-01-01: the inverse of `days_from_civil`."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def clock_text(at_ms: int, offset_min: int) -> str:
    """Return the wall clock as `10:04:11`."""
    second = (at_ms + offset_min * 60_000) // 1000 % 86_400
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def date_text(at_ms: int, offset_min: int) -> str:
    """Return the local date as `2026-03-02`."""
    year, month, day = civil_from_days((at_ms + offset_min * 60_000) // DAY_MS)
    return f"{year:04}-{month:02}-{day:02}"


def iso_text(at_ms: int) -> str:
    """Return the instant in UTC as `2026-03-02T09:00:00.000Z`."""
    return f"{date_text(at_ms, 0)}T{clock_text(at_ms, 0)}.{at_ms % 1000:03}Z"


def week_minute(at_ms: int, offset_min: int) -> int:
    """Return the local minute of the week, 0 being Monday 00:00 (1970-01-01 was a Thursday)."""
    minute = at_ms // 60_000 + offset_min
    return (minute + 3 * 1440) % 10_080


def duration_text(span_ms: int) -> str:
    """Return a duration a person reads at a glance: `850ms`, `5s`, `2m05s`, `1h30m`, `2d4h`."""
    if span_ms < 0:
        return "-" + duration_text(-span_ms)
    if span_ms < 1000:
        return f"{span_ms}ms" if span_ms else "0s"
    seconds = span_ms // 1000
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s" if seconds % 60 else f"{seconds // 60}m"
    if seconds < 86_400:
        return f"{seconds // 3600}h{seconds // 60 % 60:02}m" if seconds // 60 % 60 else f"{seconds // 3600}h"
    return f"{seconds // 86_400}d{seconds // 3600 % 24}h" if seconds // 3600 % 24 else f"{seconds // 86_400}d"
