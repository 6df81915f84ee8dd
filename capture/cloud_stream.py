"""What the runner asks the cloud about streams, pipelines and their records, through the SDK.

Objects of the SDK are made from known ids, not fetched, so one piece of work is one call. Every function raises
CloudError.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from videodb.rtstream import RTStream, RTStreamSceneIndex

from capture.calls import CloudError, call
from capture.settings import Alert, PipelineSpec

__all__ = [
    "Index", "connect_stream", "create_alert", "create_index", "disable_alert", "event_for", "export_stream",
    "index_records", "indexes", "set_stream", "start_transcript", "stop_index", "stop_transcript", "stream_status",
    "transcript_records",
]  # fmt: skip

_PAGE = 1000
_MOST_PAGES = 50


class Index(NamedTuple):
    """An index that exists on a stream."""

    id: str
    name: str
    running: bool


async def start_transcript(
    connection: Any, stream_id: str, connection_id: str, engine: str | None, *, timeout_s: float
) -> None:
    """Start the transcript, or move a running one to this connection."""
    await call(RTStream(connection, stream_id).start_transcript, connection_id, engine, timeout_s=timeout_s)


async def stop_transcript(connection: Any, stream_id: str, engine: str | None, *, timeout_s: float) -> None:
    """Stop the transcript."""
    await call(RTStream(connection, stream_id).stop_transcript, engine, timeout_s=timeout_s)


async def create_index(
    connection: Any, stream_id: str, spec: PipelineSpec, name: str, connection_id: str, *, timeout_s: float
) -> str:
    """Start an index that reports to this connection, and return its id. It costs money until it is stopped."""
    stream = RTStream(connection, stream_id)
    start: Callable[..., Any] = stream.index_audio if spec.kind == "audio" else stream.index_visuals
    made = await call(
        start, prompt=_prompt(spec), batch_config=_batch(spec), model_name=spec.model, name=name,
        ws_connection_id=connection_id, timeout_s=timeout_s,
    )  # fmt: skip
    index_id = getattr(made, "rtstream_index_id", None)
    if not isinstance(index_id, str) or not index_id:
        raise CloudError("odd", None, "the answer has no index")
    return index_id


async def indexes(connection: Any, stream_id: str, *, timeout_s: float) -> list[Index]:
    """Return the indexes of a stream."""
    found = await call(RTStream(connection, stream_id).list_scene_indexes, timeout_s=timeout_s)
    return [
        Index(each.rtstream_index_id, str(each.name or ""), each.status not in ("stopped", "failed"))
        for each in found
        if isinstance(each.rtstream_index_id, str)
    ]


async def stop_index(connection: Any, stream_id: str, index_id: str, *, timeout_s: float) -> None:
    """Stop an index; its records stay readable."""
    await call(RTStreamSceneIndex(connection, index_id, stream_id).stop, timeout_s=timeout_s)


async def event_for(connection: Any, alert: Alert, *, timeout_s: float) -> str:
    """Return the id of the event of this label, created if there is none: creating one twice makes two."""
    known = await call(connection.list_events, timeout_s=timeout_s)
    for event in known if isinstance(known, list) else []:
        if isinstance(event, dict) and event.get("label") == alert.label and event.get("event_id"):
            return str(event["event_id"])
    made = await call(connection.create_event, alert.event, alert.label, timeout_s=timeout_s)
    if not isinstance(made, str) or not made:
        raise CloudError("odd", None, f"the answer has no event for the alert {alert.label!r}")
    return made


async def create_alert(
    connection: Any, stream_id: str, index_id: str, event_id: str, to: tuple[str, str], *, timeout_s: float
) -> str:
    """Let an event on an index be reported to a callback address (or "") and a connection: `to`."""
    index = RTStreamSceneIndex(connection, index_id, stream_id)
    return str(await call(index.create_alert, event_id, to[0], to[1], timeout_s=timeout_s))


async def disable_alert(connection: Any, stream_id: str, index_id: str, alert_id: str, *, timeout_s: float) -> None:
    """Let an alert rest."""
    await call(RTStreamSceneIndex(connection, index_id, stream_id).disable_alert, alert_id, timeout_s=timeout_s)


async def transcript_records(
    connection: Any, stream_id: str, engine: str | None, since_s: float, *, timeout_s: float
) -> list[dict[str, Any]]:
    """Return what was said since then. Units of records: epoch seconds."""
    stream = RTStream(connection, stream_id)
    return await _pages(
        lambda page: call(stream.get_transcript, page, _PAGE, since=since_s, engine=engine, timeout_s=timeout_s),
        ("transcription_records", "transcriptions", "segments"),
    )


async def index_records(
    connection: Any, stream_id: str, index_id: str, between_s: tuple[int, int], *, timeout_s: float
) -> list[dict[str, Any]]:
    """Return an index's records between two instants. Units: epoch seconds, and neither bound may be 0."""
    index = RTStreamSceneIndex(connection, index_id, stream_id)
    return await _pages(lambda page: call(index.get_scenes, *between_s, page, _PAGE, timeout_s=timeout_s), ("scenes",))


async def connect_stream(
    connection: Any, collection: str, source: tuple[str, str], media: list[str], store: bool, *, timeout_s: float
) -> str:
    """Connect a stream from an address: `source` is address and name. Returns the stream's id."""
    holder = await call(connection.get_collection, collection, timeout_s=timeout_s)
    made = await call(holder.connect_rtstream, *source, media_types=media, store=store or None, timeout_s=timeout_s)
    return str(made.id)


async def stream_status(connection: Any, stream_id: str, *, timeout_s: float) -> str:
    """Return `connected`, `stopped` or what else the cloud says of a stream."""
    found = await call(connection.get, f"rtstream/{stream_id}", timeout_s=timeout_s)
    return str(found.get("status") or "") if isinstance(found, dict) else ""


async def set_stream(connection: Any, stream_id: str, *, on: bool, timeout_s: float) -> None:
    """Let a stream run or stop."""
    stream = RTStream(connection, stream_id)
    await call(stream.start if on else stream.stop, timeout_s=timeout_s)


async def export_stream(connection: Any, stream_id: str, *, timeout_s: float) -> tuple[str, str | None, str | None]:
    """Make the video of a stopped, stored stream; asking again returns the same. Returns id and two addresses."""
    made = await call(RTStream(connection, stream_id).export, timeout_s=timeout_s)
    return str(made.video_id), made.stream_url, made.player_url


async def _pages(fetch: Callable[[int], Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for page in range(1, _MOST_PAGES + 1):
        found = await fetch(page)
        if not isinstance(found, dict):
            break
        rows: list[Any] = next((found[name] for name in names if isinstance(found.get(name), list)), [])
        records.extend(row for row in rows if isinstance(row, dict))
        if not found.get("next_page") or not rows:
            break
    return records


def _prompt(spec: PipelineSpec) -> str | None:
    """Return the prompt; with `json` fields it asks for one object with these keys and nothing around it."""
    if not spec.fields:
        return spec.prompt
    keys = json.dumps(dict(spec.fields), ensure_ascii=False, indent=2)
    return (
        f"{spec.prompt or 'Describe what there is.'}\n\nAnswer with one JSON object and nothing else: no code fence, "
        f"no comment. Exactly these keys, each holding what is described here:\n{keys}"
    )


def _batch(spec: PipelineSpec) -> dict[str, Any] | None:
    if spec.batch is None:
        return None
    batch: dict[str, Any] = {"type": spec.batch.type, "value": spec.batch.value}
    if spec.kind == "visual":
        batch["frame_count"] = spec.batch.frames
    return batch
