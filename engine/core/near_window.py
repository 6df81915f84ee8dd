"""Near misses over time: the same pattern a little looser, and what a firing of that one says about the real rule.

Nothing here guesses whether an edit would help: `engine/run/near_misses.py` replays it. This module knows which number
of which pattern may give way how far (RULES 12.3: two thirds of a threshold, half as much again of a time), how much
of it a firing needed, and how a person says that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil
from typing import Any, NamedTuple

from engine.core.moment import duration_text
from engine.model.match import Match
from engine.model.rule import Rule
from engine.model.window import Absent, Count, FirstSeen, Held, Sequence, Spike, StepSpec, Together, Track

__all__ = [
    "Edit",
    "best_first",
    "distance",
    "edit_words",
    "edited",
    "lasted",
    "loosened",
    "missing",
    "needed",
    "rounded",
    "written",
]  # fmt: skip

# With fewer lines than that, the evidence of `for` and `gap` is all there was.
_WHOLE = 10
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Edit(NamedTuple):
    """One number of a rule's pattern. `key` is what an author writes, `field` where the model keeps it.

    `rises` says that a larger number is looser.
    """

    key: str
    field: str
    rises: bool
    is_time: bool = True


WITHIN = Edit("within", "within_ms", True)
COUNT = Edit("count", "at_least", False, False)
STEPS = Edit("at_least", "at_least", False, False)
SHORTER = Edit("within", "within_ms", False)
FOR = Edit("for", "for_ms", False)
GAP = Edit("gap", "gap_ms", True)
MEMORY = Edit("memory", "memory_ms", False)
RATIO = Edit("ratio", "ratio", False, False)
LEAST = Edit("min", "minimum", False, False)
SHORTEST = Edit("min", "min_ms", False)
ORDER = Edit("order", "", True, False)


def loosened(rule: Rule) -> tuple[tuple[Rule, Edit], ...]:
    """Return the rule with its pattern loosened, once for each thing that may give way, with that thing.

    Dropping a step that must not happen is an edit of key `not NAME`; steps in any order are `order`. A rule without
    a pattern, and patterns that know no nearly (`changes`, timers), give nothing.
    """
    return tuple(_loosened(rule))


def _loosened(rule: Rule) -> Iterator[tuple[Rule, Edit]]:
    window = rule.window
    for edit in _numbers_of(window):
        have = getattr(window, edit.field)
        loose = _loose(have, edit)
        if loose != have:
            yield edited(rule, edit, loose), edit
    if isinstance(window, Together | Sequence):
        yield from _without_each(rule, window)
    if isinstance(window, Sequence) and len(_positive(window.steps)) == len(window.steps) > 1:
        yield replace(rule, window=Together(window.steps, window.within_ms, window.at_least)), ORDER


def _numbers_of(window: Any) -> tuple[Edit, ...]:
    match window:
        case Count():
            return COUNT, WITHIN
        case Together():
            return WITHIN, STEPS
        case Sequence(steps) if steps and steps[-1].negated:
            # The end of `within` is the deadline, so less of it is looser.
            return SHORTER, STEPS
        case Sequence():
            return WITHIN, STEPS
        case Absent():
            return (FOR,)
        case Held():
            return FOR, GAP
        case FirstSeen():
            return (MEMORY,)
        case Spike():
            return RATIO, LEAST
        case Track():
            return (SHORTEST,)
        case _:
            return ()


def _loose(have: Any, edit: Edit) -> Any:
    """Return how far a number may give way: half as much again, or two thirds, of events never fewer than two."""
    if edit.rises:
        return have * 3 // 2
    if edit is RATIO:
        return max(1.0, have * 2 / 3)
    least = ceil(have * 2 / 3)
    return least if edit.is_time else min(have, max(2, least))


def _without_each(rule: Rule, window: Together | Sequence) -> Iterator[tuple[Rule, Edit]]:
    """Yield the rule without one of the steps that must not happen, where two that must are left."""
    if len(_positive(window.steps)) < 2:
        return
    for step in window.steps:
        if step.negated:
            steps = tuple(other for other in window.steps if other is not step)
            yield replace(rule, window=replace(window, steps=steps)), Edit(f"not {step.name}", "", True, False)


def _positive(steps: tuple[StepSpec, ...]) -> tuple[StepSpec, ...]:
    return tuple(step for step in steps if not step.negated)


def edited(rule: Rule, edit: Edit, amount: Any) -> Rule:
    """Return the rule with another number in that place. With fewer events asked for, a count rolls on.

    A window that is emptied as soon as it holds two of three would never be seen to hold more.
    """
    window: Any = replace(rule.window, **{edit.field: amount})  # type: ignore[type-var]
    if edit is COUNT and isinstance(rule.window, Count) and amount < rule.window.at_least:
        window = replace(window, keep=True)
    return replace(rule, window=window)


def written(rule: Rule, edit: Edit, amount: Any) -> Rule:
    """Return the rule as its author would have it after the edit."""
    return replace(rule, window=replace(rule.window, **{edit.field: amount}))  # type: ignore[type-var]


def lasted(rule: Rule, over: Match) -> int | None:
    """Return how long the thing went on that this match says is over. Units: milliseconds."""
    match rule.window:
        case Absent():
            silent_ms = over.found.get("silent_ms")
            return silent_ms if isinstance(silent_ms, int) else None
        case Held(gap_ms=gap_ms) if over.since_ms is not None:
            return over.at_ms - gap_ms - over.since_ms
        case _:
            return None


def needed(rule: Rule, edit: Edit, match: Match) -> Any:
    """Return how much of it this firing needed, or None where the evidence alone does not tell."""
    events, window = match.events, rule.window
    first = events[0]
    match edit.key:
        case "count":
            count = match.found.get("count")
            return count if isinstance(count, int) else len(events)
        case "within" if isinstance(window, Count):
            since_ms = match.since_ms if match.since_ms is not None else first.at_ms
            return events[-1].at_ms - since_ms + 1  # the window is open to the left
        case "within" if isinstance(window, Together):
            return max(event.at_ms for event in events) - min(event.end_ms for event in events)
        case "within" if edit.rises:
            return events[-1].at_ms - first.end_ms
        case "at_least":
            return len(_present(match))
        case "min" if isinstance(window, Track):
            seconds = match.found.get("seconds")
            return round(seconds * 1000) if isinstance(seconds, int | float) else None
        case "ratio" | "min":
            return match.found.get("ratio" if edit is RATIO else "count")
        case "gap" if isinstance(window, Held):
            return _longest_silence(match, window.gap_ms)
        case _:
            return None


def _longest_silence(match: Match, gap_ms: int) -> int | None:
    """Return the longest silence between two lines of the evidence, None if the one that counts is not among them."""
    end_ms, longest_ms = match.events[0].end_ms, 0
    for event in match.events[1:]:
        longest_ms = max(longest_ms, event.at_ms - end_ms)
        end_ms = max(end_ms, event.end_ms)
    return longest_ms if longest_ms > gap_ms and len(match.events) < _WHOLE else None


def _present(match: Match) -> dict[str, Any]:
    steps = match.found.get("steps")
    return steps if isinstance(steps, dict) else {}


def rounded(edit: Edit, amount: Any) -> Any:
    """Return a number that a person would write: a little looser than what was needed, never tighter."""
    if not edit.is_time:
        return amount
    step = next(step for step, below in ((_SECOND, _MINUTE), (10 * _SECOND, 10 * _MINUTE), (_MINUTE, 6 * _HOUR),
                                         (_HOUR, 7 * _DAY), (_DAY, 1 << 62)) if amount < below)  # fmt: skip
    return -(-amount // step) * step if edit.rises else max(_SECOND, amount // step * step)


def distance(rule: Rule, edit: Edit, amount: Any) -> float:
    """Return how far from firing: 0 is all but there, 1 is out of reach."""
    if not edit.field:
        return 0.4
    have: float = getattr(rule.window, edit.field)
    return min(1.0, abs(float(amount) - have) / (have or 1))


def edit_words(rule: Rule, edit: Edit, amount: Any) -> str:
    """Return the edit as the author would type it."""
    window = rule.window
    if edit.key == "order":
        return "together instead of sequence"
    if not edit.field:
        return f"drop the step `{edit.key.removeprefix('not ')}`"
    if edit is COUNT and isinstance(window, Count):
        return f"count: {amount} within {duration_text(window.within_ms)}"
    if edit is WITHIN and isinstance(window, Count):
        return f"count: {window.at_least} within {duration_text(amount)}"
    return f"{edit.key}: {_shown(edit, amount)}"


def _shown(edit: Edit, amount: Any) -> str:
    return duration_text(amount) if edit.is_time else f"{amount:g}"


def missing(rule: Rule, edit: Edit, amount: Any, match: Match, clock: Callable[[int], str]) -> str:
    """Return what stood between the evidence and a firing. `clock` gives the local time of an instant."""
    window: Any = rule.window
    have = getattr(window, edit.field) if edit.field else None
    if edit.is_time and isinstance(amount, int):
        return _time_missing(edit, window, amount, match, clock)
    match edit.key:
        case "count":
            what = f" different {window.distinct}" if window.distinct is not None else ""
            return f"window at {amount} of {have}{what} within {duration_text(window.within_ms)}"
        case "at_least":
            absent = [step.name for step in _positive(window.steps) if step.name not in _present(match)]
            return (
                f"{amount} of {have} steps; no {', '.join(absent) or 'other'} within {duration_text(window.within_ms)}"
            )
        case "ratio":
            few = "fewer" if amount is None else f"{amount:g} times as many as usual, fewer"
            return f"{few} than {have:g} times"
        case "min":
            return f"{amount} of {have} in {duration_text(window.window_ms)}"
        case "order":
            return f"all steps came, but in another order: {_in_order(match)}"
        case _:
            return f"all steps came, but so did `{edit.key.removeprefix('not ')}`, which must not"


def _time_missing(edit: Edit, window: Any, amount: int, match: Match, clock: Callable[[int], str]) -> str:
    have: int = getattr(window, edit.field)
    if edit.rises:
        over = f"{duration_text(amount)} > {duration_text(have)} by {_difference(amount - have)}"
        if isinstance(window, Together | Sequence):
            return f"{_places(match, clock)}: gap {over}"
        return f"silence {over}" if edit is GAP else f"{len(match.events)} within {over}"
    lasted = {"for": "silent for" if isinstance(window, Absent) else "held for", "memory": "not seen for",
              "within": "alone for", "min": "lasted"}[edit.key]  # fmt: skip
    return f"{lasted} {duration_text(amount)} of {duration_text(have)}"


def _difference(over_ms: int) -> str:
    return duration_text(over_ms if over_ms < _SECOND else over_ms // _SECOND * _SECOND)


def _places(match: Match, clock: Callable[[int], str]) -> str:
    """Return which step was when: `slack at 10:20:31, said at 10:22:58`."""
    named = _named(match)
    if not named:
        return f"{clock(match.events[0].at_ms)} to {clock(match.events[-1].at_ms)}"
    return ", ".join(f"{name} at {clock(at_ms)}" for at_ms, name in named)


def _in_order(match: Match) -> str:
    return ", ".join(name for _, name in _named(match)) or "see the lines"


def _named(match: Match) -> list[tuple[int, str]]:
    count = len(match.events)
    return sorted(
        (match.events[number].at_ms, name)
        for name, number in _present(match).items()
        if isinstance(number, int) and -count <= number < count
    )


def best_first(edits: Iterator[tuple[float, Match]]) -> list[tuple[float, Match]]:
    """Return the firings of a looser rule that do not share evidence, the nearest of those that do."""
    used: set[tuple[str, int]] = set()
    kept = []
    for far, match in sorted(edits, key=lambda one: (one[0], one[1].at_ms)):
        places = {event.position for event in match.events}
        if not places & used:
            used |= places
            kept.append((far, match))
    return kept
