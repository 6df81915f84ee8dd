"""Where a log went: the files beside it that bear its name with a number, a date or a word, plain or gzipped."""

from __future__ import annotations

import os
import re
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import IO, NamedTuple

from engine.model.checkpoint import SourceRecord
from engine.source.files import FileId, file_id, open_regular
from engine.source.fingerprint import GUARD, HEAD, same_guard, same_head

__all__ = ["Absent", "Found", "Sibling", "find", "later", "open_sibling", "siblings"]

_STEP = 1 << 18
_GZ = ".gz"
_UNREADABLE = (".tmp", ".zst", ".xz", ".bz2", ".zip")
_ROTATED = re.compile(r"(?<=.)[.-]\d+$")
_BY_NUMBER_OR_DATE = re.compile(r"\d[\w.:+-]*")


class Sibling(NamedTuple):
    """A file beside a log. `numbered` says that only a rotation gives such a name: `log.1`, `log-20260304`."""

    path: str
    file: FileId
    mtime_ns: int
    size: int
    packed: bool
    numbered: bool


class Found(NamedTuple):
    """An open file that holds what a log held. `packed` came from an archive; `damaged` says its end is missing."""

    descriptor: int
    path: str
    file: FileId
    mtime_ns: int
    packed: bool = False
    damaged: bool = False


class Absent(Enum):
    """Why nothing was found: it is gone, or an archive that may hold it is still being written."""

    GONE = "gone"
    GROWING = "growing"


def siblings(path: str) -> list[Sibling]:
    """Return the rotated files of a log, newest first. Unreadable folders have none."""
    target = Path(path).resolve()
    # A glob may have named the rotated file itself.
    target = target.with_name(_ROTATED.sub("", target.name) or target.name)
    ranked: list[tuple[tuple[int, int], Sibling]] = []
    try:
        with os.scandir(target.parent) as entries:
            for entry in entries:
                middle = _middle(entry.name, target)
                if middle is None or not entry.is_file():
                    continue
                status = entry.stat()
                packed = entry.name.endswith(_GZ)
                sibling = Sibling(
                    entry.path,
                    # On Windows a directory entry knows no inode.
                    file_id(status if status.st_ino else Path(entry.path).stat()),
                    status.st_mtime_ns,
                    status.st_size,
                    packed,
                    _BY_NUMBER_OR_DATE.fullmatch(middle) is not None,
                )
                # Within one tick of the file system's clock the higher number is the older one.
                ranked.append(((-status.st_mtime_ns, int(middle) if middle.isdecimal() else 0), sibling))
    except OSError:
        pass
    # Numbers tell the age better than times: packing an old file may make it look new.
    by_number = all(number for (_, number), _ in ranked)
    return [sibling for _, sibling in sorted(ranked, key=lambda one: one[0][by_number:])]


def _middle(name: str, log: Path) -> str | None:
    """Return what a rotation put into the log's name, or None if the name is not one of the log's."""
    name = name.removesuffix(_GZ)
    if name == log.name or name.endswith(_UNREADABLE):
        return None
    for start, end in ((log.name, ""), (log.stem, log.suffix)):
        middle = name[len(start) : len(name) - len(end)]
        if name.startswith(start) and name.endswith(end) and len(middle) > 1 and middle[0] in ".-":
            return middle[1:]
    return None


def later(beside: Sequence[Sibling], start: FileId | None, stop: FileId | None, ended_ns: int) -> list[Sibling]:
    """Return the siblings, newest first in `beside`, that are newer than `start` and older than `stop`, oldest first.

    If the old file has no place among them, only the times of writing tell which are newer.
    """
    files = [sibling.file for sibling in beside]
    newest = files.index(stop) + 1 if stop in files else 0
    if start in files:
        found = list(beside[newest : files.index(start)])
    else:
        found = [sibling for sibling in beside[newest:] if sibling.mtime_ns >= ended_ns]
    return found[::-1]


def open_sibling(sibling: Sibling) -> Found:
    """Open a sibling from its beginning; the caller closes the descriptor. Errors: `OSError`."""
    if sibling.packed:
        descriptor, damaged = _unpack(sibling.path, keep_from=0)
        return Found(descriptor, sibling.path, sibling.file, sibling.mtime_ns, True, damaged)
    descriptor, status = open_regular(sibling.path)
    return Found(descriptor, sibling.path, file_id(status), status.st_mtime_ns)


def find(record: SourceRecord, beside: Iterable[Sibling], settled: Callable[[Sibling], bool]) -> Found | Absent:
    """Open the file that holds the record's log up to its offset and perhaps more; the caller closes it.

    The log's own inode goes before a copy, plain files before archives. An archive that breaks off is used only
    when it is `settled`: it may be in the making.
    """
    own = FileId(record.device, record.inode)
    known = list(beside)
    plain = sorted((one for one in known if not one.packed), key=lambda one: one.file != own)
    for sibling in plain:
        if sibling.size >= record.offset and (found := _match(sibling, record)):
            return found
    absent = Absent.GONE
    for sibling in known:
        if sibling.packed and record.head_len:
            answer = _match_packed(sibling, record, settled)
            if isinstance(answer, Found):
                return answer
            absent = Absent.GROWING if answer is Absent.GROWING else absent
    return absent


def _match(sibling: Sibling, record: SourceRecord) -> Found | None:
    try:
        found = open_sibling(sibling)
    except OSError:
        return None
    own = found.file == FileId(record.device, record.inode)
    if (own or record.head_len) and _holds(found.descriptor, record):
        return found
    os.close(found.descriptor)
    return None


def _holds(descriptor: int, record: SourceRecord) -> bool:
    enough = os.fstat(descriptor).st_size >= record.offset
    return enough and same_head(descriptor, record) is not None and same_guard(descriptor, record)


def _match_packed(sibling: Sibling, record: SourceRecord, settled: Callable[[Sibling], bool]) -> Found | Absent:
    try:
        # Unpacking stops early for the archives of other logs: their first kilobyte differs.
        descriptor, damaged = _unpack(sibling.path, record.offset - len(record.guard), record)
    except OSError:
        return Absent.GONE
    if damaged and not settled(sibling):
        os.close(descriptor)
        return Absent.GROWING
    if _holds(descriptor, record):
        return Found(descriptor, sibling.path, sibling.file, sibling.mtime_ns, True, damaged)
    os.close(descriptor)
    return Absent.GONE


def _unpack(path: str, keep_from: int, only: SourceRecord | None = None) -> tuple[int, bool]:
    """Unpack an archive into a nameless file: its head and everything from `keep_from`, at their own offsets.

    Returns the descriptor and whether the archive broke off; what came before counts. The disk holds what was not
    read yet, not the whole log; the rest is a hole.
    """
    descriptor, _ = open_regular(path)
    with open(descriptor, "rb") as packed, tempfile.TemporaryFile() as plain:  # noqa: PTH123  a descriptor, no path
        damaged = _pour(packed, plain, max(0, keep_from - GUARD), only)
        plain.flush()
        if os.utime in os.supports_fd:
            written_ns = os.fstat(packed.fileno()).st_mtime_ns
            os.utime(plain.fileno(), ns=(written_ns, written_ns))
        return os.dup(plain.fileno()), damaged


def _pour(packed: IO[bytes], plain: IO[bytes], keep_from: int, only: SourceRecord | None) -> bool:
    offset = 0
    try:
        with GzipFile(fileobj=packed) as source:
            # `read1` hands out what came before the archive breaks off; `read` would lose it.
            while data := source.read1(_STEP):
                if offset < HEAD or offset + len(data) > keep_from:
                    plain.seek(offset)
                    plain.write(data)
                offset += len(data)
                if only is not None and offset >= only.head_len:
                    plain.flush()
                    if same_head(plain.fileno(), only) is None:
                        return False
                    only = None
    except (EOFError, zlib.error, BadGzipFile):
        return True
    # A compressor creates its file empty.
    return os.fstat(packed.fileno()).st_size == 0
