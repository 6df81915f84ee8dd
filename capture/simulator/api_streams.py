"""Streams: connecting one, its state, its transcript, search, clips and export."""

from __future__ import annotations

import time
from typing import Any

from capture.simulator.api_sessions import COLLECTION
from capture.simulator.cloud import Cloud, channel_id_of
from capture.simulator.routing import Endpoint, RefusalError, action_of, need, page_of
from capture.simulator.state import Pipeline, Stream
from capture.simulator.wire import Call

__all__ = ["ENDPOINTS", "stream_of"]


def stream_of(cloud: Cloud, call: Call) -> Stream:
    """Return the stream the path names. Errors: RefusalError 404."""
    stream: Stream = need(cloud.world.streams, call.params["id"], "rtstream")
    return stream


def _connect(cloud: Cloud, call: Call) -> dict[str, Any]:
    body = call.body
    url = str(body.get("url") or "")
    if not url.startswith(("rtsp://", "rtsps://", "rtmp://", "rtmps://", "http://", "https://")):
        raise RefusalError(400, "url must be a stream address such as rtsp://…")
    stream = Stream(
        cloud.world.next_id("rts"),
        str(body.get("name") or url),
        COLLECTION,
        list(body.get("media_types") or ["video"]),
        int(time.time()),
        store=bool(body.get("store")),
        url=url,
        sample_rate=int(body.get("sample_rate") or 30),
    )
    cloud.world.streams[stream.id] = stream
    if body.get("enable_transcript"):
        _start_transcript(cloud, stream, str(body.get("ws_connection_id") or ""), {})
    return _shown(cloud, stream)


def _list(cloud: Cloud, call: Call) -> dict[str, Any]:
    wanted = call.query.get("status"), call.query.get("name")
    rows = [s for s in cloud.world.streams.values() if wanted[0] in (None, s.status) and wanted[1] in (None, s.name)]
    if call.query.get("ordering", "").startswith("-"):
        rows.reverse()
    offset, limit = int(call.query.get("offset", 0)), int(call.query.get("limit", 1000))
    return {"results": [_shown(cloud, stream) for stream in rows[offset : offset + limit]], "count": len(rows)}


def _get(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _shown(cloud, stream_of(cloud, call))


def _set_status(cloud: Cloud, call: Call) -> dict[str, Any]:
    stream = stream_of(cloud, call)
    stream.status = {"start": "connected", "stop": "stopped"}[action_of(call, "start", "stop")]
    return {"id": stream.id, "status": stream.status}


def _transcription(cloud: Cloud, call: Call) -> dict[str, Any]:
    stream = stream_of(cloud, call)
    if action_of(call, "start", "stop") == "start":
        if stream.status != "connected":
            raise RefusalError(400, f"the stream is {stream.status}")
        _start_transcript(cloud, stream, str(call.body.get("ws_connection_id") or ""), call.body)
        return {"status": "running", "start_time": int(time.time())}
    for pipeline in cloud.world.on_stream(stream.id, "transcript"):
        pipeline.running = False
    return {"status": "stopped", "end_time": int(time.time())}


def _start_transcript(cloud: Cloud, stream: Stream, ws_id: str, request: dict[str, Any]) -> None:
    """A stream has one transcript: starting it again moves it to another connection."""
    pipeline_id = f"{stream.id}-transcript"
    known = cloud.world.pipelines.get(pipeline_id)
    if known is None:
        known = cloud.world.pipelines[pipeline_id] = Pipeline(pipeline_id, "transcript", stream.id, starts=0)
    known.ws_id, known.request, known.running = ws_id or known.ws_id, dict(request), True
    known.starts += 1
    cloud.started(known)


def _get_transcript(cloud: Cloud, call: Call) -> dict[str, Any]:
    pipelines = cloud.world.on_stream(stream_of(cloud, call).id, "transcript")
    first, last, since = (_number(call, name) for name in ("start", "end", "since"))
    rows = [
        record
        for record in (pipelines[0].records if pipelines else [])
        if (first is None or record["end"] > first)
        and (last is None or record["start"] < last)
        and (since is None or record["start"] > since)
    ]
    shown, more = page_of(rows, call)
    return {
        "transcription_records": shown, "next_page": more, "total_count": len(rows),
        "page": int(call.query.get("page", 1)), "page_size": int(call.query.get("page_size", 100)),
    }  # fmt: skip


def _transcript_status(cloud: Cloud, call: Call) -> dict[str, Any]:
    pipelines = cloud.world.on_stream(stream_of(cloud, call).id, "transcript")
    if not pipelines:
        return {"status": "not_configured", "engine": None, "language": None}
    status = "running" if pipelines[0].running else "stopped"
    return {"status": status, "engine": pipelines[0].request.get("engine") or "assemblyai", "language": "en"}


def _search(cloud: Cloud, call: Call) -> dict[str, Any]:
    stream = stream_of(cloud, call)
    return {"results": _found(cloud, call, [stream])}


def _search_collection(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"results": _found(cloud, call, list(cloud.world.streams.values()))}


def _found(cloud: Cloud, call: Call, streams: list[Stream]) -> list[dict[str, Any]]:
    """Every record that has all words of the query: not semantic, but the same every time."""
    words = str(call.body.get("query") or "").lower().split()
    wanted = call.body.get("scene_index_id")
    hits = [
        {
            "rtstream_id": stream.id, "rtstream_name": stream.name, "start": record["start"], "end": record["end"],
            "text": record["description"], "score": 1.0, "scene_index_id": pipeline.id,
            "scene_index_name": pipeline.name, "metadata": {},
        }
        for stream in streams
        for pipeline in cloud.world.on_stream(stream.id, "visual", "audio", "index")
        for record in pipeline.records
        if wanted in (None, pipeline.id) and all(word in record["description"].lower() for word in words)
    ]  # fmt: skip
    return hits[: int(call.body.get("result_threshold") or 100)]


def _clip(cloud: Cloud, call: Call) -> dict[str, Any]:
    stream = stream_of(cloud, call)
    first, last = _number(call, "start"), _number(call, "end")
    if first is None or last is None or first >= last:
        raise RefusalError(400, "start and end are required, in seconds, start before end")
    span = f"{stream.id}-{int(first)}-{int(last)}"
    return {"stream_url": f"{cloud.base_url}/media/{span}.m3u8", "player_url": f"{cloud.base_url}/play/{span}"}


def _export(cloud: Cloud, call: Call) -> dict[str, Any]:
    stream = stream_of(cloud, call)
    if stream.status != "stopped" or not stream.store:
        raise RefusalError(400, "only a stopped stream that was stored can be exported")
    video_id = f"m-{stream.id}"
    name = call.body.get("name") or f"{stream.name} - Recording"
    video = cloud.world.videos.setdefault(
        video_id,
        {
            "id": video_id, "collection_id": COLLECTION, "name": name, "length": 60.0,
            "stream_url": f"{cloud.base_url}/media/{video_id}.m3u8", "player_url": f"{cloud.base_url}/play/{video_id}",
        },
    )  # fmt: skip
    return {"video_id": video_id, "duration": 60.0, **{k: video[k] for k in ("stream_url", "player_url", "name")}}


def _shown(cloud: Cloud, stream: Stream) -> dict[str, Any]:
    return {
        "id": stream.id, "name": stream.name, "collection_id": stream.collection_id, "status": stream.status,
        "channel_id": channel_id_of(stream, cloud.faults), "sample_rate": stream.sample_rate,
        "created_at": stream.created_at,
    }  # fmt: skip


def _number(call: Call, name: str) -> float | None:
    try:
        return float(call.query[name]) if name in call.query else None
    except ValueError:
        raise RefusalError(400, f"{name} must be a number of seconds") from None


ENDPOINTS = (
    Endpoint("POST", "/rtstream", _connect),
    Endpoint("GET", "/rtstream", _list),
    Endpoint("POST", "/rtstream/collection/{c}/search", _search_collection),
    Endpoint("GET", "/rtstream/{id}", _get),
    Endpoint("PATCH", "/rtstream/{id}/status", _set_status),
    Endpoint("POST", "/rtstream/{id}/transcription", _transcription),
    Endpoint("GET", "/rtstream/{id}/transcription", _get_transcript),
    Endpoint("GET", "/rtstream/{id}/transcription/status", _transcript_status),
    Endpoint("POST", "/rtstream/{id}/search", _search),
    Endpoint("GET", "/rtstream/{id}/stream", _clip),
    Endpoint("POST", "/rtstream/{id}/export", _export),
)
