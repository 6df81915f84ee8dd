"""What language models answered, and how often they were asked: the courier's memory between its threads and lives.

Used beside the outbox, from threads that send, so each user opens a connection of its own and holds a lock around it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from engine.model.summary import Answer, Spend
from engine.store import rows
from engine.store.database import Database
from engine.store.limits import PRUNE_MOST, SEEN_MS

__all__ = ["SummaryLedger", "forget"]


class SummaryLedger:
    """Answers by request key, and budgets by local day. Errors: `StoreError`; then nothing changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remembered(self, key: str) -> Answer | None:
        """Return what became of the request with this key, if it was asked before."""
        with self._database.read() as connection:
            found = connection.execute("SELECT record FROM summary WHERE key = ?", (rows.text(key),)).fetchone()
        return rows.answer(found[0]) if found else None

    def remember(self, key: str, answer: Answer, now_ms: int) -> None:
        """Keep what became of a request, for its other destinations and later tries. The first answer stays."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO summary (key, written_ms, record) VALUES (?, ?, ?)",
                (rows.text(key), now_ms, rows.pack_answer(answer)),
            )

    def spend(self, budgets: Sequence[Spend], now_ms: int) -> str | None:
        """Count one call on all of these budgets. Returns the name of one that is used up: then none was counted."""
        with self._database.write() as connection:
            for day, name, most in budgets:
                found = connection.execute(
                    "SELECT calls FROM spent WHERE day = ? AND name = ?", (rows.text(day), rows.text(name))
                ).fetchone()
                if (found[0] if found else 0) >= most:
                    return name
            connection.executemany(
                "INSERT INTO spent (day, name, calls, written_ms) VALUES (?, ?, 1, ?)"
                " ON CONFLICT (day, name) DO UPDATE SET calls = calls + 1, written_ms = excluded.written_ms",
                [(rows.text(day), rows.text(name), now_ms) for day, name, _ in budgets],
            )
        return None


def forget(connection: sqlite3.Connection, now_ms: int, kept_ms: int) -> int:
    """Forget answers of `kept_ms` ago, and counts of 30 days ago. Returns how many answers went, at most 1,000."""
    connection.execute("DELETE FROM spent WHERE written_ms <= ?", (now_ms - SEEN_MS,))
    return connection.execute(
        "DELETE FROM summary WHERE key IN (SELECT key FROM summary WHERE written_ms <= ? ORDER BY written_ms LIMIT ?)",
        (now_ms - kept_ms, PRUNE_MOST),
    ).rowcount
