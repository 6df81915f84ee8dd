"""Recurring hours of the week as arithmetic on local minutes."""

from __future__ import annotations

from engine.core.moment import week_minute
from engine.model.rule import Hours

__all__ = ["WEEK_MINUTES", "covers", "end_of_span_ms"]

WEEK_MINUTES = 10_080


def covers(hours: Hours, at_ms: int, offset_min: int) -> bool:
    """Tell whether the local time lies in one of the spans."""
    minute = week_minute(at_ms, offset_min)
    return any(start <= minute < end for start, end in hours.spans)


def end_of_span_ms(hours: Hours, at_ms: int, offset_min: int) -> int:
    """Return the instant at which the span around `at_ms` ends, following spans that touch across midnight.

    Units: exact to the minute while the zone keeps its offset; after a change of clocks the caller asks again.
    """
    minute = week_minute(at_ms, offset_min)
    ahead = 0
    while ahead < WEEK_MINUTES:
        here = (minute + ahead) % WEEK_MINUTES
        end = next((end for start, end in hours.spans if start <= here < end), None)
        if end is None:
            break
        ahead += end - here
    return (at_ms // 60_000 + ahead) * 60_000
