"""The courier as a process: woken and ended by its parent's pipe, ended by signals, restarted when a send hangs."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from engine.model.route import Destination
from engine.run.courier_lane import MakeSender
from engine.run.deliver import TERMS, Courier, Terms
from engine.run.ports import Clock, Store

__all__ = ["EXIT_HUNG", "EXIT_INTERRUPTED", "never_back", "serve"]

_log = logging.getLogger("engine.deliver")

EXIT_HUNG = 75
"""A send hung; start the courier again. EX_TEMPFAIL of sysexits.h."""
EXIT_INTERRUPTED = 130

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(
    store: Store,
    destinations: Mapping[str, Destination],
    make_sender: MakeSender,
    clock: Clock,
    stdin_fd: int | None = None,
    terms: Terms = TERMS,
) -> int:
    """Deliver until told to stop, then wait for what is under way and return 0. Call it in the main thread.

    A byte on `stdin_fd` is a wake-up, its end means that the parent is gone. SIGTERM and SIGINT stop; a second one
    ends the process at once. A send that hangs ends the process with `EXIT_HUNG`: its thread cannot be ended alone.
    """
    courier = Courier(store, destinations, make_sender, never_back(clock), terms)
    stopping = threading.Event()

    def stop() -> None:
        stopping.set()
        courier.wake()

    if stdin_fd is not None:
        threading.Thread(target=_listen, args=(stdin_fd, courier.wake, stop), name="parent", daemon=True).start()
    with _signals(stopping, stop):
        courier.open()
        while not stopping.is_set():
            courier.step()
            if courier.hung():
                _leave(store, courier)
            courier.wait()
        courier.finish()
    return 0


def never_back(clock: Clock) -> Clock:
    """Return a clock that follows the given one forwards but never backwards: then it counts on by itself.

    A retry is due at a wall-clock instant; with the clock set back an hour it would come an hour late.
    """
    base_ms, base_ns = clock(), time.monotonic_ns()

    def now_ms() -> int:
        nonlocal base_ms, base_ns
        steady_ns = time.monotonic_ns()
        counted_ms = base_ms + (steady_ns - base_ns) // 1_000_000
        wall_ms = clock()
        if wall_ms > counted_ms:
            base_ms, base_ns = wall_ms, steady_ns
            return wall_ms
        return counted_ms

    return now_ms


def _listen(stdin_fd: int, wake: Callable[[], None], stop: Callable[[], None]) -> None:
    while True:
        try:
            heard = os.read(stdin_fd, 4096)
        except OSError:
            heard = b""
        if not heard:
            stop()
            return
        wake()


@contextmanager
def _signals(stopping: threading.Event, stop: Callable[[], None]) -> Iterator[None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(EXIT_INTERRUPTED)  # Safe: what is under way is sent again at worst.
        stop()

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(store: Store, courier: Courier) -> None:
    """End the process because of sends that hang, with the others' outcomes and theirs written down."""
    hung = courier.hung()
    for row in hung:
        _log.error("%s: no end of message %d in sight; restarting", row.notification.destination, row.id)
    courier.give_up_on(hung, "the send hung; the server answered without end")
    courier.finish()
    store.close()
    logging.shutdown()
    os._exit(EXIT_HUNG)
