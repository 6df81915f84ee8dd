"""One log being followed: its record, the open file it is read from and what it waits for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from engine.model.checkpoint import SourceRecord
from engine.model.event import Gap
from engine.source.files import FileId, file_id
from engine.source.rotated import Found

__all__ = ["Log"]


@dataclass(slots=True, eq=False)
class Log:
    """A file that is read, or will be, and its state.

    `path` is where the user meets it, `real` where the links led when it was opened. `origin` is the record to
    return to while none is committed. `left` says the file is no longer at its path, `gone` that it is nowhere.
    `descriptor` reads the file `source`. After a truncation that is a copy with the rest of the last generation,
    and `next` the truncated file; `ended` says why that generation ended. `after` is the log whose lines come first,
    `pending` stands for it until all archives in between are complete; `missed` are the logs that came between two
    generations of this one. `idle` says no whole line was left when last read, `stirred` that a closed file may have
    grown since, `stalled` that nothing can be done before the next look. Units: `rest` bytes follow the last newline;
    `grown_ms` is the last growth.
    """

    path: str
    record: SourceRecord
    real: str = ""
    origin: SourceRecord = field(init=False)
    descriptor: int | None = None
    head: bytes | None = None
    left: bool = False
    source: FileId | None = None
    next: int | None = None
    ended: str = ""
    packed: bool = False
    damaged: bool = False
    after: Log | None = None
    pending: Log | None = None
    missed: list[Log] = field(default_factory=list)
    idle: bool = False
    gone: bool = False
    retired: bool = False
    waiting: bool = False
    stirred: bool = True
    stalled: bool = False
    rest: int = 0
    grown_ms: int = 0
    mtime_ns: int = 0

    def __post_init__(self) -> None:
        self.origin = self.record

    @property
    def file(self) -> FileId:
        """The identity of the log's own file."""
        return FileId(self.record.device, self.record.inode)

    @property
    def named(self) -> bool:
        """Whether it is decided which log this is."""
        return bool(self.record.uid)

    @property
    def lost(self) -> bool:
        """Whether its file left its path and was not found elsewhere."""
        return self.left and self.descriptor is None

    def claims(self, file: FileId) -> bool:
        """Say whether a file is this log's: it is open, or known by its place. An inode alone may be another's now."""
        if self.descriptor is None:
            return not self.left and file == self.file
        return file == self.source or (self.next is not None and file == self.file)

    def quiet(self, now_ms: int, wait_ms: int) -> bool:
        """Say whether the log did not grow for so long. A clock set back starts the time anew."""
        self.grown_ms = min(self.grown_ms, now_ms)
        return now_ms - self.grown_ms >= wait_ms

    def holds_up(self, now_ms: int, wait_ms: int) -> bool:
        """Say whether lines of this log must come before those of the next.

        A log that left its path with an unterminated line is retired when it was quiet, and holds up until then.
        """
        done = not self.rest or (not self.left and self.quiet(now_ms, wait_ms))
        return not self.retired and not (self.idle and done)

    def wait_for(self, found: list[Log]) -> None:
        """Let the logs that came between the last generation and the next be read before the next."""
        known = [log for log in self.missed if not log.retired]
        if known and found:
            found[0].after = known[-1]
        self.missed = [*known, *found]
        if self.missed:
            self.missed[0].after, self.after = None, self.missed[-1]

    def gap(self, reason: str) -> Gap:
        """Return the statement that what followed the offset can no longer be read, if there was anything."""
        return Gap(self.record.log, self.record.path, self.record.offset, None, reason)

    def read_from(self, found: Found) -> None:
        """Read on from a file that was found beside the path."""
        self.close_read()
        self.descriptor, self.source = found.descriptor, found.file
        self.packed, self.damaged = found.packed, found.damaged
        self.head, self.idle, self.mtime_ns = None, False, found.mtime_ns

    def written_ns(self) -> int:
        """Return when the log's own file was last written, as far as is known."""
        own = self.descriptor if self.next is None else self.next
        if own is not None:
            self.mtime_ns = os.fstat(own).st_mtime_ns
        return self.mtime_ns or (self.record.seen_ms or self.grown_ms) * 1_000_000

    def back_to(self, record: SourceRecord) -> None:
        """Forget everything read since that record."""
        turned = record.uid == self.record.uid and record.generation != self.record.generation
        if turned and self.next is not None:
            self.turn_over()
        if turned or self.ended:
            self.after, self.ended = None, ""
            if self.missed:
                self.missed[0].after = self
        self.head = None
        self.record = record
        self.idle = self.retired = self.gone = self.stalled = False
        self.stirred, self.rest = True, 0

    def turn_over(self) -> None:
        """Leave the copy and read from the truncated file."""
        self.close_read()
        self.descriptor, self.next = self.next, None
        self.source = None if self.descriptor is None else file_id(os.fstat(self.descriptor))
        self.packed = self.damaged = False

    def close_read(self) -> None:
        """Close the file it is read from; remember when that was written."""
        if self.descriptor is not None:
            self.written_ns()
            os.close(self.descriptor)
            self.descriptor = None

    def close(self) -> None:
        """Close everything."""
        self.close_read()
        if self.next is not None:
            os.close(self.next)
            self.next = None
