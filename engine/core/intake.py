"""Drafts to events: which clock a stream runs on, which session it belongs to, and whether it was seen before.

An object without I/O, fed by calls: three small memories that every event passes, too dear to copy per event.
Invariant: the same drafts give the same events, however they were batched or restarted.
"""

from __future__ import annotations

from typing import Any

import orjson

from engine.core.decode import Draft, stream_source
from engine.core.repeats import Repeats
from engine.core.streams import NEAR_MS, StreamClock
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS
from engine.model.event import Event, Line

__all__ = ["Intake"]

MAX_STREAMS = 1_000
MAX_SESSIONS = 200
# Without a line for this long the event time goes on with the wall clock (RULES 7).
IDLE_MS = 2_000
ENDED = frozenset(("stopped", "exported", "failed"))
OWNER = "intake"


class Intake:
    """The memory behind decoding. A new one goes on from the `states` that `changes` of another gave.

    `front_ms` is how far event time has come: what is due `lateness_ms` before it cannot be overtaken any more by an
    event that is late by less. It never goes back, and an event ahead of its own arrival does not pull it along.
    """

    def __init__(self, states: dict[StateKey, bytes] | None = None, lateness_ms: int = LIMITS.lateness_ms) -> None:
        self.lateness_ms = lateness_ms
        self.clocks: dict[str, StreamClock] = {}
        self.sessions: dict[str, str] = {}
        self.stream_names: dict[str, tuple[str, str]] = {}
        self.newest_ms = 0
        self.last_seen_ms = 0
        self.front_ms = 0
        self._line_ms = 0
        self._base_ms = 0
        self._written: dict[StateKey, bytes] = {}
        self._only: str | None = None
        self._repeats = Repeats(OWNER, states or {})
        self._restore(states or {})

    def admit(self, draft: Draft, line: Line, now_ms: int) -> Event | None:
        """Return the event, or None when the same event came within the last ten minutes.

        Units: `now_ms` serves as arrival time only for a line that carries none.
        """
        body, kind, status, text, start_ms, end_ms, seen_ms, final, stream_id, name, session, key = draft
        if seen_ms is None:
            seen_ms = now_ms
        if self._repeats.is_repeat(key, seen_ms):
            return None
        stream = name or stream_id
        if stream_id is not None and (name is None or session is None):
            learned = self.stream_names.get(stream_id)
            if learned is not None:
                stream, session = name or learned[0], session or learned[1]
        if session is None:
            session = self._only
        if kind == "session" and session is not None:
            self._follow_session(session, draft)
        known = self.clocks.get(stream or "")
        if known is not None and known.settled and start_ms is not None and -NEAR_MS <= seen_ms - start_ms <= NEAR_MS:
            at_ms, end_ms, clock = start_ms, end_ms or start_ms, "media"
        else:
            at_ms, end_ms, clock = self._event_time(draft, stream or "", seen_ms)
        late_ms = self.newest_ms - self.lateness_ms - end_ms
        # A time far ahead of its arrival is a fault of the indexer's; it must not make everything after it late.
        if self.newest_ms < at_ms <= seen_ms + NEAR_MS:
            self.newest_ms = at_ms
        self.last_seen_ms = seen_ms
        self._move_front(at_ms, seen_ms)
        # `tuple.__new__` skips the named constructor, which costs 0.2 us more an event.
        return tuple.__new__(Event, (
            line.position, line.path, line.line_no, body, kind, status, text, at_ms, end_ms, seen_ms, clock, final,
            stream, stream_source(stream), session, key, late_ms if late_ms > 0 else 0, None,
        ))  # fmt: skip

    def _move_front(self, at_ms: int, seen_ms: int) -> None:
        """Let a line move event time: by itself, or by the silence before it."""
        if seen_ms > self._line_ms:
            if self._line_ms and seen_ms - self._line_ms > IDLE_MS:
                self.advance(seen_ms)
            self._line_ms = seen_ms
        latest_ms = seen_ms + self.lateness_ms
        if at_ms > latest_ms:
            at_ms = latest_ms
        if at_ms > self.front_ms:
            self.front_ms = at_ms
        self._base_ms = self.front_ms

    def front_at(self, now_ms: int) -> int:
        """Return how far event time will have come by then if no line comes before."""
        return max(self.front_ms, self._base_ms + now_ms - self._line_ms - IDLE_MS)

    def advance(self, now_ms: int) -> None:
        """Let event time go on with the wall clock, unless lines came within the last two seconds."""
        self.front_ms = self.front_at(now_ms)

    def arrives_ms(self, front_ms: int) -> int:
        """Return when event time will have come that far if no line comes before. Units: wall clock."""
        return front_ms - self._base_ms + self._line_ms + IDLE_MS if front_ms > self.front_ms else self._line_ms

    def is_active(self, status: str) -> bool:
        """Tell whether some session is in that state now."""
        return status in self.sessions.values()

    def _follow_session(self, session: str, draft: Draft) -> None:
        if draft.status is not None:
            self.sessions.pop(session, None)
            self.sessions[session] = draft.status
            _keep(self.sessions, MAX_SESSIONS)
            self._find_only_session()
        data = draft.body.get("data")
        streams = data.get("rtstreams") if isinstance(data, dict) else None
        for stream in streams if isinstance(streams, list) else ():
            if isinstance(stream, dict):
                self._learn_stream(stream, session)

    def _learn_stream(self, stream: dict[str, Any], session: str) -> None:
        stream_id = stream.get("rtstream_id", stream.get("id"))
        name = stream.get("name", stream.get("channel_id"))
        if isinstance(stream_id, str):
            self.stream_names.pop(stream_id, None)
            self.stream_names[stream_id] = (name if isinstance(name, str) and name else stream_id, session)
            _keep(self.stream_names, MAX_STREAMS)

    def _find_only_session(self) -> None:
        active = [session for session, status in self.sessions.items() if status == "active"]
        live = active or [session for session, status in self.sessions.items() if status not in ENDED]
        self._only = live[0] if len(live) == 1 else None

    def _event_time(self, draft: Draft, stream: str, seen_ms: int) -> tuple[int, int, str]:
        if draft.start_ms is None or draft.end_ms is None:
            return seen_ms, seen_ms, "arrival"
        clock = self.clocks.get(stream)
        if clock is None:
            clock = self.clocks[stream] = StreamClock()
            _keep(self.clocks, MAX_STREAMS)
        shift = clock.shift_ms(draft.start_ms, draft.end_ms, seen_ms)
        if shift is None:
            return draft.start_ms, draft.end_ms, "media"
        return draft.start_ms + shift, draft.end_ms + shift, "arrival"

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return what differs from the last checkpoint; the caller commits it with the positions."""
        states: dict[StateKey, bytes] = {
            (OWNER, "clocks"): orjson.dumps({name: clock.dump() for name, clock in self.clocks.items()}),
            (OWNER, "sessions"): orjson.dumps([self.sessions, self.stream_names]),
            (OWNER, "time"): orjson.dumps(
                [self.newest_ms, self.last_seen_ms, self.front_ms, self._line_ms, self._base_ms]
            ),
        }
        changed = {key: blob for key, blob in states.items() if self._written.get(key) != blob}
        self._written |= changed
        return {**changed, **self._repeats.changes()}

    def _restore(self, states: dict[StateKey, bytes]) -> None:
        for (owner, name), blob in states.items():
            if owner != OWNER:
                continue
            if name == "clocks":
                self.clocks = {stream: StreamClock.load(dumped) for stream, dumped in orjson.loads(blob).items()}
            elif name == "sessions":
                self.sessions, streams = orjson.loads(blob)
                self._find_only_session()
                self.stream_names = {stream: (known[0], known[1]) for stream, known in streams.items()}
            elif name == "time":
                self.newest_ms, self.last_seen_ms, *front = orjson.loads(blob)
                # A state from before there were windows knows no front.
                before = (self.newest_ms, self.last_seen_ms, self.newest_ms)
                self.front_ms, self._line_ms, self._base_ms = front or before
            else:
                continue
            self._written[owner, name] = blob


def _keep(memory: dict[str, Any], most: int) -> None:
    """Forget the oldest entry of a memory that has grown by one beyond its size."""
    if len(memory) > most:
        del memory[next(iter(memory))]
