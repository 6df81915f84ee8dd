"""What a digest holds: its own copy of each firing it collected, one row of bytes each.

A row is the only copy: what is told after a restart is what would have been told without one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.core.render import scalars
from engine.core.shelf import pack, unpack
from engine.core.window.memory import freeze, thaw, trim
from engine.model.event import Event
from engine.model.match import Match

__all__ = ["Collected", "Entry", "entry_of", "load", "row_of"]

VERSION = 1
TEXT_MAX = 4_000


class Entry(NamedTuple):
    """One firing: its id and time, its last event, what it says where that is not the event's own text, and the plain
    values that its pattern found.
    """  # fmt: skip

    firing: str
    at_ms: int
    event: Event
    text: str | None
    found: dict[str, Any]


class Collected(NamedTuple):
    """A digest to tell. Shape: `entries` by the start of their events. `session` is set where digests go by session."""

    group: str | None
    session: str | None
    entries: tuple[Entry, ...]


def entry_of(match: Match, body: str) -> Entry:
    """Return the entry of a firing that says `body`."""
    event = trim(match.events[-1])
    text = None if event.text == body[:TEXT_MAX] else body[:TEXT_MAX]
    return Entry(match.id, match.at_ms, event, text, scalars(match.found))


def row_of(entry: Entry) -> bytes:
    """Return an entry as bytes for the store."""
    return pack(VERSION, [*entry[:2], freeze(entry.event), *entry[3:]])


def load(row: bytes) -> Entry:
    """Return what `row_of` was given."""
    firing, at_ms, event, text, found = unpack(row)
    return Entry(firing, at_ms, thaw(event), text, found)
