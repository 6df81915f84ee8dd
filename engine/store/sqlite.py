"""The durable store: one SQLite file for two processes and any number of readers.

The engine's half lives here (`load`, `commit`, `status`); the queue is `outbox.py`. A commit moves positions, states
and messages together, so after any crash the three tell of the same instant.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine.model.checkpoint import Checkpoint, Commit, Decided, SourceRecord, StateKey
from engine.model.request import Request
from engine.model.status import OutboxCount, Status
from engine.store import requests, rows
from engine.store.database import Database, open_database
from engine.store.folder import prepare, under
from engine.store.limits import BAD_LINES_KEPT, DECISIONS_KEPT, GAPS_KEPT, newest, tally
from engine.store.lock import Lock, holder
from engine.store.outbox import Outbox, Role, enqueue
from engine.store.summaries import SummaryLedger

if TYPE_CHECKING:
    from engine.store.recover import Recovery

__all__ = ["Durability", "Role", "SqliteStore"]

Durability: TypeAlias = Literal["normal", "strict"]

_PROGRAMS: Final = {"engine": "engine run", "courier": "engine deliver"}

_NETWORK_WARNING: Final = (
    "{folder} is on a network or shared file system ({kind}): slower, and unsafe if another machine uses it too. "
    "Give --state a folder on a local disk."
)

_COUNTS: Final = """
    SELECT destination, sum(state IN ('pending', 'sending')), sum(state = 'sent'), sum(state = 'dead')
    FROM outbox GROUP BY destination ORDER BY destination
"""


class SqliteStore(Outbox):
    """A state folder, open. Close it: that gives back the lock. Errors: `StoreError`; then nothing changed.

    `warnings` are sentences for the operator.
    """

    def __init__(self, database: Database, role: Role, epoch: str, lock: Lock | None) -> None:
        super().__init__(database, role, epoch)
        self.warnings: tuple[str, ...] = ()
        self._lock = lock
        self._open = True

    @classmethod
    def open(cls, directory: str, *, role: Role, durability: Durability = "normal", now_ms: int) -> SqliteStore:
        """Return the store of a folder. The engine makes folder and file when they are missing.

        `strict` syncs at each commit, for a source that may be cleared as soon as it was read.
        Errors: `StoreError` when another process has this role, or folder or file cannot be trusted or used.
        """
        folder = prepare(directory, create=role == "engine")
        network = under(folder)
        lock = None if role == "reader" else Lock.take(folder / f"{role}.lock", _PROGRAMS[role], now_ms)
        try:
            database = open_database(
                folder, engine=role == "engine", strict=durability == "strict", rollback=network is not None
            )
            try:
                epoch = _take_over(database, role)
            except BaseException:
                database.close()
                raise
        except BaseException:
            if lock:
                lock.release()
            raise
        store = cls(database, role, epoch, lock)
        if network:
            store.warnings = (_NETWORK_WARNING.format(folder=folder, kind=network),)
        return store

    @property
    def summaries(self) -> SummaryLedger:
        """What language models answered and cost. Any role may use it."""
        return SummaryLedger(self._database)

    @staticmethod
    def recover(directory: str, now_ms: int) -> Recovery:
        """Move a damaged file aside and save what can be read into a new one. Errors: `StoreError`."""
        from engine.store.recover import recover  # seldom needed, and it loads tempfile and shutil

        return recover(directory, now_ms)

    def load(self) -> Checkpoint:
        """Return what the last commit left. For the engine the run then counts as unclean until `close`."""
        with self._database.read() as connection:
            checkpoint = Checkpoint(_sources(connection), _states(connection), _clean(connection))
        if self._role == "engine":
            with self._own("engine") as connection:
                connection.execute("UPDATE holder SET clean = 0 WHERE role = 'engine'")
        return checkpoint

    def commit(self, commit: Commit) -> int:
        """Make one batch durable, all or nothing. Returns the outbox rows that were new. Engine only.

        Each bad line and gap also adds one to the counter `bad_lines:REASON` or `gaps:REASON`.
        """
        with self._own("engine") as connection:
            connection.execute("UPDATE holder SET last_ms = ? WHERE role = 'engine'", (commit.now_ms,))
            _write_sources(connection, commit.sources)
            _write_states(connection, commit.states)
            _append(connection, "bad_line", map(rows.pack_bad_line, commit.bad_lines), BAD_LINES_KEPT)
            _append(connection, "gap", map(rows.pack_gap, commit.gaps), GAPS_KEPT)
            _count(connection, tally(commit))
            _decide(connection, commit.decisions, commit.now_ms)
            requests.answer(connection, commit.answered)
            return enqueue(connection, commit.notifications, commit.now_ms)

    def ask(self, request: Request) -> None:
        """Leave a request for the engine, which does it at its next round or start. Any role may.

        Errors: `StoreError` when 1,000 wait already.
        """
        with self._database.write() as connection:
            requests.ask(connection, request)

    def requests(self) -> list[Request]:
        """Return the requests that no commit has answered, oldest first."""
        with self._database.read() as connection:
            return requests.waiting(connection)

    def decisions(self, ring: str) -> list[tuple[int, str]]:
        """Return (at_ms, JSON text) of the ring's last decisions, newest first."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT record FROM decision WHERE rule = ? ORDER BY id DESC", (rows.text(ring),)
            ).fetchall()
            return [rows.decision(record) for (record,) in found]

    def status(self) -> Status:
        """Return the durable picture, of one instant."""
        with self._database.read() as connection:
            (last_ms,) = connection.execute("SELECT max(last_ms) FROM holder WHERE role = 'engine'").fetchone()
            counters = connection.execute("SELECT name, value FROM counter ORDER BY name").fetchall()
            bad_lines = connection.execute("SELECT record FROM bad_line ORDER BY id DESC").fetchall()
            gaps = connection.execute("SELECT record FROM gap ORDER BY id DESC").fetchall()
            return Status(
                sources=_sources(connection),
                outbox=tuple(_outbox_count(connection, *found) for found in connection.execute(_COUNTS).fetchall()),
                counters={rows.untext(name): value for name, value in counters},
                bad_lines=tuple(rows.bad_line(record) for (record,) in bad_lines),
                gaps=tuple(rows.gap(record) for (record,) in gaps),
                last_commit_ms=last_ms,
                clean=_clean(connection),
                holder=holder(self._database.path.with_name("engine.lock")),
            )

    def changed(self) -> bool:
        """Return whether another process has committed since the last call; costs some microseconds."""
        return self._database.changed()

    def close(self, *, clean: bool = True) -> None:
        """Note how we left, empty the write-ahead log, give back the lock. A second call does nothing.

        Without `clean`, the mark that `load` set stands, and the file is left as a crash would leave it.
        """
        if not self._open:
            return
        self._open = False
        try:
            if clean and self._role == "engine":
                with self._own("engine") as connection:
                    connection.execute("UPDATE holder SET clean = 1 WHERE role = 'engine'")
                self._database.truncate_log()
        finally:
            self._database.close()
            if self._lock:
                self._lock.release()


def _take_over(database: Database, role: Role) -> str:
    epoch = os.urandom(16).hex()
    if role != "reader":
        with database.write() as connection:
            connection.execute(
                "INSERT INTO holder (role, epoch) VALUES (?, ?)"
                " ON CONFLICT (role) DO UPDATE SET epoch = excluded.epoch",
                (role, epoch),
            )
    return epoch


def _sources(connection: sqlite3.Connection) -> tuple[SourceRecord, ...]:
    found = connection.execute("SELECT record FROM source ORDER BY rowid").fetchall()
    return tuple(rows.source(record) for (record,) in found)


def _states(connection: sqlite3.Connection) -> dict[StateKey, bytes]:
    found = connection.execute("SELECT owner, key, value FROM state").fetchall()
    return {(rows.untext(owner), rows.untext(key)): value for owner, key, value in found}


def _clean(connection: sqlite3.Connection) -> bool:
    (clean,) = connection.execute("SELECT clean FROM holder WHERE role = 'engine'").fetchone() or (1,)
    return bool(clean)


def _outbox_count(
    connection: sqlite3.Connection, destination: str | bytes, pending: int, sent: int, dead: int
) -> OutboxCount:
    (oldest_ms,) = connection.execute(
        "SELECT min(created_ms) FROM outbox WHERE destination = ? AND state IN ('pending', 'sending')", (destination,)
    ).fetchone()
    (error,) = connection.execute(
        "SELECT last_error FROM outbox WHERE destination = ? AND last_error <> '' ORDER BY id DESC LIMIT 1",
        (destination,),
    ).fetchone() or ("",)
    return OutboxCount(rows.untext(destination), pending, sent, dead, oldest_ms, rows.untext(error))


def _write_sources(connection: sqlite3.Connection, sources: Iterable[SourceRecord]) -> None:
    connection.executemany(
        "INSERT INTO source (uid, record) VALUES (?, ?) ON CONFLICT (uid) DO UPDATE SET record = excluded.record",
        [(rows.text(record.uid), rows.pack_source(record)) for record in sources],
    )


def _write_states(connection: sqlite3.Connection, states: dict[StateKey, bytes | None]) -> None:
    if not states:
        return
    named = [(rows.text(owner), rows.text(key), value) for (owner, key), value in states.items()]
    connection.executemany(
        "INSERT INTO state (owner, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value",
        [row for row in named if row[2] is not None],
    )
    connection.executemany(
        "DELETE FROM state WHERE owner = ? AND key = ?", [row[:2] for row in named if row[2] is None]
    )


def _append(connection: sqlite3.Connection, table: str, records: Iterable[str], kept: int) -> None:
    values = [(record,) for record in records]
    if values:
        connection.executemany(f"INSERT INTO {table} (record) VALUES (?)", values)
        # Ids leave no holes but at the old end, so this keeps exactly the newest.
        connection.execute(f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?", (kept,))


def _count(connection: sqlite3.Connection, counts: Counter[str]) -> None:
    connection.executemany(
        "INSERT INTO counter (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        [(rows.text(name), amount) for name, amount in counts.items()],
    )


def _decide(connection: sqlite3.Connection, decisions: tuple[Decided, ...], now_ms: int) -> None:
    if not decisions:
        return
    connection.executemany(
        "INSERT INTO decision (rule, written_ms, record) VALUES (?, ?, ?)",
        [(rows.text(rule), now_ms, rows.pack_decision(at_ms, body)) for rule, at_ms, body in newest(decisions)],
    )
    connection.executemany(
        "DELETE FROM decision WHERE rule = ? AND id <="
        " (SELECT id FROM decision WHERE rule = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        [(rule, rule, DECISIONS_KEPT) for rule in {rows.text(rule) for rule, _, _ in decisions}],
    )
