"""What `run` needs from the rooms beside it. Adapters meet these by shape and do not import this file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from engine.model.checkpoint import Checkpoint, Commit, SourceRecord
from engine.model.delivery import Delivery, DeliveryState, Outcome
from engine.model.event import BadLine, Chunk, Gap
from engine.model.notification import Notification
from engine.model.request import Request
from engine.model.status import Status
from engine.model.summary import Answer, Spend

__all__ = ["Clock", "Sender", "Source", "Store", "SummaryLedger"]

Clock: TypeAlias = Callable[[], int]
"""Epoch milliseconds now."""


class Source(Protocol):
    """Logs being read. What `read` returned counts as read only once its `records` were committed."""

    def read(self, now_ms: int) -> Sequence[Chunk | BadLine | Gap]:
        """Return the next bounded helping of every log, oldest generation first; empty means all are at their end."""
        ...

    def records(self) -> tuple[SourceRecord, ...]:
        """Return the records that changed since the last call, as they stand after everything `read` returned."""
        ...

    def close(self) -> None:
        """Let go of every file."""
        ...


class Store(Protocol):
    """The only durable thing. Every method is one transaction; `StoreError` means nothing changed."""

    def load(self) -> Checkpoint:
        """Return what the last commit left."""
        ...

    def commit(self, commit: Commit) -> int:
        """Make one batch durable, all or nothing. Returns the outbox rows that were new."""
        ...

    def requests(self) -> list[Request]:
        """Return what operators asked and no commit has answered, oldest first."""
        ...

    def changed(self) -> bool:
        """Return whether another process has committed since the last call; costs some microseconds."""
        ...

    def destinations(self) -> tuple[str, ...]:
        """Return the destinations with pending rows."""
        ...

    def claim(self, destination: str, now_ms: int, most: int) -> list[Delivery]:
        """Move due rows PENDING -> SENDING in id order, `tries` already counted and durable."""
        ...

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Write back rows after an attempt."""
        ...

    def release(self, now_ms: int) -> list[Delivery]:
        """Move every SENDING row back to PENDING, counting a crash: their sender is gone. Returns them."""
        ...

    def next_due_ms(self) -> int | None:
        """Return the earliest due instant of a pending row."""
        ...

    def outbox(
        self, states: Sequence[DeliveryState] = (), destination: str | None = None, most: int = 100
    ) -> list[Delivery]:
        """Return rows, newest first; an empty `states` means all."""
        ...

    def row(self, delivery_id: int) -> Delivery | None:
        """Return one row."""
        ...

    def retry(self, ids: Sequence[int], now_ms: int) -> int:
        """Move these DEAD rows back to PENDING, due now, `tries` and `crashes` zero. Returns how many moved."""
        ...

    def drop(self, ids: Sequence[int]) -> int:
        """Forget these DEAD or PENDING rows; their keys stay known. Returns how many went."""
        ...

    def coalesce(self, ids: Sequence[int], into: Notification, now_ms: int) -> None:
        """Replace these PENDING rows by one; their keys stay known."""
        ...

    def prune(self, now_ms: int, sent_ms: int, dead_ms: int) -> int:
        """Forget SENT rows older than `sent_ms` and DEAD ones older than `dead_ms`; their keys stay known."""
        ...

    def status(self) -> Status:
        """Return the durable picture."""
        ...

    def close(self, *, clean: bool = True) -> None:
        """Check point, note how we left, let go of the lock."""
        ...


class SummaryLedger(Protocol):
    """What models answered and how often they were asked, durable. One caller at a time; `StoreError` as above."""

    def remembered(self, key: str) -> Answer | None:
        """Return what became of the request with this key, if it was asked before."""
        ...

    def remember(self, key: str, answer: Answer, now_ms: int) -> None:
        """Keep what became of a request. The first answer stays."""
        ...

    def spend(self, budgets: Sequence[Spend], now_ms: int) -> str | None:
        """Count one call on all of these budgets. Returns the name of one that is used up: then none was counted."""
        ...


class Sender(Protocol):
    """One way out. Exactly one attempt a call, no exception for the world's failures."""

    def send(self, delivery: Delivery) -> Outcome:
        """Try once. Blocks for at most the sender's own stated limit."""
        ...
