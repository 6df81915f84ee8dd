"""The courier: takes due rows from the outbox, has them sent, and writes down what came of it.

One thread, the caller's, talks to the store; one thread or four a destination send (`courier_lane`). They meet in one
queue. A row's try is durable before its send begins and its outcome is settled when the answer is in, so a crash
repeats at most what was under way. `engine deliver` is this module in a process of its own (`courier_serve`).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from engine.core.retry import after, after_crash, bury
from engine.model.delivery import Delivery, DeliveryState, Outcome, Temporary
from engine.model.errors import StoreError
from engine.model.route import Destination
from engine.run.courier_backlog import BACKLOG_ROWS, digests
from engine.run.courier_lane import Answers, Finished, Lane, MakeSender
from engine.run.ports import Clock, Store

__all__ = ["TERMS", "Counts", "Courier", "Terms", "run_once", "steady_ms"]

_log = logging.getLogger("engine.deliver")

# Other processes' commits wake the courier by its pipe; this is for the wake-up that got lost.
_POLL_MS = 500
_TEND_MS = 10_000
_PRUNE_MS = 3_600_000
# What a store forgets in one call at most.
_PRUNE_MOST = 1_000
_RECORD = "record:"
# A line of data is as good next week; a message is not.
_FOREVER_MS = 100 * 365 * 86_400_000


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things are kept and waited for. Units: milliseconds; `pending` rows a destination."""

    keep_sent_ms: int = 7 * 86_400_000
    keep_dead_ms: int = 30 * 86_400_000
    pending: int = 10_000
    grace_ms: int = 10_000
    hung_ms: int = 90_000
    store_ms: int = 60_000


TERMS: Final = Terms()


@dataclass(slots=True)
class Counts:
    """What a courier did: messages taken, messages in the dead letter, rows still waiting (set at the end)."""

    sent: int = 0
    dead: int = 0
    left: int = 0


def steady_ms() -> int:
    """Return milliseconds of a clock that never jumps and stands still while the machine sleeps."""
    return time.monotonic_ns() // 1_000_000


class Courier:
    """Moves rows from PENDING to SENT or DEAD. Call `open`, then `step` and `wait` in turn, then `finish`.

    Errors: `StoreError` from `step` once the store has refused for `Terms.store_ms`; until then it is tried again.
    """

    def __init__(
        self,
        store: Store,
        destinations: Mapping[str, Destination],
        make_sender: MakeSender,
        clock: Clock,
        terms: Terms = TERMS,
    ) -> None:
        self.counts = Counts()
        self._store = store
        self._destinations = destinations
        self._make_sender = make_sender
        self._clock = clock
        self._terms = terms
        self._lanes: dict[str, Lane] = {}
        self._answers: Answers = SimpleQueue()
        self._finished: list[Finished] = []
        self._unsettled: list[Delivery] = []
        self._tend_at_ms = 0
        self._prune_at_ms = 0
        self._refused_since_ms: int | None = None

    def open(self) -> None:
        """Take back what a dead courier had under way; a row that saw three of them die is given up."""
        now_ms = self._clock()
        freed = self._store.release(now_ms)
        given_up = [row for row in (after_crash(row, now_ms) for row in freed) if row.state is DeliveryState.DEAD]
        self._settle(given_up)

    def wake(self) -> None:
        """End the current `wait`, or the next one, and look at every destination. Safe in any thread and signal."""
        self._answers.put(None)

    def in_flight(self) -> list[Delivery]:
        """Return the rows being sent."""
        return [delivery for lane in self._lanes.values() for delivery, _ in lane.busy.values()]

    def step(self) -> None:
        """Write down what came back, then hand out what is due. Never waits for a send."""
        now_ms = self._clock()
        try:
            self._note_answers(now_ms)
            self._tend(now_ms)
            self._hand_out(now_ms)
        except StoreError as error:
            self._refused(error, now_ms)
        else:
            self._refused_since_ms = None

    def wait(self, most_ms: int = _POLL_MS) -> None:
        """Return when a send came back, when woken, when something is due, or after `most_ms`."""
        seconds = max(0, min(most_ms, self._idle_ms())) / 1000
        try:
            answer = self._answers.get(timeout=seconds) if seconds else self._answers.get_nowait()
            while True:
                self._heard(answer)
                answer = self._answers.get_nowait()
        except Empty:
            return

    def hung(self) -> list[Delivery]:
        """Return what has been under way for longer than any sender may take."""
        before = steady_ms() - self._terms.hung_ms
        return [delivery for lane in self._lanes.values() for delivery in lane.overdue(before)]

    def give_up_on(self, deliveries: Sequence[Delivery], reason: str) -> None:
        """Settle sends whose answer is no longer awaited as failed for now; they may arrive all the same.

        Their threads stay stuck, so this is for the end of a process.
        """
        now_ms = self._clock()
        outcome = Temporary(reason)
        self._settle([self._after(row, outcome, now_ms) for row in deliveries])
        for lane in self._lanes.values():
            lane.busy = {number: entry for number, entry in lane.busy.items() if entry[0] not in deliveries}

    def finish(self) -> None:
        """Wait for what is under way, at most `Terms.grace_ms`, and settle it. Nothing new is handed out."""
        until_ms = steady_ms() + self._terms.grace_ms
        while self.in_flight() and steady_ms() < until_ms:
            self.wait(until_ms - steady_ms())
            self._note_answers(self._clock())
        self._note_answers(self._clock())
        self.give_up_on(self.in_flight(), "stopped while it was being sent")
        for lane in self._lanes.values():
            lane.close()
        self.counts.left = sum(count.pending for count in self._store.status().outbox)

    def next_ms(self) -> int | None:
        """Return when something can go out at the earliest; None when nothing waits."""
        now_ms = self._clock()
        due_ms = self._store.next_due_ms()
        if due_ms is None:
            return None
        opens = [lane.opens_ms(now_ms) for name in self._store.destinations() if (lane := self._lane(name))]
        return max(due_ms, min(opens, default=now_ms))

    def _heard(self, answer: Finished | None) -> None:
        if answer is not None:
            self._finished.append(answer)
            return
        for lane in self._lanes.values():
            lane.quiet_until_ms = 0

    def _note_answers(self, now_ms: int) -> None:
        """Settle finished sends in one transaction; those of a transaction that failed are tried with the next."""
        finished_sends, self._finished = self._finished, []
        for finished in finished_sends:
            if finished.lane.finish(finished, now_ms, random.random()):
                self._unsettled.append(self._after(finished.delivery, finished.outcome, now_ms))
        self._settle([])

    def _settle(self, rows: list[Delivery]) -> None:
        self._unsettled += rows
        if not self._unsettled:
            return
        self._store.settle(self._unsettled)
        for row in self._unsettled:
            self.counts.sent += row.state is DeliveryState.SENT
            self.counts.dead += row.state is DeliveryState.DEAD
            _tell(row)
        self._unsettled = []

    def _after(self, row: Delivery, outcome: Outcome, now_ms: int) -> Delivery:
        max_age_ms = self._lanes[row.notification.destination].destination.max_age_ms
        return after(row, outcome, now_ms, random.random(), max_age_ms=max_age_ms)

    def _hand_out(self, now_ms: int) -> None:
        for name in self._store.destinations():
            lane = self._lane(name)
            if lane is None:
                self._bury_unknown(name, now_ms)
            elif now_ms >= lane.quiet_until_ms and (room := lane.room(now_ms)):
                self._fill(lane, name, room, now_ms)

    def _fill(self, lane: Lane, name: str, room: int, now_ms: int) -> None:
        rows = self._store.claim(name, now_ms, room)
        for row in rows:
            if now_ms - row.created_ms > lane.destination.max_age_ms:
                hours = lane.destination.max_age_ms / 3_600_000
                self._settle([bury(row, f"it waited longer than {hours:g} h; raise max_age or look at why", now_ms)])
                self.wake()
            else:
                lane.send(row, now_ms, steady_ms())
        if not rows:
            due_ms = self._store.next_due_ms()
            lane.quiet_until_ms = now_ms + _POLL_MS if due_ms is None or due_ms <= now_ms else due_ms

    def _lane(self, name: str) -> Lane | None:
        """Return the destination's lane; None if nobody knows the name."""
        if name not in self._lanes:
            known = self._destinations.get(name)
            if known is None and name.startswith(_RECORD):
                known = Destination(name, "record", max_age_ms=_FOREVER_MS)
            if known is None and name == "console":
                known = Destination(name, "console")
            if known is None:
                return None
            self._lanes[name] = Lane(known, self._make_sender, self._answers)
        return self._lanes[name]

    def _bury_unknown(self, name: str, now_ms: int) -> None:
        reason = "engine.yaml has no such destination; add it, then run `engine outbox retry`"
        while rows := self._store.claim(name, now_ms, 100):
            self._settle([bury(row, reason, now_ms) for row in rows])

    def _tend(self, now_ms: int) -> None:
        if now_ms >= self._prune_at_ms:
            gone = self._store.prune(now_ms, self._terms.keep_sent_ms, self._terms.keep_dead_ms)
            self._prune_at_ms = now_ms + (_TEND_MS if gone >= _PRUNE_MOST else _PRUNE_MS)
        if now_ms >= self._tend_at_ms:
            self._tend_at_ms = now_ms + _TEND_MS
            for count in self._store.status().outbox:
                if count.pending > min(BACKLOG_ROWS, self._terms.pending):
                    self._merge(count.destination, now_ms)

    def _merge(self, name: str, now_ms: int) -> None:
        """Put digests in place of a backlog; lines of a record file are data and stay as they are."""
        if name.startswith(_RECORD):
            return
        rows = self._store.outbox((DeliveryState.PENDING,), name, 1_000_000)
        for digest in digests(rows[::-1], now_ms, self._terms.pending):
            self._store.coalesce(digest.ids, digest.notification, now_ms)
            _log.warning("%s: %d waiting messages of a rule became one", name, len(digest.ids))

    def _idle_ms(self) -> int:
        """Return how long nothing is to be done unless somebody calls."""
        now_ms = self._clock()
        instants = [self._tend_at_ms]
        for lane in self._lanes.values():
            instants.append(max(lane.opens_ms(now_ms), lane.quiet_until_ms))
        return max(1, min((at_ms for at_ms in instants if at_ms > now_ms), default=now_ms + _POLL_MS) - now_ms)

    def _refused(self, error: StoreError, now_ms: int) -> None:
        if self._refused_since_ms is None:
            self._refused_since_ms = now_ms
            _log.error("the outbox cannot be written, trying again: %s", error)
        if now_ms - self._refused_since_ms >= self._terms.store_ms:
            raise error


def run_once(
    store: Store,
    destinations: Mapping[str, Destination],
    make_sender: MakeSender,
    clock: Clock,
    limit_ms: int,
    terms: Terms = TERMS,
) -> Counts:
    """Send what is due, wait for retries up to the limit, return what became of it.

    Ends before the limit when nothing is left or nothing more can go out within it.
    """
    courier = Courier(store, destinations, make_sender, clock, terms)
    courier.open()
    end_ms = clock() + limit_ms
    while True:
        courier.step()
        next_ms = courier.next_ms()
        if not courier.in_flight() and (next_ms is None or next_ms > end_ms):
            break
        if clock() >= end_ms:
            break
        courier.wait(min(_POLL_MS, end_ms - clock()))
    courier.finish()
    return courier.counts


def _tell(row: Delivery) -> None:
    """Log what a person should know of: the first failure of a message, and its end in the dead letter."""
    name = row.notification.destination
    if row.state is DeliveryState.DEAD:
        _log.error("%s: message %d goes to the dead letter: %s", name, row.id, row.last_error)
    elif row.state is DeliveryState.PENDING and row.tries == 1:
        _log.warning("%s: message %d will be tried again: %s", name, row.id, row.last_error)
