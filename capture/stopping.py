"""The wish to stop: from a signal, `capture stop`, a limit or a failure, and work that yields to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["CaptureError", "Stopped", "Stopping"]

_T = TypeVar("_T")


class CaptureError(Exception):
    """The capture cannot go on. Shape: `kind` is no-recorder, permission, recorder, session, channels or journal."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Stopped(Exception):  # noqa: N818  # no error: it was asked for
    """Work was given up because a stop was asked for."""


class Stopping:
    """One wish for one run; the first reason counts. Asked twice by the user, nothing is waited for any longer."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.failure: BaseException | None = None
        self._asked = asyncio.Event()
        self._urgent = asyncio.Event()

    @property
    def asked(self) -> bool:
        """Whether a stop was asked for, for whatever reason."""
        return self._asked.is_set()

    @property
    def urgent(self) -> bool:
        """Whether the user asked twice."""
        return self._urgent.is_set()

    def ask(self, reason: str) -> None:
        """The user, or a limit, wants an orderly end. A second call makes it urgent."""
        if self._asked.is_set():
            self._urgent.set()
        self.reason = self.reason or reason
        self._asked.set()

    def fail(self, error: BaseException) -> None:
        """Something broke; what can still be ended in order is."""
        if not self._asked.is_set():
            self.failure, self.reason = error, str(error)
        self._asked.set()

    async def wait(self) -> None:
        """Return once a stop is asked for."""
        await self._asked.wait()

    async def before(self, work: Awaitable[_T]) -> _T:
        """Do the work, or cancel it when a stop is asked for. Errors: Stopped, and those of the work."""
        return await _race(work, self._asked)

    async def before_urgent(self, work: Awaitable[_T]) -> _T:
        """Do the work, or cancel it when the user insists. Errors: Stopped, and those of the work."""
        return await _race(work, self._urgent)

    async def pause(self, seconds: float) -> bool:
        """Wait so long, or until a stop is asked for. Returns whether it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        return self._asked.is_set()


async def _race(work: Awaitable[_T], event: asyncio.Event) -> _T:
    task, alarm = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((task, alarm), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Stopped
    finally:
        alarm.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
