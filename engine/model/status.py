"""What `engine status` tells, read from the store in one go."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.model.checkpoint import SourceRecord
from engine.model.event import BadLine, Gap

__all__ = ["OutboxCount", "Status"]


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """The rows of one destination. Units: `oldest_pending_ms` is the creation instant of the oldest, if any."""

    destination: str
    pending: int
    sent: int
    dead: int
    oldest_pending_ms: int | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The whole durable picture. Shape: `counters` as summed from all commits; newest bad lines and gaps first."""

    sources: tuple[SourceRecord, ...] = ()
    outbox: tuple[OutboxCount, ...] = ()
    counters: dict[str, int] = field(default_factory=dict)
    bad_lines: tuple[BadLine, ...] = ()
    gaps: tuple[Gap, ...] = ()
    last_commit_ms: int | None = None
    clean: bool = True
    holder: str = ""
