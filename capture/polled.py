"""What the cloud kept of a stream, fetched page by page and turned into the messages the websocket would have sent.

Polled times are epoch seconds and texts have other names; here they become milliseconds and `text`. Partial
transcripts and alerts are not kept and cannot be fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from capture.calls import CloudError, call
from capture.dedupe import millis

__all__ = ["Fetched", "indexes", "transcript"]

_PAGE = 1000
_SCENE_PAGE = 100
_MOST_PAGES = 10_000
_ROWS = ("transcription_records", "segments", "transcriptions", "scenes", "scene_index_records", "records")
_TEXTS = ("text", "description", "summary")
_CHANNELS = {"transcript": "audio_index"}


class Fetched(NamedTuple):
    """Messages of one pipeline in the order of their time, and how many records were left out as unreadable.

    Shape: `purpose` is equal for pipelines that replaced one another.
    """

    purpose: tuple[Any, ...]
    messages: list[dict[str, Any]]
    odd: int


async def transcript(stream: Any, **bounds: float) -> Fetched:
    """Return the finals of a stream; `start`, `end` and `since` in epoch seconds bound it. Errors: CloudError."""

    def ask(page: int) -> Any:
        return stream.get_transcript(page=page, page_size=_PAGE, **bounds)

    return await _fetched(ask, stream, "transcript", ("transcript",))


async def indexes(stream: Any) -> list[Fetched]:
    """Return what every index of the stream saw or heard, oldest index first. Errors: CloudError."""
    found = []
    for index in await call(stream.list_scene_indexes):
        channel = _CHANNELS.get(str(index.extraction_type), "visual_index")
        purpose = (channel, index.prompt)
        found.append(await _fetched(_scenes_of(index), stream, channel, purpose))
    return found


def _scenes_of(index: Any) -> Callable[[int], Any]:
    return lambda page: index.get_scenes(page=page, page_size=_SCENE_PAGE)


async def _fetched(ask: Callable[[int], Any], stream: Any, channel: str, purpose: tuple[Any, ...]) -> Fetched:
    messages: list[dict[str, Any]] = []
    odd = 0
    for page in range(1, _MOST_PAGES + 1):
        answer = await _page(ask, page)
        rows: list[Any] = next((answer[name] for name in _ROWS if isinstance(answer.get(name), list)), [])
        for row in rows:
            message = _message(row, stream, channel)
            if message is None:
                odd += 1
            else:
                messages.append(message)
        if not rows or not answer.get("next_page"):
            break
    messages.sort(key=lambda message: (message["data"]["start"], message["data"]["end"]))
    return Fetched(purpose, messages, odd)


async def _page(ask: Callable[[int], Any], page: int) -> Mapping[str, Any]:
    try:
        answer = await call(ask, page)
    except CloudError as error:
        if error.kind == "not-found" and page == 1:  # nothing was ever started on this stream
            return {}
        raise
    return answer if isinstance(answer, dict) else {}


def _message(row: Any, stream: Any, channel: str) -> dict[str, Any] | None:
    if not isinstance(row, dict):
        return None
    start_ms, end_ms = millis(row.get("start")), millis(row.get("end"))
    text = next((row[name] for name in _TEXTS if isinstance(row.get(name), str)), None)
    if start_ms is None or text is None:
        return None
    final = {"is_final": True} if channel == "transcript" else {}
    name = getattr(stream, "name", None) or getattr(stream, "channel_id", None)
    return {
        "channel": channel, "rtstream_id": stream.id, "rtstream_name": name,
        "data": {"text": text, **final, "start": start_ms, "end": max(start_ms, end_ms or start_ms)},
    }  # fmt: skip
