"""Why a rule fired, in words: what its pattern found in the evidence, against the bound it was measured by.

`clock` says when something was: local time for a recording, the distance from the start for a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, assert_never

from engine.core.moment import duration_text
from engine.model.event import Event
from engine.model.match import Match
from engine.model.rule import Rule
from engine.model.window import (
    Absent,
    Changes,
    Count,
    FirstSeen,
    Held,
    Sequence,
    Spike,
    Timer,
    Together,
    Track,
)

__all__ = ["Piece", "pieces", "precise_text", "reason"]

Clock = Callable[[int], str]
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


class Piece(NamedTuple):
    """One event of the evidence and the step it stands for, empty where the rule has no steps."""

    step: str
    event: Event


def pieces(match: Match) -> list[Piece]:
    """Return the evidence, oldest first; an event that stands for two steps names both."""
    names: dict[int, list[str]] = {}
    for name, number in _steps(match).items():
        names.setdefault(number, []).append(name)
    return [Piece(" + ".join(names.get(number, ())), event) for number, event in enumerate(match.events)]


def reason(rule: Rule, match: Match, clock: Clock) -> str:
    """Return what made the rule's pattern complete; empty for a rule without one."""
    window = rule.window
    if match.closes:
        return f"over after {duration_text(match.at_ms - _since(match))}"
    match window:
        case None:
            return ""
        case Together() | Sequence():
            return _steps_words(window, match)
        case Count():
            what = f" different {window.distinct}" if window.distinct is not None else ""
            return f"{_number(match)}{what} within {duration_text(window.within_ms)}"
        case Absent():
            return _silence(window, match, clock)
        case Held():
            return f"went on for {duration_text(match.at_ms - _since(match))}, at least {duration_text(window.for_ms)}"
        case _:
            return _value_words(window, match)


def _value_words(window: Changes | FirstSeen | Spike | Track | Timer, match: Match) -> str:
    found = match.found
    match window:
        case Changes(path):
            return f"{path}: {_shown(found.get('previous'))} became {_shown(found.get('value'))}"
        case FirstSeen():
            return f"{_shown(found.get('value'))} for the first time in {duration_text(window.memory_ms)}"
        case Spike():
            return f"{_number(match)} in {duration_text(window.window_ms)}, at least {window.ratio:g} times the usual"
        case Track():
            return f"{_shown(found.get('key'))} for {duration_text(round(found.get('seconds', 0) * 1000))}"
        case Timer():
            return "it was time"
        case _:
            assert_never(window)


def precise_text(span_ms: int) -> str:
    """Return a length of time in which no part is lost: `2m01s`, `10s500ms`."""
    if span_ms < 0:
        return "-" + precise_text(-span_ms)
    parts: list[str] = []
    for unit, unit_ms in _UNITS:
        number, span_ms = divmod(span_ms, unit_ms)
        if number:
            parts.append(f"{number:02}{unit}" if parts and unit != "ms" else f"{number}{unit}")
    return "".join(parts) or "0s"


def _steps(match: Match) -> dict[str, int]:
    """Return the index of each step's event."""
    steps = match.found.get("steps")
    count = len(match.events)
    if not isinstance(steps, dict):
        return {}
    return {name: number for name, number in steps.items() if isinstance(number, int) and 0 <= number < count}


def _steps_words(window: Together | Sequence, match: Match) -> str:
    chosen = [match.events[number] for number in sorted(set(_steps(match).values()))] or list(match.events)
    apart_ms = (
        max(event.at_ms for event in chosen) - min(event.end_ms for event in chosen)
        if isinstance(window, Together)
        else chosen[-1].at_ms - chosen[0].end_ms
    )
    bound = duration_text(window.within_ms)
    gap = f"gap {duration_text(apart_ms)} <= {bound}" if apart_ms > 0 else f"at one time, within {bound}"
    refused = [step.name for step in window.steps if step.negated]
    return f"{gap}, and no {' or '.join(refused)}" if refused else gap


def _silence(window: Absent, match: Match, clock: Clock) -> str:
    since = clock(match.at_ms - window.for_ms)
    if window.at_most:
        return f"no more than {window.at_most} from {since} for {duration_text(window.for_ms)}"
    return f"nothing from {since} for {duration_text(window.for_ms)}"


def _since(match: Match) -> int:
    return match.since_ms if match.since_ms is not None else match.events[0].at_ms


def _number(match: Match) -> int:
    count = match.found.get("count")
    return count if isinstance(count, int) else len(match.events)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f'"{str(value)[:60]}"'
