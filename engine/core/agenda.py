"""One heap of wake-ups: who wants to be called, and when.

Invariant: each key has at most one wake-up, its earliest; what was superseded never comes out.
"""

from __future__ import annotations

import heapq
from typing import TypeAlias

__all__ = ["Agenda", "Appointment"]

Appointment: TypeAlias = tuple[int, int, str]
"""(number of the rule, sort of work, group): at one instant they come in this order, so rules go as in the file."""

# The heap is made anew when most of it is superseded; below this size nobody minds.
_SMALL = 64


class Agenda:
    """Appointments by time. Shape: `heap` has (instant, *appointment), the first entry being the earliest or stale."""

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, int, str]] = []
        self._due: dict[Appointment, int] = {}

    @property
    def wake_at_ms(self) -> int | None:
        """When the next appointment is; None without any."""
        while self.heap and self._due.get(self.heap[0][1:]) != self.heap[0][0]:
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def wake(self, who: Appointment, at_ms: int | None) -> None:
        """Make an appointment unless there is none to make, or an earlier one stands."""
        if at_ms is None or at_ms >= self._due.get(who, at_ms + 1):
            return
        self._due[who] = at_ms
        heapq.heappush(self.heap, (at_ms, *who))
        if len(self.heap) > 2 * len(self._due) + _SMALL:
            self.heap[:] = [(due_ms, *known) for known, due_ms in self._due.items()]
            heapq.heapify(self.heap)

    def cancel(self, who: Appointment) -> None:
        """Forget an appointment, if there is one."""
        self._due.pop(who, None)

    def take(self, now_ms: int) -> tuple[int, Appointment] | None:
        """Take out the earliest appointment that is due by now, with its own instant."""
        due_ms = self.wake_at_ms
        if due_ms is None or due_ms > now_ms:
            return None
        _, number, sort, group = heapq.heappop(self.heap)
        del self._due[number, sort, group]
        return due_ms, (number, sort, group)
