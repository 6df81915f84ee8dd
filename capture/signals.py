"""Being told to end: one way for SIGTERM, SIGINT, a closed terminal and, on Windows, Ctrl-Break."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["told_to_end"]


@contextmanager
def told_to_end(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` on the running loop for every such signal within the block, instead of dying of it."""
    loop = asyncio.get_running_loop()

    def handle(*_: Any) -> None:
        loop.call_soon_threadsafe(act)

    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # Who started us with nohup wants us to outlive the terminal.
    numbers = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
    # signal.signal works on Windows too, where the loop has no add_signal_handler.
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
