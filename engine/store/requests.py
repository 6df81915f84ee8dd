"""The words of operators to the engine, as rows: asked by anybody, done and deleted by the engine's own commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from engine.model.request import Request
from engine.store import rows
from engine.store.limits import refuse_too_many

__all__ = ["answer", "ask", "waiting"]


def ask(connection: sqlite3.Connection, request: Request) -> None:
    """Add a request. Errors: `StoreError` when too many wait already."""
    (count,) = connection.execute("SELECT count(*) FROM request").fetchone()
    refuse_too_many(count)
    connection.execute("INSERT INTO request (record) VALUES (?)", (rows.pack_request(request),))


def waiting(connection: sqlite3.Connection) -> list[Request]:
    """Return the requests that no commit has answered, oldest first."""
    found = connection.execute("SELECT id, record FROM request ORDER BY id").fetchall()
    return [replace(rows.request(record), id=number) for number, record in found]


def answer(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete the requests that were done."""
    connection.executemany("DELETE FROM request WHERE id = ?", [(number,) for number in ids])
