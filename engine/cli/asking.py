"""How `ack` and `snooze` reach the engine: a row in the state file, and words about who will read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.cli.words import say
from engine.model.request import Request
from engine.run.clock import now_ms
from engine.store.sqlite import SqliteStore

__all__ = ["ask", "opened"]


@contextmanager
def opened(folder: str) -> Iterator[SqliteStore]:
    """Open a state folder for the block, beside an engine that may be at work on it. Errors: `StoreError`."""
    store = SqliteStore.open(folder, role="reader", now_ms=now_ms())
    try:
        yield store
    finally:
        store.close()


def ask(store: SqliteStore, request: Request, words: str, holder: str) -> None:
    """Leave the request and say what will come of it. `holder` is the engine that runs, if one does."""
    store.ask(request)
    say(words)
    if holder:
        say(f"the running engine ({holder}) does it within a second")
    else:
        say("no engine runs now; the next `engine run` does it before anything else", "yellow")
