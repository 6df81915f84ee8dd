"""Which known log a file without a name is: it is compared with every record, and the best answer counts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from engine.model.checkpoint import SourceRecord
from engine.source.files import FileId, id_at, open_regular, read_at
from engine.source.fingerprint import GUARD, LEAST, head_hash, same_guard
from engine.source.identity import Facts, Verdict, decide
from engine.source.log import Log
from engine.source.rotated import siblings

__all__ = ["Answer", "recognise"]

_BEST = (Verdict.CONTINUE, Verdict.WAIT, Verdict.COPY, Verdict.MOVED)


class Answer(NamedTuple):
    """What a file is to the known logs. `record` is the one it belongs to, `log` that log if it is followed."""

    verdict: Verdict
    record: SourceRecord | None = None
    log: Log | None = None


def recognise(new: Log, known: Iterable[SourceRecord], followed: dict[str, Log], *, settled: bool) -> Answer:
    """Compare the open file of a log without a name with all records; NEW if it is none of theirs.

    WAIT also says that a log it may be a copy of is not read to its end yet: only then is the common part known.
    """
    descriptor = new.descriptor
    assert descriptor is not None
    size = os.fstat(descriptor).st_size
    # One file is compared with many records, nearly all of which cover a head of the same length.
    hash_of = cache(lambda length: head_hash(descriptor, length))
    best = Answer(Verdict.NEW)
    for record in known:
        head = size >= record.head_len and hash_of(record.head_len) == record.head_hash
        same_file = FileId(record.device, record.inode) == new.file
        if not record.offset or not head or not (same_file or record.head_len >= LEAST):
            continue
        log = followed.get(record.uid)
        if log is not None and not (log.idle or log.lost or log.ended):
            return Answer(Verdict.WAIT, record, log)
        facts = Facts(
            same_file=same_file,
            same_path=False,
            size=size,
            offset=record.offset,
            head_len=record.head_len,
            head=head,
            guard=size >= record.offset and same_guard(descriptor, record),
        )
        if not same_file:
            original = _original(record, log)
            prefix = settled and original is not None and _is_prefix(descriptor, size, original)
            # A log that has a next generation to read is still there, wherever its file is.
            remains = original is not None or (log is not None and log.ended != "")
            facts = facts._replace(original=remains, prefix=prefix, settled=settled)
        best = min(best, Answer(decide(facts), record, log), key=_rank)
    return best


def _rank(answer: Answer) -> tuple[int, int]:
    """Order answers, best first; among copies and moves the one of which most was read."""
    rank = _BEST.index(answer.verdict) if answer.verdict in _BEST else len(_BEST)
    return rank, -(answer.record.offset if answer.record else 0)


def _original(record: SourceRecord, log: Log | None) -> str | None:
    """Return a path at which the record's own file still exists."""
    own = FileId(record.device, record.inode)
    near = [record.path] if log is None else [log.path, log.real, record.path]
    for path in near:
        if path and id_at(path) == own:
            return path
    return next((one.path for one in siblings(near[-1]) if one.file == own), None)


def _is_prefix(descriptor: int, size: int, original: str) -> bool:
    try:
        other, _ = open_regular(original)
    except OSError:
        return False
    try:
        length = min(size, GUARD)
        return read_at(other, length, size - length) == read_at(descriptor, length, size - length)
    finally:
        os.close(other)
