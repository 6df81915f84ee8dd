"""The heartbeat: a line now and then that says the runner lives and hears, and a gap line when the machine slept.

Silence is a fact only while somebody listens: with these lines a rule that waits for nothing to happen is truthful.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from capture import facts
from capture.run import Run, now_ms
from capture.silence import Silence
from capture.state import Session

__all__ = ["beat", "slept_ms"]


def slept_ms(wall_ms: int, machine_ms: int, limit_ms: int) -> int:
    """Return for how long the machine slept, given how far two clocks went on; 0 below the limit."""
    ahead = wall_ms - machine_ms
    return ahead if ahead >= limit_ms else 0


async def beat(run: Run, queued: Callable[[], int], session: Callable[[], Session | None]) -> None:
    """Write heartbeats for ever. `queued` is how many messages wait to be written."""
    limit_ms = round(run.timing.sleep_s * 1000)
    silence = Silence(run.settings.pipelines)
    wall_ms, machine_s = now_ms(), time.monotonic()
    while True:
        await asyncio.sleep(run.timing.heartbeat_s)
        before_ms, before_s = wall_ms, machine_s
        wall_ms, machine_s = now_ms(), time.monotonic()
        if slept_ms(wall_ms - before_ms, round((machine_s - before_s) * 1000), limit_ms):
            run.tell_fact(facts.gap(before_ms, wall_ms, "sleep", filled=False))
        current = session()
        if current is not None:
            for quiet in silence.ended(current.streams, run.tally.last_ms):
                fact = facts.gap(quiet.from_ms, quiet.to_ms, "silence", filled=False)
                fact["data"]["rtstream_id"] = quiet.stream_id
                run.tell_fact(fact)
        run.tell("heartbeat", _heartbeat(run, queued(), wall_ms))


def _heartbeat(run: Run, queued: int, at_ms: int) -> dict[str, object]:
    tally = run.tally
    return {
        "generation": run.state.generation, "connected": run.state.connection_id is not None, "queue": queued,
        "events": tally.events, "per_minute": tally.per_minute(at_ms), "last_event": dict(tally.last_ms),
    }  # fmt: skip
