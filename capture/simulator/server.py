"""The simulator as one thing to start and stop: an event loop in a thread of its own, with both servers on it."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from websockets.asyncio.server import serve

from capture.simulator import control
from capture.simulator.cloud import Cloud
from capture.simulator.door import Door
from capture.simulator.faults import Faults
from capture.simulator.hub import JUNK, Hub
from capture.simulator.player import Player
from capture.simulator.webhooks import Delivery, Webhooks
from capture.simulator.wire import Call

__all__ = ["API_KEY", "Simulator"]

API_KEY = "simulator-key"
"""The one API key the simulator knows: no secret, so that a restart needs no new one."""

_T = TypeVar("_T")


class Simulator:
    """A local VideoDB on 127.0.0.1, alive between `start` and `stop`; also a context manager.

    `faults` may be changed at any time. All methods may be called from any thread, also with an event loop running.
    Units: `pace_s` is how long one step of a session's life takes; `speed` is that of `play`, None for max.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        play: Path | None = None,
        speed: float | None = 1.0,
        faults: Faults | None = None,
        log: Callable[[str], None] = lambda _: None,
        pace_s: float = 0.02,
    ) -> None:
        self.faults = faults or Faults()
        self.api_key = API_KEY
        self._port = port
        self._recording = play
        self._speed = speed
        self._webhooks = Webhooks(log)
        self._hub = Hub(self.faults, lambda: self._cloud.world.next_id("conn"), log)
        self._cloud = Cloud(self.faults, self._hub, self._webhooks, log, pace_s=pace_s)
        self._cloud.api_key = API_KEY
        self._door = Door(self._cloud)
        self._player: Player | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._ready = threading.Event()
        self._leave = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def base_url(self) -> str:
        """The address for `videodb.connect(base_url=…)` and `VIDEO_DB_API`."""
        return self._cloud.base_url

    @property
    def ws_url(self) -> str:
        """The address the API hands out for the websocket."""
        return self._cloud.ws_url

    @property
    def counts(self) -> Counter[str]:
        """How often each endpoint was called, by name: `POST /rtstream/{id}/index/scene`."""
        return self._cloud.counts

    @property
    def calls(self) -> list[Call]:
        """Every API call in order, with headers and body."""
        return self._cloud.calls

    @property
    def webhooks(self) -> list[Delivery]:
        """Every webhook attempt in order."""
        return self._webhooks.deliveries

    def start(self) -> Self:
        """Listen. Errors: OSError, if the port is taken."""
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure
        return self

    def stop(self) -> None:
        """Close every connection and end the thread. A second call does nothing."""
        if self._loop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._leave.set)
            self._thread.join()

    def snapshot(self) -> dict[str, Any]:
        """Return sessions, streams, pipelines, connections and counters as they stand."""
        return self._on_loop(lambda: control.snapshot(self._cloud))

    def emit(self, channel: str, text: str, stream: str | None = None, **data: Any) -> int:
        """Let something be said or seen on a stream, named by id, name or source. Returns how many pipelines heard."""
        return self._on_loop(lambda: control.emit(self._cloud, channel, text, stream, **data))

    def alert(self, label: str, text: str = "") -> int:
        """Let every alert for this label go off. Returns how many did."""
        return self._on_loop(lambda: self._cloud.sound(label, text))

    def drop(self, how: str = "dirty") -> int:
        """Cut every websocket: clean, dirty or going-away. Returns how many."""
        return self._on_loop(lambda: self._hub.drop(how))

    def inject(self, text: str) -> None:
        """Send a text, or junk by its name, to every websocket as it is."""
        self._on_loop(lambda: self._hub.inject(JUNK.get(text, text)))

    def sleep(self, asleep: bool = True) -> None:
        """Let the display sleep, or wake with False."""
        self._on_loop(lambda: control.sleep(self._cloud, asleep))

    def fail(self, session_id: str | None = None) -> None:
        """Let a session, the newest if not named, fail for good."""
        self._on_loop(lambda: control.fail(self._cloud, session_id))

    def wait_played(self, timeout_s: float) -> bool:
        """Return whether the recording was played to its end, waiting for at most so long."""
        if not self._player or not self._loop:
            return False
        finished = asyncio.run_coroutine_threadsafe(self._player.finished.wait(), self._loop)
        try:
            return finished.result(timeout_s)
        except TimeoutError:
            finished.cancel()
            return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _on_loop(self, act: Callable[[], _T]) -> _T:
        if not self._loop:
            raise RuntimeError("the simulator is not running")

        async def run() -> _T:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001  # handed to `start`, which raises it in the caller's thread
            self._failure = error
        finally:
            self._loop = None
            self._webhooks.stop()
            self._ready.set()

    async def _live(self) -> None:
        http = await asyncio.start_server(self._door.serve, "127.0.0.1", self._port)
        sockets = await serve(
            self._hub.serve, "127.0.0.1", 0, process_request=self._hub.screen, compression=None, close_timeout=0.5
        )
        self._cloud.base_url = f"http://127.0.0.1:{http.sockets[0].getsockname()[1]}"
        port = next(iter(sockets.sockets)).getsockname()[1]
        self._cloud.ws_url = f"ws://127.0.0.1:{port}/?key={self._hub.key}"
        if self._recording:
            self._player = Player(self._cloud, self._recording, self._speed)
            self._cloud.on_running = self._player.pipeline_started
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._leave.wait()
        if self._player:
            await self._player.stop()
        http.close()
        self._door.close()
        sockets.close()
        await sockets.wait_closed()
