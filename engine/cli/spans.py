"""`--from` and `--to`: what part of a recording a person means."""

from __future__ import annotations

import click

from engine.core.moment import iso_ms
from engine.model.event import Event
from engine.rulebook.scalars import ScalarError, offset_ms
from engine.run.replay import Span

__all__ = ["span_option"]

DAY_MS = 86_400_000


def span_option(since: str | None, until: str | None, first: Event, offset_min: int) -> Span:
    """Return the span that `--from` and `--to` mean for a recording that begins with `first`.

    Shape: an ISO date and time, a wall-clock time of the recording's first day, or a duration from its first event.
    """
    return Span(_moment("--from", since, first, offset_min), _moment("--to", until, first, offset_min))


def _moment(option: str, text: str | None, first: Event, offset_min: int) -> int | None:
    if text is None:
        return None
    absolute = iso_ms(text)
    if absolute is not None:
        return absolute
    try:
        offset = offset_ms(text)
    except ScalarError as error:
        hint = "write 2026-03-02T10:15:00Z, 10:15:00 (that day), or 90s (from the first event)"
        raise click.UsageError(f"{option}: {error.message}; {hint}") from error
    if ":" not in text:
        return first.seen_ms + offset
    local_midnight = (first.seen_ms + offset_min * 60_000) // DAY_MS * DAY_MS - offset_min * 60_000
    return local_midnight + offset
