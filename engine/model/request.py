"""What an operator asks of the engine, handed over through the state file so that it works while none runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Request", "RequestKind"]

RequestKind: TypeAlias = Literal["ack", "snooze"]


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody has seen a rule's incidents (`ack`), or wants no messages of it for a while (`snooze`).

    `group` None means every group. Units: `at_ms` is when it was asked; a snooze lasts until `until_ms`, and one that
    ends at `at_ms` takes an earlier one back. `id` is the store's, 0 before it has one.
    """

    kind: RequestKind
    rule: str
    at_ms: int
    group: str | None = None
    until_ms: int | None = None
    id: int = 0
