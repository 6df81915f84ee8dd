"""What the journal holds already, read back after a restart: then nothing that is fetched anew is written twice."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from capture.dedupe import Seen, millis, spoken
from capture.journal import wire_message

__all__ = ["recall"]

_TAIL = 8 << 20


def recall(path: Path, seen: Seen) -> int | None:
    """Show the newest 8 MiB of a journal to `seen`. Returns when the last spoken or seen event came, in epoch ms."""
    last_ms: int | None = None
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        if size > _TAIL:
            file.readline()
        for raw in file:
            try:
                line = orjson.loads(raw)
            except orjson.JSONDecodeError:
                continue
            if not isinstance(line, dict):
                continue
            message = wire_message(line)
            seen.fresh(message)
            if spoken(message) is not None:
                last_ms = millis(line.get("unix_ts")) or last_ms
    return last_ms
