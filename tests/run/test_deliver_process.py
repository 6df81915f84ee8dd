"""The courier as a process: killed, hung, told to stop, woken, watched over."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.delivery import DeliveryState
from engine.run.clock import now_ms
from engine.run.courier_serve import EXIT_HUNG, EXIT_INTERRUPTED, never_back
from engine.run.deliver import steady_ms
from engine.run.supervise import CourierProcess
from engine.store.sqlite import SqliteStore
from tests.run.outbox_rows import enqueue, note, rows, states, until
from tests.servers.http_sink import Answer, HttpSink, always, in_turn

CHILD = Path(__file__).with_name("courier_child.py")
PENDING, SENDING, SENT, DEAD = DeliveryState


class Scene:
    """An engine's store, a server, and couriers on them."""

    def __init__(self, state: Path) -> None:
        self.state = str(state)
        self.store = SqliteStore.open(self.state, role="engine", now_ms=now_ms())
        self.sink = HttpSink()
        self.log = Path(f"{state}-courier.log")
        self.children: list[subprocess.Popen[bytes]] = []

    def argv(self, sender: str = "plain", *times: int) -> list[str]:
        return [sys.executable, str(CHILD), self.state, str(self.sink.port), sender, *map(str, times)]

    def courier(self, sender: str = "plain", *times: int) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            child = subprocess.Popen(self.argv(sender, *times), stdin=subprocess.PIPE, stderr=log)
        self.children.append(child)
        return child

    def close(self) -> None:
        for child in self.children:
            assert child.stdin is not None
            child.stdin.close()
            child.kill()
            child.wait()
        self.sink.close()
        self.store.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path / "state")
    yield one
    one.close()


def test_killed_in_the_middle_of_a_send_it_sends_once_more_and_loses_nothing(scene: Scene) -> None:
    scene.sink.decide = in_turn(Answer(), Answer(manner="hang"))
    enqueue(scene.store, *(note(n) for n in range(4)), now_ms=now_ms())
    first = scene.courier("apprise")
    scene.sink.wait_for(2)
    until(lambda: states(scene.store)[0] is SENT)
    first.kill()
    first.wait()
    assert states(scene.store) == [SENT, SENDING, PENDING, PENDING]
    scene.courier("apprise")
    until(lambda: states(scene.store) == [SENT] * 4)
    keys = [seen.headers["x-engine-key"] for seen in scene.sink.seen]
    assert keys == [note(n).key for n in (0, 1, 1, 2, 3)]
    assert [row.crashes for row in rows(scene.store)] == [0, 1, 0, 0]
    assert [b"may be a repeat" in seen.body for seen in scene.sink.seen] == [False, False, True, False, False]
    assert "127.0.0.1" not in scene.log.read_text()


def test_killed_at_any_moment_it_loses_nothing_and_repeats_at_most_one_a_kill(scene: Scene) -> None:
    seed = time.time_ns()
    chance = random.Random(seed)
    scene.sink.decide = lambda seen: Answer(delay=0.003)
    enqueue(scene.store, *(note(n) for n in range(300)), now_ms=now_ms())
    kills = 0
    while kills < 8 and len(scene.sink.seen) < 270:
        child = scene.courier()
        before = len(scene.sink.seen)
        until(lambda before=before: len(scene.sink.seen) > before)  # type: ignore[misc]
        time.sleep(chance.random() * 0.1)
        child.kill()
        child.wait()
        kills += 1
    scene.courier()
    until(lambda: set(states(scene.store)) == {SENT})
    keys = [seen.body.decode() for seen in scene.sink.seen]
    firsts = list(dict.fromkeys(keys))
    assert sorted(firsts) == [note(n).key for n in range(300)], seed
    assert len(keys) - len(firsts) <= kills, seed
    assert kills > 2


def test_a_line_from_the_parent_wakes_it(scene: Scene) -> None:
    child = scene.courier()
    assert child.stdin is not None
    enqueue(scene.store, note(0), now_ms=now_ms())
    scene.sink.wait_for(1)
    waits: list[float] = []
    for number in range(1, 6):
        enqueue(scene.store, note(number), now_ms=now_ms())
        began = time.monotonic()
        os.write(child.stdin.fileno(), b"\n")
        waits.append(scene.sink.wait_for(number + 1)[-1].at - began)
    assert sorted(waits)[2] < 0.2  # Without a wake-up it looks every half second.


@pytest.mark.parametrize("how", ["end of line", "SIGTERM", "SIGINT"])
def test_told_to_stop_it_waits_for_what_is_under_way(scene: Scene, how: str) -> None:
    scene.sink.decide = always(Answer(manner="hang"))
    enqueue(scene.store, note(1), note(2), now_ms=now_ms())
    child = scene.courier()
    scene.sink.wait_for(1)
    if how == "end of line":
        assert child.stdin is not None
        child.stdin.close()
    else:
        child.send_signal(signal.Signals[how])
    time.sleep(0.1)
    assert child.poll() is None
    scene.sink.closing.set()  # The hung answer ends without a word.
    assert child.wait(5) == 0
    first, second = rows(scene.store)
    assert (first.state, first.tries, first.last_error) == (PENDING, 1, "plain: RemoteDisconnected")
    assert (second.state, second.tries) == (PENDING, 0)


def test_a_second_signal_ends_it_at_once(scene: Scene) -> None:
    scene.sink.decide = always(Answer(manner="hang"))
    enqueue(scene.store, note(1), now_ms=now_ms())
    child = scene.courier()
    scene.sink.wait_for(1)
    child.terminate()
    time.sleep(0.1)
    child.terminate()
    assert child.wait(3) == EXIT_INTERRUPTED
    assert states(scene.store) == [SENDING]


def test_a_send_that_hangs_ends_the_process_and_counts_as_a_failure(scene: Scene) -> None:
    scene.sink.decide = in_turn(Answer(manner="drip"))
    enqueue(scene.store, note(1), now_ms=now_ms())
    child = scene.courier("plain", 300, 200)
    assert child.wait(10) == EXIT_HUNG
    [row] = rows(scene.store)
    assert (row.state, row.tries, row.crashes) == (PENDING, 1, 0)
    assert row.last_error == "the send hung; the server answered without end"
    scene.courier()
    until(lambda: states(scene.store) == [SENT])


def test_the_supervisor_starts_wakes_restarts_and_stops(scene: Scene) -> None:
    courier = CourierProcess(scene.argv())
    began = steady_ms()
    courier.tend(began)
    first = courier.pid
    assert first is not None
    enqueue(scene.store, note(1), now_ms=now_ms())
    courier.wake()
    until(lambda: states(scene.store) == [SENT])
    os.kill(first, signal.SIGKILL)
    until(lambda: courier.pid is None)
    courier.wake()  # To nobody: no harm.
    pids = []
    for later in (0, 499, 500):  # It waits half a second first.
        courier.tend(began + later)
        pids.append(courier.pid)
    assert pids[:2] == [None, None]
    assert pids[2] not in (None, first)
    assert courier.restarts == 1
    enqueue(scene.store, note(2), now_ms=now_ms())
    until(lambda: states(scene.store) == [SENT, SENT])
    assert courier.stop() == 0
    assert courier.stop() is None


def test_the_supervisor_waits_longer_after_each_death() -> None:
    courier = CourierProcess([sys.executable, "-c", "raise SystemExit(3)"])
    starts: list[int] = []
    for steady in range(0, 5_000, 100):
        courier.tend(steady)
        if courier.pid is not None:
            starts.append(steady)
            until(lambda: courier.pid is None)
    courier.stop()
    # Its death is found 100 ms after its start, and the wait counts from there.
    assert [later - earlier for earlier, later in itertools.pairwise(starts)] == [600, 1_100, 2_100]


def test_a_courier_that_does_not_exist_is_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    courier = CourierProcess(["/nonexistent/engine"])
    courier.tend(0)
    assert courier.pid is None
    assert "cannot be started" in caplog.text


def test_a_supervisor_ends_a_child_that_does_not_listen() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    courier = CourierProcess([sys.executable, "-c", deaf])
    courier.tend(0)
    time.sleep(0.3)
    assert courier.stop(grace_s=0.2) == -signal.SIGKILL


def test_a_clock_set_back_does_not_hold_up_retries() -> None:
    wall = [1_000_000]
    clock = never_back(lambda: wall[0])
    assert clock() == 1_000_000
    wall[0] = 2_000_000
    assert clock() == 2_000_000
    wall[0] = 500_000
    before = clock()
    assert before >= 2_000_000
    until(lambda: clock() > before)
    wall[0] = 3_000_000
    assert clock() == 3_000_000
