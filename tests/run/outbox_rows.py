"""Messages for an outbox, and a courier that can be driven by a number."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from engine.model.checkpoint import Commit
from engine.model.delivery import Delivery, DeliveryState, Outcome
from engine.model.notification import Notification
from engine.model.route import Destination
from engine.run.courier_lane import MakeSender
from engine.run.deliver import Courier, Terms
from engine.run.ports import Sender, Store
from engine.sink.recorder import RecorderSender

START_MS = 1_700_000_000_000


def note(number: int, destination: str = "me", rule: str = "slack-open", body: str = "") -> Notification:
    return Notification(
        key=f"key-{destination}-{number:06d}",
        firing=f"firing-{number}",
        rule=rule,
        group=None,
        destination=destination,
        title=f"message {number}",
        body=body or f"body {number}",
        severity="info",
        at_ms=START_MS + number,
    )


def enqueue(store: Store, *notes: Notification, now_ms: int = START_MS) -> None:
    store.commit(Commit(now_ms=now_ms, notifications=notes))


def to(*destinations: Destination) -> dict[str, Destination]:
    return {destination.name: destination for destination in destinations}


def making(senders: Mapping[str, Sender]) -> MakeSender:
    return lambda destination: senders[destination.name]


def states(store: Store, destination: str | None = None) -> list[DeliveryState]:
    """Oldest first."""
    return [row.state for row in rows(store, destination)]


def rows(store: Store, destination: str | None = None) -> list[Delivery]:
    return store.outbox((), destination, 1_000_000)[::-1]


class Driven:
    """A courier whose time is the number `now_ms`; its sends are real threads."""

    def __init__(
        self,
        store: Store,
        destinations: Mapping[str, Destination],
        senders: Mapping[str, Sender],
        terms: Terms | None = None,
        make_sender: MakeSender | None = None,
    ) -> None:
        self.now_ms = START_MS
        self.store = store
        self.courier = Courier(
            store, destinations, make_sender or making(senders), lambda: self.now_ms, terms or Terms()
        )
        self.courier.open()

    def settle(self) -> None:
        """Step until nothing more happens at this instant."""
        before = -1
        while before != (before := self._done()) or self.courier.in_flight():
            self.courier.step()
            deadline = time.monotonic() + 5
            while self.courier.in_flight() and time.monotonic() < deadline:
                self.courier.wait(20)
                self.courier.step()
            assert not self.courier.in_flight(), "a sender of this test does not return"

    def _done(self) -> int:
        return sum(row.tries for row in self.store.outbox((), None, 1_000_000)) + self.courier.counts.dead

    def advance(self, by_ms: int) -> None:
        self.now_ms += by_ms
        self.courier.wake()
        self.courier.wait(1)
        self.settle()


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Return when the condition holds. Errors: `TimeoutError`."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.005)


class Blocked:
    """A sender that keeps every message until `release` is set."""

    def __init__(self, wait: Callable[[], object], outcome: Outcome) -> None:
        self.began = RecorderSender()
        self._wait = wait
        self._outcome = outcome

    def send(self, delivery: Delivery) -> Outcome:
        self.began.send(delivery)
        self._wait()
        return self._outcome
