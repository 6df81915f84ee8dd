"""Many descriptions of one screen, or one word said over and over, become one line with its span and count.

Screens alternate: of 2,575 descriptions in the four recordings 1,679 differ from the one before, though there are
only 19 texts. What was on a screen within the last 90 s is therefore the same thing still: that leaves 673 lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from engine.core.text import fold
from engine.model.event import Event

__all__ = ["Seen", "Shown", "collapse", "stream_name"]

# Two different screens of the recordings have at most 19 % of their words in common; a text of four or more words
# that differs in one (a count, a file name) keeps 60 %.
ALIKE = 0.6
STILL_MS = 90_000
# How many lines of its stream a description is compared with, the newest first.
LOOK_BACK = 6
_WORDS = re.compile(r"\w+")
# The indexer's own words for a frame that shows what the one before showed.
_NO_NEWS = re.compile(r"no (?:significant |visible |notable )?changes?\b")


class Seen(NamedTuple):
    """An event and the text that stands for it."""

    event: Event
    text: str


class Shown(NamedTuple):
    """One line: what was there from `at_ms` to `end_ms`, in so many events. `text` is that of the first."""

    at_ms: int
    end_ms: int
    stream: str
    text: str
    times: int


class _Line:
    """A line that may still grow."""

    __slots__ = ("at_ms", "end_ms", "folded", "kind", "stream", "text", "times", "words")

    def __init__(self, seen: Seen, folded: str) -> None:
        self.at_ms, self.end_ms = seen.event.at_ms, seen.event.end_ms
        self.kind = seen.event.kind
        self.stream = stream_name(seen.event)
        self.text = seen.text
        self.folded = folded
        self.words = frozenset(_WORDS.findall(folded))
        self.times = 1

    def grow(self, event: Event, again: bool = True) -> None:
        self.end_ms = max(self.end_ms, event.end_ms)
        self.times += again


def collapse(all_seen: Iterable[Seen]) -> list[Shown]:
    """Return one line for each thing that was there, in order of their beginnings.

    A screen that looks nearly like one of its last few lines joins that line; anything else only joins the last line
    of its stream, and only if it says the same. Blank texts are left out.
    """
    lines: list[_Line] = []
    latest: dict[tuple[str, str], list[_Line]] = {}
    for seen in sorted(all_seen, key=lambda one: one.event.at_ms):
        folded = fold(seen.text)
        if not folded:
            continue
        is_screen = seen.event.kind == "visual_index"
        recent = latest.setdefault((seen.event.kind, stream_name(seen.event)), [])
        if is_screen and _NO_NEWS.match(folded):
            if recent and _is_still(recent[-1], seen.event):
                recent[-1].grow(seen.event, again=False)
            continue
        line = _Line(seen, folded)
        same = next((known for known in reversed(recent) if _is_same(known, line, seen.event, is_screen)), None)
        if same is not None:
            same.grow(seen.event)
            recent.remove(same)
            recent.append(same)
            continue
        lines.append(line)
        recent.append(line)
        del recent[: -LOOK_BACK if is_screen else -1]
    return [Shown(line.at_ms, line.end_ms, line.stream, line.text, line.times) for line in lines]


def _is_still(line: _Line, event: Event) -> bool:
    return event.at_ms <= line.end_ms + STILL_MS


def _is_same(known: _Line, line: _Line, event: Event, is_screen: bool) -> bool:
    if not _is_still(known, event):
        return False
    if known.folded == line.folded:
        return True
    both = len(known.words & line.words)
    return is_screen and both >= ALIKE * (len(known.words) + len(line.words) - both)


def stream_name(event: Event) -> str:
    """Return what a reader calls the stream: `mic`, `display:2`, or the kind of an event without one."""
    source, stream = event.source, event.stream or ""
    if source is None:
        return event.kind
    name = stream.partition(":")[2] if stream.casefold().startswith(source.casefold() + ":") else ""
    return source if name in ("", "default") else f"{source}:{name}"
