"""What the expressions of one event share: the time, folded texts, the step budget and the count of coercions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.text import fold, squeeze

__all__ = ["SCAN", "STEPS", "Context", "OverBudgetError", "weigh"]

STEPS = 100_000
"""Elements and characters one evaluation may make or look through; about 50 ms of list work."""

SCAN = 1024
"""Characters of a text that one step pays for when the text is only looked through (about 0.05 us a KiB)."""

_FOLDS = 64
"""Folded texts kept: an event has a handful, and a projection over a long list must not hoard memory."""


class OverBudgetError(Exception):
    """An evaluation used up its steps. Never leaves `engine.core.jmes`."""


class Context:
    """One event or firing while expressions look at it. Units: `now_ms` epoch; `offset_min` gives a zone's minutes.

    `coercions` counts by kind what standard jmespath would have raised: `type`, `order` (text against a number),
    `value` (a number or slice without a result), `depth`; and `budget` for an evaluation cut short.
    `folded` and `squeezed` map texts to their form for tests, `steps` is what the running evaluation has left.
    """

    __slots__ = ("_first", "coercions", "folded", "now_ms", "offset_min", "squeezed", "steps")

    def __init__(self, now_ms: int, offset_min: Callable[[int], int] = lambda _: 0) -> None:
        self.now_ms = now_ms
        self.offset_min = offset_min
        self.coercions: dict[str, int] = {}
        self.steps = STEPS
        self.folded: dict[str, str] = {}
        self.squeezed: dict[str, str] = {}
        self._first: tuple[str, str, Any] | None = None

    def fold(self, text: str, price: int = 0) -> str:
        """Return the text as text tests compare it, made once an event. `price` is paid only for the making."""
        return self._made(self.folded, fold, text, price)

    def squeeze(self, text: str, price: int = 0) -> str:
        """Return the text as case-exact tests compare it, made once an event. `price` as in `fold`."""
        return self._made(self.squeezed, squeeze, text, price)

    def _made(self, known: dict[str, str], make: Callable[[str], str], text: str, price: int) -> str:
        made = known.get(text)
        if made is None:
            self.spend(price)
            made = make(text)
            if len(known) < _FOLDS:
                known[text] = made
        return made

    def coerce(self, kind: str, where: str, value: object) -> None:
        """Count an error that became null or false, and remember the first."""
        self.coercions[kind] = self.coercions.get(kind, 0) + 1
        if self._first is None:
            self._first = (kind, where, value)

    @property
    def sample(self) -> str:
        """The first coercion in words, or empty text: `type: contains() got null`."""
        if self._first is None:
            return ""
        kind, where, value = self._first
        return f"{kind}: {where} got {_brief(value)}"

    def spend(self, steps: int) -> None:
        """Take steps off the budget, or end the evaluation."""
        self.steps -= steps
        if self.steps < 0:
            raise OverBudgetError

    def scan(self, text: str) -> None:
        """Pay for looking through a text; a short one is free."""
        if len(text) > SCAN:
            self.spend(len(text) // SCAN)


def _brief(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"text {value[:20]!r}"
        case int() | float():
            return f"number {str(value)[:20]}" if abs(value) < 1e18 else "a huge number"
        case list():
            return "a list"
        case _:
            return "an object"


def weigh(value: Any, most: int) -> int:
    """Return the elements and characters a value has when written out, or some number above `most`.

    A shared part counts as often as it occurs: `[@, @]` twenty times over is small in memory and long in writing.
    """
    total = 1
    rest = [value]
    while rest and total <= most:
        item = rest.pop()
        if item.__class__ is str:
            total += len(item)
        elif item.__class__ is list:
            total += len(item)
            rest.extend(item)
        elif item.__class__ is dict:
            total += len(item) + sum(len(name) for name in item if name.__class__ is str)  # merge() can make others
            rest.extend(item.values())
    return total
