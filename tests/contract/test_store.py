"""What every store promises, asked of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

import pytest

from engine.core import retry
from engine.model.checkpoint import Checkpoint, Commit, SourceRecord
from engine.model.delivery import Delivery, DeliveryState, Outcome, Permanent, Sent, Temporary
from engine.model.errors import StoreError
from engine.model.event import BadLine, Gap, Position
from engine.model.notification import Notification
from engine.model.request import Request
from engine.run.ports import Store
from engine.store.limits import BAD_LINES_KEPT, DECISIONS_KEPT, GAPS_KEPT, PRUNE_MOST, REQUESTS_KEPT, SEEN_MS
from engine.store.memory import MemoryStore
from engine.store.sqlite import SqliteStore

NOW = 1_760_000_000_000
PENDING, SENDING, SENT, DEAD = DeliveryState


class FullStore(Store, Protocol):
    """The port, and what both stores offer beyond it."""

    def ask(self, request: Request) -> None: ...

    def decisions(self, ring: str) -> list[tuple[int, str]]: ...


class Pair:
    """A state folder as it is used: an engine and a courier, each with a connection of its own."""

    def __init__(self, directory: Path) -> None:
        self.engine = SqliteStore.open(str(directory), role="engine", now_ms=NOW)
        self.courier = SqliteStore.open(str(directory), role="courier", now_ms=NOW)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.courier if name in {"claim", "settle", "release", "changed"} else self.engine, name)

    def close(self, *, clean: bool = True) -> None:
        self.courier.close(clean=clean)
        self.engine.close(clean=clean)


class Memory(MemoryStore):
    """Named apart from the class under test so that both fixtures are made alike."""

    def __init__(self, directory: Path) -> None:
        super().__init__()


Maker = Callable[[Path], FullStore]


@pytest.fixture(params=[Pair, Memory])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FullStore]:
    made = cast(Maker, request.param)(tmp_path / "state")
    yield made
    made.close()


def note(key: str, destination: str = "me", body: str = "text") -> Notification:
    return Notification(key, f"f-{key}", "rule", None, destination, "title", body, "info", NOW - 5)


def queue(store: FullStore, *keys: str, now_ms: int = NOW, destination: str = "me") -> int:
    return store.commit(Commit(now_ms, notifications=tuple(note(key, destination) for key in keys)))


def keys(deliveries: list[Delivery]) -> list[str]:
    return [delivery.notification.key for delivery in deliveries]


def settle(store: FullStore, outcome: Outcome, now_ms: int = NOW) -> list[Delivery]:
    settled = [retry.after(row, outcome, now_ms, 0.5) for row in store.claim("me", now_ms, 10)]
    store.settle(settled)
    return settled


def source(uid: str = "u", offset: int = 0) -> SourceRecord:
    return SourceRecord(uid, "/logs/events.jsonl", 2**64 - 1, 2**64 - 2, 0, offset, 1, 10, "ab", b"\x00\xff\n")


def test_both_meet_the_port(store: FullStore) -> None:
    def ports(sqlite: SqliteStore, memory: MemoryStore) -> tuple[Store, Store]:
        return sqlite, memory  # the type checker is the test

    assert all(callable(getattr(store, name)) for name in vars(Store) if not name.startswith("_"))
    assert ports.__annotations__["return"] == "tuple[Store, Store]"


def test_a_new_store_is_empty_and_clean(store: FullStore) -> None:
    assert store.load() == Checkpoint()
    assert (store.outbox(), store.destinations(), store.next_due_ms(), store.row(1)) == ([], (), None, None)
    assert store.status().last_commit_ms is None


def test_load_returns_what_was_committed(store: FullStore) -> None:
    first, second = source("a", 1), source("b", 2)
    store.commit(Commit(NOW, (first, second), {("r", "g"): b"1", ("r", "h"): b"2"}))
    store.commit(Commit(NOW + 1, (replace(first, offset=9, skipping=True),), {("r", "g"): b"\x00", ("r", "h"): None}))
    checkpoint = store.load()
    assert checkpoint.sources == (replace(first, offset=9, skipping=True), second)
    assert checkpoint.states == {("r", "g"): b"\x00"}
    assert store.status().last_commit_ms == NOW + 1


def test_a_run_is_unclean_from_load_to_close(store: FullStore) -> None:
    assert store.load().clean
    assert not store.status().clean
    assert not store.load().clean


def test_hostile_text_comes_back_as_it_was(store: FullStore) -> None:
    odd = "\x00 lone \ud800 'quote'; -- \u202e \U0001f600"
    wild = Notification(odd, odd, odd, odd, odd, odd, odd, "critical", -(2**70), 2**70)
    line = BadLine(Position("l:0", 2**63), odd, 3, "not-utf8", 2**64, bytes(range(256)))
    gap = Gap("l:0", odd, 2**64, None, "truncated")
    store.commit(
        Commit(
            NOW,
            (replace(source(), path=odd),),
            {(odd, odd): b""},
            (wild,),
            (line,),
            (gap,),
            {odd: 1},
            ((odd, 2**70, odd),),
        )
    )
    status = store.status()
    assert (status.sources[0].path, status.bad_lines, status.gaps) == (odd, (line,), (gap,))
    assert (status.counters[odd], store.load().states) == (1, {(odd, odd): b""})
    assert store.decisions(odd) == [(2**70, odd)]
    assert store.destinations() == (odd,)
    [row] = store.claim(odd, NOW, 1)
    assert row.notification == wild
    store.settle([retry.after(row, Temporary(odd), NOW, 0.0)])
    assert [row.last_error for row in store.outbox(destination=odd)] == [odd]


def test_a_known_key_is_not_queued_again(store: FullStore) -> None:
    assert queue(store, "a", "b", "a") == 2
    assert queue(store, "b", "c", now_ms=NOW + 1) == 1
    assert [(row.id, row.created_ms) for row in store.outbox()] == [(3, NOW + 1), (2, NOW), (1, NOW)]


def test_claim_takes_due_rows_in_order_and_counts_the_try(store: FullStore) -> None:
    queue(store, "a", "b", "c")
    queue(store, "x", destination="other")
    taken = store.claim("me", NOW, 2)
    assert [(keys([row])[0], row.state, row.tries) for row in taken] == [("a", SENDING, 1), ("b", SENDING, 1)]
    assert store.row(taken[0].id) == taken[0]
    assert keys(store.claim("me", NOW, 5)) == ["c"]
    assert store.claim("me", NOW, 5) == store.claim("me", NOW, 0) == store.claim("nobody", NOW, 5) == []
    assert store.destinations() == ("other",)


def test_a_row_is_not_claimed_before_it_is_due(store: FullStore) -> None:
    queue(store, "a")
    [row] = settle(store, Temporary("busy", retry_after_ms=60_000))
    assert (row.due_ms, store.next_due_ms()) == (NOW + 60_000, NOW + 60_000)
    assert store.claim("me", NOW + 59_999, 5) == []
    assert [row.tries for row in store.claim("me", NOW + 60_000, 5)] == [2]


def test_a_settled_row_stays_settled(store: FullStore) -> None:
    queue(store, "a")
    [row] = settle(store, Sent(), NOW + 3)
    assert (row.state, row.due_ms) == (SENT, NOW + 3)
    store.settle([replace(row, state=PENDING)])
    assert store.row(row.id) == row


def test_settling_a_row_that_is_gone_brings_nothing_back(store: FullStore) -> None:
    queue(store, "a")
    [row] = store.outbox()
    store.drop([row.id])
    store.settle([replace(row, state=SENT)])
    assert store.outbox() == []


def test_release_frees_what_a_dead_sender_held(store: FullStore) -> None:
    queue(store, "a", "b")
    store.claim("me", NOW, 1)
    [freed] = store.release(NOW + 9)
    assert (freed.state, freed.crashes, freed.due_ms, freed.tries) == (PENDING, 1, NOW + 9, 1)
    assert store.release(NOW) == []
    assert keys(store.claim("me", NOW + 9, 5)) == ["a", "b"]


def test_three_crashes_kill_a_row(store: FullStore) -> None:
    queue(store, "poison")
    for crash in range(1, 4):
        store.claim("me", NOW, 1)
        [freed] = store.release(NOW)
        store.settle([retry.after_crash(freed, NOW)])
        assert store.outbox()[0].state is (DEAD if crash == 3 else PENDING)


def test_outbox_filters_and_bounds(store: FullStore) -> None:
    queue(store, "a", "b", "c")
    queue(store, "x", destination="other")
    settle(store, Permanent("gone"))
    assert keys(store.outbox(most=2)) == ["x", "c"]
    assert keys(store.outbox([DEAD])) == ["c", "b", "a"]
    assert keys(store.outbox([PENDING, SENT])) == keys(store.outbox(destination="other")) == ["x"]
    assert store.outbox(most=0) == store.outbox(most=-1) == []


def test_retry_revives_only_the_dead(store: FullStore) -> None:
    queue(store, "a", "b")
    [row] = [retry.after(row, Permanent("no"), NOW, 0.0) for row in store.claim("me", NOW, 1)]
    store.settle([row])
    assert store.retry([row.id, row.id, 2, 99, 2**80, -1], NOW + 7) == 1
    assert store.row(row.id) == retry.revived(row, NOW + 7)
    assert store.retry([], NOW) == 0


def test_drop_forgets_the_row_and_keeps_the_key(store: FullStore) -> None:
    queue(store, "a", "b", "c")
    store.claim("me", NOW, 1)
    assert store.drop([1, 2, 2, 77, 2**80]) == 1  # row 1 is being sent
    assert keys(store.outbox()) == ["c", "a"]
    assert queue(store, "b") == 0
    assert store.drop([]) == 0


def test_ids_are_never_given_twice(store: FullStore) -> None:
    queue(store, "a", "b")
    store.drop([2])
    queue(store, "c")
    assert [row.id for row in store.outbox()] == [3, 1]


def test_coalesce_replaces_waiting_rows(store: FullStore) -> None:
    queue(store, "a", "b", "c")
    store.claim("me", NOW, 1)
    store.coalesce([1, 2, 3], note("digest"), NOW + 4)
    assert [(keys([row])[0], row.created_ms, row.due_ms) for row in store.outbox([PENDING])] == [
        ("digest", NOW + 4, NOW + 4)
    ]
    assert queue(store, "a", "b", "c", "digest") == 0
    store.coalesce([2, 3], note("nothing left to merge"), NOW)
    assert keys(store.outbox()) == ["digest", "a"]


def test_coalesce_into_a_known_key_changes_nothing(store: FullStore) -> None:
    queue(store, "a", "b")
    before = store.outbox()
    with pytest.raises(StoreError, match="known already"):
        store.coalesce([1], note("b"), NOW)
    assert store.outbox() == before


def test_prune_forgets_old_rows_and_keeps_their_keys_for_a_month(store: FullStore) -> None:
    queue(store, "sent", "dead", "waiting")
    sent, dead = store.claim("me", NOW, 2)
    store.settle([retry.after(sent, Sent(), NOW, 0.0), retry.after(dead, Permanent("no"), NOW, 0.0)])
    assert store.prune(NOW + 99, 100, 1_000) == 0
    assert store.prune(NOW + 100, 100, 1_000) == 1
    assert store.prune(NOW + 1_000, 100, 1_000) == 1
    assert keys(store.outbox()) == ["waiting"]
    assert queue(store, "sent", "dead") == 0
    store.prune(NOW + 100 + SEEN_MS, 100, 1_000)
    assert queue(store, "sent", "dead") == 1


def test_prune_is_bounded(store: FullStore) -> None:
    queue(store, *(str(number) for number in range(PRUNE_MOST + 5)))
    store.settle([retry.after(row, Sent(), NOW, 0.0) for row in store.claim("me", NOW, 10_000)])
    assert [store.prune(NOW + 10, 1, 1) for _ in range(3)] == [PRUNE_MOST, 5, 0]


def test_rings_keep_the_newest_and_counters_keep_all(store: FullStore) -> None:
    lines = [BadLine(Position("l", n), "p", n, "not-json", 900, b"x" * 900) for n in range(BAD_LINES_KEPT + 7)]
    gaps = [Gap("l", "p", n, None, "truncated") for n in range(GAPS_KEPT + 3)]
    spoken = [("r", n, f"{n}") for n in range(DECISIONS_KEPT + 9)]
    for part in (slice(0, 600), slice(600, None)):
        store.commit(Commit(NOW, bad_lines=tuple(lines[part]), gaps=tuple(gaps[part]), counters={"lines": 5}))
    for part in (slice(0, 30), slice(30, None)):
        store.commit(Commit(NOW, decisions=(*spoken[part], ("quiet", 1, "{}"))))
    status = store.status()
    assert [line.line_no for line in status.bad_lines] == list(range(BAD_LINES_KEPT + 6, 6, -1))
    assert {line.head for line in status.bad_lines} == {b"x" * 256}
    assert [gap.offset for gap in status.gaps] == list(range(GAPS_KEPT + 2, 2, -1))
    assert status.counters == {
        "bad_lines:not-json": BAD_LINES_KEPT + 7, "gaps:truncated": GAPS_KEPT + 3, "lines": 10,
    }  # fmt: skip
    assert [at_ms for at_ms, _ in store.decisions("r")] == list(range(DECISIONS_KEPT + 8, 8, -1))
    assert store.decisions("quiet") == [(1, "{}")] * 2


def test_a_request_waits_until_a_commit_answers_it(store: FullStore) -> None:
    odd = "\x00 lone \ud800 'quote'; --"
    asked = [Request("ack", odd, NOW, odd), Request("snooze", "b", NOW + 1, None, NOW + 9), Request("ack", "c", NOW)]
    for request in asked:
        store.ask(request)
    waiting = store.requests()
    assert [replace(request, id=0) for request in waiting] == asked
    store.commit(Commit(NOW, answered=(waiting[0].id, waiting[2].id, 99)))
    assert store.requests() == [waiting[1]]
    store.commit(Commit(NOW))
    assert store.requests() == [waiting[1]]
    store.commit(Commit(NOW, answered=(waiting[1].id,)))
    store.ask(asked[0])
    [again] = store.requests()
    assert again.id > waiting[2].id, "an id is never given twice"


def test_more_requests_than_anybody_asks_are_refused(store: FullStore) -> None:
    for number in range(REQUESTS_KEPT):
        store.ask(Request("ack", f"r{number}", NOW))
    with pytest.raises(StoreError, match="1,000 requests wait already"):
        store.ask(Request("ack", "one more", NOW))
    assert len(store.requests()) == REQUESTS_KEPT


def test_old_decisions_are_forgotten_with_the_dead_letters(store: FullStore) -> None:
    store.commit(Commit(NOW, decisions=(("r", 2**70, "old"), ("s", 1, "old"))))
    store.commit(Commit(NOW + 1, decisions=(("r", 1, "new"),)))
    store.prune(NOW + 100, 1, 101)
    assert len(store.decisions("r")) == 2
    store.prune(NOW + 100, 1, 100)
    assert (store.decisions("r"), store.decisions("s")) == ([(1, "new")], [])


def test_status_counts_by_destination(store: FullStore) -> None:
    queue(store, "a", "b", "c")
    queue(store, "x", destination="other", now_ms=NOW + 1)
    settle(store, Temporary("503"))
    [me, other] = store.status().outbox
    assert (me.destination, me.pending, me.sent, me.dead, me.oldest_pending_ms, me.last_error) == (
        "me", 3, 0, 0, NOW, "503",
    )  # fmt: skip
    assert (other.destination, other.pending, other.oldest_pending_ms, other.last_error) == ("other", 1, NOW + 1, "")


def test_changed_tells_of_a_commit_once(store: FullStore) -> None:
    store.changed()
    assert not store.changed()
    queue(store, "a")
    assert store.changed()
    assert not store.changed()
