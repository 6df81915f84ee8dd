"""The functions this product adds to jmespath for instants and durations.

Units: instants and durations are milliseconds, as in `_.at` and `duration`; local means the context's zone.
"""

from __future__ import annotations

import re
from typing import Any

from engine.core.jmes.context import Context
from engine.core.jmes.functions import refuse
from engine.core.jmes.signature import Function, plain
from engine.core.moment import DAY_MS, civil_from_days, clock_text

__all__ = ["INSTANTS"]

_MOST_MS = 253_402_300_800_000  # the year 10000
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
_PART = r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d|w)"
_DURATION = re.compile(rf"(?:{_PART}\s*)+", re.ASCII)
_PARTS = re.compile(_PART, re.ASCII)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def _ms_of(context: Context, name: str, value: Any) -> int | None:
    """Return a number of milliseconds as a whole number, or None, counted unless it is null."""
    if value.__class__ in (int, float) and abs(value) < _MOST_MS:
        return int(value)
    if value is not None:
        refuse(context, name, value)
    return None


def _seconds(context: Context, value: Any) -> Any:
    if value.__class__ is str:
        text = value.strip() if len(value) <= 64 else ""
        if not _DURATION.fullmatch(text):
            return refuse(context, "seconds", value)
        total = sum(float(amount) * _UNITS_MS[unit] for amount, unit in _PARTS.findall(text)) / 1000
    elif value.__class__ in (int, float) and abs(value) < _MOST_MS:
        total = value / 1000
    else:
        return None if value is None else refuse(context, "seconds", value)
    return int(total) if total == int(total) else total


def _ago(context: Context, value: Any) -> Any:
    at_ms = _ms_of(context, "ago", value)
    if at_ms is None:
        return None
    seconds = max(context.now_ms - at_ms, 0) // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _dur(context: Context, value: Any) -> Any:
    span_ms = _ms_of(context, "dur", value)
    if span_ms is None:
        return None
    sign = "-" if span_ms < 0 else ""
    span_ms = abs(span_ms)
    if 0 < span_ms < 1000:
        return f"{sign}{span_ms}ms"
    seconds = span_ms // 1000
    steps = ((seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    first = next((at for at, (count, _) in enumerate(steps) if count), 3)
    return sign + (" ".join(f"{count}{unit}" for count, unit in steps[first : first + 2] if count) or "0s")


def _time(context: Context, value: Any, pattern: Any = None) -> Any:
    at_ms = _ms_of(context, "time", value)
    if at_ms is None:
        return None
    offset_min = context.offset_min(at_ms)
    if pattern is None:
        return clock_text(at_ms, offset_min)
    if pattern.__class__ is not str:
        return refuse(context, "time", pattern)
    context.spend(len(pattern) * 4)
    return _formatted(at_ms + offset_min * 60_000, pattern)


def _formatted(local_ms: int, pattern: str) -> str:
    """Return a local time by a pattern of the usual letters (`%Y-%m-%d %H:%M:%S %a %A %b %B`); others stay."""
    days, ms = divmod(local_ms, DAY_MS)
    year, month, day = civil_from_days(days)
    weekday = _DAYS[(days + 3) % 7]  # 1970-01-01 was a Thursday
    name = _MONTHS[month - 1]
    parts = {
        "Y": f"{year:04}", "m": f"{month:02}", "d": f"{day:02}", "H": f"{ms // 3_600_000:02}",
        "M": f"{ms // 60_000 % 60:02}", "S": f"{ms // 1000 % 60:02}", "a": weekday[:3], "A": weekday, "b": name[:3],
        "B": name, "%": "%",
    }  # fmt: skip
    return re.sub("%(.)", lambda found: parts.get(found[1], found[0]), pattern)


INSTANTS: dict[str, Function] = {
    "ago": plain(_ago, "ms"),
    "dur": plain(_dur, "ms"),
    "seconds": plain(_seconds, "ms or duration"),
    "time": plain(_time, "ms, format?"),
}
