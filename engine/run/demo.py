"""The demo's machinery: the real programs as child processes, and a sink on this machine that receives.

Nothing here is special to a demo but the folder it happens in: `capture replay` writes a journal, `engine run`
follows it and delivers over HTTP.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from engine.model.errors import ConfigError
from engine.run.clock import now_ms
from engine.store.sqlite import SqliteStore

__all__ = ["Received", "Stage", "stage"]

START_S = 20.0
SETTLE_S = 15.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived at the sink."""

    title: str
    body: str


@dataclass(slots=True)
class Stage:
    """A folder with a journal, an engine that follows it, and what the sink received so far."""

    folder: Path
    environment: dict[str, str]
    received: list[Received] = field(default_factory=list)
    _engine: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        """Where the replay writes and the engine reads."""
        return self.folder / "journal.jsonl"

    @property
    def state(self) -> Path:
        """The engine's state folder."""
        return self.folder / "state"

    def start_engine(self, rules: Path) -> None:
        """Start `engine run` on the journal, from its beginning, and wait until it holds its state folder."""
        self._engine = subprocess.Popen(
            [sys.executable, "-m", "engine", "run", "--rules", str(rules), "--events", str(self.journal),
             "--config", str(self.folder / "engine.yaml"), "--state", str(self.state), "--from", "start", "--quiet"],
            env=self.environment, stderr=(self.folder / "engine.log").open("wb"), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait(START_S, lambda: (self.state / "engine.db").exists(), "the engine did not start")

    def replay(self, recording: Path, speed: float) -> None:
        """Run `capture replay` to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "capture", "replay", str(recording), "--to", str(self.journal),
             "--speed", f"{speed:g}"],
            env=self.environment, capture_output=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise ConfigError(f"capture replay failed: {done.stderr.decode('utf-8', 'replace').strip()}")

    def settle(self) -> None:
        """Wait until every line was read and every message delivered."""
        self._wait(SETTLE_S, self._is_settled, "not every message arrived")

    def _is_settled(self) -> bool:
        store = SqliteStore.open(str(self.state), role="reader", now_ms=now_ms())
        try:
            status = store.status()
        finally:
            store.close()
        size = self.journal.stat().st_size
        return any(one.offset == size for one in status.sources) and not any(one.pending for one in status.outbox)

    def _wait(self, seconds: float, done: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if (self._engine is not None and self._engine.poll() is not None) or time.monotonic() > deadline:
                log = (self.folder / "engine.log").read_text("utf-8", "replace").strip()
                raise ConfigError(complaint + (f": {log}" if log else ""))
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End the engine in order."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        if engine.poll() is None:
            engine.send_signal(signal.SIGTERM if os.name == "posix" else signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined,unused-ignore]
        with contextlib.suppress(subprocess.TimeoutExpired):
            engine.wait(15)
        if engine.poll() is None:
            engine.kill()
            engine.wait()


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Set up a sink and an `engine.yaml` that names it; take everything down at the end."""
    made = Stage(folder, {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"})
    with _sink(made.received) as port:
        (folder / "engine.yaml").write_text(
            f"destinations:\n  demo: json://127.0.0.1:{port}/\ndefault: demo\noutput: output\n", encoding="utf-8"
        )
        try:
            yield made
        finally:
            made.stop()


@contextlib.contextmanager
def _sink(received: list[Received]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append(Received(str(body.get("title", "")), str(body.get("message", ""))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
