"""Which events came before: identities of the last ten minutes, in memory and in the checkpoint.

Identities are filed in buckets of ten seconds of arrival time, so that forgetting is one step a bucket and a commit
writes only the newest one. Invariant: what is remembered depends on the calls alone, not on restarts between them.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from engine.core.decode import key_bytes
from engine.model.checkpoint import StateKey

__all__ = ["Repeats"]

Key = tuple[Any, ...]

KEEP_MS = 600_000
BUCKET_MS = 10_000
# 65,536 keys of about 200 bytes are 13 MiB; at 100 events/s ten minutes hold 60,000.
MAX_KEYS = 65_536
# In a checkpoint: 8 bytes of hash (among 60,000 keys a false repeat has a chance of 1e-10), 2 of time in the bucket.
HASH_BYTES = 8
ENTRY_BYTES = 10
PREFIX = "seen/"


class Repeats:
    """The memory of identities. `owner` is the first part of its keys in a checkpoint."""

    def __init__(self, owner: str, states: dict[StateKey, bytes]) -> None:
        self._owner = owner
        self._seen: dict[Key, int] = {}
        self._buckets: dict[int, list[Key]] = {}
        self._number = -1
        self._keys: list[Key] = []
        # What another run wrote is known by hash only: keys themselves would make the checkpoint large.
        self._before: dict[bytes, int] = {}
        self._stored: dict[int, bytes] = {}
        self._flushed: dict[int, int] = {}
        self._gone: set[int] = set()
        for (name, key), blob in states.items():
            if name == owner and key.startswith(PREFIX):
                self._restore(int(key.removeprefix(PREFIX)), blob)

    def is_repeat(self, key: Key, seen_ms: int) -> bool:
        """Tell whether this identity came within ten minutes; remember it if not."""
        before = self._seen.get(key)
        if before is None and self._before:
            before = self._before.get(_short(key))
        if before is not None:
            if -KEEP_MS <= seen_ms - before <= KEEP_MS:
                return True
            if before > seen_ms:
                return False
        number = seen_ms // BUCKET_MS
        if number != self._number:
            self._turn(number)
        self._seen[key] = seen_ms
        self._keys.append(key)
        if len(self._seen) > MAX_KEYS:
            self._forget(next(iter(self._buckets)))
        return False

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return what differs from the last checkpoint."""
        changed: dict[StateKey, bytes | None] = {self._name(number): None for number in self._gone}
        self._gone = set()
        for number, keys in self._buckets.items():
            flushed = self._flushed.get(number, 0)
            if flushed < len(keys):
                self._flushed[number] = len(keys)
                fresh = b"".join(self._entry(key, number) for key in keys[flushed:])
                self._stored[number] = changed[self._name(number)] = self._stored.get(number, b"") + fresh
        return changed

    def _turn(self, number: int) -> None:
        """Begin or go on with a bucket, and forget those out of reach."""
        oldest = number - KEEP_MS // BUCKET_MS
        for old in [old for old in {**self._buckets, **self._stored} if old < oldest]:
            self._forget(old)
        if self._before:
            self._before = {short: at_ms for short, at_ms in self._before.items() if at_ms // BUCKET_MS >= oldest}
        self._number = number
        self._keys = self._buckets.setdefault(number, [])

    def _forget(self, number: int) -> None:
        for key in self._buckets.pop(number, ()):
            if self._seen.get(key, -1) // BUCKET_MS == number:
                del self._seen[key]
        self._flushed.pop(number, None)
        if self._stored.pop(number, None) is not None:
            self._gone.add(number)
        if number == self._number:
            self._number = -1

    def _entry(self, key: Key, number: int) -> bytes:
        offset_ms = self._seen.get(key, -1) - number * BUCKET_MS
        # A key that came again later is filed there.
        return _short(key) + offset_ms.to_bytes(2) if 0 <= offset_ms < BUCKET_MS else b""

    def _restore(self, number: int, blob: bytes) -> None:
        self._stored[number] = blob
        for at in range(0, len(blob), ENTRY_BYTES):
            short = blob[at : at + HASH_BYTES]
            seen_ms = number * BUCKET_MS + int.from_bytes(blob[at + HASH_BYTES : at + ENTRY_BYTES])
            self._before[short] = max(seen_ms, self._before.get(short, -1))

    def _name(self, number: int) -> StateKey:
        return self._owner, f"{PREFIX}{number}"


def _short(key: Key) -> bytes:
    return blake2b(key_bytes(key), digest_size=HASH_BYTES).digest()
