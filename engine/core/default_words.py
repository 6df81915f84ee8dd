"""What a rule says that writes no message: one or two lines that a person understands without the rule at hand.

Total, and bounded like every message; captured text stands in it as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.json_text import json_text
from engine.core.moment import clock_text, duration_text
from engine.model.event import Event
from engine.model.match import Match
from engine.model.rule import Rule
from engine.model.window import Absent, Changes, Count, FirstSeen, Held, Sequence, Spike, Timer, Together, Track

__all__ = ["BODY_MAX", "NO_TEXT", "default_words", "event_words", "link_of", "span_text"]

BODY_MAX = 16_000
VALUE_MAX = 500
NO_TEXT = "(no text)"
"""What stands for speech without words and for a screen that nobody described."""

OffsetOf = Callable[[int], int]


def default_words(rule: Rule, match: Match, offset_min: OffsetOf) -> str:
    """Return the message of a firing: what the pattern found, and the text of the last event."""
    last = match.events[-1]
    match rule.window:
        case None:
            text = event_words(last)
        case Timer():
            text = rule.description or f"It is {clock_text(match.at_ms, offset_min(match.at_ms))[:5]}"
        case Absent():
            text = _silence(rule.window, last)
        case Together() | Sequence():
            text = _steps(match) or event_words(last)
        case Track():
            text = _span(match, offset_min)
        case Count() | Spike() | Held():
            text = f"{_amount(rule.window, match)}{event_words(last)}"
        case Changes() | FirstSeen():
            text = _news(rule.window, match)
    return text[:BODY_MAX]


def _amount(spec: Count | Spike | Held, match: Match) -> str:
    """Return how often or how long, as the beginning of a line."""
    count = _value(match.found.get("count", len(match.events)))
    match spec:
        case Count(distinct=None):
            return f"{count} times within {duration_text(spec.within_ms)}; last: "
        case Count(distinct=path):
            return f"{count} different values of {path} within {duration_text(spec.within_ms)}; last: "
        case Spike():
            usual = _value(match.found.get("usual"))
            return f"{count} within {duration_text(spec.window_ms)}, usually {usual}; last: "
        case Held():
            return f"For {duration_text(max(0, match.at_ms - _began_ms(match)))}: "


def _news(spec: Changes | FirstSeen, match: Match) -> str:
    value = _value(match.found.get("value"))
    if isinstance(spec, Changes):
        return f"{value} (was {_value(match.found.get('previous'))})"
    said = match.events[-1].text
    return f"New: {value}" + (f"\n{said}" if said and said.strip() and _value(said) != value else "")


def _began_ms(match: Match) -> int:
    return match.events[0].at_ms if match.since_ms is None else match.since_ms


def _steps(match: Match) -> str:
    """Return one line a step, in the order of the rule."""
    steps = match.found.get("steps")
    if not isinstance(steps, dict):
        return ""
    return "\n".join(
        f"{name}: {event_words(match.events[place])}"
        for name, place in steps.items()
        if isinstance(place, int) and 0 <= place < len(match.events)
    )


def _silence(spec: Absent, last: Event) -> str:
    amount = "Nothing" if not spec.at_most else f"At most {spec.at_most}"
    state = f" while a session is {spec.during}" if spec.during is not None else ""
    before = f"; last: {last.text}" if last.kind != "session" and last.text and last.text.strip() else ""
    return f"{amount} for {duration_text(spec.for_ms)}{state}{before}"


def _span(match: Match, offset_min: OffsetOf) -> str:
    start, end = match.found.get("start", _began_ms(match)), match.found.get("end", match.at_ms)
    lasted = duration_text(max(0, end - start))
    return f"{_value(match.found.get('key'))}, {lasted} ({span_text(start, end, offset_min)})"


def span_text(start_ms: int, end_ms: int, offset_min: OffsetOf) -> str:
    """Return two instants as local times: `10:04-10:29`, or `10:04` where a minute holds both."""
    start, end = (clock_text(at_ms, offset_min(at_ms))[:5] for at_ms in (start_ms, end_ms))
    return start if start == end and end_ms - start_ms < 60_000 else f"{start}-{end}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    text = value if isinstance(value, str) else json_text(value)
    return " ".join(text[:VALUE_MAX].split()) or "nothing"


def event_words(event: Event) -> str:
    """Return what an event says: its text, a session's state, or the line itself."""
    if event.text and event.text.strip():
        return event.text[:BODY_MAX]
    if event.kind in ("transcript", "visual_index", "audio_index"):
        return NO_TEXT
    if event.kind == "session":
        link = link_of(event)
        return f"Session {event.session or 'unknown'}: {event.status or 'changed'}" + (f"\n{link}" if link else "")
    return json_text(event.body)[:500]


def link_of(event: Event) -> str:
    """Return the address to watch, where the event carries one."""
    data = event.body.get("data")
    for holder in (data, event.body):
        if isinstance(holder, dict):
            for key in ("player_url", "stream_url"):
                if isinstance(holder.get(key), str):
                    return str(holder[key])
    return ""
