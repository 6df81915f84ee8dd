"""Wake-ups: watchfiles says that something moved; what moved, only the files know.

Invariant: a lost wake-up costs one tick of delay, never a line: every wait also ends by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue

__all__ = ["SLOW_STEP_MS", "Bell", "Watcher"]

# watchfiles looks at its queue every STEP ms: 5 costs 0.26 % of a core when idle and wakes in about 8 ms; while
# lines arrive the reader polls by itself and this does not matter.
STEP_MS = 5
# Rule files may take effect within a second, so theirs may be slow: 0.06 % of a core.
SLOW_STEP_MS = 50
RETRY_S = 1.0


class Bell:
    """Rung by threads and signal handlers, waited for by one.

    Source: `Event.set` in a handler that interrupts `Event.wait` takes a lock its own thread holds, and hangs;
    `SimpleQueue.put` is made for that place.
    """

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """End the current wait, or the next one at once."""
        self._rings.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until rung or for that long. Returns whether it was rung; all rings so far are used up."""
        try:
            self._rings.get(timeout=seconds)
        except Empty:
            return False
        while not self._rings.empty():
            self._rings.get_nowait()
        return True


class Watcher:
    """A thread that rings the bell when something moves in the directories. Restarts itself on any error."""

    def __init__(self, directories: Iterable[str], bell: Bell, recursive: bool = False, step_ms: int = STEP_MS) -> None:
        self.directories = tuple(directories)
        self.moved = threading.Event()
        self._bell = bell
        self._recursive = recursive
        self._step_ms = step_ms
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> Watcher:
        """Begin watching."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(2.0)

    def _watch(self) -> None:
        from watchfiles import watch

        while not self._stop.is_set():
            try:
                for _ in watch(
                    *self.directories, step=self._step_ms, debounce=20, rust_timeout=1000, yield_on_timeout=False,
                    watch_filter=None, recursive=self._recursive, stop_event=self._stop, raise_interrupt=False,
                ):  # fmt: skip
                    self.moved.set()
                    self._bell.ring()
            except (OSError, RuntimeError):
                # A vanished directory, a watch limit, or watchfiles' own sticky error: the timer carries on alone.
                self.moved.set()
            self._stop.wait(RETRY_S)
