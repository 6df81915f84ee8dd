"""Streams that fell silent though they cannot: a screen is described every few seconds, or it sleeps. Pure.

The recorder pauses when the display sleeps and tells nobody. Speech may pause for an hour, so only pictures, whose
rhythm is known, tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from capture.settings import PipelineSpec
from capture.state import Stream
from capture.streams import specs_for

__all__ = ["Quiet", "Silence"]

_MISSED = 6
_LEAST_MS = 60_000
_DEFAULT_S = 10


class Quiet(NamedTuple):
    """A silence that ended. Units: epoch milliseconds."""

    stream_id: str
    from_ms: int
    to_ms: int


class Silence:
    """Remembers when each stream was last heard, from one look to the next."""

    def __init__(self, pipelines: Mapping[str, tuple[PipelineSpec, ...]]) -> None:
        self._pipelines = pipelines
        self._before: dict[str, int] = {}

    def ended(self, streams: Iterable[Stream], last_ms: Mapping[str, int]) -> list[Quiet]:
        """Return the silences over six intervals of a picture, one minute at least, that ended since the last look."""
        found: list[Quiet] = []
        for stream in streams:
            rhythm_ms = self._rhythm_ms(stream)
            heard_ms, before_ms = last_ms.get(stream.id), self._before.get(stream.id)
            if rhythm_ms is None or heard_ms is None:
                continue
            if before_ms is not None and heard_ms - before_ms > max(_LEAST_MS, _MISSED * rhythm_ms):
                found.append(Quiet(stream.id, before_ms, heard_ms))
            self._before[stream.id] = heard_ms
        return found

    def _rhythm_ms(self, stream: Stream) -> int | None:
        visual = [spec for spec in specs_for(stream, self._pipelines) if spec.kind == "visual"]
        return min((spec.batch.value if spec.batch else _DEFAULT_S for spec in visual), default=0) * 1000 or None
