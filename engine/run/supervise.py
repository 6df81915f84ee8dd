"""The parent's side of the courier: start it, wake it, start it again when it dies, stop it.

Nothing here waits or has a thread: `tend` is called from the parent's own loop.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
from collections.abc import Mapping, Sequence

__all__ = ["CourierProcess"]

_log = logging.getLogger("engine.run")

_FIRST_WAIT_MS = 500
_LONGEST_WAIT_MS = 30_000
# A courier that lived this long died of something new, so the wait starts small again.
_HEALTHY_MS = 60_000


class CourierProcess:
    """A child that delivers. Its standard input is the line on which it is woken; the end of that line ends it."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.restarts = 0
        self._argv = list(argv)
        self._environment = environment
        self._child: subprocess.Popen[bytes] | None = None
        self._started_ms = 0
        self._start_at_ms = 0
        self._wait_ms = _FIRST_WAIT_MS

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def tend(self, steady_ms: int) -> None:
        """Start the child if it does not run and its wait is over. Units: `steady_ms` of a clock that never jumps."""
        if self._child is not None and (code := self._child.poll()) is not None:
            self._buried(code, steady_ms)
        if self._child is None and steady_ms >= self._start_at_ms:
            self._start(steady_ms)

    def wake(self) -> None:
        """Tell the child that there are new rows. Never blocks: a full line holds wake-ups enough."""
        if self._child is not None and self._child.stdin is not None:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._child.stdin.fileno(), b"\n")

    def stop(self, grace_s: float = 12.0) -> int | None:
        """End the child: by the end of its line, after `grace_s` by SIGTERM, then by SIGKILL. Returns its exit code.

        The default is the courier's own grace for what is under way and a little more.
        """
        child, self._child = self._child, None
        if child is None:
            return None
        _hang_up(child)
        for end in (child.terminate, child.kill):
            try:
                return child.wait(grace_s)
            except subprocess.TimeoutExpired:
                end()
                grace_s = min(grace_s, 2.0)
        return child.wait()

    def _start(self, steady_ms: int) -> None:
        try:
            self._child = subprocess.Popen(self._argv, stdin=subprocess.PIPE, env=self._environment)
        except OSError as error:
            _log.error("the courier cannot be started: %s", error.strerror)
            self._put_off(steady_ms)
            return
        assert self._child.stdin is not None
        if os.name == "posix":
            os.set_blocking(self._child.stdin.fileno(), False)
        self._started_ms = steady_ms

    def _buried(self, code: int, steady_ms: int) -> None:
        assert self._child is not None
        _hang_up(self._child)
        self._child = None
        if steady_ms - self._started_ms >= _HEALTHY_MS:
            self._wait_ms = _FIRST_WAIT_MS
        _log.warning("the courier ended (%d); starting it again in %d ms", code, self._wait_ms)
        self.restarts += 1
        self._put_off(steady_ms)

    def _put_off(self, steady_ms: int) -> None:
        self._start_at_ms = steady_ms + self._wait_ms
        self._wait_ms = min(_LONGEST_WAIT_MS, self._wait_ms * 2)


def _hang_up(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
