"""One destination as the courier sees it: the threads that send to it, its pace and its breaker.

A lane is used by the courier's thread alone; its own threads only send, and answer through one shared queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeAlias

from engine.core.retry import CLOSED, Breaker, record, window
from engine.model.delivery import Delivery, Outcome, Temporary
from engine.model.route import Destination
from engine.run.ports import Sender
from engine.sink.services import pace_ms

__all__ = ["Answers", "Finished", "Lane", "MakeSender"]

MakeSender: TypeAlias = Callable[[Destination], Sender]
"""Called in the thread that will send, so that a slow import delays nobody else."""

# Sends under way at once where order does not matter.
_WIDE = 4


@dataclass(frozen=True, slots=True)
class Finished:
    """A send that came back, and how."""

    lane: Lane
    delivery: Delivery
    outcome: Outcome


Answers: TypeAlias = "SimpleQueue[Finished | None]"
"""Where sends report; None means only: look again."""


class Lane:
    """Sends to one destination, one message at a time if it is ordered, else four.

    `quiet_until_ms` is when it is worth looking for rows again, after a look that found none.
    """

    def __init__(
        self, destination: Destination, make_sender: MakeSender, answers: SimpleQueue[Finished | None]
    ) -> None:
        self.destination = destination
        self.breaker: Breaker = CLOSED
        self.quiet_until_ms = 0
        self.busy: dict[int, tuple[Delivery, int]] = {}
        self._make_sender = make_sender
        self._answers = answers
        self._work: SimpleQueue[Delivery | None] = SimpleQueue()
        self._width = 1 if destination.ordered else _WIDE
        self._threads = 0
        self._pace_ms = pace_ms(destination)
        self._next_ms = 0

    def room(self, now_ms: int) -> int:
        """Return how many rows may be taken on now."""
        if now_ms < self._next_ms:
            return 0
        free = window(self.breaker, now_ms, self._width) - len(self.busy)
        return max(0, min(free, 1) if self._pace_ms else free)

    def opens_ms(self, now_ms: int) -> int:
        """Return when pace and breaker let something out again; `now_ms` if they do."""
        return max(now_ms, self._next_ms, self.breaker.until_ms)

    def send(self, delivery: Delivery, now_ms: int, steady_ms: int) -> None:
        """Begin one send. Units: `steady_ms` is of a clock that never jumps."""
        self.busy[delivery.id] = (delivery, steady_ms)
        self._next_ms = now_ms + self._pace_ms
        if self._threads < len(self.busy):
            self._threads += 1
            threading.Thread(target=self._serve, name=f"send:{self.destination.name}", daemon=True).start()
        self._work.put(delivery)

    def finish(self, finished: Finished, now_ms: int, jitter: float) -> bool:
        """Note how a send went. False: it was given up meanwhile, and its row is settled."""
        if self.busy.get(finished.delivery.id, (None,))[0] is not finished.delivery:
            return False
        del self.busy[finished.delivery.id]
        self.breaker = record(self.breaker, finished.outcome, now_ms, jitter)
        self.quiet_until_ms = 0
        return True

    def overdue(self, before_steady_ms: int) -> list[Delivery]:
        """Return what has been under way since before that instant."""
        return [delivery for delivery, since_ms in self.busy.values() if since_ms <= before_steady_ms]

    def close(self) -> None:
        """Let idle threads end."""
        for _ in range(self._threads):
            self._work.put(None)

    def _serve(self) -> None:
        sender: Sender | None = None
        while (delivery := self._work.get()) is not None:
            try:
                sender = sender or self._make_sender(self.destination)
                outcome = sender.send(delivery)
            except Exception as error:  # noqa: BLE001 - the one place around a plug-in; its text may hold secrets
                outcome = Temporary(f"{self.destination.kind}: the sender failed ({type(error).__name__})")
            self._answers.put(Finished(self, delivery, outcome))
