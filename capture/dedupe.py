"""The same event from two planes is one event: its identity, and the memory of what the journal holds.

A polled record has no id, its times are in seconds and its text may differ by a space; what counts is the stream, the
moment and the folded text. An index record whose span is mostly covered by kept ones is the same moment seen by the
index that was replaced, whatever its text says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

__all__ = ["INDEX_KINDS", "Seen", "Spoken", "identity", "millis", "spoken"]

INDEX_KINDS = {
    "visual_index": "visual", "scene_index": "visual", "audio_index": "audio", "spoken_index": "audio"
}  # fmt: skip
"""Which kind of index a channel reports on; both names of each occur."""

_MOMENT_MS = 10
_REMEMBERED = 100_000
_SPANS = 2_000
_COVERED = 0.5


class Spoken(NamedTuple):
    """A transcript or index message, reduced to what tells it from others. Units: epoch milliseconds."""

    stream_id: str
    kind: str
    start_ms: int
    end_ms: int
    final: bool
    text: str


def millis(value: object) -> int | None:
    """Return epoch milliseconds of a wire time in seconds or milliseconds, or None for what is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e8 < value < 1e14:
        return None
    return round(value if value > 1e11 else value * 1000)


def spoken(message: Mapping[str, Any]) -> Spoken | None:
    """Return what a transcript or index message says, or None for any other and for one without times."""
    channel, data = message.get("channel"), message.get("data")
    kind = "transcript" if channel == "transcript" else INDEX_KINDS.get(str(channel))
    if kind is None or not isinstance(data, dict):
        return None
    start_ms, end_ms = millis(data.get("start")), millis(data.get("end"))
    if start_ms is None:
        return None
    text = data.get("text") or data.get("summary") or data.get("description")
    folded = " ".join(text.casefold().split()) if isinstance(text, str) else ""
    final = data.get("is_final") is not False
    return Spoken(str(message.get("rtstream_id")), kind, start_ms, max(start_ms, end_ms or start_ms), final, folded)


def identity(message: Mapping[str, Any], shift: int = 0) -> Hashable | None:
    """Return what is equal for the same event from two planes, or None when it cannot be told.

    `shift` moves the moment by so many steps of 10 ms: planes may round differently.
    """
    event = message.get("event")
    if isinstance(event, str) and event.startswith("capture_session."):
        session = message.get("capture_session_id") or message.get("session_id")
        return ("session", session, event)
    said = spoken(message)
    if said is None:
        return None
    text = blake2b(said.text.encode("utf-8", "replace"), digest_size=12).digest()
    return (said.stream_id, said.kind, said.start_ms // _MOMENT_MS + shift, said.final, text)


class Seen:
    """What was written already. Bounded: the newest 100,000 identities and 2,000 spans a stream and kind."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}
        self._spans: dict[tuple[str, str], deque[tuple[int, int]]] = {}

    def fresh(self, message: Mapping[str, Any]) -> bool:
        """Remember a message; return whether it says anything that was not known.

        A lifecycle message that comes again is news only if its `data` has more fields than before.
        """
        name = identity(message)
        if name is None:
            return True
        data = message.get("data")
        size = sum(value is not None for value in data.values()) if isinstance(data, dict) else 0
        said = spoken(message)
        known = self._known.get(name) if said is None else self._near(message)
        if known is not None and (said is not None or size <= known):
            return False
        self._known[name] = size
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        if said is not None and said.kind != "transcript":
            spans = self._spans.setdefault((said.stream_id, said.kind), deque(maxlen=_SPANS))
            spans.append((said.start_ms, said.end_ms))
        return True

    def covered(self, message: Mapping[str, Any]) -> bool:
        """Return whether half of an index record's span or more is covered by records that were kept."""
        said = spoken(message)
        if said is None or said.kind == "transcript" or said.end_ms <= said.start_ms:
            return False
        kept = sorted(
            (max(start, said.start_ms), min(end, said.end_ms))
            for start, end in self._spans.get((said.stream_id, said.kind), ())
            if end > said.start_ms and start < said.end_ms
        )
        total, reached = 0, said.start_ms
        for start, end in kept:
            total += max(0, end - max(start, reached))
            reached = max(reached, end)
        return total >= _COVERED * (said.end_ms - said.start_ms)

    def _near(self, message: Mapping[str, Any]) -> int | None:
        return next((self._known[n] for s in (0, -1, 1) if (n := identity(message, s)) in self._known), None)
