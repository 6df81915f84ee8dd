"""What is durable: the read positions, the states and the outbox, moved together by one `Commit`."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.model.event import BadLine, Gap
from engine.model.notification import Notification

__all__ = ["Checkpoint", "Commit", "Decided", "SourceRecord", "StateKey"]

StateKey = tuple[str, str]
"""(owner, key): a rule's fingerprinted name and a group, or a name of the core's own and a stream."""

Decided = tuple[str, int, str]
"""(ring, at_ms, JSON text): one decision record (core/decision.py) and the bounded ring it belongs to."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """How far one log was read, and how to recognise it again (docs/operations.md, Identity of a log).

    `uid` is a hash of file name and first line, with a counter where two logs share it; `generation` counts
    truncations; `guard` is the up to 64 bytes before `offset`, `head_hash` covers the first `head_len` bytes.
    `skipping` says the offset lies inside a line that is too long. Units: `line_no` lines end before `offset`.
    """

    uid: str
    path: str
    device: int
    inode: int
    generation: int
    offset: int
    line_no: int
    head_len: int
    head_hash: str
    guard: bytes
    skipping: bool = False
    boot_id: str = ""
    status: str = "live"
    seen_ms: int = 0

    @property
    def log(self) -> str:
        """The name of this generation of this file, as it stands in every `Position`."""
        return f"{self.uid}:{self.generation}"


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one batch changed. `states` maps to None what is to be forgotten.

    `wakes` mirrors `states` with the instant a state wants to be woken; `counters` are increments;
    `seen_ms` is the arrival time of the newest line, for `engine status`. `decisions` go to the bounded rings that
    answer "why did it not fire". `answered` are the ids of the requests that this batch did.
    """

    now_ms: int
    sources: tuple[SourceRecord, ...] = ()
    states: dict[StateKey, bytes | None] = field(default_factory=dict)
    notifications: tuple[Notification, ...] = ()
    bad_lines: tuple[BadLine, ...] = ()
    gaps: tuple[Gap, ...] = ()
    counters: dict[str, int] = field(default_factory=dict)
    decisions: tuple[Decided, ...] = ()
    answered: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a start finds: all source records and all states. `clean` says the last run ended in order."""

    sources: tuple[SourceRecord, ...] = ()
    states: dict[StateKey, bytes] = field(default_factory=dict)
    clean: bool = True
