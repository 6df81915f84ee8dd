"""Kill -9 at random instants: what a commit moves together is found together, and no row is lost or doubled."""

from __future__ import annotations

import random
import select
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from engine.model.delivery import DeliveryState
from engine.store.sqlite import SqliteStore

CHILD = Path(__file__).with_name("committing.py")


def start(role: str, state: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, str(CHILD), role, str(state)], stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"started\n"
    return child


def kill_after(child: subprocess.Popen[bytes], seconds: float) -> None:
    assert child.stdout
    # Nothing more is ever printed: this waits for the given time, or ends at once if the child died by itself.
    ended, _, _ = select.select([child.stdout], [], [], seconds)
    assert not ended
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_killed_engine_leaves_one_instant(tmp_path: Path) -> None:
    state, chance = tmp_path / "state", random.Random(20)
    last = 0
    for _ in range(20):
        kill_after(start("engine", state), chance.uniform(0.0, 0.03))
        with closing(SqliteStore.open(str(state), role="reader", now_ms=0)) as reader:
            status, checkpoint = reader.status(), reader.load()
            assert not status.clean
            assert status.holder == ""
            assert reader._database.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            number = status.counters.get("batches", 0)
            assert number >= last
            assert status.last_commit_ms == (number or None)
            assert status.counters.get("bad_lines:not-json", 0) == number
            assert [row.notification.key for row in reader.outbox(most=10**9)] == [
                f"k{n}" for n in range(number, 0, -1)
            ]
            if number:
                assert [source.offset for source in checkpoint.sources] == [number]
                assert checkpoint.states == {("rule", "group"): b"%d" % number}
            last = number
    assert last > 20


def test_a_killed_courier_leaves_at_most_one_row_in_flight(tmp_path: Path) -> None:
    state, chance = tmp_path / "state", random.Random(21)
    engine = start("engine", state)
    for _ in range(6):
        kill_after(start("courier", state), chance.uniform(0.0, 0.03))
        with closing(SqliteStore.open(str(state), role="courier", now_ms=0)) as courier:
            held = courier.outbox([DeliveryState.SENDING])
            assert len(held) <= 1
            freed = courier.release(5)
            assert [(row.id, row.crashes, row.due_ms) for row in freed] == [
                (row.id, row.crashes + 1, 5) for row in held
            ]
    kill_after(engine, 0.0)
    with closing(SqliteStore.open(str(state), role="reader", now_ms=0)) as reader:
        rows = reader.outbox(most=10**9)
        assert len(rows) == reader.status().counters["batches"]
        assert all(row.tries == row.crashes + (row.state is DeliveryState.SENT) for row in rows)
