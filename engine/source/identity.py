"""Is this file that log? A decision on facts, so that every case is one row of a table (docs/operations.md)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from engine.source.fingerprint import LEAST

__all__ = ["Facts", "Verdict", "decide"]


class Verdict(Enum):
    """What a file is to a record."""

    CONTINUE = "continue"
    """The log itself: read on at the offset."""
    SHRUNK = "shrunk"
    """The log itself, cut short by a loss of power: read on after its last line."""
    RESTART = "restart"
    """Truncated, or recreated on the same inode: the next generation begins at 0."""
    MOVED = "moved"
    """The log in another place (moved, restored, replaced by its own extension): adopt the record."""
    COPY = "copy"
    """A copy of a log that still exists: what was read of the log is not read again."""
    WAIT = "wait"
    """Perhaps a copy that is still being written."""
    NEW = "new"
    """Nothing to do with the record."""


class Facts(NamedTuple):
    """What was found comparing a file with a record.

    `head` and `guard` say that the bytes are equal; a file shorter than the offset has no guard. `same_path` says
    that the record's log is being followed at this very path. `original` says that the record's own file still
    exists; `prefix` that the end of this file is what the original holds at that place. `settled` says that the
    file did not grow for a while.
    """

    same_file: bool
    same_path: bool
    size: int
    offset: int
    head_len: int
    head: bool
    guard: bool
    rebooted: bool = False
    original: bool = False
    prefix: bool = False
    settled: bool = False


def decide(facts: Facts) -> Verdict:
    """Return what the file is to the record: cases A to E of the identity of a log."""
    return _same_file(facts) if facts.same_file else _other_file(facts)


def _same_file(facts: Facts) -> Verdict:
    if facts.size >= facts.offset and facts.head and facts.guard:
        return Verdict.CONTINUE
    if not facts.same_path:
        return Verdict.NEW
    # A head of a few bytes, or none, is also what a cleared log shows, and keys of a lost generation must not return.
    if facts.size < facts.offset and facts.rebooted and facts.head and facts.head_len >= LEAST:
        return Verdict.SHRUNK
    return Verdict.RESTART


def _other_file(facts: Facts) -> Verdict:
    if not facts.head or facts.head_len < LEAST:
        return Verdict.NEW
    if facts.size >= facts.offset:
        if not facts.guard:
            return Verdict.NEW
        return Verdict.COPY if facts.original else Verdict.MOVED
    if not facts.settled:
        return Verdict.WAIT
    return Verdict.COPY if facts.original and facts.prefix else Verdict.NEW
