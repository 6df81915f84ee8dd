"""Follow growing logs: every line once, in order, through rotation, truncation, copies and restarts.

The rules of recognition are in `identity`, what stands where in `roster`, reading itself in `drain`; here is the
order in which they act. Nothing waits here: the caller says when to look, and what time it is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias

from engine.model.checkpoint import SourceRecord
from engine.model.event import BadLine, Chunk, Gap
from engine.source.drain import Limits, Stop, drain, last_line
from engine.source.fingerprint import same_head
from engine.source.generation import begin_again, end, truncated
from engine.source.ledger import DONE, LEFT, Ledger
from engine.source.log import Log
from engine.source.naming import Copies, identify, name_at_last
from engine.source.patterns import directories
from engine.source.roster import Notice, Roster

__all__ = ["Bounds", "Item", "Notice", "Tail"]

Item: TypeAlias = Chunk | BadLine | Gap

_ROUND = 1 << 20
_ALL_LOGS = 8 << 20
_LEAST_READ = 1 << 14
_LOOK_MS = 250
_MOST_ROUNDS = 4096
# A held file cannot be renamed or unlinked by its writer on Windows, so none is held there between two reads.
_MOST_OPEN = 0 if os.name == "nt" else 256


class Bounds(NamedTuple):
    """How much and how long. Units: `line` is the longest line in bytes, `files` how many logs are kept open.

    A copy, or a log that left its path, counts as complete when it did not grow for `rotate_wait_ms`.
    """

    line: int = 1 << 20
    rotate_wait_ms: int = 5000
    files: int = _MOST_OPEN


_BOUNDS = Bounds()


class Tail:
    """Logs that are still written, one or many, by name or glob. Meets `run.ports.Source`.

    `start` decides where reading begins for the logs present at a first-ever run (no records); every other log is
    read from its beginning. `copies` says whether the lines a copy shares with a known log are read again. A `read`
    after `records` means that those records were committed; if they could not be, call `rewind`.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        records: Sequence[SourceRecord] = (),
        start: Literal["start", "end"] = "start",
        *,
        copies: Copies = "skip",
        bounds: Bounds = _BOUNDS,
    ) -> None:
        self._ledger = Ledger(records)
        self._roster = Roster(
            patterns, self._ledger, start=start, most_open=bounds.files, wait_ms=bounds.rotate_wait_ms
        )
        self._copies = copies
        self._max_line = bounds.line
        self._handed: list[Log] = []
        self._looked_ms: int | None = None
        self._moved = self._finishing = False

    # -- the port

    def read(self, now_ms: int) -> Sequence[Item]:
        """Return the next helping of every log, older generations first; empty when all are at their end.

        At most 1 MiB a log and about 8 MiB in all, whatever the backlog, so that no log starves another.
        """
        for log in self._handed:
            log.close()
            log.after, log.missed = None, []
        self._handed.clear()
        if self._looked_ms is None or not 0 <= now_ms - self._looked_ms < _LOOK_MS:
            self._look(now_ms, discover=self._looked_ms is None)
        items: list[Item] = []
        # Nothing to hand out is not the end while a long line is passed over or another generation begins.
        for _ in range(_MOST_ROUNDS):
            items = self._round(now_ms)
            if items or not self._moved:
                break
        self._roster.trim()
        return items

    def _round(self, now_ms: int) -> list[Item]:
        self._moved = False
        limits = self._limits()
        items: list[Item] = []
        for log in list(self._roster.logs):
            if not log.retired:
                before = log.record, log.next, log.ended
                items += self._serve(log, limits, now_ms)
                self._moved |= before != (log.record, log.next, log.ended)
        return [*items, *self._give_up()]

    def records(self) -> tuple[SourceRecord, ...]:
        """Return the records that changed since the last call, as they stand after everything `read` returned."""
        self._handed += self._roster.retired
        self._roster.retired.clear()
        return self._ledger.changed()

    def close(self) -> None:
        """Let go of every file."""
        roster = self._roster
        for log in [*roster.logs, *roster.retired, *self._handed]:
            log.close()
        roster.logs.clear()
        roster.at.clear()

    # -- what the run room asks besides

    def rediscover(self, now_ms: int) -> None:
        """Look for new, rotated and vanished files now. Called on directory events and every 5 s."""
        self._look(now_ms, discover=True)

    def rewind(self, records: Sequence[SourceRecord]) -> None:
        """Go back to what was last committed: `records` are all of those, not only the latest."""
        self._ledger.rewind(records)
        roster, claimed = self._roster, set[str]()
        back: list[Log] = []
        for log in [*self._handed, *roster.retired, *roster.logs]:
            record = self._ledger.known.get(log.record.uid)
            if record is None or record.uid in claimed or record.status == DONE:
                record = log.origin
            claimed.add(record.uid)
            log.back_to(record)
            if log.left:
                roster.write(log, replace(record, status=LEFT))
            if log not in roster.logs:
                back.append(log)
        roster.restore(back)
        roster.retired.clear()
        self._handed.clear()

    def at_end(self) -> bool:
        """Say whether the last `read` left no whole line in any log, and nothing is to be waited for."""
        return self._looked_ms is not None and all(log.idle for log in self._roster.logs)

    def finish(self, now_ms: int) -> None:
        """Take it that nothing more will be written: from now on `read` returns unterminated last lines too.

        Such a line counts if it is a whole object. Logs that left their path are done with, nothing is waited for.
        """
        self._look(now_ms, discover=True)
        self._finishing, self._roster.wait_ms = True, 0
        for log in self._roster.logs:
            log.stirred = True

    def directories(self) -> tuple[str, ...]:
        """Return the folders to watch: those of the paths and, for links, of their targets. All exist."""
        return directories(self._roster.patterns, self._roster.paths)

    def notices(self) -> tuple[Notice, ...]:
        """Return what an operator should be told and was not yet."""
        notices = tuple(self._roster.notices)
        self._roster.notices.clear()
        return notices

    # -- one log

    def _look(self, now_ms: int, *, discover: bool) -> None:
        self._roster.sweep(now_ms, discover=discover)
        self._looked_ms = now_ms

    def _limits(self) -> Limits:
        size = min(_ROUND, max(_LEAST_READ, _ALL_LOGS // max(1, len(self._roster.logs))))
        return Limits(line=self._max_line, read=min(size, Limits().read), round=size)

    def _serve(self, log: Log, limits: Limits, now_ms: int) -> list[Item]:
        is_open, log.stirred = self._is_open(log), False
        if not is_open:
            return []
        blocked = log.after is not None and log.after.holds_up(now_ms, self._roster.wait_ms)
        if not log.named and not identify(self._roster, log, now_ms, blocked=blocked, copies=self._copies):
            return self._conclude(log, Stop.END, now_ms) if log.idle else []
        if blocked:
            log.idle = False
            return []
        items: list[Item] = [begin_again(self._roster, log, now_ms)] if log.ended else []
        assert log.descriptor is not None
        helping = drain(log.descriptor, log.record, log.head, limits)
        if helping.record is not log.record or helping.rest != log.rest:
            log.grown_ms = now_ms
        if helping.record is not log.record:
            self._roster.write(log, helping.record)
        log.head, log.rest, log.idle = helping.head, helping.rest, helping.stop is Stop.END
        items += [*helping.items, *self._conclude(log, helping.stop, now_ms)]
        # The next generation is begun at once: a record without marks could not be told from any other.
        return [*items, *self._serve(log, limits, now_ms)] if log.ended else items

    def _is_open(self, log: Log) -> bool:
        if log.stalled or log.lost or log.pending is not None:
            return False
        if log.descriptor is not None:
            return True
        opened = log.stirred and self._roster.open(log)
        log.idle = not opened
        return opened

    def _conclude(self, log: Log, stop: Stop, now_ms: int) -> list[Item]:
        """Do what the end of a helping asks for: the next generation, or an end for what left its path."""
        if stop is Stop.CHANGED:
            truncated(self._roster, log, now_ms)
            return []
        if stop is Stop.END and log.next is not None:
            items = self._last_line(log, gone=True)
            end(self._roster, log, "archive-damaged" if log.damaged else "copytruncate", now_ms)
            return items
        if stop is Stop.END and log.left and (log.packed or log.quiet(now_ms, self._roster.wait_ms)):
            return self._finalise(log)
        if stop is Stop.END and self._finishing and name_at_last(self._roster, log):
            return self._last_line(log, gone=False)
        return []

    # -- the end of a log

    def _finalise(self, log: Log) -> list[Item]:
        if not name_at_last(self._roster, log):
            self._roster.retire(log)
            return []
        items = self._last_line(log, gone=True)
        gap = self._done(log, "archive-damaged")
        return [*items, gap] if log.damaged else items

    def _give_up(self) -> list[Item]:
        """Report what is nowhere to be found, unless a file that may be it is not complete yet."""
        logs = self._roster.logs
        if any(log.waiting and not log.named for log in logs):
            return []
        gone = [log for log in logs if log.lost and log.gone]
        gaps = [self._done(log, "gone") for log in gone]
        return [gap for gap, log in zip(gaps, gone, strict=True) if log.named]

    def _done(self, log: Log, reason: str) -> Gap:
        """Follow a log no more; return what to report if something of it is missing."""
        gap = log.gap(reason)
        self._roster.write(log, replace(log.record, status=DONE))
        self._roster.retire(log)
        return gap

    def _last_line(self, log: Log, *, gone: bool) -> list[Item]:
        assert log.descriptor is not None
        head = same_head(log.descriptor, log.record) if log.head is None else log.head
        if head is None:
            return []
        item, record, log.head = last_line(log.descriptor, log.record, head, self._limits(), gone=gone)
        if item is None:
            return []
        log.rest = 0
        self._roster.write(log, record)
        return [item]
