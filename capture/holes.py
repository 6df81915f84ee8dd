"""What was missed between two connections, fetched by polling and written as if it had come. Alerts cannot be fetched.

Records come in epoch seconds; what is written has the wire's shape and its milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from capture import cloud_stream
from capture.calls import CloudError
from capture.dedupe import millis
from capture.patience import insist
from capture.run import Run
from capture.state import Pipeline, Session

__all__ = ["Filled", "fill", "record_message"]

_CHANNELS = {"transcript": "transcript", "visual": "visual_index", "audio": "audio_index"}


class Filled(NamedTuple):
    """How a hole was filled: records written, and whether every pipeline could be asked."""

    records: int
    whole: bool


def record_message(record: Mapping[str, Any], kind: str, stream_id: str, name: str) -> dict[str, Any] | None:
    """Return a polled record as the message that was missed, or None for one without text or time."""
    start_ms, end_ms = millis(record.get("start")), millis(record.get("end"))
    text = record.get("text") or record.get("description") or record.get("summary")
    if start_ms is None or not isinstance(text, str):
        return None
    data: dict[str, Any] = {"text": text, "start": start_ms, "end": start_ms if end_ms is None else end_ms}
    if kind == "transcript":
        data["is_final"] = True
    return {"channel": _CHANNELS[kind], "rtstream_id": stream_id, "rtstream_name": name, "data": data}


async def fill(run: Run, connection: Any, session: Session, from_ms: int, to_ms: int) -> Filled:
    """Fetch what the session's pipelines made between two instants and write what is not there yet, in order."""
    missed: list[tuple[int, dict[str, Any]]] = []
    whole = True
    names = {stream.id: stream.name for stream in session.streams}
    for pipeline in session.pipelines.values():
        if pipeline.state == "failed":  # it never made anything
            continue
        try:
            for record in await _records(run, connection, pipeline, from_ms, to_ms):
                message = record_message(record, pipeline.kind, pipeline.stream_id, names.get(pipeline.stream_id, ""))
                if message is not None and _within(message, from_ms - round(run.timing.overlap_s * 1000), to_ms):
                    missed.append((message["data"]["start"], message))
        except CloudError as error:
            whole = False
            run.say(f"what {pipeline.name} made meanwhile could not be fetched: {error.message}")
    written = 0
    for _, message in sorted(missed, key=lambda each: each[0]):
        if not (_alone(session, message) and run.seen.covered(message)):
            written += run.take(message, "poll")
    run.tally.filled += written
    return Filled(written, whole)


async def _records(run: Run, connection: Any, pipeline: Pipeline, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
    """Return what a pipeline kept, also under the indexes that were replaced since."""
    timing = run.timing
    since_s = from_ms / 1000 - timing.overlap_s
    if pipeline.kind == "transcript":
        return await insist(
            lambda: cloud_stream.transcript_records(
                connection, pipeline.stream_id, pipeline.engine, since_s, timeout_s=timing.call_s
            ),
            timing,
        )
    found: list[dict[str, Any]] = []
    between = int(since_s), int(to_ms / 1000) + 1
    for index_id in dict.fromkeys(filter(None, (*pipeline.old, pipeline.id))):

        async def ask(index_id: str = index_id) -> list[dict[str, Any]]:
            return await cloud_stream.index_records(
                connection, pipeline.stream_id, index_id, between, timeout_s=timing.call_s
            )

        found += await insist(ask, timing)
    return found


def _within(message: Mapping[str, Any], from_ms: int, to_ms: int) -> bool:
    """Whether it reaches into the hole. What began after it is on its way over the socket."""
    return bool(from_ms <= message["data"]["end"] and message["data"]["start"] <= to_ms)


def _alone(session: Session, message: Mapping[str, Any]) -> bool:
    """Whether only one pipeline makes this kind on the stream: then what covers a span is the same thing seen."""
    same = [
        pipeline
        for pipeline in session.pipelines.values()
        if pipeline.stream_id == message["rtstream_id"] and _CHANNELS[pipeline.kind] == message["channel"]
    ]
    return len(same) == 1
