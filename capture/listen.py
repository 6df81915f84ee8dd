"""The listener of the vendor's guides: every websocket message to a journal, the connection's id to a file.

Scripts written for those guides read `videodb_ws_id`, pass it to what they start, wait for events in
`videodb_events.jsonl`, and end the listener by the number in `videodb_ws_pid`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from capture import facts
from capture.journal import Journal
from capture.publish import publish, withdraw
from capture.signals import told_to_end
from capture.socket import Ended, Greeting, Message, Socket, Timing, UrlSource

__all__ = ["ID_NAME", "PID_NAME", "listen"]

ID_NAME = "videodb_ws_id"
PID_NAME = "videodb_ws_pid"


async def listen(
    journal: Journal,
    url_source: UrlSource,
    on_greeting: Callable[[str], None],
    log: Callable[[str], None],
    timing: Timing | None = None,
) -> None:
    """Write what comes until SIGTERM or SIGINT; keep id and pid files beside the journal meanwhile.

    `on_greeting` gets every connection id. Errors: CloudError, JournalError, OSError.
    """
    socket = Socket(
        url_source,
        dead_letter=lambda raw, reason: journal.reject(raw, reason, "ws"),
        on_trouble=lambda reason, wait_s: log(f"{reason}; next try in {wait_s:.1f} s"),
        timing=timing,
    )
    pid = str(os.getpid())
    book = _Book(journal, on_greeting)
    publish(journal.path.with_name(PID_NAME), pid)
    try:
        with told_to_end(socket.stop):
            async with aclosing(socket.items()) as items:
                async for item in items:
                    match item:
                        case Message(generation, body):
                            journal.append(body, "ws", generation)
                        case Greeting():
                            book.up(item)
                            log(f"connected as {item.connection_id}")
                        case Ended():
                            book.down(item)
    finally:
        book.close()
        withdraw(journal.path.with_name(PID_NAME), pid)


class _Book:
    """Keeps the id file and the lines about generations and gaps."""

    def __init__(self, journal: Journal, on_greeting: Callable[[str], None]) -> None:
        self._journal = journal
        self._on_greeting = on_greeting
        self._id_file: Path = journal.path.with_name(ID_NAME)
        self._published = ""
        self._up_ms = 0
        self._deaf: tuple[int, str] | None = None

    def up(self, greeting: Greeting) -> None:
        """The id goes out first: who waits for it may start pipelines at once."""
        self._up_ms = _now_ms()
        publish(self._id_file, greeting.connection_id)
        self._published = greeting.connection_id
        self._on_greeting(greeting.connection_id)
        if self._deaf:
            deaf_ms, reason = self._deaf
            self._journal.append(facts.gap(deaf_ms, self._up_ms, reason, filled=False), "runner", greeting.generation)
        self._journal.append(facts.generation(*greeting), "runner", greeting.generation)

    def down(self, ended: Ended) -> None:
        self._deaf = self._up_ms + round(ended.healthy_s * 1000), ended.reason

    def close(self) -> None:
        if self._published:
            withdraw(self._id_file, self._published)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
