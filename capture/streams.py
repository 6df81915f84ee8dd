"""What a stream is, from the three ways the cloud describes it: by name, by channel id, by kind of media. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from capture.settings import PipelineSpec
from capture.state import Stream

__all__ = ["SOURCES", "source_of", "specs_for", "streams_of"]

SOURCES = ("mic", "system_audio", "screen", "camera", "stream")
"""What a stream can come from; `display` is another name for screen."""

# The vendor's samples name streams "Capture mic - cap-83e6" as well as "mic:default".
_VENDOR_NAME = re.compile(r"Capture (mic|system_audio|display|screen|camera)\b")

_ALIASES = {"screen": ("display",)}
_LIKE = {"audio": "mic", "video": "screen"}  # what a stream from an address gets that has no settings of its own


def source_of(name: str, channel_id: str = "", media: Sequence[str] = ()) -> str:
    """Return which of `SOURCES` a stream comes from; what no name tells, its media do."""
    vendor = _VENDOR_NAME.match(name)
    for told in (vendor[1] if vendor else name, channel_id):
        kind = told.partition(":")[0].strip().lower()
        kind = "screen" if kind == "display" else kind
        if kind in SOURCES:
            return kind
    return "screen" if "video" in media else "mic"


def streams_of(rows: object) -> list[Stream]:
    """Return the streams of an `active` message or a polled session; `null` and odd rows are none."""
    found: list[Stream] = []
    for row in rows if isinstance(rows, list) else []:
        stream_id = row.get("rtstream_id") or row.get("id") if isinstance(row, Mapping) else None
        if isinstance(stream_id, str) and stream_id and all(stream_id != other.id for other in found):
            found.append(_stream(stream_id, row))
    return found


def specs_for(stream: Stream, pipelines: Mapping[str, tuple[PipelineSpec, ...]]) -> tuple[PipelineSpec, ...]:
    """Return what to run on a stream: what is set for its very name, else for a glob of it, else for its source."""
    if stream.name in pipelines:
        return pipelines[stream.name]
    for key, specs in pipelines.items():
        if fnmatchcase(stream.name, key):
            return specs
    for alias in (stream.source, *_ALIASES.get(stream.source, ())):
        if alias in pipelines:
            return pipelines[alias]
    if stream.source != "stream":
        return ()
    likened = [pipelines.get(like, ()) for media, like in _LIKE.items() if media in stream.media]
    return tuple(spec for specs in likened for spec in specs)


def _stream(stream_id: str, row: Mapping[str, Any]) -> Stream:
    name, channel_id = str(row.get("name") or ""), str(row.get("channel_id") or "")
    media = row.get("media_types")
    media = [str(each) for each in media] if isinstance(media, list) else []
    return Stream(stream_id, name or channel_id, source_of(name, channel_id, media), media)
