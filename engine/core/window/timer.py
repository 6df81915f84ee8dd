"""A rule that goes by the clock alone: what is due now, and what was missed.

An instant up to 15 minutes ago is due, only late; an older one was missed, because nothing ran or the machine slept.
However late the call comes it gives one instant at most, the latest: nobody wants the messages of a night in a row.
Whether a `while` state holds is for the caller to ask. Units: arrival time, which is the wall clock.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.core import schedule
from engine.core.moment import DAY_MS, clock_text, date_text
from engine.core.schedule import MINUTE_MS, Offset, weekday
from engine.model.match import Step
from engine.model.window import Timer

__all__ = ["MISSED_MS", "State", "next_ms", "on_time", "start", "words"]

MISSED_MS = 15 * MINUTE_MS
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class State(NamedTuple):
    """The last instant that is settled: told, let go as missed, or the one at which the timer was met first."""

    last_ms: int


def start(spec: Timer, now_ms: int, offset: Offset) -> Step[State, tuple[int, ...]]:
    """Begin with a timer that was not known before. It is due at its next instant after now."""
    return Step(State(now_ms), (), schedule.next_ms(spec, now_ms, offset))


def on_time(spec: Timer, state: State, now_ms: int, offset: Offset) -> Step[State, tuple[int, ...]]:
    """Return the instant to tell, if one is due. A clock that was set back gives none a second time."""
    due_ms = schedule.last_ms(spec, now_ms, offset)
    if due_ms is None or due_ms <= state.last_ms:
        return Step(state, (), next_ms(spec, state, offset))
    is_told = spec.missed_once or now_ms - due_ms <= MISSED_MS
    state = State(due_ms)
    return Step(state, (due_ms,) if is_told else (), next_ms(spec, state, offset))


def next_ms(spec: Timer, state: State, offset: Offset) -> int:
    """Return when the timer is due next, by the zone's rules of today."""
    return schedule.next_ms(spec, state.last_ms, offset)


def words(spec: Timer, state: State, now_ms: int, offset: Offset) -> str:
    """Return when it is due, in the timer's own zone: `next at Mon 18:00:00`, with the date if a week or more ahead."""
    due_ms = next_ms(spec, state, offset)
    minutes = offset(spec.zone, due_ms)
    day = _DAYS[weekday(due_ms + minutes * MINUTE_MS)]
    date = f" {date_text(due_ms, minutes)}" if due_ms - now_ms > 6 * DAY_MS else ""
    return f"next at {day}{date} {clock_text(due_ms, minutes)}"
