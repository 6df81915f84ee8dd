"""kill -9 at any moment, a hundred times, of the engine, its courier or both: nothing is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.cli.workspace import Running, Workspace, screen, until
from tests.servers.http_sink import HttpSink

KILLS = 100
RULE = "when: visual_index\ncontains: serial\nnotify: hook\nmessage: '{{ _.text }}'\n"


class Writer:
    """Appends numbered events, each in two writes, so that half a line is a common sight."""

    def __init__(self, journal: Path, chance: random.Random) -> None:
        self.written = 0
        self._journal = journal
        self._chance = chance
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        with self._journal.open("ab", buffering=0) as journal:
            while not self._stop.wait(self._chance.random() * 0.06):
                line = json.dumps(screen(f"serial {self.written}", at=1_772_442_000 + self.written)).encode() + b"\n"
                cut = self._chance.randrange(len(line))
                journal.write(line[:cut])
                self._stop.wait(self._chance.random() * 0.02)
                journal.write(line[cut:])
                self.written += 1

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


class Killer:
    """Starts engines and ends them in the worst way."""

    def __init__(self, workspace: Workspace, sink: HttpSink, chance: random.Random) -> None:
        self.kills = 0
        self._workspace = workspace
        self._sink = sink
        self._chance = chance
        self._engine: Running | None = None

    def engine(self) -> Running:
        if self._engine is None:
            self._engine = self._workspace.run("--quiet")
        return self._engine

    def courier(self) -> int | None:
        """The pid in the lock of whoever delivers now."""
        try:
            return int(json.loads((self._workspace.state / "courier.lock").read_bytes())["pid"])
        except (OSError, ValueError):
            return None

    def strike(self) -> None:
        """Wait for some moment, and kill."""
        engine = self.engine()
        seen = len(self._sink.seen)
        if self._chance.random() < 0.25:
            # Just after a message went out: its outcome may not be written down yet.
            deadline = time.monotonic() + 1.2
            while len(self._sink.seen) == seen and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(self._chance.random() * 0.01)
        else:
            time.sleep(self._chance.random() * 0.3)
        self._kill(engine, self._chance.choice(("engine", "courier", "both")))

    def _kill(self, engine: Running, what: str) -> None:
        courier = self.courier()
        if what == "courier" and courier is not None:
            if _ended(lambda: os.kill(courier, signal.SIGKILL)):
                self.kills += 1
            return
        if what == "both":
            engine.kill()
        else:
            engine.process.kill()
            engine.process.wait()
        self._engine = None
        self.kills += 1


def _ended(kill: Callable[[], None]) -> bool:
    try:
        kill()
    except ProcessLookupError:
        return False
    return True


def test_nothing_is_lost_and_repeats_are_bounded(workspace: Workspace) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    workspace.rule("serial", RULE)
    workspace.journal.touch()
    with HttpSink() as sink:
        workspace.write("engine.yaml", f"destinations: {{hook: 'json://{sink.host}/'}}\n")
        writer = Writer(workspace.journal, random.Random(seed + 1))
        killer = Killer(workspace, sink, chance)
        try:
            while killer.kills < KILLS:
                killer.strike()
        finally:
            writer.stop()
        with killer.engine() as engine:
            until(lambda: _numbers(sink) >= set(range(writer.written)), 30, lambda: f"seed {seed}\n{engine.err}")
            assert engine.stop() == 0
        order = [_number(seen.json()["message"]) for seen in sink.seen]
    assert writer.written > 300
    firsts = list(dict.fromkeys(order))
    assert firsts == list(range(writer.written)), seed
    assert len(order) - len(firsts) <= killer.kills, seed
    assert _integrity(workspace.state) == "ok"
    status = workspace.status()
    assert status["clean"]
    assert (status["bad_lines"], status["gaps"]) == ([], [])
    [row] = status["outbox"]
    # Three couriers that die on the same row give it up, whoever killed them.
    assert (row["pending"], row["sent"] + row["dead"]) == (0, writer.written)
    assert row["dead"] <= 2, (seed, row)


def _numbers(sink: HttpSink) -> set[int]:
    return {_number(seen.json()["message"]) for seen in list(sink.seen)}


def _number(message: str) -> int:
    return int(message.split()[1])  # What may be a repeat says so on a line of its own.


def _integrity(state: Path) -> str:
    database = sqlite3.connect(state / "engine.db")
    try:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        database.close()
