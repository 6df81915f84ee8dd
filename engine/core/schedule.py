"""When a timer is due: local wall-clock times as instants, over every change of the clocks.

A wall time happens at the first instant at which the local clock shows it or a later time. So a time that the clocks
jump over happens as they jump (02:30 at 03:00, and once, were 03:00 due too), and one they show twice happens the
first time. `every` means the wall clock's multiples of it, counted from Monday 5 January 1970, 00:00 local time: a
step that divides a day begins anew at each midnight, whole weeks begin on Mondays, others go on through midnight.
Each wall time happens once, so where the clocks go back an hour, `every: 30m` pauses for that hour.

Units: instants and wall times in milliseconds, a wall time being what the instant would be if the zone were UTC;
offsets in minutes east of UTC. A zone changes its offset at a full minute, and not twice within two days.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from engine.core.moment import DAY_MS, LATEST_MS
from engine.model.window import Timer

__all__ = ["Offset", "last_ms", "next_ms", "weekday"]

Offset: TypeAlias = Callable[[str, int], int]
"""(zone name, epoch ms) -> minutes east of UTC."""

MINUTE_MS = 60_000
# Days from 1970-01-01, a Thursday, to the Monday from which `every` is counted.
MONDAY_MS = 4 * DAY_MS
# A week has each weekday, and the day on which one asks may be partly over.
LOOK_DAYS = 8
# `every: 50h` comes to a Monday after 84 steps at most; `every: 7d` never comes to a Tuesday.
MAX_STEPS = 500


def next_ms(timer: Timer, after_ms: int, offset: Offset) -> int:
    """Return the first instant after `after_ms` at which the timer is due; the year 2100 if its days never come."""
    wall = _reached(timer.zone, after_ms, offset)
    while (due := _next_wall(timer, wall)) is not None:
        at_ms = _instant(timer.zone, due, offset)
        if at_ms > after_ms:
            return at_ms
        wall = due
    return LATEST_MS


def last_ms(timer: Timer, until_ms: int, offset: Offset) -> int | None:
    """Return the latest instant up to and with `until_ms` at which the timer was due.

    None if it was not due within the last 8 days, for a longer `every` within one step and 8 days.
    """
    due = _last_wall(timer, _reached(timer.zone, until_ms, offset))
    return None if due is None else min(_instant(timer.zone, due, offset), until_ms)


def weekday(wall: int) -> int:
    """Return the day of the week of a wall time, 0 being Monday."""
    return (wall - MONDAY_MS) // DAY_MS % 7


def _next_wall(timer: Timer, wall: int) -> int | None:
    """Return the first wall time of the timer after the given one."""
    if timer.every_ms is None:
        today = wall - wall % DAY_MS
        times = (time for days in range(LOOK_DAYS + 1) for time in _times_of(timer, today + days * DAY_MS))
        return next((time for time in times if time > wall), None)
    earliest = wall + 1
    for _ in range(MAX_STEPS):
        due = earliest + (MONDAY_MS - earliest) % timer.every_ms
        if weekday(due) in timer.days:
            return due
        earliest = due - due % DAY_MS + DAY_MS
    return None


def _last_wall(timer: Timer, wall: int) -> int | None:
    """Return the last wall time of the timer up to the given one."""
    if timer.every_ms is None:
        today = wall - wall % DAY_MS
        times = (time for days in range(LOOK_DAYS + 1) for time in reversed(_times_of(timer, today - days * DAY_MS)))
        return next((time for time in times if time <= wall), None)
    latest, earliest = wall, wall - LOOK_DAYS * DAY_MS - timer.every_ms
    while latest >= earliest:
        due = latest - (latest - MONDAY_MS) % timer.every_ms
        if weekday(due) in timer.days:
            return due
        latest = due - due % DAY_MS - 1
    return None


def _times_of(timer: Timer, midnight: int) -> tuple[int, ...]:
    if weekday(midnight) not in timer.days:
        return ()
    return tuple(midnight + minute * MINUTE_MS for minute in timer.at_min)


def _reached(zone: str, at_ms: int, offset: Offset) -> int:
    """Return the latest wall time that the local clock has shown by then: in an hour shown twice, that hour's end."""
    here, before = offset(zone, at_ms), offset(zone, at_ms - DAY_MS)
    wall = at_ms + here * MINUTE_MS
    if before <= here:
        return wall
    change_ms = _change(zone, at_ms - DAY_MS, at_ms, offset)
    return max(wall, change_ms + before * MINUTE_MS - 1)


def _instant(zone: str, wall: int, offset: Offset) -> int:
    """Return the first instant at which the local clock shows the wall time or a later one."""
    # No zone is more than 14 hours from UTC, so the day before and the day after enclose the instant.
    before, after = offset(zone, wall - DAY_MS), offset(zone, wall + DAY_MS)
    at_ms = wall - before * MINUTE_MS
    if before == after:
        return at_ms
    change_ms = _change(zone, wall - DAY_MS, wall + DAY_MS, offset)
    return at_ms if at_ms < change_ms else max(change_ms, wall - after * MINUTE_MS)


def _change(zone: str, from_ms: int, to_ms: int, offset: Offset) -> int:
    """Return the instant between two of different offsets at which the first one ends."""
    low, high = from_ms // MINUTE_MS, to_ms // MINUTE_MS
    before = offset(zone, from_ms)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(zone, middle * MINUTE_MS) == before:
            low = middle
        else:
            high = middle
    return high * MINUTE_MS
