"""What arrives: bytes with their place in a log, and the events decoded from them."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["BadLine", "Chunk", "Event", "Gap", "Line", "Malformed", "Position"]


class Position(NamedTuple):
    """Where a line ends. `log` names one generation of one file (`uid:generation`); `offset` is in bytes."""

    log: str
    offset: int


class Chunk(NamedTuple):
    """Whole lines of one log. Shape: `lines` ends in a newline, but for the last line of a finished log.

    `offset` is that of the first byte, `line_no` the 1-based number of the first line, `path` for people.
    """

    log: str
    path: str
    offset: int
    line_no: int
    lines: bytes


class Line(NamedTuple):
    """One line without its end, with leading NULs and a BOM already taken off."""

    position: Position
    path: str
    line_no: int
    text: bytes


class BadLine(NamedTuple):
    """A line kept for inspection because no rule can see it. `head` is its first 256 bytes."""

    position: Position
    path: str
    line_no: int
    reason: str
    length: int
    head: bytes


class Gap(NamedTuple):
    """Bytes that were in a log and can no longer be read (truncated, cleared, corrupt archive)."""

    log: str
    path: str
    offset: int
    length: int | None
    reason: str


class Malformed(NamedTuple):
    """A line that is not an event, and why. Reasons are short words: `not-json`, `not-utf8`, `too-deep`."""

    reason: str
    detail: str = ""


class Event(NamedTuple):
    """One thing that happened, in the normalised view that rules call `_` (docs/rules.md, section 4).

    Units: `at_ms`, `end_ms`, `seen_ms` are epoch milliseconds; `at_ms <= end_ms`. `body` is the original
    object, never changed. `kind` and `status` use our names whatever the wire said; `text` is None when the
    event has none. `final` is False only for a superseded partial transcript. `key` is the event's identity:
    equal for the same event written twice.
    """

    position: Position
    path: str
    line_no: int
    body: dict[str, Any]
    kind: str
    status: str | None
    text: str | None
    at_ms: int
    end_ms: int
    seen_ms: int
    clock: str
    final: bool
    stream: str | None
    source: str | None
    session: str | None
    key: tuple[Any, ...]
    late_ms: int = 0
    label: str | None = None
