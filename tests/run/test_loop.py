"""The engine as a process: told to stop, hurried, shut out of its state, woken."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.run.wake import Bell, Watcher
from tests.cli.workspace import Running, Workspace, screen, until
from tests.servers.http_sink import Answer, HttpSink, always

RULE = "when: visual_index\ncontains: Slack\nmessage: '{{ _.text }}'\n"


@pytest.fixture
def sink(workspace: Workspace) -> Iterator[HttpSink]:
    workspace.rule("slack", RULE)
    workspace.journal.touch()
    with HttpSink() as one:
        workspace.write("engine.yaml", f"destinations: {{hook: 'json://{one.host}/?rto=20'}}\ndefault: hook\n")
        yield one


def began(workspace: Workspace) -> Running:
    engine = workspace.run()
    engine.says("reading")
    return engine


def row(workspace: Workspace, number: int = 0) -> str:
    rows = workspace.call("outbox", "list", "--state", workspace.state, "--json").json()["rows"]
    return str(rows[number]["state"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_what_is_under_way(workspace: Workspace, sink: HttpSink, number: signal.Signals) -> None:
    sink.decide = always(Answer(delay=1.0))
    with began(workspace) as engine:
        workspace.append(screen("Slack 1"), screen("Slack 2"))
        sink.wait_for(1)
        engine.send(number)
        started = time.monotonic()
        assert engine.process.wait(10) == 0
        assert 0.2 < time.monotonic() - started < 8
        assert "2 lines, 2 firings" in engine.err
    assert len(sink.seen) == 1
    assert [row(workspace, place) for place in (1, 0)] == ["sent", "pending"]
    status = workspace.status()
    assert (status["clean"], status["running"]) == (True, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(workspace: Workspace, sink: HttpSink, number: signal.Signals) -> None:
    sink.decide = always(Answer(manner="hang"))
    with began(workspace) as engine:
        workspace.append(screen("Slack 1"))
        sink.wait_for(1)
        engine.send(number)
        time.sleep(0.4)
        assert engine.process.poll() is None
        engine.send(number)
        assert engine.process.wait(2) == 128 + number
    assert not workspace.status()["clean"]
    sink.decide = always(Answer())
    with began(workspace) as engine:
        sink.wait_for(2)
        until(lambda: row(workspace) == "sent")
        assert engine.stop() == 0
    assert workspace.status()["clean"]


def test_a_stop_while_nothing_happens_is_quick(workspace: Workspace, sink: HttpSink) -> None:
    with began(workspace) as engine:
        until(lambda: (workspace.state / "courier.lock").exists())
        started = time.monotonic()
        assert engine.stop() == 0
        assert time.monotonic() - started < 3
    assert "0 lines, 0 firings" in engine.err


def test_an_interrupted_once_says_so(workspace: Workspace, sink: HttpSink) -> None:
    sink.decide = always(Answer(503))
    workspace.append(screen("Slack"))
    arguments = ("run", "--once", "--events", workspace.journal, "--state", workspace.state, "--from", "start")
    with workspace.start(*arguments) as engine:
        sink.wait_for(1)
        os.killpg(engine.process.pid, signal.SIGINT)  # as a terminal does it
        assert engine.process.wait(15) == 130
    assert row(workspace) in ("pending", "sending")  # not given up, in either case
    assert "Traceback" not in engine.err


def test_a_courier_that_dies_is_started_again(workspace: Workspace, sink: HttpSink) -> None:
    with began(workspace) as engine:
        workspace.append(screen("Slack 1"))
        sink.wait_for(1)
        until(lambda: row(workspace) == "sent")
        os.kill(json.loads((workspace.state / "courier.lock").read_bytes())["pid"], signal.SIGKILL)
        workspace.append(screen("Slack 2"))
        sink.wait_for(2)
        assert "the courier ended (-9); starting it again" in engine.err
        assert engine.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux only")
def test_a_full_disk_stops_reading_until_there_is_room(workspace: Workspace, sink: HttpSink) -> None:
    import resource

    with began(workspace) as engine:
        workspace.append(screen("Slack 0"))
        sink.wait_for(1)
        until(lambda: row(workspace) == "sent")
        size = (workspace.state / "engine.db-wal").stat().st_size
        resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        for number in range(1, 60):
            workspace.append(screen(f"Slack {number}"))
        engine.says("Reading stops until it can be saved")
        time.sleep(1.2)
        assert engine.err.count("Reading stops") == 1
        resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        engine.says("saving works again; nothing was missed")
        texts = [seen.json()["message"] for seen in sink.wait_for(60)]
        assert texts == [f"Slack {number}" for number in range(60)]
        assert engine.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux only")
def test_a_stop_with_something_unsaved_is_no_success(workspace: Workspace, sink: HttpSink) -> None:
    import resource

    with began(workspace) as engine:
        workspace.append(screen("Slack 0"))
        sink.wait_for(1)
        size = (workspace.state / "engine.db-wal").stat().st_size
        resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        for number in range(1, 60):
            workspace.append(screen(f"Slack {number}"))
        engine.says("Reading stops until it can be saved")
        assert engine.stop() == 4
        assert "Traceback" not in engine.err
    with began(workspace) as engine:
        texts = [seen.json()["message"] for seen in sink.wait_for(60)]
        assert sorted(set(texts)) == sorted(f"Slack {number}" for number in range(60))
        assert engine.stop() == 0


def test_a_bell_rung_from_a_handler_never_hangs() -> None:
    """A lock in the bell would be held by the very thread that the handler interrupts."""
    bell = Bell()
    heard = [0]

    def on_alarm(number: int, frame: object) -> None:
        bell.ring()
        heard[0] += 1

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            bell.wait(0.0001)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard[0] > 100


def test_a_ring_ends_the_wait_once() -> None:
    bell = Bell()
    threading.Timer(0.05, bell.ring).start()
    started = time.monotonic()
    assert bell.wait(5)
    assert time.monotonic() - started < 2
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_a_watcher_rings_for_a_new_file_in_a_folder_that_came_late(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    bell = Bell()
    watcher = Watcher([str(folder)], bell).start()
    try:
        until(watcher.moved.is_set)  # there is nothing to watch: whoever listens should look for himself
        folder.mkdir()
        time.sleep(1.2)  # it tries again every second
        watcher.moved.clear()
        deadline = time.monotonic() + 10
        while not watcher.moved.is_set():
            (folder / f"{time.monotonic_ns()}").touch()
            bell.wait(0.05)
            assert time.monotonic() < deadline
    finally:
        watcher.stop()


def test_a_journal_that_does_not_exist_yet_is_waited_for(workspace: Workspace, sink: HttpSink) -> None:
    workspace.journal.unlink()
    with began(workspace) as engine:
        engine.says("waiting for")
        workspace.append(screen("Slack"))
        sink.wait_for(1)
        assert engine.stop() == 0
