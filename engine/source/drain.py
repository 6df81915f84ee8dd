"""Read one open log on from its record: whole lines only, each byte once, memory bound whatever the log holds.

Nothing is kept between two calls: what follows the last newline is read again. A call that finds other bytes before
its offset or at the log's head than were read there before, stops and says so.
"""

from __future__ import annotations

import os
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

import orjson

from engine.model.checkpoint import SourceRecord
from engine.model.event import BadLine, Chunk, Position
from engine.source.files import line_start, read_at
from engine.source.fingerprint import advance, same_head

__all__ = ["Helping", "Limits", "Stop", "drain", "last_line"]

_SHOWN = 256
_PAGE = 4096


class Limits(NamedTuple):
    """How much at once. Units: bytes of one line, one read and one log's helping a round."""

    line: int = 1 << 20
    read: int = 1 << 18
    round: int = 1 << 20

    @property
    def step(self) -> int:
        """The size of one read: a piece without a line end is no longer than a line may be."""
        return min(self)


class Stop(Enum):
    """Why a helping ended: no whole line is left, there is more, or the file is not what it was."""

    END = "end"
    MORE = "more"
    CHANGED = "changed"


class Helping(NamedTuple):
    """What was read and where that leaves the log. `rest` counts the bytes after the last newline, if known."""

    items: list[Chunk | BadLine]
    record: SourceRecord
    head: bytes | None
    stop: Stop
    rest: int = 0


class _Taken(NamedTuple):
    data: bytes
    item: Chunk | BadLine | None = None
    lines: int = 0
    skipping: bool = False


def drain(descriptor: int, record: SourceRecord, head: bytes | None, limits: Limits) -> Helping:
    """Return the next helping of a log. `head` is what the log began with, None if that is not known yet."""
    head = same_head(descriptor, record) if head is None else head
    if head is None:
        return Helping([], record, None, Stop.CHANGED)
    items: list[Chunk | BadLine] = []
    given, left = record, limits.round
    while left >= limits.step:
        data = _fresh(descriptor, record, head, limits.step)
        if data is None:
            return Helping(items, record, None, Stop.CHANGED)
        taken = _take(descriptor, record, head, data, limits)
        if taken is None:
            return Helping(items, record, None, Stop.CHANGED)
        if not taken.data:
            return Helping(items, _seen(descriptor, given, record), head, Stop.END, len(data))
        if taken.item is not None:
            items.append(taken.item)
        record = replace(record, skipping=taken.skipping)
        record, head = advance(record, head, taken.data, taken.lines)
        left -= len(taken.data)
    return Helping(items, _seen(descriptor, given, record), head, Stop.MORE)


def _seen(descriptor: int, given: SourceRecord, record: SourceRecord) -> SourceRecord:
    """Note when the file was last written, if anything was read: rotated files are put in order by that clock."""
    if record is given:
        return record
    return replace(record, seen_ms=os.fstat(descriptor).st_mtime_ns // 1_000_000)


def _fresh(descriptor: int, record: SourceRecord, head: bytes, size: int) -> bytes | None:
    """Return the bytes after the offset, or None if the log was truncated or rewritten before they were read."""
    guard = record.guard
    data = read_at(descriptor, len(guard) + size, record.offset - len(guard))
    if not data.startswith(guard):
        return None
    # The head is asked after the data was read, so that a log rewritten meanwhile shows it.
    return data[len(guard) :] if read_at(descriptor, len(head), 0) == head else None


def _take(descriptor: int, record: SourceRecord, head: bytes, data: bytes, limits: Limits) -> _Taken | None:
    """Decide how much of the data counts as read. Nothing: wait for more; None: the log changed meanwhile."""
    if record.skipping:
        return _skip(descriptor, record, data)
    cut = data.rfind(b"\n") + 1
    if not cut and len(data) >= limits.step:
        longer = _fresh(descriptor, record, head, limits.line + 1)
        if longer is None:
            return None
        data, cut = longer, longer.rfind(b"\n") + 1
        if not cut:
            return _no_end(descriptor, data, limits)
    lines = data[:cut]
    return _Taken(lines, Chunk(record.log, record.path, record.offset, record.line_no + 1, lines), lines.count(b"\n"))


def _no_end(descriptor: int, data: bytes, limits: Limits) -> _Taken:
    """Decide on much data without a line end: NULs do not count, and what is longer than a line is passed over."""
    if data.endswith(b"\0") and not _tail(descriptor).strip(b"\0"):
        return _Taken(b"")  # Space that a writer took in advance and will fill.
    text = data.lstrip(b"\0")
    if len(text) < len(data):
        return _Taken(data[: len(data) - len(text)])
    return _Taken(data, skipping=True) if len(data) > limits.line else _Taken(b"")


def _tail(descriptor: int) -> bytes:
    return read_at(descriptor, _PAGE, max(0, os.fstat(descriptor).st_size - _PAGE))


def _skip(descriptor: int, record: SourceRecord, data: bytes) -> _Taken:
    """Pass over the inside of a line that is too long; its end makes it a bad line."""
    cut = data.find(b"\n")
    if cut < 0:
        return _Taken(data, skipping=True)
    return _Taken(data[: cut + 1], _bad(descriptor, record, record.offset + cut, "too-long", 1), 1)


def _bad(descriptor: int, record: SourceRecord, end: int, reason: str, newline: int = 0) -> BadLine:
    # The start is looked for, not remembered: a restart inside the line then tells the same.
    start = line_start(descriptor, end)
    shown = read_at(descriptor, min(_SHOWN, end - start), start)
    return BadLine(Position(record.log, end + newline), record.path, record.line_no + 1, reason, end - start, shown)


def last_line(
    descriptor: int, record: SourceRecord, head: bytes, limits: Limits, *, gone: bool
) -> tuple[Chunk | BadLine | None, SourceRecord, bytes]:
    """Take the unterminated end of a drained log, if it is a whole object, and return it with record and head.

    `gone` says that nobody will ever complete the line: then what is no object becomes a bad line instead of
    waiting.
    """
    data = (_fresh(descriptor, record, head, limits.line + 1) or b"").rstrip(b"\0")
    text = data.strip(b"\0 \t\r")
    if not text and not record.skipping:
        return None, record, head
    if not record.skipping and _is_object(text):
        chunk = Chunk(record.log, record.path, record.offset, record.line_no + 1, data)
        return chunk, *advance(record, head, data, 0)
    if not gone:
        return None, record, head
    reason = "too-long" if record.skipping else "unfinished"
    # The offset stays before the line: the log may come back from elsewhere with its end.
    return _bad(descriptor, record, record.offset + len(data), reason), record, head


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(orjson.loads(text.removeprefix(b"\xef\xbb\xbf")), dict)
    except orjson.JSONDecodeError:
        return False
