"""What came when: events by stream and by minute, for heartbeats, the live view and the search for silence. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Tally"]

_MINUTE_MS = 60_000
_RATE_MOST = 10_000


@dataclass(slots=True)
class Tally:
    """Counts messages that were written. Units: instants are epoch milliseconds, by stream id."""

    events: int = 0
    duplicates: int = 0
    filled: int = 0
    gaps: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    last_ms: dict[str, int] = field(default_factory=dict)
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=_RATE_MOST))

    def count(self, message: Mapping[str, Any], at_ms: int) -> None:
        """Note a message that came from a pipeline; lifecycle and others count in no stream."""
        stream_id = message.get("rtstream_id")
        if not isinstance(stream_id, str):
            return
        self.events += 1
        self.counts[stream_id] = self.counts.get(stream_id, 0) + 1
        self.last_ms[stream_id] = at_ms
        self._recent.append(at_ms)

    def per_minute(self, now_ms: int) -> int:
        """Return how many events came within the last minute, 10,000 at most."""
        while self._recent and self._recent[0] < now_ms - _MINUTE_MS:
            self._recent.popleft()
        return len(self._recent)
