"""The small words of the rule language: durations, times of day, dates, limits, names.

Pure parsers from one value to one value; every refusal is a `ScalarError` that says what to write instead.
The only outside world they ask is the time zone database.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from engine.model.errors import EngineError
from engine.model.rule import Hours, Limit

__all__ = [
    "ScalarError", "clock_time", "date_ms", "days", "duration_ms", "file_name", "frequency", "hours", "limit",
    "nearest", "offset_ms", "rate", "rule_name", "zone_name",
]  # fmt: skip

_UNIT_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_LONGEST_MS = 3_660 * 86_400_000
_PART = re.compile(r"([0-9]{1,15})(ms|[wdhms])\s*")
_UNIT_WORDS = {
    word: unit
    for unit, words in {
        "ms": "ms millisecond milliseconds", "s": "s sec secs second seconds", "m": "m min mins minute minutes",
        "h": "h hr hrs hour hours", "d": "d day days", "w": "w week weeks",
    }.items()
    for word in words.split()
}  # fmt: skip
_WORDED = re.compile(r"([0-9]{1,9})\s*([a-z]{1,12})", re.IGNORECASE)
_LIMIT = re.compile(r"([0-9]{1,9})\s*/\s*(\S{1,40})")
_FREQUENCY = re.compile(r"([0-9]{1,9})\s+within\s+(.{1,60})")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_WEEK_SPAN = re.compile(r"(?:(.*\S)\s+)?([0-9]{1,2}:[0-9]{2})\s*-\s*([0-9]{1,2}:[0-9]{2})")
_CLOCK_OFFSET = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,3}))?")
_ONLY_DAYS = re.compile(r"[A-Za-z][A-Za-z, -]*")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_NUMBER = {name: number for names in (_DAY_NAMES, _LONG_DAY_NAMES) for number, name in enumerate(names)}
_DAY_GROUPS = {"daily": range(7), "weekdays": range(5), "weekend": range(5, 7)}
_DAY_MIN = 1_440
_WEEK_MIN = 7 * _DAY_MIN
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")
# Windows opens the device whatever stands behind the first dot.
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{digit}" for name in ("com", "lpt") for digit in "123456789")}
_RULE_NAME = re.compile(r"[^\W_][\w.-]{0,79}")


class ScalarError(EngineError):
    """A value cannot be read. `hint` names what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def duration_ms(value: object) -> int:
    """Return the length of `5s`, `2m`, `1h30m`, `2d` or `500ms`.

    Units: milliseconds, 0 to ten years. Errors: bare numbers, decimals, units out of order.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        raise ScalarError(
            f"{_shown(value)} has no unit", f"write {_shown(value)}s for seconds, {_shown(value)}m for minutes"
        )
    text = value.strip() if isinstance(value, str) else ""
    total, at, last = 0, 0, _LONGEST_MS
    while found := _PART.match(text, at):
        unit_ms = _UNIT_MS[found[2]]
        if unit_ms >= last:
            break
        total, at, last = total + int(found[1]) * unit_ms, found.end(), unit_ms
    if not text or at != len(text):
        _refuse_duration(value, text)
    if total > _LONGEST_MS:
        raise ScalarError(f"{_quoted(text)} is longer than ten years", "write a shorter time")
    return total


def _refuse_duration(value: object, text: str) -> NoReturn:
    worded = _WORDED.fullmatch(text)
    unit = _UNIT_WORDS.get(worded[2].lower()) if worded else None
    hint = (
        f"write {worded[1]}{unit}"
        if worded and unit
        else "write 90s, 5m, 1h30m or 2d: whole numbers, large units first"
    )
    raise ScalarError(f"{_quoted(value)} is not a duration", hint)


def frequency(value: object) -> tuple[int, int]:
    """Return number and time of `3 within 10m`. Units: milliseconds. Both may be zero."""
    found = _FREQUENCY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        is_number = isinstance(value, int) and not isinstance(value, bool) and 1 < value < 10**6
        hint = f"write {value if is_number else 3} within 10m"
        raise ScalarError(f"{_quoted(value)} does not say how many within what time", hint)
    return int(found[1]), duration_ms(found[2])


def rate(value: object) -> tuple[int, int]:
    """Return number and time of `10/h`, `3/10m` or `20/day`. Units: milliseconds. Both may be zero."""
    found = _LIMIT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ScalarError(f"{_quoted(value)} is not so many in a time", "write 10/h, 3/10m or 20/day")
    unit = _UNIT_WORDS.get(found[2].lower())
    return int(found[1]), _UNIT_MS[unit] if unit else duration_ms(found[2])


def limit(value: object) -> Limit:
    """Return what `10/h`, `3/10m` or `20/day` allows. Shape: both numbers are positive."""
    count, per_ms = rate(value)
    if not count or not per_ms:
        raise ScalarError(
            f"{_quoted(value)} lets nothing pass", "write 10/h, or switch the rule off by `enabled: false`"
        )
    return Limit(count, per_ms)


def clock_time(value: object) -> int:
    """Return the time of day. Units: minutes since midnight, 0 to 1439."""
    minutes = _minutes(value)
    if minutes >= _DAY_MIN:
        raise ScalarError(f"{_quoted(value)} is not a time of day", 'write "00:00" for midnight')
    return minutes


def _minutes(value: object) -> int:
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else _WEEK_MIN
    if minutes > _DAY_MIN:
        raise ScalarError(f"{_quoted(value)} is not a time of day", 'write "18:00", from 00:00 to 23:59')
    return minutes


def days(value: object) -> tuple[int, ...]:
    """Return the days of `mon-fri`, `sat,sun`, `weekdays`, `weekend`, `daily` or a list of those.

    Shape: Monday is 0; sorted, unique.
    """
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, (list, tuple)) or not entries:
        _refuse_day(value)
    found: set[int] = set()
    for entry in entries:
        for part in entry.split(",") if isinstance(entry, str) else (entry,):
            found.update(_day_range(part))
    return tuple(sorted(found))


def _day_range(value: object) -> Iterable[int]:
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _DAY_GROUPS:
        return _DAY_GROUPS[text]
    first, dash, last = (part.strip() for part in text.partition("-"))
    if first not in _DAY_NUMBER or (dash and last not in _DAY_NUMBER):
        _refuse_day(value)
    begin = _DAY_NUMBER[first]
    length = (_DAY_NUMBER[last or first] - begin) % 7
    return [(begin + step) % 7 for step in range(length + 1)]


def _refuse_day(value: object) -> NoReturn:
    raise ScalarError(f"{_quoted(value)} is not a day", "write mon, tue, wed, thu, fri, sat, sun, or a range: mon-fri")


def hours(value: object) -> Hours:
    """Return recurring hours from `09:00-18:00`, `mon-fri 09:00-18:00`, a list of those, or {hours, days, zone}.

    Shape: a span that ends before it begins runs past midnight; overlapping spans are joined.
    """
    if not isinstance(value, dict):
        entries = value if isinstance(value, list) else [value]
        return Hours(_joined(entries, tuple(range(7))), source=", ".join(str(entry) for entry in entries))
    for key in value:
        if key not in {"hours", "days", "zone"}:
            close = nearest(str(key), ("hours", "days", "zone"))
            raise ScalarError(
                f"unknown key {_quoted(key)}", f"did you mean {close}?" if close else "use hours, days, zone"
            )
    if not value:
        raise ScalarError("no hours are given", "write 09:00-18:00")
    every = days(value["days"]) if "days" in value else tuple(range(7))
    entries = value.get("hours", "00:00-24:00")
    entries = entries if isinstance(entries, list) else [entries]
    zone = zone_name(value["zone"]) if "zone" in value else "local"
    told = [_days_text(every)] if "days" in value else []
    told += [", ".join(str(entry) for entry in entries)] if "hours" in value else []
    told += [zone] if "zone" in value else []
    return Hours(_joined(entries, every), zone, " ".join(told))


def _days_text(numbers: tuple[int, ...]) -> str:
    return ",".join(_DAY_NAMES[number] for number in numbers)


def _joined(entries: list[Any], every: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return the union of all entries as sorted spans of the week. Shape: entries without days hold on `every`."""
    spans = sorted(span for entry in entries for span in _week_spans(entry, every))
    if not spans:
        raise ScalarError("no hours are given", "write 09:00-18:00")
    joined = [spans[0]]
    for start, end in spans[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _week_spans(value: object, every: tuple[int, ...]) -> Iterable[tuple[int, int]]:
    text = value.strip() if isinstance(value, str) else ""
    if _ONLY_DAYS.fullmatch(text):
        text += " 00:00-24:00"
    found = _WEEK_SPAN.fullmatch(text) if len(text) < 200 else None
    if found is None:
        raise ScalarError(f"{_quoted(value)} is not a span of hours", "write 09:00-18:00 or mon-fri 09:00-18:00")
    start, end = clock_time(found[2]), _minutes(found[3])
    if start == end:
        raise ScalarError(f"{_quoted(value)} is an empty span", "write 00:00-24:00 for the whole day")
    length = end - start if end > start else end - start + _DAY_MIN
    for day in days(found[1]) if found[1] else every:
        begin = day * _DAY_MIN + start
        yield begin, min(begin + length, _WEEK_MIN)
        if begin + length > _WEEK_MIN:
            yield 0, begin + length - _WEEK_MIN


def zone_name(value: object) -> str:
    """Return `value` if it is `local` or a zone of the time zone database, such as Europe/Berlin."""
    if value == "local":
        return "local"
    if isinstance(value, str):
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
        else:
            return value
    close = nearest(value, available_timezones()) if isinstance(value, str) else None
    hint = f"did you mean {close}?" if close else "write local, UTC or a name such as Europe/Berlin"
    raise ScalarError(f"{_quoted(value)} is not a time zone", hint)


def date_ms(value: object, zone: str = "UTC") -> int:
    """Return the instant at which the day `2026-12-31` is over in `zone`, or where this machine is for `local`.

    Units: epoch milliseconds of the following midnight.
    """
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ScalarError(f"{_quoted(value)} is not a date", "write year-month-day: 2027-01-31")
    place: tzinfo | None = None
    if zone != "local":
        place = UTC if zone == "UTC" else ZoneInfo(zone_name(zone))
    try:
        # Without a zone `timestamp` means this machine's, which is what `local` says.
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=place) + timedelta(days=1)
        return int(day.timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise ScalarError(f"{_quoted(value)} is not in the calendar", "write year-month-day: 2027-01-31") from error


def offset_ms(value: object) -> int:
    """Return `10:15:00` or a duration as a distance from a start. Units: milliseconds."""
    found = _CLOCK_OFFSET.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        if isinstance(value, str) and ":" in value:
            raise ScalarError(f"{_quoted(value)} is not a time", "write hours:minutes:seconds: 10:15:00")
        return duration_ms(value)
    if int(found[2]) > 59 or int(found[3]) > 59:
        raise ScalarError(f"{_quoted(value)} is not a time", "minutes and seconds end at 59")
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    return seconds * 1000 + int((found[4] or "0").ljust(3, "0"))


def file_name(value: object) -> str:
    """Return the name of a file in the output folder; `.jsonl` is added where it is missing.

    Shape: 1 to 80 of `A-Z a-z 0-9 . _ -`, no dot or dash first, no device name of Windows.
    """
    name = value if isinstance(value, str) else ""
    if not name.lower().endswith(".jsonl"):
        name += ".jsonl"
    if not isinstance(value, str) or not value or not _FILE_NAME.fullmatch(name) or name.lower() == ".jsonl":
        raise ScalarError(
            f"{_quoted(value)} is not a file name",
            "write a name such as usage.jsonl: letters, digits, dot, dash and underscore, no folder",
        )
    if name.split(".", 1)[0].lower() in _WINDOWS_DEVICES:
        raise ScalarError(f"{_quoted(value)} is the name of a device on Windows", "choose another name")
    return name


def rule_name(value: object) -> str:
    """Return the name of a rule or destination, composed (NFC).

    Shape: a letter or digit, then up to 79 letters, digits, dots, dashes and underscores.
    """
    text = unicodedata.normalize("NFC", value[:200]) if isinstance(value, str) else ""
    if _RULE_NAME.fullmatch(text):
        return text
    slug = re.sub(r"[^\w.]+", "-", text).strip("-._")[:80].lower()
    # An address in the place of a name may hold a secret, which a made-up name would repeat.
    is_usable = _RULE_NAME.fullmatch(slug) and "://" not in text
    hint = f"write {slug}" if is_usable else "write a name such as slack-on-screen"
    raise ScalarError(f"{_quoted(value)} is not a name: letters, digits, dot, dash and underscore only", hint)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` most likely stands for, ignoring case, or None."""
    lowered = {each.lower(): each for each in sorted(known)}
    close = difflib.get_close_matches(word[:60].lower(), lowered, 1, 0.6)
    return lowered[close[0]] if close else None


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # Python refuses to write out numbers of more than 4,300 digits.
    text = str(value) if not isinstance(value, int) or abs(value) < 10**18 else "this number"
    return "".join(char if char.isprintable() else "?" for char in text[:40])


def _quoted(value: object) -> str:
    if isinstance(value, (list, tuple, dict)):
        return "a list" if not isinstance(value, dict) else "a map"
    if value is None:
        return "an empty value"
    return f'"{_shown(value)}"'
