"""Trying again what may pass: by growing random waits, for a limited time, and never what only the user can mend."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from capture.calls import CloudError
from capture.timing import Timing

__all__ = ["insist", "waits"]

_T = TypeVar("_T")


def waits(first_s: float, most_s: float) -> Iterator[float]:
    """Yield waits that double up to the most, each shortened by up to a half at random."""
    wait_s = first_s
    while True:
        yield wait_s * random.uniform(0.5, 1.0)
        wait_s = min(most_s, wait_s * 2)


async def insist(attempt: Callable[[], Awaitable[_T]], timing: Timing, *, for_s: float | None = None) -> _T:
    """Return what the attempt returns, tried again while its error may pass. Errors: CloudError, the last one."""
    until = time.monotonic() + (timing.retry_s if for_s is None else for_s)
    for wait_s in waits(timing.retry_first_s, timing.retry_most_s):
        try:
            return await attempt()
        except CloudError as error:
            if not error.passing or time.monotonic() + wait_s > until:
                raise
        await asyncio.sleep(wait_s)
    raise AssertionError("waits never end")
