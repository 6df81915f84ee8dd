"""What a log looks like: its name, the hash of its head and the guard before the offset.

Device and inode come back with other content (an unlinked inode is reused at once on ext4), and content alone
collides, so a log is only recognised by all of them together. Both marks cover nothing but bytes already read.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

from engine.model.checkpoint import SourceRecord
from engine.source.files import FileId, read_at

__all__ = [
    "GUARD", "HEAD", "LEAST", "NAMED_BY", "advance", "blank", "first_line", "head_hash", "marks", "same_guard",
    "same_head", "same_start", "uid_of",
]  # fmt: skip

HEAD = 1024
GUARD = 64
LEAST = 64
"""Below this many equal bytes, equal heads of two files prove nothing."""
NAMED_BY = 1 << 16
"""A first line longer than this names its log by its first so many bytes."""


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


_NOTHING = _hash(b"")


def blank(path: str, file: FileId, boot: str = "", uid: str = "") -> SourceRecord:
    """Return the record of a log of which nothing was read. An empty `uid` says it has no name yet."""
    return SourceRecord(uid, path, file.device, file.inode, 0, 0, 0, 0, _NOTHING, b"", boot_id=boot)


def uid_of(name: str, line: bytes) -> str:
    """Return the name of a log: a hash of its file name and its first line, the same wherever the log is read."""
    return _hash(name.encode("utf-8", "surrogateescape") + b"\0" + line)


def first_line(descriptor: int, *, finished: bool = False) -> bytes | None:
    """Return what of the first line names the log; None while it is not there yet.

    `finished` says that no more will be written, so that an unterminated line will do.
    """
    data = read_at(descriptor, NAMED_BY, 0)
    cut = data.find(b"\n")
    if cut >= 0:
        return data[:cut]
    return data if len(data) == NAMED_BY or (finished and data) else None


def advance(record: SourceRecord, head: bytes, data: bytes, lines: int) -> tuple[SourceRecord, bytes]:
    """Return record and head after `data`, which holds so many line ends, was read at the record's offset."""
    offset = record.offset + len(data)
    if len(head) < HEAD:
        head += data[: HEAD - len(head)]
        record = replace(record, head_len=len(head), head_hash=_hash(head))
    guard = (record.guard + data)[-GUARD:] if len(data) < GUARD else data[-GUARD:]
    return replace(record, offset=offset, line_no=record.line_no + lines, guard=guard), head


def head_hash(descriptor: int, length: int) -> str:
    """Return the hash of the file's first bytes, as it stands in a record."""
    return _hash(read_at(descriptor, length, 0))


def same_head(descriptor: int, record: SourceRecord) -> bytes | None:
    """Return the head of the file if it is the record's, else None."""
    head = read_at(descriptor, record.head_len, 0)
    return head if len(head) == record.head_len and _hash(head) == record.head_hash else None


def same_start(descriptor: int, other: int) -> bool:
    """Say whether two files begin alike, as far as both go, and that is far enough to mean something."""
    one, two = read_at(descriptor, HEAD, 0), read_at(other, HEAD, 0)
    length = min(len(one), len(two))
    return length >= LEAST and one[:length] == two[:length]


def same_guard(descriptor: int, record: SourceRecord) -> bool:
    """Say whether the bytes before the record's offset are those that were read there."""
    guard = record.guard
    return read_at(descriptor, len(guard), record.offset - len(guard)) == guard


def marks(descriptor: int, record: SourceRecord, offset: int, line_no: int) -> SourceRecord:
    """Return the record moved to another offset, with the marks that the file itself gives there."""
    head = read_at(descriptor, min(offset, HEAD), 0)
    size = min(offset, GUARD)
    return replace(
        record,
        offset=offset,
        line_no=line_no,
        head_len=len(head),
        head_hash=_hash(head),
        guard=read_at(descriptor, size, offset - size),
        skipping=False,
    )
