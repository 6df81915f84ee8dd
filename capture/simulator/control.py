"""Strings to pull while the simulator runs, for a test in another process: `POST /_sim/drop {"how": "dirty"}`.

Also the side door of the stand-in recorder, which asks here what to do wrong. No key is needed: all of it listens
on this machine only and holds nothing but simulated data.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from capture.simulator.cloud import CHANNEL_KINDS, Cloud
from capture.simulator.hub import JUNK
from capture.simulator.routing import Endpoint, RefusalError, need
from capture.simulator.state import Stream, source_of
from capture.simulator.wire import Call

__all__ = ["ENDPOINTS", "emit", "fail", "sleep", "snapshot"]


def snapshot(cloud: Cloud) -> dict[str, Any]:
    """Return the whole picture as JSON can say it, pipelines with `starts`, which is what would be billed."""
    world = cloud.world
    return {
        "sessions": [asdict(session) for session in world.sessions.values()],
        "streams": [asdict(stream) for stream in world.streams.values()],
        "pipelines": [{**asdict(p), "records": len(p.records)} for p in world.pipelines.values()],
        "events": list(world.events.values()),
        "connections": cloud.hub.connections,
        "sent": cloud.hub.sent,
        "lost": cloud.hub.lost,
        "unheard": cloud.unheard,
        "asleep": world.asleep,
        "recorder_pid": cloud.recorder[1] if cloud.recorder else None,
        "counts": dict(cloud.counts),
    }


def emit(cloud: Cloud, channel: str, text: str, stream: str | None = None, **data: Any) -> int:
    """Let something happen on a stream (its id, name or source; None: the newest that fits). Returns who heard it.

    `data` joins or overrides `text`, `start`, `end` and, for a transcript, `is_final`. Errors: RefusalError.
    """
    if channel not in CHANNEL_KINDS:
        raise RefusalError(400, f"channel must be one of {', '.join(CHANNEL_KINDS)}")
    now_ms = round(time.time() * 1000)
    spoken: dict[str, Any] = {"is_final": True} if channel == "transcript" else {}
    whole = {"text": text, **spoken, "start": now_ms - 1500, "end": now_ms - 200, **data}
    return cloud.produce(_find_stream(cloud, channel, stream), channel, whole)


def sleep(cloud: Cloud, asleep: bool) -> None:
    """Let the display sleep or wake: nothing arrives on any stream meanwhile, and nobody says so."""
    cloud.world.asleep = asleep
    cloud.log("SLEEP" if asleep else "WAKE")


def fail(cloud: Cloud, session_id: str | None = None) -> None:
    """Let a session (None: the newest) fail for good. Errors: RefusalError."""
    sessions = cloud.world.sessions
    newest = next(reversed(sessions), "")
    cloud.fail(need(sessions, session_id or newest, "capture session"))


def _find_stream(cloud: Cloud, channel: str, wanted: str | None) -> Stream:
    live = cloud.live_streams()
    media = "video" if "visual" in CHANNEL_KINDS[channel] else "audio"
    for stream in live:
        if wanted in (stream.id, stream.name, source_of(stream.name)) or (
            wanted is None and media in stream.media_types
        ):
            return stream
    raise RefusalError(404, f"no live stream {wanted or media}")


def _emit(cloud: Cloud, call: Call) -> dict[str, Any]:
    body = dict(call.body)
    channel, text = str(body.pop("channel", "transcript")), str(body.pop("text", ""))
    return {"heard": emit(cloud, channel, text, body.pop("stream", None), **body)}


def _alert(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"fired": cloud.sound(str(call.body.get("label")), str(call.body.get("text") or ""))}


def _drop(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"dropped": cloud.hub.drop(str(call.body.get("how", "dirty")))}


def _inject(cloud: Cloud, call: Call) -> dict[str, Any]:
    text = call.body.get("text")
    cloud.hub.inject(str(text) if text is not None else need(JUNK, str(call.body.get("junk")), "junk"))
    return {"connections": len(cloud.hub.connections)}


def _set_faults(cloud: Cloud, call: Call) -> dict[str, Any]:
    for name, text in call.body.items():
        cloud.faults.set(name, str(text))
    return cloud.faults.as_dict()


def _get_faults(cloud: Cloud, call: Call) -> dict[str, Any]:
    return cloud.faults.as_dict()


def _state(cloud: Cloud, call: Call) -> dict[str, Any]:
    return snapshot(cloud)


def _sleep(cloud: Cloud, call: Call) -> dict[str, Any]:
    sleep(cloud, asleep=True)
    return {}


def _wake(cloud: Cloud, call: Call) -> dict[str, Any]:
    sleep(cloud, asleep=False)
    return {}


def _fail(cloud: Cloud, call: Call) -> dict[str, Any]:
    fail(cloud, call.body.get("session_id"))
    return {}


def _recorder(cloud: Cloud, call: Call) -> dict[str, Any]:
    faults = cloud.faults
    step = call.query.get("step")
    return {
        "simulator": True, "faults": [fault.what for fault in faults.recorder if fault.step == step],
        "permission": faults.permission, "devices": [name for name in faults.devices.split(",") if name],
    }  # fmt: skip


def _lock_recorder(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Give the single-instance lock to a recorder for as long as it holds this connection open."""
    if cloud.recorder:
        raise RefusalError(409, f"another recorder is running (process {cloud.recorder[1]})")
    cloud.recorder = (call.connection, int(call.body.get("pid") or 0))
    return {}


def _tracks(cloud: Cloud, call: Call) -> dict[str, Any]:
    """Pause by kind, as the recorder does: pausing one display pauses them all."""
    for stream in cloud.world.streams.values():
        if stream.session_id == call.body.get("session_id") and source_of(stream.name) in call.body.get("tracks", []):
            stream.paused = bool(call.body.get("pause"))
    return {}


ENDPOINTS = (
    Endpoint("GET", "/_sim/state", _state),
    Endpoint("GET", "/_sim/faults", _get_faults),
    Endpoint("POST", "/_sim/faults", _set_faults),
    Endpoint("POST", "/_sim/drop", _drop),
    Endpoint("POST", "/_sim/inject", _inject),
    Endpoint("POST", "/_sim/emit", _emit),
    Endpoint("POST", "/_sim/alert", _alert),
    Endpoint("POST", "/_sim/sleep", _sleep),
    Endpoint("POST", "/_sim/wake", _wake),
    Endpoint("POST", "/_sim/fail", _fail),
    Endpoint("GET", "/_sim/recorder", _recorder),
    Endpoint("POST", "/_sim/recorder/lock", _lock_recorder),
    Endpoint("POST", "/_sim/tracks", _tracks),
)
