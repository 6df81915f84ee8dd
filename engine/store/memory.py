"""The store without a file: for tests, dry runs, rule tests and backtests.

It behaves as `sqlite.py` does, held to it by the contract tests, but nothing outlives the process. One object is both
engine and courier.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from engine.core.retry import claimed, crashed, revived
from engine.model.checkpoint import Checkpoint, Commit, SourceRecord, StateKey
from engine.model.delivery import Delivery, DeliveryState
from engine.model.errors import StoreError
from engine.model.event import BadLine, Gap
from engine.model.notification import Notification
from engine.model.request import Request
from engine.model.status import OutboxCount, Status
from engine.model.summary import Answer, Spend
from engine.store.limits import (
    BAD_LINES_KEPT,
    DECISIONS_KEPT,
    GAPS_KEPT,
    PRUNE_MOST,
    SEEN_MS,
    clip,
    refuse_too_many,
    tally,
)

__all__ = ["MemoryLedger", "MemoryOutbox", "MemoryStore"]

_OPEN: Final = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})


class MemoryOutbox:
    """The rows of the outbox, in id order, with an index of the pending ones."""

    def __init__(self) -> None:
        self._rows: dict[int, Delivery] = {}
        self._pending: defaultdict[str, set[int]] = defaultdict(set)
        self._keys: set[str] = set()
        self._seen: dict[str, int] = {}
        self._last_id = 0

    def destinations(self) -> tuple[str, ...]:
        """Return the destinations with pending rows, by name."""
        return tuple(sorted(name for name, ids in self._pending.items() if ids))

    def claim(self, destination: str, now_ms: int, most: int) -> list[Delivery]:
        """Move due rows PENDING -> SENDING in id order, `tries` already counted."""
        due = (self._rows[number] for number in sorted(self._pending.get(destination, ())))
        ready = [row for row in due if row.due_ms <= now_ms]
        return [self._put(claimed(row)) for row in ready[: max(most, 0)]]

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Write back rows after an attempt. A row that is SENT, DEAD or gone by now stays so."""
        for delivery in deliveries:
            if self._states(delivery.id, _OPEN):
                self._put(delivery)

    def release(self, now_ms: int) -> list[Delivery]:
        """Move every SENDING row back to PENDING, due now, counting a crash."""
        sending = [row for row in self._rows.values() if row.state is DeliveryState.SENDING]
        return [self._put(crashed(row, now_ms)) for row in sending]

    def next_due_ms(self) -> int | None:
        """Return the earliest due instant of a pending row."""
        return min((self._rows[number].due_ms for ids in self._pending.values() for number in ids), default=None)

    def outbox(
        self, states: Sequence[DeliveryState] = (), destination: str | None = None, most: int = 100
    ) -> list[Delivery]:
        """Return rows, newest first; an empty `states` means all."""
        wanted = frozenset(states or DeliveryState)
        found = (
            row
            for row in reversed(self._rows.values())
            if row.state in wanted and destination in (None, row.notification.destination)
        )
        return list(islice(found, max(most, 0)))

    def row(self, delivery_id: int) -> Delivery | None:
        """Return one row."""
        return self._rows.get(delivery_id)

    def retry(self, ids: Sequence[int], now_ms: int) -> int:
        """Move these DEAD rows back to PENDING as if queued now. Returns how many."""
        dead = [number for number in dict.fromkeys(ids) if self._states(number, {DeliveryState.DEAD})]
        for number in dead:
            self._put(revived(self._rows[number], now_ms))
        return len(dead)

    def drop(self, ids: Sequence[int]) -> int:
        """Forget these DEAD or PENDING rows; their keys stay known for 30 days from when they died or were due."""
        return self._forget(ids, {DeliveryState.DEAD, DeliveryState.PENDING}, None)

    def coalesce(self, ids: Sequence[int], into: Notification, now_ms: int) -> None:
        """Replace those of these rows that are still PENDING by one; their keys stay known. None left: no change.

        Errors: `StoreError` when the key of `into` is known already.
        """
        if not any(self._states(number, {DeliveryState.PENDING}) for number in ids):
            return
        if self._is_known(into.key):
            raise StoreError(f"the messages were not merged: the key {into.key!r} of the merged one is known already")
        self._forget(ids, {DeliveryState.PENDING}, now_ms + SEEN_MS)
        self._enqueue((into,), now_ms)

    def prune(self, now_ms: int, sent_ms: int, dead_ms: int) -> int:
        """Forget rows that have been SENT for `sent_ms` or DEAD for `dead_ms`, at most 1,000; their keys stay known."""
        ids: list[int] = []
        for state, age_ms in ((DeliveryState.SENT, sent_ms), (DeliveryState.DEAD, dead_ms)):
            old = [row for row in self._rows.values() if row.state is state and row.due_ms <= now_ms - age_ms]
            ids += [row.id for row in sorted(old, key=lambda row: (row.due_ms, row.id))]
        gone = self._forget(ids[:PRUNE_MOST], frozenset(DeliveryState), now_ms + SEEN_MS)
        self._seen = {key: expires_ms for key, expires_ms in self._seen.items() if expires_ms > now_ms}
        return gone

    def _states(self, number: int, states: Iterable[DeliveryState]) -> bool:
        row = self._rows.get(number)
        return row is not None and row.state in states

    def _is_known(self, key: str) -> bool:
        return key in self._keys or key in self._seen

    def _put(self, row: Delivery) -> Delivery:
        self._rows[row.id] = row
        pending = self._pending[row.notification.destination]
        (pending.add if row.state is DeliveryState.PENDING else pending.discard)(row.id)
        return row

    def _enqueue(self, notifications: Iterable[Notification], now_ms: int) -> int:
        before = self._last_id
        for note in notifications:
            if not self._is_known(note.key):
                self._last_id += 1
                self._keys.add(note.key)
                self._put(Delivery(self._last_id, note, DeliveryState.PENDING, 0, now_ms, now_ms))
        return self._last_id - before

    def _forget(self, ids: Iterable[int], states: Iterable[DeliveryState], expires_ms: int | None) -> int:
        gone = [self._rows.pop(number) for number in dict.fromkeys(ids) if self._states(number, states)]
        for row in gone:
            self._pending[row.notification.destination].discard(row.id)
            self._keys.remove(row.notification.key)
            last_ms = max(row.created_ms, row.due_ms)
            self._seen[row.notification.key] = last_ms + SEEN_MS if expires_ms is None else expires_ms
        return len(gone)


class MemoryLedger:
    """Answers of language models by request key, and budgets by local day."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[int, Answer]] = {}
        self._calls: Counter[tuple[str, str]] = Counter()

    def remembered(self, key: str) -> Answer | None:
        """Return what became of the request with this key, if it was asked before."""
        found = self._answers.get(key)
        return found[1] if found else None

    def remember(self, key: str, answer: Answer, now_ms: int) -> None:
        """Keep what became of a request. The first answer stays."""
        self._answers.setdefault(key, (now_ms, answer))

    def spend(self, budgets: Sequence[Spend], now_ms: int) -> str | None:
        """Count one call on all of these budgets. Returns the name of one that is used up: then none was counted."""
        for day, name, most in budgets:
            if self._calls[day, name] >= most:
                return name
        self._calls.update((day, name) for day, name, _ in budgets)
        return None

    def forget(self, before_ms: int) -> None:
        """Forget answers written until then."""
        self._answers = {key: kept for key, kept in self._answers.items() if kept[0] > before_ms}


class MemoryStore(MemoryOutbox):
    """Everything a state folder would hold. `close` and a new `load` stand for a restart."""

    def __init__(self) -> None:
        super().__init__()
        self._sources: dict[str, SourceRecord] = {}
        self._values: dict[StateKey, bytes] = {}
        self._counters: Counter[str] = Counter()
        self._bad_lines: deque[BadLine] = deque(maxlen=BAD_LINES_KEPT)
        self._gaps: deque[Gap] = deque(maxlen=GAPS_KEPT)
        # By ring: (instant of the commit, at_ms, JSON text).
        self._decisions: defaultdict[str, deque[tuple[int, int, str]]] = defaultdict(
            lambda: deque(maxlen=DECISIONS_KEPT)
        )
        self.summaries = MemoryLedger()
        self._requests: dict[int, Request] = {}
        self._asked = 0
        self._last_commit_ms: int | None = None
        self._clean = True
        self._changed = False

    def load(self) -> Checkpoint:
        """Return what the last commit left. The run then counts as unclean until `close`."""
        checkpoint = Checkpoint(tuple(self._sources.values()), dict(self._values), self._clean)
        self._clean = False
        return checkpoint

    def commit(self, commit: Commit) -> int:
        """Take over one batch. Returns the outbox rows that were new."""
        self._sources |= {record.uid: record for record in commit.sources}
        for key, value in commit.states.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        self._counters.update(tally(commit))
        self._bad_lines.extend(map(clip, commit.bad_lines))
        self._gaps.extend(commit.gaps)
        for ring, at_ms, body in commit.decisions:
            self._decisions[ring].append((commit.now_ms, at_ms, body))
        for number in commit.answered:
            self._requests.pop(number, None)
        self._last_commit_ms = commit.now_ms
        self._changed = True
        return self._enqueue(commit.notifications, commit.now_ms)

    def ask(self, request: Request) -> None:
        """Leave a request for the next commit that answers it. Errors: `StoreError` when 1,000 wait already."""
        refuse_too_many(len(self._requests))
        self._asked += 1
        self._requests[self._asked] = replace(request, id=self._asked)
        self._changed = True

    def requests(self) -> list[Request]:
        """Return the requests that no commit has answered, oldest first."""
        return list(self._requests.values())

    def decisions(self, ring: str) -> list[tuple[int, str]]:
        """Return (at_ms, JSON text) of the ring's last decisions, newest first."""
        return [(at_ms, body) for _, at_ms, body in reversed(self._decisions.get(ring, ()))]

    def prune(self, now_ms: int, sent_ms: int, dead_ms: int) -> int:
        """Forget old rows as `MemoryOutbox` does, decisions written `dead_ms` ago and summaries of `sent_ms` ago."""
        self.summaries.forget(now_ms - sent_ms)
        for ring in self._decisions.values():
            while ring and ring[0][0] <= now_ms - dead_ms:
                ring.popleft()
        return super().prune(now_ms, sent_ms, dead_ms)

    def status(self) -> Status:
        """Return the whole picture."""
        return Status(
            sources=tuple(self._sources.values()),
            outbox=self._outbox_counts(),
            counters=dict(sorted(self._counters.items())),
            bad_lines=tuple(reversed(self._bad_lines)),
            gaps=tuple(reversed(self._gaps)),
            last_commit_ms=self._last_commit_ms,
            clean=self._clean,
        )

    def changed(self) -> bool:
        """Return whether there was a commit since the last call."""
        before, self._changed = self._changed, False
        return before

    def close(self, *, clean: bool = True) -> None:
        """Note how we left: without `clean`, the mark that `load` set stands."""
        self._clean = self._clean or clean

    def _outbox_counts(self) -> tuple[OutboxCount, ...]:
        by_name: defaultdict[str, list[Delivery]] = defaultdict(list)
        for row in self._rows.values():
            by_name[row.notification.destination].append(row)
        return tuple(_count(name, by_name[name]) for name in sorted(by_name))


def _count(destination: str, rows: Sequence[Delivery]) -> OutboxCount:
    waiting = [row.created_ms for row in rows if row.state in _OPEN]
    states = Counter(row.state for row in rows)
    return OutboxCount(
        destination=destination,
        pending=len(waiting),
        sent=states[DeliveryState.SENT],
        dead=states[DeliveryState.DEAD],
        oldest_pending_ms=min(waiting, default=None),
        last_error=next((row.last_error for row in reversed(rows) if row.last_error), ""),
    )
