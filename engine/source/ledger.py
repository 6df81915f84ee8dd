"""The records of all logs: what is known, what changed since it was last committed, and the names of logs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from engine.model.checkpoint import SourceRecord
from engine.source.fingerprint import uid_of

__all__ = ["DONE", "LEFT", "LIVE", "Ledger"]

LIVE = "live"
LEFT = "left"
"""The file was renamed or unlinked; it is read to its end and then done."""
DONE = "done"


class Ledger:
    """Records by uid. Invariant: a uid is given once and names one log for ever."""

    def __init__(self, records: Iterable[SourceRecord]) -> None:
        self.known = {record.uid: record for record in records}
        self._changed: dict[str, SourceRecord] = {}

    def write(self, record: SourceRecord) -> None:
        """Take the new state of a log into the next commit."""
        self.known[record.uid] = record
        self._changed[record.uid] = record

    def name(self, path: str, line: bytes) -> str:
        """Return the uid of a new log: the hash of file name and first line, counted on where logs share it."""
        base = uid_of(PurePath(path).name, line)
        uid, count = base, 1
        while uid in self.known:
            count += 1
            uid = f"{base}-{count}"
        return uid

    def changed(self) -> tuple[SourceRecord, ...]:
        """Return the records written since the last call."""
        changed = tuple(self._changed.values())
        self._changed.clear()
        return changed

    def rewind(self, records: Iterable[SourceRecord]) -> None:
        """Know these records and nothing else."""
        self.known = {record.uid: record for record in records}
        self._changed.clear()
