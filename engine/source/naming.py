"""Give a file its place among the known logs: one of them, the copy of one, or a new log with a name of its own."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Literal, TypeAlias

from engine.model.checkpoint import SourceRecord
from engine.source.files import count_lines, line_start
from engine.source.fingerprint import first_line, marks
from engine.source.identity import Verdict
from engine.source.ledger import LEFT, LIVE
from engine.source.log import Log
from engine.source.recognise import Answer, recognise
from engine.source.roster import Roster

__all__ = ["Copies", "identify", "name_at_last"]

Copies: TypeAlias = Literal["skip", "read"]
"""Whether lines that a copy shares with a known log are read again."""


def identify(roster: Roster, log: Log, now_ms: int, *, blocked: bool, copies: Copies) -> bool:
    """Find out which log a file is, once that can be told; True when it has its name.

    A log that waits for others gets no name yet: its record would hide from a later start that they came first.
    """
    assert log.descriptor is not None
    log.idle = log.waiting = False
    before = log.after
    if before is not None and not before.retired and not (before.idle or before.lost):
        return False
    size = os.fstat(log.descriptor).st_size
    if not size:
        log.idle = not blocked
        return False
    if size != log.record.offset + log.rest:
        log.rest, log.grown_ms = size - log.record.offset, now_ms
    followed = {one.record.uid: one for one in roster.logs if one.named}
    settled = log.packed or log.quiet(now_ms, roster.wait_ms)
    answer = recognise(log, roster.ledger.known.values(), followed, settled=settled)
    log.waiting = answer.verdict is Verdict.WAIT
    if log.waiting:
        return False
    if answer.verdict is Verdict.NEW or (answer.verdict is Verdict.COPY and copies == "read"):
        log.idle = not blocked and not _name(roster, log, finished=False)
    else:
        _adopt(roster, log, answer)
    return log.named


def _name(roster: Roster, log: Log, *, finished: bool) -> bool:
    assert log.descriptor is not None
    line = first_line(log.descriptor, finished=finished)
    if line is not None:
        uid = roster.ledger.name(log.path, line)
        status, seen_ms = LEFT if log.left else LIVE, log.written_ns() // 1_000_000
        roster.write(log, replace(log.record, uid=uid, status=status, seen_ms=seen_ms))
    return log.named


def name_at_last(roster: Roster, log: Log) -> bool:
    """Give a log its name from an unterminated first line, if it has none; False for an empty one."""
    return log.named or _name(roster, log, finished=True)


def _adopt(roster: Roster, log: Log, answer: Answer) -> None:
    record = answer.record
    assert record is not None
    if answer.verdict is Verdict.COPY:
        _copy(roster, log, record)
        return
    if answer.log is not None:
        roster.retire(answer.log)
    (device, inode), status = log.file, LEFT if log.left else LIVE
    moved = replace(record, path=log.path, device=device, inode=inode, status=status, boot_id=roster.boot)
    roster.write(log, moved)


def _copy(roster: Roster, log: Log, record: SourceRecord) -> None:
    assert log.descriptor is not None
    whole = os.fstat(log.descriptor).st_size >= record.offset
    end = record.offset if whole else line_start(log.descriptor, os.fstat(log.descriptor).st_size)
    line_no = record.line_no if whole else count_lines(log.descriptor, end)
    own = marks(log.descriptor, log.record, end, line_no)
    uid = roster.ledger.name(log.path, first_line(log.descriptor, finished=True) or b"")
    skipping = whole and record.skipping
    roster.write(log, replace(own, uid=uid, status="copy", skipping=skipping))
    text = f"{log.path} is a copy of {record.path}: its first {end} bytes are not read again (copies: read)"
    roster.notice(log.path, "copy", text)
