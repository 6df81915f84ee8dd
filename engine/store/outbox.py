"""The queue of messages in engine.db: the courier's half of the store.

Every method is one transaction. The moves of a row are those of `core/retry.py`, said in SQL; the contract tests hold
the two together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

from engine.core.retry import claimed, crashed
from engine.model.delivery import Delivery, DeliveryState
from engine.model.errors import StoreError
from engine.model.notification import Notification
from engine.store import rows, summaries
from engine.store.database import Database
from engine.store.limits import PRUNE_MOST, SEEN_MS

__all__ = ["Outbox", "Role", "enqueue"]

Role: TypeAlias = Literal["engine", "courier", "reader"]
"""The engine commits, the courier claims and settles, one process each; readers look, and may tidy the outbox."""

_WAITING: Final = (DeliveryState.PENDING,)
_DROPPABLE: Final = (DeliveryState.PENDING, DeliveryState.DEAD)

# What a row id can be; a larger number, as a person may type, is no row and would not fit SQLite's integer.
_IDS: Final = range(1, 1 << 63)

# Not `INSERT OR IGNORE`: that would use up an id for each key that a replay brings again.
_ENQUEUE: Final = """
    INSERT INTO outbox (key, destination, state, created_ms, due_ms, record)
    SELECT ?, ?, 'pending', ?, ?, ?
    WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE key = ?) AND NOT EXISTS (SELECT 1 FROM seen WHERE key = ?)
"""


class Outbox:
    """The rows of the outbox, seen from a process of one role. Errors: `StoreError`; then nothing changed."""

    def __init__(self, database: Database, role: Role, epoch: str) -> None:
        self._database = database
        self._role: Role = role
        self._epoch = epoch

    def destinations(self) -> tuple[str, ...]:
        """Return the destinations with pending rows, by name."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT DISTINCT destination FROM outbox WHERE state = 'pending' ORDER BY destination"
            ).fetchall()
        return tuple(rows.untext(name) for (name,) in found)

    def claim(self, destination: str, now_ms: int, most: int) -> list[Delivery]:
        """Move due rows PENDING -> SENDING in id order, `tries` already counted and durable. Courier only."""
        with self._own("courier") as connection:
            due = _select(
                connection,
                # The plus keeps SQLite on the queue's own order: by due instant it would sort 100,000 rows for one.
                "WHERE state = 'pending' AND destination = ? AND +due_ms <= ? ORDER BY id LIMIT ?",
                (rows.text(destination), now_ms, max(most, 0)),
            )
            taken = [claimed(delivery) for delivery in due]
            _write(connection, taken, "pending")
        return taken

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Write back rows after an attempt. A row that is SENT, DEAD or gone by now stays so. Courier only."""
        with self._own("courier") as connection:
            _write(connection, deliveries, "sending", "pending")

    def release(self, now_ms: int) -> list[Delivery]:
        """Move every SENDING row back to PENDING, due now, counting a crash: their sender is gone. Courier only."""
        with self._own("courier") as connection:
            freed = [crashed(row, now_ms) for row in _select(connection, "WHERE state = 'sending' ORDER BY id")]
            _write(connection, freed, "sending")
        return freed

    def next_due_ms(self) -> int | None:
        """Return the earliest due instant of a pending row."""
        with self._database.read() as connection:
            (due_ms,) = connection.execute("SELECT min(due_ms) FROM outbox WHERE state = 'pending'").fetchone()
        return None if due_ms is None else int(due_ms)

    def outbox(
        self, states: Sequence[DeliveryState] = (), destination: str | None = None, most: int = 100
    ) -> list[Delivery]:
        """Return rows, newest first; an empty `states` means all."""
        where = "WHERE true"
        values: list[str | bytes] = [*states]
        if states:
            where += f" AND state IN ({_marks(states)})"
        if destination is not None:
            where += " AND destination = ?"
            values.append(rows.text(destination))
        with self._database.read() as connection:
            return _select(connection, f"{where} ORDER BY id DESC LIMIT ?", (*values, max(most, 0)))

    def row(self, delivery_id: int) -> Delivery | None:
        """Return one row."""
        if delivery_id not in _IDS:
            return None
        with self._database.read() as connection:
            found = _select(connection, "WHERE id = ?", (delivery_id,))
        return found[0] if found else None

    def retry(self, ids: Sequence[int], now_ms: int) -> int:
        """Move these DEAD rows back to PENDING as if queued now: due, age and counts start again. Returns how many."""
        with self._database.write() as connection:
            return connection.executemany(
                "UPDATE outbox SET state = 'pending', tries = 0, crashes = 0, created_ms = ?, due_ms = ?"
                " WHERE id = ? AND state = 'dead'",
                [(now_ms, now_ms, number) for number in ids if number in _IDS],
            ).rowcount

    def drop(self, ids: Sequence[int]) -> int:
        """Forget these DEAD or PENDING rows; their keys stay known for 30 days from when they died or were due."""
        with self._database.write() as connection:
            return _forget(connection, ids, _DROPPABLE, None)

    def coalesce(self, ids: Sequence[int], into: Notification, now_ms: int) -> None:
        """Replace those of these rows that are still PENDING by one; their keys stay known. None left: no change.

        Errors: `StoreError` when the key of `into` is known already: the rows would go and nothing would replace them.
        """
        with self._database.write() as connection:
            if not _forget(connection, ids, _WAITING, now_ms + SEEN_MS):
                return
            if not enqueue(connection, (into,), now_ms):
                raise StoreError(
                    f"the messages were not merged: the key {into.key!r} of the merged one is known already"
                )

    def prune(self, now_ms: int, sent_ms: int, dead_ms: int) -> int:
        """Forget rows that have been SENT for `sent_ms` or DEAD for `dead_ms`; their keys stay known for 30 days.

        Decisions written `dead_ms` ago and summaries written `sent_ms` ago go too: they hold captured text.
        Returns how many rows went, at most 1,000 a call: call again while it is that many.
        """
        with self._database.write() as connection:
            ids: list[int] = []
            for state, age_ms in ((DeliveryState.SENT, sent_ms), (DeliveryState.DEAD, dead_ms)):
                found = connection.execute(
                    "SELECT id FROM outbox WHERE state = ? AND due_ms <= ? ORDER BY due_ms, id LIMIT ?",
                    (state, now_ms - age_ms, PRUNE_MOST - len(ids)),
                ).fetchall()
                ids += [number for (number,) in found]
            gone = _forget(connection, ids, tuple(DeliveryState), now_ms + SEEN_MS)
            connection.execute(
                "DELETE FROM seen WHERE key IN"
                " (SELECT key FROM seen WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?)",
                (now_ms, PRUNE_MOST),
            )
            # Ids ascend with time, so a look at the oldest ones is enough, and needs no index.
            quotes = connection.execute(
                "DELETE FROM decision WHERE written_ms <= ? AND id IN (SELECT id FROM decision ORDER BY id LIMIT ?)",
                (now_ms - dead_ms, PRUNE_MOST),
            ).rowcount
            quotes += summaries.forget(connection, now_ms, sent_ms)
        if 0 < gone < PRUNE_MOST or quotes:
            self._database.truncate_log()
        return gone

    @contextmanager
    def _own(self, role: Role) -> Iterator[sqlite3.Connection]:
        """A write transaction of the only process with this role; a stolen lock ends it."""
        if role != self._role:
            raise StoreError(f"this store was opened as {self._role}; only the {role} may do this")
        with self._database.write() as connection:
            (epoch,) = connection.execute("SELECT epoch FROM holder WHERE role = ?", (role,)).fetchone() or (None,)
            if epoch != self._epoch:
                raise StoreError(f"another {role} has taken over {self._database.path.parent}; this one must stop")
            yield connection


def enqueue(connection: sqlite3.Connection, notifications: Iterable[Notification], now_ms: int) -> int:
    """Add a PENDING row for each notification whose key is not known. Returns how many were new."""
    values = []
    for note in notifications:
        key = rows.text(note.key)
        values.append((key, rows.text(note.destination), now_ms, now_ms, rows.pack_notification(note), key, key))
    return connection.executemany(_ENQUEUE, values).rowcount if values else 0


def _select(connection: sqlite3.Connection, where: str, values: Sequence[str | bytes | int] = ()) -> list[Delivery]:
    found = connection.execute(f"SELECT {rows.DELIVERY} FROM outbox {where}", tuple(values)).fetchall()
    return [rows.delivery(row) for row in found]


def _write(connection: sqlite3.Connection, deliveries: Iterable[Delivery], *standing: str) -> None:
    connection.executemany(
        "UPDATE outbox SET state = ?, tries = ?, crashes = ?, due_ms = ?, last_error = ?"
        f" WHERE id = ? AND state IN ({_marks(standing)})",
        [(d.state, d.tries, d.crashes, d.due_ms, rows.text(d.last_error), d.id, *standing) for d in deliveries],
    )


def _forget(
    connection: sqlite3.Connection, ids: Sequence[int], states: Sequence[DeliveryState], expires_ms: int | None
) -> int:
    where = f"WHERE id = ? AND state IN ({_marks(states)})"
    known = [(number, *states) for number in ids if number in _IDS]
    connection.executemany(
        "INSERT OR REPLACE INTO seen (key, expires_ms)"
        f" SELECT key, coalesce(?, max(created_ms, due_ms) + {SEEN_MS}) FROM outbox {where}",
        [(expires_ms, *values) for values in known],
    )
    return connection.executemany(f"DELETE FROM outbox {where}", known).rowcount if known else 0


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
