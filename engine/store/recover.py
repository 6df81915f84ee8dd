"""A damaged engine.db: keep it as evidence, save what can be read into a new one, say what was not.

The damaged files are copied aside before anything else and never written; the new file takes its place in one step,
complete. So a crash at any instant leaves either the damaged file or the recovered one, never an empty start.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.model.errors import StoreError
from engine.model.event import Gap
from engine.store import rows
from engine.store.database import build, connect
from engine.store.folder import DATABASE, SIDECARS, check_file, open_private, prepare, sync
from engine.store.lock import Lock

__all__ = ["REASON", "Recovery", "recover"]

REASON: Final = "store-recovered"
"""The reason of the gap that a recovery writes, so that `engine status` tells of it."""

_SCRATCH: Final = "recover-"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery saved. `rows` counts by table; `damaged` names the tables that lost some or all of theirs."""

    moved_to: str
    rows: dict[str, int]
    damaged: tuple[str, ...]


class _Table(NamedTuple):
    columns: str
    order: str
    check: Callable[[tuple[Any, ...]], object]


_TABLES: Final[Mapping[str, _Table]] = {
    "source": _Table("uid, record", "rowid", lambda row: rows.source(row[1])),
    "state": _Table("owner, key, value", "rowid", len),
    "outbox": _Table(rows.DELIVERY, "id", rows.delivery),
    "seen": _Table("key, expires_ms", "key", len),
    "bad_line": _Table("id, record", "id", lambda row: rows.bad_line(row[1])),
    "gap": _Table("id, record", "id", lambda row: rows.gap(row[1])),
    "counter": _Table("name, value", "name", len),
    "decision": _Table("id, rule, written_ms, record", "id", lambda row: rows.decision(row[3])),
    "request": _Table("id, record", "id", lambda row: rows.request(row[1])),
    "summary": _Table("key, written_ms, record", "key", lambda row: rows.answer(row[2])),
    "spent": _Table("day, name, calls, written_ms", "day", len),
}


def recover(directory: str, now_ms: int) -> Recovery:
    """Move a damaged engine.db aside and put a new one, with all that could be read, in its place.

    Errors: `StoreError` when nothing is there or nothing is wrong, when the folder is in use, when the disk is full.
    """
    folder = prepare(directory, create=False)
    engine = Lock.take(folder / "engine.lock", "engine run", now_ms)
    try:
        courier = Lock.take(folder / "courier.lock", "engine deliver", now_ms)
        try:
            return _recover(folder, now_ms)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{folder / DATABASE} was not recovered: {error}; nothing was changed") from error
        finally:
            courier.release()
    finally:
        engine.release()


def _recover(folder: Path, now_ms: int) -> Recovery:
    present = [suffix for suffix in ("", *SIDECARS) if check_file(folder / f"{DATABASE}{suffix}")]
    if not present:
        raise StoreError(f"there is no {folder / DATABASE} to recover")
    for leftover in folder.glob(f"{_SCRATCH}*"):  # of a recovery that was killed
        shutil.rmtree(leftover)
    aside = _name_aside(folder, now_ms)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as made:
        scratch = Path(made)
        for suffix in present:
            shutil.copyfile(folder / f"{DATABASE}{suffix}", scratch / f"old.db{suffix}")
            _copy_durably(folder / f"{DATABASE}{suffix}", scratch / f"kept.db{suffix}")
        counts, damaged = _rebuild(scratch, folder, aside)
        # All that needs room on the disk is done; from here on files only change their names.
        for suffix in present:
            (scratch / f"kept.db{suffix}").replace(folder / f"{aside}{suffix}")
        sync(folder)
        # A log or journal of the old file beside the new one would be played into it, so these go first.
        for suffix in SIDECARS:
            (folder / f"{DATABASE}{suffix}").unlink(missing_ok=True)
        (scratch / "new.db").replace(folder / DATABASE)
        sync(folder)
    return Recovery(str(folder / aside), counts, damaged)


def _rebuild(scratch: Path, folder: Path, aside: str) -> tuple[dict[str, int], tuple[str, ...]]:
    mended = _mend_first_page(scratch / "old.db")
    with closing(_open_damaged(scratch / "old.db")) as old:
        if not mended and _is_whole(old):
            raise StoreError(f"{folder / DATABASE} is in order; there is nothing to recover")
        build(scratch / "new.db")
        with closing(connect(scratch / "new.db", strict=True)) as new:
            new.execute("BEGIN")
            saved = _save(old, new)
            _note(new, aside)
            new.execute("COMMIT")
    return saved


def _name_aside(folder: Path, now_ms: int) -> str:
    stamp = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{DATABASE}.corrupt-{stamp}"
    again = 1
    while (folder / name).exists():
        again += 1
        name = f"{DATABASE}.corrupt-{stamp}-{again}"
    return name


def _copy_durably(source: Path, target: Path) -> None:
    with source.open("rb") as reader, os.fdopen(open_private(target, fresh=True), "wb") as writer:
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())


def _mend_first_page(old: Path) -> bool:
    """Replace a lost first page by that of a new file; return whether that was needed.

    All files of one schema version are laid out by the same statements, so the first page differs in counts only:
    the number of pages (bytes 28-31) and the list of free ones (32-39), which reading does not need.
    """
    if not old.exists():
        os.close(open_private(old, fresh=True))
    with old.open("r+b") as file:
        if file.read(16) == b"SQLite format 3\0":
            return False
        pattern = old.with_name("pattern.db")
        build(pattern)
        with closing(connect(pattern)) as connection:
            (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        page = bytearray(pattern.read_bytes()[:page_bytes])
        page[28:40] = max(1, old.stat().st_size // page_bytes).to_bytes(4, "big") + bytes(8)
        file.seek(0)
        file.write(page)
    return True


def _open_damaged(old: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(old, isolation_level=None)
    # Lets SQLite go on where the file is shorter than it says or a table has no place in it.
    connection.execute("PRAGMA writable_schema = ON")
    return connection


def _is_whole(old: sqlite3.Connection) -> bool:
    try:
        for table, spec in _TABLES.items():
            for row in old.execute(f"SELECT {spec.columns} FROM {table}"):
                spec.check(row)
        return bool(old.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except (sqlite3.Error, rows.DamageError):
        return False


def _save(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[dict[str, int], tuple[str, ...]]:
    counts: dict[str, int] = {}
    damaged: list[str] = []
    for table, spec in _TABLES.items():
        losses: list[Exception] = []
        marks = ", ".join("?" * len(spec.columns.split(", ")))
        new.executemany(
            f"INSERT OR IGNORE INTO {table} ({spec.columns}) VALUES ({marks})", _readable(old, table, spec, losses)
        )
        (counts[table],) = new.execute(f"SELECT count(*) FROM {table}").fetchone()
        if losses:
            damaged.append(table)
    return counts, tuple(damaged)


def _readable(old: sqlite3.Connection, table: str, spec: _Table, losses: list[Exception]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows before the first damaged page, then those after the last; some may come twice."""
    for direction in ("ASC", "DESC"):
        try:
            for row in old.execute(f"SELECT {spec.columns} FROM {table} ORDER BY {spec.order} {direction}"):
                try:
                    spec.check(row)
                except rows.DamageError as error:
                    losses.append(error)
                else:
                    yield row
            return
        except sqlite3.Error as error:
            losses.append(error)


def _note(new: sqlite3.Connection, aside: str) -> None:
    gap = Gap(log="", path=aside, offset=0, length=None, reason=REASON)
    new.execute("INSERT INTO gap (record) VALUES (?)", (rows.pack_gap(gap),))
    new.execute(
        "INSERT INTO counter (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
        (f"gaps:{REASON}",),
    )
    new.execute("INSERT INTO holder (role, epoch, clean) VALUES ('engine', '', 0)")
