"""Times by the clock: `every`, `at` and `days`, of a timer rule and of a digest."""

from __future__ import annotations

from typing import NamedTuple

from engine.model.window import Timer
from engine.rulebook.parse_range import MINUTE_MS, YEAR_MS, read_length
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_when import read_during
from engine.rulebook.scalars import clock_time, days, nearest, zone_name
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar

__all__ = ["MISSED", "SESSION_END", "Times", "read_timer", "read_timers", "read_times", "read_zone"]

SESSION_END = "session_end"
MISSED = ("once", "skip")
_EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


class Times(NamedTuple):
    """What stands under `at`. Units: minutes of the day, sorted."""

    minutes: tuple[int, ...] = ()
    at_session_end: bool = False


def read_timer(reader: Reader, rule: Mapping) -> Timer | None:
    """Return when a timer rule is due, or None after reporting."""
    missed = rule.get("missed")
    timers = read_timers(reader, rule, read_zone(reader, rule))
    during = read_during(reader, rule)
    once = missed is None or reader.choice(missed, "missed", MISSED) != "skip"
    if not timers:
        return None
    first = timers[0]
    return Timer(first.every_ms, first.at_min, first.days, first.zone, once, during)


def read_timers(reader: Reader, mapping: Mapping, zone: str, times: Times | None = None) -> tuple[Timer, ...]:
    """Return a timer for `every` and one for the times of `at`, those that are there and readable."""
    every, at, on = mapping.get("every"), mapping.get("at"), mapping.get("days")
    weekdays = _EVERY_DAY if on is None else _days(reader, on)
    every_ms = None if every is None else read_length(reader, every, "every", MINUTE_MS, YEAR_MS)
    if times is None:
        times = Times() if at is None else read_times(reader, at)
    found = [] if every_ms is None else [Timer(every_ms=every_ms, days=weekdays, zone=zone)]
    found += [Timer(at_min=times.minutes, days=weekdays, zone=zone)] if times.minutes else []
    return tuple(found)


def read_times(reader: Reader, node: Node, in_digest: bool = False) -> Times:
    """Return the times of day, and whether the end of a session is one of them. Each is written once."""
    minutes: list[int] = []
    ends = 0
    for scalar in reader.scalars(node, "at"):
        if scalar.text == SESSION_END:
            ends += 1
            _check_end(reader, scalar, ends, in_digest)
            continue
        if in_digest and nearest(scalar.text, (SESSION_END,)):
            reader.choice(scalar, "at", (SESSION_END,))
            continue
        minute = reader.converted(scalar, "at", "bad-time", clock_time)
        if minute in minutes:
            reader.error(scalar.span, "repeated-value", f'at: "{scalar.text}" is there already', "remove it")
        minutes += [] if minute is None else [minute]
    return Times(tuple(sorted(set(minutes))), bool(ends) and in_digest)


def read_zone(reader: Reader, rule: Mapping) -> str:
    """Return the zone whose clock the rule goes by."""
    return reader.optional(rule, "zone", "bad-zone", zone_name) or "local"


def _check_end(reader: Reader, scalar: Scalar, ends: int, in_digest: bool) -> None:
    if not in_digest:
        hint = "write when: [session.stopped, session.exported, session.failed], or digest: {at: session_end}"
        reader.error(scalar.span, "bad-time", "at: a timer rule takes times of day", hint)
    elif ends > 1:
        reader.error(scalar.span, "repeated-value", "at: session_end is there already", "remove it")


def _days(reader: Reader, node: Node) -> tuple[int, ...]:
    if isinstance(node, Items) and not node.items:
        reader.error(node.span, "empty-list", "`days` is an empty list", "name at least one, or remove days")
        return _EVERY_DAY
    return reader.converted(node, "days", "bad-days", days) or _EVERY_DAY
