"""What a rule looks for over time: one frozen pattern a rule, and what its operator takes in and gives out.

Units: durations in milliseconds. Windows lie in event time and are half-open, `(now - within, now]` (RULES 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from engine.model.condition import Condition
from engine.model.event import Event

__all__ = [
    "AUXILIARY",
    "BLIND",
    "STATE",
    "Absent",
    "Changes",
    "Count",
    "Fired",
    "FirstSeen",
    "Held",
    "Item",
    "Sequence",
    "Spike",
    "StepSpec",
    "Timer",
    "Together",
    "Track",
    "Window",
]  # fmt: skip

STATE = -1
"""The role of a session event in a rule with `while`: the item's value says whether the state holds from here on."""
BLIND = -2
"""The role of a recorder's word that it could not hear until the item's end: silence before that proves nothing."""
AUXILIARY = frozenset((STATE, BLIND))


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One named step of `together` or `sequence`; a `negated` one must not happen."""

    name: str
    condition: Condition
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """At least so many events, or different values at a path, within a time. `keep`: firing leaves the window full."""

    at_least: int
    within_ms: int
    distinct: str | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Together:
    """Steps in any order, no two of them farther apart than `within_ms`; `at_least` of the positive ones."""

    steps: tuple[StepSpec, ...]
    within_ms: int
    at_least: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps one after the other, the last at most `within_ms` after the first; `at_least` of the positive ones."""

    steps: tuple[StepSpec, ...]
    within_ms: int
    at_least: int


@dataclass(frozen=True, slots=True)
class Absent:
    """At most `at_most` events in `for_ms`, while some session is in the state `during` (None: at all times)."""

    for_ms: int
    at_most: int = 0
    during: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The condition kept holding for `for_ms`: events support it, with no silence between two longer than `gap_ms`."""

    for_ms: int
    gap_ms: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The value at a path is another than before."""

    path: str


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """A value at a path that did not occur for `memory_ms`."""

    path: str
    memory_ms: int


@dataclass(frozen=True, slots=True)
class Spike:
    """At least `minimum` events in `window_ms`, and `ratio` times as many as usual in the `baseline_ms` before it."""

    ratio: float
    window_ms: int
    baseline_ms: int
    minimum: int


@dataclass(frozen=True, slots=True)
class Track:
    """Spans during which the value at a path stays the same; shorter ones than `min_ms` are not told."""

    path: str
    gap_ms: int
    min_ms: int


@dataclass(frozen=True, slots=True)
class Timer:
    """Every so often, or at these local minutes of these days. One of `every_ms` and `at_min` is set.

    Shape: `at_min` sorted minutes of the day; `days` 0 Monday to 6 Sunday. `missed_once`: what was slept through fires
    once, late; else not at all. `during` as in `Absent`.
    """

    every_ms: int | None = None
    at_min: tuple[int, ...] = ()
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    zone: str = "local"
    missed_once: bool = True
    during: str | None = None


Window: TypeAlias = (
    Count | Together | Sequence | Absent | Held | Changes | FirstSeen | Spike | Track | Timer
)  # fmt: skip


class Item(NamedTuple):
    """One hit as an operator sees it. `roles` are the steps it can stand for (0 where the rule has one condition).

    `value` is what the pattern's path gave, as text, or None; for the role `STATE` a truth value. The event is cut to
    what messages need (core/window/memory.py). `found` holds named groups of patterns.
    """

    at_ms: int
    end_ms: int
    seen_ms: int
    roles: tuple[int, ...]
    value: Any
    event: Event
    found: dict[str, Any]


class Fired(NamedTuple):
    """What an operator gives out. `items` are the evidence, oldest first, never empty.

    `at_ms` is the instant a deadline was due, None where a line completed it. `since_ms` is where the thing began
    (for `duration`). `found` are variables for messages. `closes` says that what fired before has ended now.
    """

    items: tuple[Item, ...]
    at_ms: int | None = None
    since_ms: int | None = None
    found: dict[str, Any] = {}  # noqa: RUF012 - never changed
    closes: bool = False
