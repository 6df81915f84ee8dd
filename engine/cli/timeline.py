"""When things happened, as rows of characters: one row a step, one for what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from engine.core.moment import duration_text
from engine.model.match import Firing, FiringKind, Reason
from engine.sink.neutralize import safe_line

__all__ = ["COLUMNS", "MARKS", "Axis", "length_text", "timeline"]

COLUMNS = 48
TICKS = 4
MAX_NAME = 16
MARKS: dict[FiringKind, str] = {"fired": "F", "digest": "D", "escalated": "E", "resolved": "R", "health": "H"}
"""One letter a kind of message; `q` waits for the end of quiet hours, `s` was held by a gate."""
_WORDS = {"F": "fired", "D": "digest", "E": "escalated", "R": "resolved", "H": "health", "q": "deferred", "s": "held"}
# In one column the first of these that happened is shown.
_RANK = "FERDHqs"


class Axis:
    """Instants to columns. Units: epoch ms; the last instant is in the last column."""

    def __init__(self, first_ms: int, last_ms: int, clock: Callable[[int], str]) -> None:
        self._first_ms = first_ms
        self._span_ms = max(1, last_ms - first_ms)
        self._clock = clock

    def column(self, at_ms: int) -> int:
        """Return the column of an instant; what lies outside is drawn at the edge."""
        return min(COLUMNS - 1, max(0, (at_ms - self._first_ms) * COLUMNS // self._span_ms))

    def ticks(self) -> str:
        """Return the times above the rows, each over its column; seconds only where minutes do not tell them apart."""
        width = COLUMNS // TICKS
        times = [self._clock(self._first_ms + self._span_ms * tick // TICKS) for tick in range(TICKS)]
        cut = 5 if len({time[:5] for time in times}) == TICKS else 8
        return "".join(f"{time[:cut]:<{width}}" for time in times).rstrip()


def timeline(
    axis: Axis, rows: dict[str, list[int]], firings: Sequence[Firing], clock: Callable[[int], str]
) -> list[str]:
    """Return the lines of the picture: steps with how many events each had, then the firings."""
    if not firings and not any(rows.values()):
        return []
    width = max(len("fires"), *(len(name[:MAX_NAME]) for name in rows)) if rows else len("fires")
    drawn = [f"  {'':<{width}}  {axis.ticks()}"]
    for name, instants in rows.items():
        drawn.append(f"  {safe_line(name, MAX_NAME):<{width}}  {_density(axis, instants)}  {_events(len(instants))}")
    drawn.append(f"  {'fires':<{width}}  {_marks(axis, firings)}  {_sum(firings, clock)}".rstrip())
    return drawn


def _density(axis: Axis, instants: Iterable[int]) -> str:
    """Draw `.` for nothing, `|` for one event, `#` for more."""
    counts = Counter(map(axis.column, instants))
    return "".join(".|#"[min(2, counts[column])] for column in range(COLUMNS))


def _marks(axis: Axis, firings: Sequence[Firing]) -> str:
    row = ["."] * COLUMNS
    for firing in firings:
        mark, column = _mark(firing), axis.column(firing.match.at_ms)
        if mark and (row[column] == "." or _RANK.index(mark) < _RANK.index(row[column])):
            row[column] = mark
    return "".join(row)


def _mark(firing: Firing) -> str:
    """Return the letter of a firing; none for what was collected, whose digest is drawn."""
    if firing.reason is None:
        return MARKS[firing.kind]
    if firing.reason is Reason.QUIET:
        return "q"
    return "" if firing.reason is Reason.DIGEST else "s"


def _sum(firings: Sequence[Firing], clock: Callable[[int], str]) -> str:
    counts = Counter(filter(None, map(_mark, firings)))
    told = ", ".join(f"{counts[mark]} {mark} {_WORDS[mark]}" for mark in _RANK if counts[mark])
    last = next((one for one in reversed(firings) if _mark(one) == "s"), None)
    if last is None or last.until_ms is None:
        return told
    return f"{told} ({last.reason} until {clock(last.until_ms)})"


def _events(count: int) -> str:
    return f"{count:,} event{'s' * (count != 1)}"


def length_text(first_ms: int, last_ms: int) -> str:
    """Return how long a recording is, in whole seconds."""
    return duration_text((last_ms - first_ms) // 1000 * 1000)
