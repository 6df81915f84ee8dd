"""Never deaf: each websocket connection is a generation, and everything bound to the one before is moved to it.

`GenerationClock` decides when, and knows what was missed; it has no clock of its own. `Generations` does it: pipelines
bound anew, the hole filled by polling, a gap line written that is true.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, NamedTuple

from capture import facts
from capture.holes import Filled, fill
from capture.pipelines import Pipelines
from capture.run import Run, now_ms
from capture.socket import Ended, Greeting
from capture.state import Session
from capture.timing import Timing

__all__ = ["GenerationClock", "Generations", "Hole"]


class Hole(NamedTuple):
    """From when nothing could be heard, and why. Units: epoch milliseconds."""

    from_ms: int
    reason: str


@dataclass(slots=True)
class GenerationClock:
    """When to move pipelines to the present connection. Flaps are merged into one hole and one move.

    Shape: `due_ms` is None while there is nothing to do; `hole` is open from the loss until pipelines are moved.
    """

    timing: Timing
    connection_id: str | None = None
    due_ms: int | None = None
    hole: Hole | None = None
    _greeted_ms: int = 0
    _heard_ms: int = 0
    _moved_ms: int | None = None

    def greeted(self, connection_id: str, at_ms: int) -> None:
        """A connection is up: move to it at once if it is the first, else when it has held for a while."""
        self.connection_id, self._greeted_ms = connection_id, at_ms
        if self._moved_ms is None:
            self.due_ms = at_ms
            return
        steady_ms = at_ms + round(self.timing.rebind_after_s * 1000)
        self.due_ms = max(steady_ms, self._moved_ms + round(self.timing.rebind_every_s * 1000))

    def restart(self, at_ms: int, since: Hole | None) -> None:
        """There are other pipelines to bind: at once, or with the next greeting."""
        self._moved_ms = None
        self.hole = since or self.hole
        self.due_ms = at_ms if self.connection_id is not None else None

    def heard(self, at_ms: int) -> None:
        """A message came: up to here nothing was missed."""
        self._heard_ms = at_ms

    def ended(self, reason: str, healthy_s: float) -> None:
        """The connection is gone; what it was last known to carry is where the hole begins."""
        self.connection_id, self.due_ms = None, None
        if self.hole is None:
            alive_ms = self._greeted_ms + round(healthy_s * 1000)
            self.hole = Hole(max(self._heard_ms, alive_ms), reason)

    def moved(self, connection_id: str, at_ms: int) -> Hole | None:
        """Pipelines report to this connection now. Returns the hole if that closed one, None if it is gone again."""
        self._moved_ms = at_ms
        if connection_id != self.connection_id:
            return None
        self.due_ms = None
        hole, self.hole = self.hole, None
        return hole


class _LookAgain(NamedTuple):
    session: Session
    hole: Hole
    to_ms: int
    look_ms: int


class Generations:
    """Moves the pipelines of whatever session there is; `watch` in a task for as long as the run lasts."""

    def __init__(self, run: Run, connection: Any) -> None:
        self._run = run
        self._connection = connection
        self._clock = GenerationClock(run.timing)
        self._changed = asyncio.Event()
        self._session: Session | None = None
        self._pipelines: Pipelines | None = None
        self._looks: list[_LookAgain] = []
        self.greeted = asyncio.Event()
        self.bound = asyncio.Event()

    @property
    def connection_id(self) -> str | None:
        """What to bind to now, None while the socket is down."""
        return self._clock.connection_id

    def serve(self, session: Session | None, pipelines: Pipelines | None, since: Hole | None = None) -> None:
        """From now on it is these pipelines that are kept bound, at once; None: none, until the next session.

        `since` is when an earlier run last heard of them. `bound` is set once they are bound.
        """
        self._session, self._pipelines = session, pipelines
        self.bound.clear()
        self._clock.restart(now_ms(), since)
        self._changed.set()

    def on_greeting(self, greeting: Greeting) -> None:
        """A connection is up. Call it in the order of the socket's items."""
        state = self._run.state
        state.generation, state.connection_id = greeting.generation, greeting.connection_id
        self._run.save()
        self._run.tell_fact(facts.generation(*greeting))
        self._clock.greeted(greeting.connection_id, now_ms())
        self.greeted.set()
        self._changed.set()

    def on_message(self, received_ns: int) -> None:
        """Something came over the socket."""
        self._clock.heard(received_ns // 1_000_000)

    def on_ended(self, ended: Ended) -> None:
        """The connection is gone."""
        self._run.state.connection_id = None
        if not self._run.stopping.asked:
            self._run.say(f"connection lost ({ended.reason}), trying again")
        self._clock.ended(ended.reason, ended.healthy_s)
        self._changed.set()

    async def watch(self) -> None:
        """Move pipelines whenever it is due, start again those that failed for a while, look again at holes."""
        while True:
            await self._wait(self._seconds_left())
            due_ms, connection_id = self._clock.due_ms, self._clock.connection_id
            if self._pipelines is not None and connection_id is not None and (due_ms is None or due_ms <= now_ms()):
                await self._pipelines.bind(connection_id)
                if due_ms is not None:
                    await self._moved(connection_id)
            await self._look_again(now_ms())

    async def settle(self, limit_s: float) -> None:
        """Fill what is still open, and look a last time at what was filled. For the end, before the socket closes."""
        async with asyncio.timeout(limit_s):
            hole, self._clock.hole = self._clock.hole, None
            if hole is not None:
                await self._close(hole)
            await self._look_again(None)

    async def _moved(self, connection_id: str) -> None:
        hole = self._clock.moved(connection_id, now_ms())
        self.bound.set()
        if hole is not None:
            await self._close(hole)

    async def _close(self, hole: Hole) -> None:
        """Fill a hole and tell of it. Without pipelines only lifecycle can be missing, and that is polled anyway."""
        session = self._session
        if session is None or not session.pipelines:
            return
        to_ms, filled = now_ms(), Filled(0, whole=False)
        try:
            filled = await fill(self._run, self._connection, session, hole.from_ms, to_ms)
        finally:  # also when it is given up half way: the hole is a fact
            self._tell(hole, to_ms, filled, session)
        look_ms = to_ms + round(self._run.timing.refill_s * 1000)
        self._looks.append(_LookAgain(session, hole, to_ms, look_ms))

    def _tell(self, hole: Hole, to_ms: int, filled: Filled, session: Session) -> None:
        fact = facts.gap(hole.from_ms, to_ms, hole.reason, filled=filled.whole)
        lost = any(pipeline.alerts for pipeline in session.pipelines.values())
        fact["data"].update(records=filled.records, alerts_lost=lost)
        self._run.tell_fact(fact)
        self._run.tally.gaps += 1
        span_s = (to_ms - hole.from_ms) / 1000
        self._run.say(f"{filled.records} events fetched of {span_s:.1f} s without connection")

    async def _look_again(self, until_ms: int | None) -> None:
        """Fetch once more what the cloud was still working on when a hole was filled. None: look at all of them."""
        due = [each for each in self._looks if until_ms is None or each.look_ms <= until_ms]
        self._looks = [each for each in self._looks if each not in due]
        for each in due:
            filled = await fill(self._run, self._connection, each.session, each.hole.from_ms, each.to_ms)
            if filled.records:
                self._run.say(f"{filled.records} more events fetched")

    def _seconds_left(self) -> float:
        instants = [each.look_ms for each in self._looks]
        if self._pipelines is not None and self._clock.due_ms is not None:
            instants.append(self._clock.due_ms)
        far_s = self._run.timing.poll_far_s
        return min([far_s, *(max(0.0, (each - now_ms()) / 1000) for each in instants)])

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()
