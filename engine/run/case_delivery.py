"""Deliveries as a test sees them: the courier's own rules on a clock that is a number, and services that do as told.

Nothing is sent. Retries, waits and the breaker are those of core/retry.py; chance is left out (`JITTER`), so that a
test says the same every time.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.core.retry import CLOSED, Breaker, after, claimed, record
from engine.model.delivery import Delivery, DeliveryState, Outcome, Sent
from engine.model.notification import Notification
from engine.sink.outcome import http

__all__ = ["JITTER", "Deliveries"]

JITTER = 0.5
"""Retries then come 1.5 s, 4 s, 8.5 s, 17 s, 33.5 s ... after the first attempt."""


class Deliveries:
    """Messages on their way. `sent` counts by destination what a service took; records of files are taken at once."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self._waiting: dict[int, Delivery] = {}
        self._dead: list[Delivery] = []
        self._breakers: dict[str, Breaker] = {}
        self._answers: dict[str, tuple[int | None, int | None]] = {}
        self._known: set[str] = set()

    def answer(self, name: str, answer: dict[str, Any]) -> None:
        """Let a service answer so from now on, or for the next `times`."""
        self._answers[name] = (answer["status"], answer["times"])

    def add(self, notification: Notification, now_ms: int) -> None:
        """Put a message into the outbox, and send it if it may go now. One that was there before is dropped."""
        if notification.key not in self._known:
            self._known.add(notification.key)
            number = len(self._known)
            self._waiting[number] = Delivery(number, notification, DeliveryState.PENDING, 0, now_ms, now_ms)
            self.run(now_ms)

    def run(self, until_ms: int) -> None:
        """Do everything that is due until then, in the order of time."""
        while self._waiting:
            due_ms, number = min(map(self._turn, self._waiting.values()))
            if due_ms > until_ms:
                return
            self._try(self._waiting.pop(number), due_ms)

    def why(self, name: str) -> str:
        """Return what keeps messages from a destination, or empty text."""
        rows = [row for row in (*self._dead, *self._waiting.values()) if row.notification.destination == name]
        if not rows:
            return ""
        tries = f"{rows[0].tries} {'try' if rows[0].tries == 1 else 'tries'}"
        end = "given up" if rows[0].state == DeliveryState.DEAD else "still waiting; let `until` be later"
        return f"{len(rows)} not taken after {tries}: {rows[0].last_error or 'the service refused others'}; {end}"

    def _turn(self, row: Delivery) -> tuple[int, int]:
        breaker = self._breakers.get(row.notification.destination, CLOSED)
        return max(row.due_ms, breaker.until_ms), row.id

    def _try(self, row: Delivery, now_ms: int) -> None:
        name = row.notification.destination
        outcome = self._outcome(name)
        done = after(claimed(row), outcome, now_ms, JITTER)
        self._breakers[name] = record(self._breakers.get(name, CLOSED), outcome, now_ms, JITTER)
        if done.state is DeliveryState.SENT:
            self.sent[name] += 1
        elif done.state is DeliveryState.DEAD:
            self._dead.append(done)
        else:
            self._waiting[row.id] = done

    def _outcome(self, name: str) -> Outcome:
        status, times = self._answers.get(name, (None, None))
        if times is not None:
            self._answers[name] = (status, times - 1) if times > 1 else (None, None)
        return Sent() if status is None else http(name, status)
