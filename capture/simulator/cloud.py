"""How the simulated cloud behaves: the life of a session, and who hears what a pipeline makes.

Everything here runs on the simulator's one event loop, so nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from capture.simulator.faults import Faults
from capture.simulator.hub import Hub
from capture.simulator.state import Alert, Kind, Pipeline, Session, Stream, World, source_of
from capture.simulator.webhooks import Webhooks
from capture.simulator.wire import Call

__all__ = ["CHANNEL_KINDS", "Cloud", "channel_id_of"]

CHANNEL_KINDS: dict[str, tuple[Kind, ...]] = {
    "transcript": ("transcript",),
    "visual_index": ("visual", "understanding"),
    "scene_index": ("visual", "understanding"),
    "audio_index": ("audio",),
    "spoken_index": ("audio",),
}
"""Which pipelines make the events of a channel."""

_ERROR = {"code": "STREAM_LOST", "message": "no media arrived for 60 s"}


class Cloud:
    """The rules of the place, and a tally of what was asked of it.

    `counts` is by endpoint (`POST /rtstream/{id}/index/scene`), `calls` in order; `recorder` is the HTTP connection
    and the pid of the recorder that holds the single-instance lock. `on_running` is called whenever a pipeline is
    set running. Units: `pace_s` is how long one step of a session's life takes.
    """

    def __init__(
        self, faults: Faults, hub: Hub, webhooks: Webhooks, log: Callable[[str], None], *, pace_s: float
    ) -> None:
        self.world = World()
        self.faults = faults
        self.hub = hub
        self.webhooks = webhooks
        self.log = log
        self.pace_s = pace_s
        self.unheard = 0
        self.counts: Counter[str] = Counter()
        self.calls: list[Call] = []
        self.recorder: tuple[int, int] | None = None
        self.base_url = ""
        self.ws_url = ""
        self.api_key = ""
        self.on_running: Callable[[], None] = lambda: None

    # The life of a session

    def begin(self, session: Session, channels: list[dict[str, Any]]) -> None:
        """The recorder started: `starting` now, `active` (or `failed`) one step later."""
        session.channels = channels
        self.announce(session, "starting")
        self._later(self._activate, session)

    def end(self, session: Session) -> None:
        """The recorder stopped: `stopping` now, then `stopped`, then `exported` if something was stored."""
        if session.status in ("stopping", "stopped", "exported", "failed"):
            return
        self.announce(session, "stopping")
        self._later(self._settle, session)

    def fail(self, session: Session) -> None:
        """Something went wrong for good. The error comes in one of the three shapes seen."""
        shape = self.faults.session.partition(":")[2]
        data: dict[str, Any] = {"error": _ERROR}
        if shape == "string":
            data = {"error": _ERROR["message"]}
        elif shape == "flat":
            data = dict(_ERROR)
        self._disconnect(session)
        self.announce(session, "failed", data)

    def finish_export(self, session: Session) -> None:
        """Make the video and tell everybody who asked."""
        if session.export_status == "exported":
            return
        session.video_id = self.world.next_id("m")
        video = self._video(session.video_id, session.collection_id, session.id)
        session.export_status = "exported"
        data = {"exported_video_id": session.video_id, **{k: video[k] for k in ("stream_url", "player_url")}}
        self.announce(session, "exported", data)

    def announce(self, session: Session, status: str, data: dict[str, Any] | None = None) -> None:
        """Move a session to a status and say so on its socket and to its webhook."""
        session.status = status
        event = f"capture_session.{status}"
        message = {
            "channel": "capture_session", "event": event, "capture_session_id": session.id, "status": status,
            "timestamp": _iso(time.time()), "end_user_id": session.end_user_id, "data": data or {},
        }  # fmt: skip
        self.log(f"EVENT {session.id} {status}")
        extra = session.export_ws_ids if status == "exported" else []
        for ws_id in dict.fromkeys([session.ws_id, *extra]):
            self.hub.send(ws_id, message)
        envelope = {"version": "2", **{key: value for key, value in message.items() if key != "channel"}}
        for _ in range(2 if status == "active" and self.faults.active_twice else 1):
            self.webhooks.post(session.callback_url, envelope)

    # What pipelines make

    def produce(self, stream: Stream, channel: str, data: dict[str, Any]) -> int:
        """Let every pipeline of the stream that makes this channel hear it. Returns how many did.

        A final text is kept for polling; the message goes to the pipeline's own connection, if that is still there.
        """
        if self.world.asleep or stream.paused or stream.status != "connected":
            return 0
        heard = [p for p in self.world.on_stream(stream.id, *CHANNEL_KINDS[channel]) if p.running]
        self.unheard += not heard
        message = self._message(stream, channel, data)
        for pipeline in heard:
            if data.get("is_final", True):
                self._keep(pipeline, data)
            self.hub.send(pipeline.ws_id, message)
        if heard and channel == "transcript" and self.faults.transcript_webhook and stream.session_id:
            flat = {"type": "transcript", "text": data.get("text"), "is_final": data.get("is_final", True)}
            self.webhooks.post(self.world.sessions[stream.session_id].callback_url, flat)
        return len(heard)

    def sound(self, label: str, text: str, confidence: float = 0.92) -> int:
        """Let every enabled alert on a running pipeline for this event's label go off. Returns how many did."""
        wanted = {event_id for event_id, event in self.world.events.items() if event["label"] == label}
        hits = [
            (pipeline, alert)
            for pipeline in self.world.pipelines.values()
            for alert in pipeline.alerts
            if pipeline.running and alert.enabled and alert.event_id in wanted
        ]
        for pipeline, alert in hits:
            self._alert(self.world.streams[pipeline.stream_id], alert, label, text, confidence)
        return len(hits)

    def live_streams(self) -> list[Stream]:
        """Return the streams media arrives on, newest first."""
        return [stream for stream in reversed(self.world.streams.values()) if stream.status == "connected"]

    def started(self, pipeline: Pipeline) -> None:
        """A pipeline was set running: it is billed from here on."""
        self.log(f"START {pipeline.kind} {pipeline.id} on {pipeline.stream_id} for {pipeline.ws_id or 'nobody'}")
        self.on_running()

    def hung_up(self, connection: int) -> None:
        """An HTTP connection ended: if a recorder held its lock by it, the lock is free."""
        if self.recorder and self.recorder[0] == connection:
            self.recorder = None

    # Behind the scenes

    def _activate(self, session: Session) -> None:
        if session.status != "starting":
            return
        if self.faults.session.startswith("failed"):
            self.fail(session)
            return
        for channel in session.channels:
            stream = Stream(
                self.world.next_id("rts"), str(channel.get("channel_id") or channel.get("id")), session.collection_id,
                [str(channel.get("type") or "audio")], int(time.time()), session.id, store=bool(channel.get("store")),
            )  # fmt: skip
            self.world.streams[stream.id] = stream
            session.stream_ids.append(stream.id)
        streams = [self.world.streams[stream_id] for stream_id in session.stream_ids]
        self.announce(
            session,
            "active",
            {"rtstreams": [{"rtstream_id": s.id, "name": s.name, "media_types": s.media_types} for s in streams]},
        )

    def _settle(self, session: Session) -> None:
        self._disconnect(session)
        self.announce(session, "stopped")
        if not session.stored:
            return
        session.export_status = "failed" if self.faults.export == "failed" else "exporting"
        if self.faults.export == "auto":
            self._later(self.finish_export, session)

    def _disconnect(self, session: Session) -> None:
        for stream_id in session.stream_ids:
            self.world.streams[stream_id].status = "stopped"
            for pipeline in self.world.pipelines.values():
                pipeline.running = pipeline.running and pipeline.stream_id != stream_id

    def _message(self, stream: Stream, channel: str, data: dict[str, Any]) -> dict[str, Any]:
        if self.faults.shape == "envelope":
            return {"channel": channel, "rtstream_id": stream.id, "rtstream_name": stream.name, "data": data}
        if channel == "transcript":
            return {"type": "transcript", "text": data.get("text"), "is_final": data.get("is_final", True)}
        index_type = "audio" if CHANNEL_KINDS[channel] == ("audio",) else "visual"
        return {"type": "index", "index_type": index_type, "text": data.get("text")}

    def _keep(self, pipeline: Pipeline, data: dict[str, Any]) -> None:
        record = {"start": _seconds(data.get("start")), "end": _seconds(data.get("end"))}
        text = data.get("text") or data.get("summary") or ""
        if pipeline.kind == "transcript":
            pipeline.records.append({**record, "text": text, "word_timestamps": []})
            return
        pipeline.records.append({**record, "description": text})
        for index in self.world.on_stream(pipeline.stream_id, "index"):
            if index.source_id == pipeline.id and index.running:
                index.records.append({**record, "description": text})

    def _alert(self, stream: Stream, alert: Alert, label: str, text: str, confidence: float) -> None:
        now_ms = round(time.time() * 1000)
        self.log(f"ALERT {label} on {stream.name}")
        flat = {"label": label, "triggered": True, "confidence": confidence}
        data: dict[str, Any] = {"event_label": label, "timestamp": now_ms, "text": text}
        if self.faults.alert_shape == "b":
            data = {**flat, "text": text, "start": now_ms - 2000, "end": now_ms}
        message = {"channel": "alert", "rtstream_id": stream.id, "rtstream_name": stream.name, "data": data}
        self.hub.send(alert.ws_id, {"type": "alert", **flat} if self.faults.alert_shape == "flat" else message)
        offset = max(0.0, now_ms / 1000 - stream.created_at)
        self.webhooks.post(
            alert.callback_url,
            {
                "event_id": alert.event_id, "label": label, "confidence": confidence, "explanation": text,
                "timestamp": _iso(now_ms / 1000), "start_time": max(0.0, offset - 2), "end_time": offset,
                "stream_url": f"{self.base_url}/media/{stream.id}.m3u8",
                "player_url": f"{self.base_url}/play/{stream.id}",
            },
        )  # fmt: skip

    def _video(self, video_id: str, collection_id: str, name: str) -> dict[str, Any]:
        video = {
            "id": video_id, "collection_id": collection_id, "name": name, "length": 60.0,
            "stream_url": f"{self.base_url}/media/{video_id}.m3u8", "player_url": f"{self.base_url}/play/{video_id}",
        }  # fmt: skip
        self.world.videos[video_id] = video
        return video

    def _later(self, step: Callable[[Session], None], session: Session) -> None:
        asyncio.get_running_loop().call_later(self.pace_s, step, session)


def channel_id_of(stream: Stream, faults: Faults) -> str:
    """Return the `channel_id` a stream shows when polled: its kind, or in full on request."""
    return stream.name if faults.channel_ids == "full" else source_of(stream.name)


def _seconds(at_ms: object) -> float:
    return at_ms / 1000 if isinstance(at_ms, int | float) else time.time()


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
