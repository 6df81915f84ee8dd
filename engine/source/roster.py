"""Which logs are followed: what stands at each path, what left it and where that went, and who comes after whom.

Invariant: every file is one log, by however many paths it is reached. No line is read here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from engine.model.checkpoint import SourceRecord
from engine.source.files import (
    FileId,
    NotRegularError,
    boot_id,
    count_lines,
    file_id,
    id_at,
    line_start,
    open_regular,
)
from engine.source.fingerprint import blank, marks, same_guard, same_head, same_start
from engine.source.identity import Facts, Verdict, decide
from engine.source.ledger import DONE, LEFT, LIVE, Ledger
from engine.source.log import Log
from engine.source.patterns import covered, expand
from engine.source.rotated import Absent, Found, Sibling, find, later, open_sibling, siblings

__all__ = ["Notice", "Roster"]

Code: TypeAlias = Literal["start", "copy", "not-a-file", "unreadable", "too-many-files"]


class Notice(NamedTuple):
    """Something about a path that an operator should know. `code` is stable, `text` for people."""

    path: str
    code: Code
    text: str


class Roster:
    """The logs being followed, older before newer. `at` maps paths to the logs that stand there now."""

    def __init__(
        self, patterns: Sequence[str], ledger: Ledger, *, start: Literal["start", "end"], most_open: int, wait_ms: int
    ) -> None:
        self.patterns = tuple(patterns)
        self.paths: list[str] = []
        self.logs: list[Log] = []
        self.at: dict[str, Log] = {}
        self.retired: list[Log] = []
        self.notices: list[Notice] = []
        self.boot = boot_id()
        self.ledger = ledger
        self._from_end = start == "end" and not ledger.known
        self._most_open = most_open
        self.wait_ms = wait_ms
        self._archives: dict[str, tuple[int, int]] = {}
        self._left_by: dict[str, Log] = {}
        self._told: dict[str, Notice] = {}
        self._begun = False

    # -- what stands where

    def sweep(self, now_ms: int, *, discover: bool) -> None:
        """Bring the logs in line with the paths; with `discover`, look for new paths too."""
        if discover or not self._begun:
            self.paths = expand(self.patterns)
        found = {path: _status(path) for path in [*self.paths, *self.at]}
        if not self._begun:
            self._resume(found, now_ms)
        for path, log in list(self.at.items()):
            self._look(path, log, found[path])
        for log in list(self.logs):
            log.stalled = False
            if log.lost and not log.gone:
                self._search(log, now_ms)
            self._place(log, now_ms)
        arrived = {path: status for path, status in found.items() if status and path not in self.at}
        # Of files met together the one written last is the newest.
        for path in sorted(arrived, key=lambda path: arrived[path].st_mtime_ns):
            self._arrive(path, arrived[path], now_ms)
        self._begun = True
        self._from_end = False

    def _look(self, path: str, log: Log, status: os.stat_result | None) -> None:
        if status is None or file_id(status) != log.file:
            self._leave(path, log)
        else:
            grown = status.st_size != log.record.offset + log.rest
            rewritten = log.descriptor is None and status.st_mtime_ns != log.mtime_ns
            log.stirred = grown or rewritten or not log.idle

    def _leave(self, path: str, log: Log) -> None:
        del self.at[path]
        self._left_by[path] = log
        if log in self.at.values():
            return
        log.left = True
        self.write(log, replace(log.record, status=LEFT))

    def _arrive(self, path: str, status: os.stat_result, now_ms: int) -> None:
        file = file_id(status)
        owner = next((log for log in self.logs if log.claims(file)), None)
        if owner is None:
            self._enrol(path, status, now_ms)
        elif owner.next is None or file == owner.file:
            self.at[path] = owner
            if owner.left:
                owner.left, owner.gone, owner.path = False, False, path
                self.write(owner, replace(owner.record, path=path, status=LIVE))

    def _enrol(self, path: str, status: os.stat_result, now_ms: int) -> None:
        log = Log(path, blank(path, file_id(status), self.boot), grown_ms=now_ms)
        if not self.open(log):
            return
        self.at[path] = log
        self.logs.append(log)
        log.pending = self._left_by.get(path)
        self._place(log, now_ms)
        if self._from_end and log.descriptor is not None:
            end = line_start(log.descriptor, status.st_size)
            log.record = log.origin = marks(log.descriptor, log.record, end, count_lines(log.descriptor, end))
            self.notice(path, "start", f"{path}: first run, reading begins at its end (byte {end})")

    def _place(self, log: Log, now_ms: int) -> None:
        """Put a new log behind the one that stood at its path before, and all that came between the two."""
        before = log.pending
        if before is None:
            return
        missed = self.between(before, now_ms, ended_ns=before.written_ns())
        if missed is not None:
            log.after, log.pending = [before, *missed][-1], None

    def between(self, before: Log, now_ms: int, *, ended_ns: int, turning: bool = False) -> list[Log] | None:
        """Follow the files that stood at a log's path after it and are rotated already; return them, oldest first.

        They have names that only a rotation gives, are unknown, and were written after the log ended, or, when it is
        `turning`, between its last generation and its next. Each waits for the one before it, the first for `before`.
        None says that one of them is an archive in the making: ask again later.
        """
        own = None if before.descriptor is None else before.file if before.next is not None else before.source
        beside = siblings(before.real or before.path)
        start, stop = (before.source if before.next is not None else None, own) if turning else (own, None)
        logs: list[Log] = []
        for sibling in later(beside, start, stop, ended_ns):
            if not sibling.numbered or any(log.claims(sibling.file) for log in self.logs):
                continue
            try:
                found = open_sibling(sibling)
            except OSError:
                continue
            if found.damaged and not self.settled(sibling, now_ms):
                for log in [Log(found.path, blank(found.path, found.file), descriptor=found.descriptor), *logs]:
                    log.close()
                return None
            next_one = before.next if before.next is not None else before.descriptor
            if turning and next_one is not None and same_start(found.descriptor, next_one):
                os.close(found.descriptor)
                break
            record = blank(before.path, found.file, self.boot)
            after = logs[-1] if logs else before
            log = Log(before.path, record, real=before.real, left=True, after=after, grown_ms=now_ms)
            log.read_from(found)
            logs.append(log)
        self.logs += logs
        return logs

    # -- a start from records

    def _resume(self, found: dict[str, os.stat_result | None], now_ms: int) -> None:
        paths = {file_id(status): path for path, status in found.items() if status}
        for record in sorted(self.ledger.known.values(), key=_age):
            # Of a log of which nothing was read nothing is known: its file is taken for a new one.
            if record.status == DONE or not record.offset:
                # The newest of these tells which rotated files are newer still and unknown.
                self._left_by[record.path] = Log(record.path, record, left=True, retired=True)
                continue
            own = FileId(record.device, record.inode)
            at_home = found.get(record.path)
            path = record.path if at_home and file_id(at_home) == own else paths.get(own)
            if path is not None:
                self._take_up(path, record, now_ms)
            elif covered(record.path, self.patterns):
                self._miss(record, now_ms)

    def _take_up(self, path: str, record: SourceRecord, now_ms: int) -> None:
        log = Log(path, record, grown_ms=now_ms)
        verdict = self._verify(log) if self.open(log) else Verdict.CONTINUE
        if verdict is Verdict.NEW:
            log.close()
            self._miss(record, now_ms)
            return
        if verdict is Verdict.SHRUNK and log.descriptor is not None:
            end = line_start(log.descriptor, os.fstat(log.descriptor).st_size)
            self.write(log, marks(log.descriptor, record, end, count_lines(log.descriptor, end)))
        if record.status == LEFT or record.path != path:
            self.write(log, replace(log.record, path=path, status=LIVE))
        log.record = replace(log.record, boot_id=self.boot)
        self.at[path] = log
        self.logs.append(log)

    def _verify(self, log: Log) -> Verdict:
        record, descriptor = log.record, log.descriptor
        assert descriptor is not None
        return decide(
            Facts(
                same_file=True,
                same_path=record.path == log.path and record.status != LEFT,
                size=os.fstat(descriptor).st_size,
                offset=record.offset,
                head_len=record.head_len,
                head=same_head(descriptor, record) is not None,
                guard=same_guard(descriptor, record),
                rebooted=bool(self.boot and record.boot_id) and record.boot_id != self.boot,
            )
        )

    def _miss(self, record: SourceRecord, now_ms: int) -> None:
        log = Log(record.path, record, left=True, grown_ms=now_ms, after=self._left_by.get(record.path))
        self._left_by[record.path] = log
        self.logs.append(log)

    def _search(self, log: Log, now_ms: int) -> None:
        """Find the file of a log that left its path while nobody held it open."""
        self.trim(self._most_open - 1)
        if log.real and id_at(log.real) == log.file:
            with suppress(OSError):
                descriptor, status = open_regular(log.real)
                log.read_from(Found(descriptor, log.real, file_id(status), status.st_mtime_ns))
                return
        found = find(log.record, siblings(log.real or log.path), lambda archive: self.settled(archive, now_ms))
        if isinstance(found, Found):
            log.read_from(found)
            # An archive or a copy has an inode of its own, and the log's may already be that of a younger file.
            device, inode = found.file
            self.write(log, replace(log.record, device=device, inode=inode, status=LEFT))
        else:
            log.gone = found is Absent.GONE

    def settled(self, archive: Sibling, now_ms: int) -> bool:
        """Say whether an archive that breaks off did not grow for a while, so that it will not be completed."""
        size, since_ms = self._archives.get(archive.path, (-1, now_ms))
        if size != archive.size or now_ms < since_ms:
            self._archives[archive.path] = (archive.size, now_ms)
            return False
        return now_ms - since_ms >= self.wait_ms

    # -- open files

    def open(self, log: Log) -> bool:
        """Open the file at a log's path; False, and a notice, if that cannot be done now."""
        try:
            descriptor, status = self._open(log.path)
        except NotRegularError as error:
            self.notice(log.path, "not-a-file", f"{error}; it is left out")
            return False
        except OSError as error:
            reason = error.strerror or "unknown error"
            self.notice(log.path, "unreadable", f"{log.path} cannot be read: {reason}; it is tried again")
            return False
        if file_id(status) != log.file:
            os.close(descriptor)
            return False
        log.descriptor, log.source, log.real = descriptor, log.file, str(Path(log.path).resolve())
        self._told.pop(log.path, None)
        return True

    def _open(self, path: str) -> tuple[int, os.stat_result]:
        self.trim(self._most_open - 1)
        try:
            return open_regular(path)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            count = sum(log.descriptor is not None for log in self.logs)
            self._most_open = max(1, min(self._most_open, count) // 2)
            text = f"too many open files: at most {self._most_open} logs are kept open from now on"
            self.notice("", "too-many-files", text)
            self.trim(self._most_open - 1)
            return open_regular(path)

    def trim(self, most: int | None = None) -> None:
        """Close the logs that were quiet longest, until at most so many are open. What left its path stays open."""
        most = self._most_open if most is None else most
        held = [log for log in self.logs if log.descriptor is not None]
        spare = [log for log in held if not log.left and log.next is None]
        for log in sorted(spare, key=lambda log: log.grown_ms)[: max(0, len(held) - most)]:
            log.close_read()

    # -- bookkeeping

    def write(self, log: Log, record: SourceRecord) -> None:
        """Give the log a new record, to be committed if the log has its name."""
        log.record = record
        if log.named:
            self.ledger.write(record)

    def retire(self, log: Log) -> None:
        """Follow the log no more. Its file stays open until the next commit, for a rewind."""
        log.retired = log.left = True
        self.logs.remove(log)
        self.at = {path: one for path, one in self.at.items() if one is not log}
        self.retired.append(log)

    def restore(self, logs: Iterable[Log]) -> None:
        """Follow retired logs again, before all others."""
        self.logs[:0] = logs

    def notice(self, path: str, code: Code, text: str) -> None:
        """Tell the operator, once for as long as it stays so."""
        notice = Notice(path, code, text)
        if self._told.get(path) != notice:
            self._told[path] = notice
            self.notices.append(notice)


def _age(record: SourceRecord) -> tuple[int, int]:
    """Order records: older logs first, those that stand at their path last."""
    return {DONE: 0, LEFT: 1}.get(record.status, 2), record.seen_ms


def _status(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except OSError:
        return None
