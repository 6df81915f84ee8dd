"""The courier driven by a number for a clock, against both stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.delivery import Delivery, DeliveryState, Outcome, Permanent, Sent, Temporary
from engine.model.errors import StoreError
from engine.model.route import Destination
from engine.run.deliver import Terms, run_once
from engine.run.ports import Store
from engine.sink.recorder import RecorderSender, scripted
from engine.store.memory import MemoryStore
from engine.store.sqlite import SqliteStore
from tests.run.outbox_rows import START_MS, Blocked, Driven, enqueue, making, note, rows, states, to

PENDING, SENDING, SENT, DEAD = DeliveryState
ME = Destination("me", "json")
HOUR_MS = 3_600_000


class Pair:
    """An engine and a courier on one folder, as in two processes, seen as one store."""

    def __init__(self, folder: Path) -> None:
        self.engine = SqliteStore.open(str(folder), role="engine", now_ms=START_MS)
        self.courier = SqliteStore.open(str(folder), role="courier", now_ms=START_MS)

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine if name in ("commit", "load") else self.courier, name)

    def close(self) -> None:
        self.courier.close()
        self.engine.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    pair = Pair(tmp_path / "state")
    yield pair  # type: ignore[misc]
    pair.close()


def test_messages_go_out_in_order_and_are_settled(store: Store) -> None:
    sender = RecorderSender()
    enqueue(store, *(note(n) for n in range(5)))
    driven = Driven(store, to(ME), {"me": sender})
    driven.settle()
    assert [row.notification.key for row in sender.sent] == [note(n).key for n in range(5)]
    assert states(store) == [SENT] * 5
    assert driven.courier.counts.sent == 5


def test_a_try_is_durable_before_the_send(store: Store) -> None:
    found: list[tuple[DeliveryState, int]] = []
    release = threading.Event()
    sender = Blocked(lambda: release.wait(5), Sent())
    enqueue(store, note(1))
    driven = Driven(store, to(ME), {"me": sender})
    driven.courier.step()
    found += [(row.state, row.tries) for row in rows(store)]
    release.set()
    driven.settle()
    assert found == [(SENDING, 1)]


def test_503_twice_then_taken(store: Store) -> None:
    sender = RecorderSender(scripted("fail 503 x2"))
    enqueue(store, note(1))
    driven = Driven(store, to(ME), {"me": sender})
    driven.settle()
    [row] = rows(store)
    assert (row.state, row.tries, row.last_error) == (PENDING, 1, "test: HTTP 503")
    assert START_MS + 1_000 <= row.due_ms <= START_MS + 2_000
    driven.advance(500)
    assert len(sender.tried) == 1
    driven.advance(2_000)
    driven.advance(5_000)
    assert [row.state for row in rows(store)] == [SENT]
    assert [row.tries for row in sender.tried] == [1, 2, 3]


def test_a_refusal_is_the_end_of_one_message(store: Store) -> None:
    sender = RecorderSender([Permanent("json: HTTP 400")])
    enqueue(store, note(1), note(2))
    driven = Driven(store, to(ME), {"me": sender})
    driven.settle()
    assert states(store) == [DEAD, SENT]
    assert rows(store)[0].last_error == "json: HTTP 400"


def test_a_destination_that_is_gone_keeps_the_rest_waiting(store: Store) -> None:
    sender = RecorderSender([Permanent("json: HTTP 404", pause=True)])
    enqueue(store, *(note(n) for n in range(3)))
    driven = Driven(store, to(ME), {"me": sender})
    driven.settle()
    driven.advance(60_000)
    assert states(store) == [DEAD, PENDING, PENDING]
    driven.advance(15 * 60_000)
    assert states(store) == [DEAD, SENT, SENT]


def test_five_failures_open_the_breaker_for_one_probe_at_a_time(store: Store) -> None:
    sender = RecorderSender([Temporary("json: HTTP 500")] * 6)
    enqueue(store, *(note(n) for n in range(20)))
    driven = Driven(store, to(ME), {"me": sender})
    driven.settle()
    assert len(sender.tried) == 5
    driven.advance(40_000)
    assert len(sender.tried) == 6  # One probe, which failed.
    driven.advance(HOUR_MS)
    assert states(store) == [SENT] * 20


def test_a_service_that_asks_for_time_gets_it_for_all_its_messages(store: Store) -> None:
    sender = RecorderSender([Temporary("json: HTTP 429", 30_000)])
    enqueue(store, *(note(n) for n in range(3)))
    driven = Driven(store, to(ME), {"me": sender})
    driven.settle()
    driven.advance(29_000)
    assert len(sender.tried) == 1
    driven.advance(1_000)
    assert states(store) == [SENT] * 3


@pytest.mark.parametrize(
    ("destination", "gap_ms"),
    [(Destination("me", "slack"), 1_000), (Destination("me", "json", per_min=30), 2_000)],
)
def test_a_pace_is_kept(store: Store, destination: Destination, gap_ms: int) -> None:
    sender = RecorderSender()
    enqueue(store, *(note(n) for n in range(4)))
    driven = Driven(store, to(destination), {"me": sender})
    driven.settle()
    for sent in (1, 2, 3):
        assert len(sender.sent) == sent
        driven.advance(gap_ms - 1)
        assert len(sender.sent) == sent
        driven.advance(1)
    assert states(store) == [SENT] * 4


def test_an_unordered_destination_takes_four_at_once(store: Store) -> None:
    release = threading.Event()
    sender = Blocked(lambda: release.wait(5), Sent())
    enqueue(store, *(note(n) for n in range(6)))
    driven = Driven(store, to(Destination("me", "json", ordered=False)), {"me": sender})
    driven.courier.step()
    assert len(driven.courier.in_flight()) == 4
    release.set()
    driven.settle()
    assert states(store) == [SENT] * 6


def test_eight_destinations_that_hang_do_not_hold_up_the_ninth(store: Store) -> None:
    release = threading.Event()
    names = [f"hung-{n}" for n in range(8)]
    hung = {name: Blocked(lambda: release.wait(20), Temporary("json: no answer in time")) for name in names}
    healthy = RecorderSender()
    enqueue(store, *(note(n, name) for n, name in enumerate(names)), *(note(n, "ok") for n in range(50)))
    destinations = to(*(Destination(name, "json") for name in [*names, "ok"]))
    driven = Driven(store, destinations, {**hung, "ok": healthy})
    for _ in range(2_000):
        driven.courier.step()
        if len(healthy.sent) == 50:
            break
        driven.courier.wait(20)
    driven.courier.step()
    assert len(healthy.sent) == 50
    assert len(driven.courier.in_flight()) >= 8
    release.set()
    driven.settle()


def test_a_row_whose_sender_died_is_sent_again_and_after_three_deaths_given_up(store: Store) -> None:
    enqueue(store, note(1), note(2))
    for crashes in (1, 2, 3):
        store.claim("me", START_MS, 1)
        driven = Driven(store, to(ME), {"me": RecorderSender()})
        assert rows(store)[0].crashes == crashes
    first = rows(store)[0]
    assert (first.state, first.last_error) == (DEAD, "the sender died 3 times while sending this")
    driven.settle()
    assert states(store) == [DEAD, SENT]


def test_a_message_that_waited_too_long_is_not_sent(store: Store) -> None:
    sender = RecorderSender()
    enqueue(store, note(1))
    driven = Driven(store, to(Destination("me", "json", max_age_ms=HOUR_MS)), {"me": sender})
    driven.now_ms += HOUR_MS + 1
    enqueue(store, note(2), now_ms=driven.now_ms)
    driven.settle()
    assert states(store) == [DEAD, SENT]
    assert rows(store)[0].last_error == "it waited longer than 1 h; raise max_age or look at why"


def test_a_line_for_a_record_file_is_never_too_old(store: Store) -> None:
    enqueue(store, note(1, "record:out.jsonl"))
    sender = RecorderSender([Temporary("record: no space left")])
    driven = Driven(store, {}, {"record:out.jsonl": sender})
    driven.now_ms += 400 * 24 * HOUR_MS
    driven.settle()
    driven.advance(HOUR_MS)
    assert states(store) == [SENT]


def test_an_unknown_destination_is_a_dead_letter_with_advice(store: Store) -> None:
    enqueue(store, *(note(n, "gone") for n in range(150)))
    driven = Driven(store, {}, {})
    driven.settle()
    assert states(store) == [DEAD] * 150
    assert rows(store)[0].last_error == "engine.yaml has no such destination; add it, then run `engine outbox retry`"
    assert driven.courier.counts.dead == 150


def test_console_and_record_need_no_configuration(store: Store) -> None:
    made: list[Destination] = []
    sender = RecorderSender()

    def make(destination: Destination) -> RecorderSender:
        made.append(destination)
        return sender

    enqueue(store, note(1, "console"), note(2, "record:out.jsonl"))
    Driven(store, {}, {}, make_sender=make).settle()
    assert {(one.name, one.kind) for one in made} == {("console", "console"), ("record:out.jsonl", "record")}
    assert states(store) == [SENT, SENT]


def test_a_sender_that_raises_is_a_failure_without_its_words(store: Store) -> None:
    class Broken:
        def send(self, delivery: Delivery) -> Outcome:
            raise RuntimeError("https://secret")

    enqueue(store, note(1))
    Driven(store, to(ME), {"me": Broken()}).settle()
    assert rows(store)[0].last_error == "json: the sender failed (RuntimeError)"


def test_a_backlog_becomes_one_digest_a_rule(store: Store) -> None:
    sender = RecorderSender()
    notes = [note(n, rule="often" if n % 2 else "seldom") for n in range(1_200)]
    enqueue(store, *notes, *(note(n, "record:out.jsonl") for n in range(1_200)))
    driven = Driven(store, to(Destination("me", "json")), {"me": sender, "record:out.jsonl": RecorderSender()})
    driven.now_ms += 16 * 60_000
    driven.settle()
    assert len(rows(store, "record:out.jsonl")) == 1_200
    titles = [row.notification.title for row in sender.sent]
    assert titles == [f"600 notifications of {rule} while this destination was away" for rule in ("seldom", "often")]
    body = sender.sent[0].notification.body
    assert "message 0" in body
    assert "message 1198" in body
    assert "... 590 more ..." in body
    enqueue(store, *notes)  # A replay of the same firings changes nothing.
    assert store.outbox((PENDING,), "me", 10_000) == []


def test_the_cap_holds_whatever_the_age(store: Store) -> None:
    enqueue(store, *(note(n) for n in range(300)))
    driven = Driven(store, to(ME), {"me": RecorderSender()}, Terms(pending=100))
    driven.settle()
    assert [row.notification.suppressed for row in rows(store)] == [0] * 50 + [249]


def test_what_was_sent_long_ago_is_forgotten(store: Store) -> None:
    enqueue(store, note(1))
    driven = Driven(store, to(ME), {"me": RecorderSender()})
    driven.settle()
    driven.advance(8 * 24 * HOUR_MS)
    assert rows(store) == []


def test_run_once_sends_waits_for_retries_and_counts(store: Store) -> None:
    now = [START_MS]

    def clock() -> int:
        now[0] += 500  # Time runs by being asked for.
        return now[0]

    enqueue(store, note(1, "a"), note(2, "b"), note(3, "c"), note(4, "gone"))
    senders = {
        "a": RecorderSender(scripted("fail 503")),
        "b": RecorderSender([Permanent("json: HTTP 401", pause=True)]),
        "c": RecorderSender([Temporary("json: HTTP 429", HOUR_MS)]),
    }
    destinations = to(*(Destination(name, "json") for name in senders))
    counts = run_once(store, destinations, making(senders), clock, 60_000)
    assert (counts.sent, counts.dead, counts.left) == (1, 2, 1)
    assert now[0] < START_MS + 61_000


def test_finish_waits_for_what_is_under_way_and_gives_back_the_rest(store: Store) -> None:
    quick, never = threading.Event(), threading.Event()
    senders = {
        "quick": Blocked(lambda: quick.wait(5), Sent()),
        "never": Blocked(lambda: never.wait(5), Sent()),
    }
    enqueue(store, note(1, "quick"), note(2, "never"), note(3, "quick"))
    destinations = to(*(Destination(name, "json") for name in senders))
    driven = Driven(store, destinations, senders, Terms(grace_ms=300))
    driven.courier.step()
    quick.set()
    driven.courier.finish()
    assert states(store) == [SENT, PENDING, PENDING]
    unfinished = rows(store, "never")[0]
    assert (unfinished.crashes, unfinished.last_error) == (0, "stopped while it was being sent")
    assert driven.courier.counts.left == 2
    never.set()


def test_a_send_that_hangs_is_seen(store: Store) -> None:
    never = threading.Event()
    enqueue(store, note(1))
    driven = Driven(store, to(ME), {"me": Blocked(lambda: never.wait(5), Sent())}, Terms(hung_ms=0))
    assert driven.courier.hung() == []
    driven.courier.step()
    assert [row.id for row in driven.courier.hung()] == [1]
    never.set()
    driven.settle()


class Full(MemoryStore):
    """A store whose disk is full while `full` is set."""

    full = False

    def settle(self, deliveries: object) -> None:
        self._check()
        super().settle(deliveries)  # type: ignore[arg-type]

    def claim(self, destination: str, now_ms: int, most: int) -> list[Delivery]:
        self._check()
        return super().claim(destination, now_ms, most)

    def _check(self) -> None:
        if self.full:
            raise StoreError("disk full")


def test_a_store_that_refuses_for_a_while_costs_no_outcome() -> None:
    store = Full()
    release = threading.Event()
    sender = Blocked(lambda: release.wait(5), Sent())
    enqueue(store, note(1), note(2))
    driven = Driven(store, to(ME), {"me": sender}, Terms(store_ms=60_000))
    driven.courier.step()
    store.full = True
    release.set()
    for _ in range(3):
        driven.courier.wait(200)
        driven.courier.step()
    store.full = False
    driven.settle()
    assert states(store) == [SENT, SENT]
    assert [row.id for row in sender.began.tried] == [1, 2]
    store.full = True
    enqueue(store, note(3))
    driven.courier.step()
    driven.now_ms += 60_000
    with pytest.raises(StoreError):
        driven.courier.step()


def test_no_message_is_made_about_a_failure(store: Store) -> None:
    enqueue(store, note(1))
    driven = Driven(store, to(ME), {"me": RecorderSender([Permanent("json: HTTP 400")])})
    driven.settle()
    assert [row.id for row in rows(store)] == [1]
