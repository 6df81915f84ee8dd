"""One run of `capture start`: what works beside what, and in which order it all ends.

Begin: socket, recorder, session, streams, pipelines. End, whatever the reason: recording, last messages, recorder,
holes, pipelines, export, and the socket last. Every step of the end is taken, also when one before it failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol

from capture import socket as ws
from capture.access import Access
from capture.account import websocket_urls
from capture.calls import CloudError
from capture.control import serve
from capture.export import finish_session, finish_stream
from capture.generations import Generations
from capture.journal import JournalError
from capture.patience import insist
from capture.pipelines import Pipelines
from capture.pulse import beat
from capture.run import Run, now_ms
from capture.session import Desktop
from capture.signals import told_to_end
from capture.state import Session
from capture.status import present
from capture.stopping import CaptureError, Stopped
from capture.stream_session import Address, StreamCapture, origin_of, stop_stream

__all__ = ["Ending", "capture"]

_EXPECTED = (CaptureError, CloudError, JournalError, OSError)
_HOUR_S = 3600
_ROTATE_AGAIN_S = 300


class Ending(Exception):  # noqa: N818  # how it ended, not necessarily badly
    """How a run ended when not simply as asked. Shape: `error` is the reason, None for a user in a hurry."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__(str(error or "interrupted"))
        self.error = error


class Source(Protocol):
    """What is captured: a desktop or a stream."""

    session: Session | None

    async def begin(self) -> None:
        """Capture, with every pipeline started."""

    async def rotate(self) -> bool:
        """Go on in a new session; return False if that must wait."""

    async def stop(self) -> None:
        """End the recording."""

    async def stop_pipelines(self) -> None:
        """Stop what costs money."""

    async def finish(self) -> bool:
        """Wait for the export; return whether nothing is left to do."""


async def capture(run: Run, access: Access, address: Address | None) -> None:
    """Capture until told to stop, and end in order. Errors: Ending, after everything else was ended."""
    conductor = _Conductor(run, access, address)
    run.snapshot = conductor.snapshot
    with told_to_end(lambda: run.stopping.ask("signal")):
        async with serve(run.journal.path.parent, conductor.snapshot, lambda: run.stopping.ask("stop")) as where:
            run.state.control = where
            run.save()
            try:
                began = await conductor.perform()
            finally:
                await conductor.wind_down()
                run.state.control = {}
                run.enter("ended")
    if run.stopping.failure is not None:
        raise Ending(run.stopping.failure)
    if run.stopping.urgent or not began:
        raise Ending(None)


class _Conductor:
    """Holds the parts of one run together."""

    def __init__(self, run: Run, access: Access, address: Address | None) -> None:
        self._run = run
        self._access = access
        self._trouble = ""
        self._beside: list[asyncio.Task[None]] = []
        self._finishing: dict[str, asyncio.Task[None]] = {}
        self._socket: ws.Socket | None = None
        self._generations: Generations | None = None
        self._pump: asyncio.Task[None] | None = None
        if not access.by_token:
            self._socket = self._new_socket()
            self._generations = Generations(run, access.connection)
        self._origin = origin_of(address) if address else ""
        if address is not None and self._generations is not None:
            self._source: Source = StreamCapture(run, access, self._generations, address)
        else:
            self._source = Desktop(run, access, self._generations)

    def snapshot(self) -> dict[str, Any]:
        """Return the run at a glance."""
        known = present(self._run.state, self._run.tally, now_ms())
        trouble = "" if known["connected"] else self._trouble
        return {**known, "queue": self._queued(), "rejected": self._run.journal.rejected, "trouble": trouble}

    async def perform(self) -> bool:
        """Begin and keep going until a stop is asked for. Returns whether everything had begun."""
        run = self._run
        began = False
        try:
            self._start_beside()
            await run.stopping.before(self._greeted())
            await run.stopping.before(self._source.begin())
            began = True
            run.enter("live" if run.tally.events else "waiting")
            run.say("everything runs" if run.tally.events else "everything runs; waiting for the first event")
            await self._keep_going()
        except Stopped:
            pass
        except _EXPECTED as error:
            run.stopping.fail(error)
        return began

    async def wind_down(self) -> None:
        """End everything in order; each step is taken whatever became of the one before."""
        run = self._run
        steps: list[Callable[[], Awaitable[object]]] = [
            self._enter_stopping,
            self._source.stop,
            self._end_beside,
            self._settle,
            self._source.stop_pipelines,
            self._finish,
            self._close_socket,
        ]
        for step in steps:
            try:
                await step()
            except CloudError as error:
                run.say(error.message)
            except Exception as error:  # noqa: BLE001  # not even a fault of ours may leave a recorder running
                run.stopping.failure = run.stopping.failure or error

    # While it runs

    async def _keep_going(self) -> None:
        run, limits = self._run, self._run.settings.limits
        now_s = time.monotonic()
        ends_s = now_s + limits.max_hours * _HOUR_S if limits.max_hours else math.inf
        # With a token from a backend there is nothing to rotate to.
        rotates_s = math.inf if self._access.by_token else now_s + limits.rotate_hours * _HOUR_S
        while not await run.stopping.pause(min(ends_s, rotates_s, now_s + _HOUR_S) - now_s):
            now_s = time.monotonic()
            if now_s >= ends_s:
                run.say(f"{limits.max_hours:g} hours are over")
                run.stopping.ask("max_hours")
            elif now_s >= rotates_s:
                rotated = await run.stopping.before(self._source.rotate())
                self._finish_what_is_left()
                now_s = time.monotonic()
                rotates_s = now_s + (limits.rotate_hours * _HOUR_S if rotated else _ROTATE_AGAIN_S)

    def _start_beside(self) -> None:
        self._finish_what_is_left()
        self._beside.append(self._run.beside(beat(self._run, self._queued, lambda: self._source.session)))
        if self._socket is not None and self._generations is not None:
            self._pump = self._run.beside(_pump(self._run, self._socket, self._generations))
            self._beside.append(self._run.beside(self._generations.watch()))

    def _finish_what_is_left(self) -> None:
        """Bring to their end, beside all else, the sessions of earlier runs and those that were rotated out."""
        for session in self._run.state.unfinished:
            to_be_taken_over = self._origin and session.origin == self._origin
            if self._access.by_token or to_be_taken_over or session is self._source.session:
                continue
            if session.id not in self._finishing:
                self._finishing[session.id] = asyncio.create_task(self._finish_old(session))

    async def _greeted(self) -> None:
        """Wait for the first connection. Errors: CaptureError after the deadline."""
        if self._generations is None:
            return
        limit_s = self._run.timing.greeting_s
        try:
            async with asyncio.timeout(limit_s):
                await self._generations.greeted.wait()
        except TimeoutError:
            why = self._trouble or "no answer"
            raise CaptureError("network", f"no connection to VideoDB within {limit_s:g} s: {why}") from None

    async def _finish_old(self, session: Session) -> None:
        """Bring a session to its end that an earlier run, or a rotation, left."""
        run, access = self._run, self._access
        run.say(f"finishing session {session.id}")
        try:
            if session.kind == "stream":
                await stop_stream(run, access, session)
            elif session.status not in ("stopped", "exported", "failed"):
                await self._end_left(session)
            await Pipelines(run, access.connection, session, {}).stop()
            finish = finish_stream if session.kind == "stream" else finish_session
            await finish(run, access, session)
        except _EXPECTED as error:
            run.say(f"session {session.id}: {error}")

    async def _end_left(self, session: Session) -> None:
        timing = self._run.timing
        try:
            await insist(lambda: self._access.end_session(session.id, timing.call_s), timing)
        except CloudError as error:
            if error.kind not in ("odd", "not-found"):  # ended already, or never begun
                raise

    # The end

    async def _enter_stopping(self) -> None:
        self._run.say("stopping")
        self._run.enter("stopping")

    async def _end_beside(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    async def _settle(self) -> None:
        if self._generations is not None:
            settling = self._generations.settle(self._run.timing.settle_s)
            with contextlib.suppress(Stopped, TimeoutError):
                await self._run.stopping.before_urgent(settling)

    async def _finish(self) -> None:
        """Wait for the exports, also those that were left, unless the user is in a hurry."""
        run, session = self._run, self._source.session
        if session is not None and session.export.status == "wanted":
            run.say("waiting for the video; stop once more to leave that to the next start")
        run.enter("exporting")
        self._finish_what_is_left()
        try:
            done = await run.stopping.before_urgent(self._source.finish())
            await run.stopping.before_urgent(asyncio.gather(*self._finishing.values()))
        except Stopped:
            done = False
        finally:
            for task in self._finishing.values():
                task.cancel()
            await asyncio.gather(*self._finishing.values(), return_exceptions=True)
        if not done:
            run.say("the video is not there yet; the next `capture start` goes on waiting")
        elif session is not None and session.export.video_id:
            run.say(f"video {session.export.video_id} {session.export.player_url or ''}".rstrip())

    async def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.stop()
        if self._pump is not None:
            await asyncio.gather(self._pump, return_exceptions=True)

    # Parts

    def _new_socket(self) -> ws.Socket:
        timing = self._run.timing
        return ws.Socket(
            websocket_urls(self._access.connection, self._run.settings.collection),
            dead_letter=lambda raw, reason: self._run.journal.reject(raw, reason, "ws"),
            on_trouble=self._note_trouble,
            timing=ws.Timing(first_backoff_s=timing.backoff_first_s, most_backoff_s=timing.backoff_most_s),
        )

    def _note_trouble(self, reason: str, wait_s: float) -> None:
        self._trouble = f"{reason}; next try in {wait_s:.1f} s"

    def _queued(self) -> int:
        return self._socket.queued if self._socket is not None else 0


async def _pump(run: Run, socket: ws.Socket, generations: Generations) -> None:
    """Write what the socket brings. Errors: CloudError, JournalError."""
    async with aclosing(socket.items()) as items:
        async for item in items:
            match item:
                case ws.Message(generation, body, received_ns):
                    generations.on_message(received_ns)
                    run.take(body, "ws", generation)
                case ws.Greeting():
                    generations.on_greeting(item)
                case ws.Ended():
                    generations.on_ended(item)
