"""One connection to engine.db: settings, schema version, transactions, and SQLite's errors in plain words.

Every statement of this room runs inside `Database.read` or `Database.write`, so either all of a change happens or
none, and nobody outside sees a `sqlite3` error.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from engine.model.errors import StoreError
from engine.store.folder import DATABASE, SIDECARS, check_file, open_private, sync
from engine.store.rows import DamageError

__all__ = ["MIGRATIONS", "SCHEMA_VERSION", "Database", "build", "connect", "migrate", "open_database", "sql"]

MIGRATIONS: Final[Mapping[int, str]] = {1: "schema.sql", 2: "schema_2.sql"}
"""The file of SQL that leads from the version before to this one, without gaps."""

SCHEMA_VERSION: Final = max(MIGRATIONS)

_APPLICATION_ID: Final = int.from_bytes(b"CAPR", "big")
_BUSY_S: Final = 5.0

_PLAIN: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and start again, nothing committed was lost",
    sqlite3.SQLITE_IOERR: "the disk refused to read or write; check it and its free space, nothing committed was lost",
    sqlite3.SQLITE_BUSY: "another program has held the file for 5 s; stop it and start again",
    sqlite3.SQLITE_LOCKED: "another program has held the file for 5 s; stop it and start again",
    sqlite3.SQLITE_READONLY: "the file may not be written; check the modes of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check the modes of the file and its folder",
    sqlite3.SQLITE_PERM: "the file may not be opened; check the modes of the file and its folder",
}


class Database:
    """A connection that lives as long as its store. One caller at a time; it may be of any thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self._version = self._data_version()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one transaction that holds the write lock; any exception undoes all of it.

        Errors: `StoreError`; then nothing changed.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Run the block on one consistent picture of the file. Errors: `StoreError`."""
        with self._transaction("BEGIN") as connection:
            yield connection

    def changed(self) -> bool:
        """Return whether another connection has committed since the last call. Costs a look at shared memory."""
        before, self._version = self._version, self._data_version()
        return self._version != before

    def truncate_log(self) -> None:
        """Move the write-ahead log into the file and cut it: it still holds text that was deleted from the file."""
        with _plain_words(self.path):
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let go of the file."""
        with _plain_words(self.path):
            self.connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with _plain_words(self.path):
            self.connection.execute(begin)
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                # SQLite has already rolled back after some errors; a second rollback must not hide the first cause.
                with suppress(sqlite3.Error):
                    self.connection.rollback()
                raise

    def _data_version(self) -> int:
        with _plain_words(self.path):
            return int(self.connection.execute("PRAGMA data_version").fetchone()[0])


def open_database(folder: Path, *, engine: bool, strict: bool = False, rollback: bool = False) -> Database:
    """Return the folder's database, ready for use. The engine makes a missing one, checks it, brings an old one over.

    `strict` syncs at every commit; `rollback` keeps to a rollback journal, for file systems without shared memory.
    Errors: `StoreError` when the file is missing (but for the engine), damaged, newer than this program or planted.
    """
    path = folder / DATABASE
    there = check_file(path)
    left = [suffix for suffix in SIDECARS if check_file(folder / f"{DATABASE}{suffix}")]
    if not there and left:
        raise _damaged(path, f"it is gone, but {DATABASE}{left[0]} is still there")
    if not there and not engine:
        raise StoreError(f"there is no {path} yet; start `engine run` first")
    if not there:
        _create(path)
    with _plain_words(path):
        connection = connect(path, strict=strict)
        try:
            _check_version(connection, path, engine=engine)
            if engine:
                _set_journal(connection, rollback=rollback)
                _check_pages(connection, path)
                migrate(connection)
            return Database(path, connection)
        except BaseException:
            connection.close()
            raise


def connect(path: Path, *, strict: bool = False) -> sqlite3.Connection:
    """Return a connection with this program's settings, outside any transaction. Never makes a file."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        # NORMAL may lose the last commits to a power cut, but positions, states and outbox go back together: a replay.
        connection.execute(f"PRAGMA synchronous = {'FULL' if strict else 'NORMAL'}")
        connection.execute(f"PRAGMA fullfsync = {'ON' if strict else 'OFF'}")  # macOS: past the disk's own cache
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def sql(step: int) -> str:
    """Return the statements of one migration."""
    from importlib.resources import files  # needed once in a file's life, and costs every start 7 ms

    return files("engine.store").joinpath(MIGRATIONS[step]).read_text(encoding="utf-8")


def migrate(connection: sqlite3.Connection, newest: int = SCHEMA_VERSION, read: Callable[[int], str] = sql) -> None:
    """Bring the schema to the newest version; each step is one transaction, and a step done is not done again."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for step in range(version + 1, newest + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {read(step)}; PRAGMA user_version = {step}; COMMIT;")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.rollback()
            raise


def build(path: Path) -> None:
    """Make a new, empty database at a path where nothing is. Errors: `StoreError`, `sqlite3.Error`."""
    os.close(open_private(path, fresh=True))
    connection = connect(path)
    try:
        migrate(connection)
    finally:
        connection.close()


def _create(path: Path) -> None:
    # Under another name first: a crash must not leave an empty engine.db, which would look like a damaged one.
    fresh = path.with_name(f"{path.name}.new")
    for leftover in (fresh, fresh.with_name(f"{fresh.name}-journal")):
        leftover.unlink(missing_ok=True)
    with _plain_words(path):
        build(fresh)
        fresh.replace(path)
        sync(path.parent)


def _check_version(connection: sqlite3.Connection, path: Path, *, engine: bool) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION_ID:
        raise _damaged(path, "it is not a state file of this program")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer engine (schema {version}, this one knows {SCHEMA_VERSION}); "
            "update this program or give --state another folder"
        )
    if version < SCHEMA_VERSION and not engine:
        raise StoreError(
            f"{path} was written by an older engine (schema {version}); start `engine run` to bring it over"
        )


def _set_journal(connection: sqlite3.Connection, *, rollback: bool) -> None:
    wanted = "delete" if rollback else "wal"
    (mode,) = connection.execute(f"PRAGMA journal_mode = {wanted.upper()}").fetchone()
    if mode != wanted:
        raise StoreError(f"the state file cannot use journal mode {wanted}; give --state a folder on a local disk")


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    # The whole file at every start: 66 MB with 100,000 rows take 0.1 s, retention keeps it smaller than that, and a
    # damaged page that is met later has already cost what was built on it.
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _damaged(path, str(verdict).splitlines()[-1])


@contextmanager
def _plain_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, path) from error
    except DamageError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _explain(error: sqlite3.Error, path: Path) -> StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the upper bits only refine
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return _damaged(path, str(error))
    return StoreError(f"{path}: {_PLAIN.get(code) or error}")


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"{path} is damaged ({why}). Nothing was changed. `engine run --recover --state {path.parent}` moves it aside "
        "and saves what can be read"
    )
