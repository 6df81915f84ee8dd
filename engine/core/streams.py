"""Which clock a stream's media times run on: the desktop's, or one of their own."""

from __future__ import annotations

from typing import Any

__all__ = ["StreamClock"]

NEAR_MS = 900_000
VOTES = 5
SAMPLES = 15


class StreamClock:
    """One stream's decision. Media times are trusted when they lie near arrival, else shifted by a constant.

    `settled` says that a time near its arrival changes nothing: decided for the media clock, no vote against.
    Source: RULES 7: decided by the first five events, changed only by five contrary ones in a row.
    """

    __slots__ = ("against", "decided", "media", "near", "offsets", "settled", "shift")

    def __init__(self) -> None:
        self.media = True
        self.decided = 0
        self.near = 0
        self.against = 0
        self.offsets: list[int] = []
        self.shift = 0
        self.settled = False

    def shift_ms(self, start_ms: int, end_ms: int, seen_ms: int) -> int | None:
        """Return None for a stream on the media clock, else what to add to its media times."""
        near = -NEAR_MS <= seen_ms - start_ms <= NEAR_MS
        if self.decided < VOTES:
            self.decided += 1
            self.near += near
            self.media = self.near * 2 > self.decided
        elif near is self.media:
            self.against = 0
        else:
            self.against += 1
            if self.against >= VOTES:
                self.media, self.against, self.offsets = near, 0, []
        self.settled = self.media and self.decided >= VOTES and not self.against
        if self.media:
            return None
        if len(self.offsets) < SAMPLES:
            self.offsets.append(seen_ms - end_ms)
            self.shift = sorted(self.offsets)[len(self.offsets) // 2]
        return self.shift

    @property
    def name(self) -> str:
        """`media` or `arrival`, for people."""
        return "media" if self.media else "arrival"

    def dump(self) -> list[Any]:
        """Return the state as plain JSON values."""
        return [self.media, self.decided, self.near, self.against, self.offsets, self.shift]

    @classmethod
    def load(cls, dumped: list[Any]) -> StreamClock:
        """Return the clock that `dump` described."""
        clock = cls()
        clock.media, clock.decided, clock.near, clock.against, clock.offsets, clock.shift = dumped
        return clock
