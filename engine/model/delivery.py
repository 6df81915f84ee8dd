"""The life of one outbox row, and what one attempt came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from engine.model.notification import Notification

__all__ = ["Delivery", "DeliveryState", "Outcome", "Permanent", "Sent", "Temporary"]


class DeliveryState(StrEnum):
    """Where a row stands; the legal moves are the table in core/retry.py."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outbox row. Units: `created_ms`, `due_ms` are epoch instants.

    `tries` counts attempts begun, `crashes` those of them during which the sending process died.
    """

    id: int
    notification: Notification
    state: DeliveryState
    tries: int
    created_ms: int
    due_ms: int
    crashes: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The service took the message."""


@dataclass(frozen=True, slots=True)
class Temporary:
    """It may work later. `retry_after_ms` is the service's own wish, when it told one."""

    reason: str
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Permanent:
    """It will never work as it is. `pause` says that the destination itself is gone or refuses us (401, 404)."""

    reason: str
    pause: bool = False


Outcome: TypeAlias = Sent | Temporary | Permanent
