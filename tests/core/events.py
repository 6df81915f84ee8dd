"""Every kind of event the service and the runner write, with what its normalised view must say.

Units: `AT` is the instant of the event, `SEEN` that of its arrival, 2.5 s later.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["AT", "EVENTS", "SEEN", "Sample"]

AT = 1_772_618_400_000
SEEN = AT + 2_500
ISO = "2026-03-04T10:00:00.000Z"
STAMPS = {"ts": "2026-03-04T10:00:02.500012+00:00", "unix_ts": SEEN / 1000}
MIC = {"rtstream_id": "rts-a", "rtstream_name": "Capture mic - cap-83e6"}
SCREEN = {"rtstream_id": "rts-s", "rtstream_name": "display:1"}
SPAN = {"start": AT, "end": AT + 1_500}
STREAMS = [{"rtstream_id": "rts-1", "name": "mic:default", "media_types": ["audio"]}]


class Sample(NamedTuple):
    """One line's object and the fields of the event that are not the usual ones (`USUAL` in the test)."""

    name: str
    body: dict[str, Any]
    view: dict[str, Any]


def _session(status: str, **data: Any) -> dict[str, Any]:
    return {
        **STAMPS, "channel": "capture_session", "event": f"capture_session.{status}", "capture_session_id": "cap-1",
        "status": status, "timestamp": ISO, "end_user_id": "u-1", "data": data,
    }  # fmt: skip


HEARD = {"kind": "transcript", "stream": "Capture mic - cap-83e6", "source": "mic", "end_ms": AT + 1_500}
SEEN_THERE = {"kind": "visual_index", "stream": "display:1", "source": "display", "end_ms": AT + 1_500}
OF_SESSION = {"kind": "session", "session": "cap-1", "text": None}

EVENTS = [
    Sample("transcript, final",
           {**STAMPS, "channel": "transcript", **MIC, "data": {"text": "Hello.", "is_final": True, **SPAN}},
           {**HEARD, "text": "Hello."}),
    Sample("transcript, partial",
           {**STAMPS, "channel": "transcript", **MIC, "data": {"text": "Hel", "is_final": False, **SPAN}},
           {**HEARD, "text": "Hel", "final": False}),
    Sample("transcript, empty",
           {**STAMPS, "channel": "transcript", **MIC, "data": {"text": "", "is_final": True, **SPAN}},
           {**HEARD, "text": ""}),
    Sample("transcript, flat",
           {**STAMPS, "type": "transcript", "text": "Hello.", "is_final": False},
           {"kind": "transcript", "text": "Hello.", "final": False, "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("screen",
           {**STAMPS, "channel": "visual_index", **SCREEN, "data": {"text": "A Slack thread", **SPAN}},
           {**SEEN_THERE, "text": "A Slack thread"}),
    Sample("screen, old name, with the runner's own key",
           {**STAMPS, "channel": "scene_index", **SCREEN, "_capture": {"gen": 2}, "data": {"text": "A desk", **SPAN}},
           {**SEEN_THERE, "text": "A desk"}),
    Sample("screen, structured text cut off",
           {**STAMPS, "channel": "visual_index", **SCREEN, "data": {"text": '```json\n{"app": "Ter', **SPAN}},
           {**SEEN_THERE, "text": '```json\n{"app": "Ter'}),
    Sample("screen, lines of text",
           {**STAMPS, "channel": "visual_index", **SCREEN, "data": {"text": ["one", "two"], **SPAN}},
           {**SEEN_THERE, "text": "one\ntwo"}),
    Sample("audio summary",
           {**STAMPS, "channel": "audio_index", **MIC, "data": {"text": "They agreed.", **SPAN}},
           {**HEARD, "kind": "audio_index", "text": "They agreed."}),
    Sample("audio summary, old name, text elsewhere",
           {**STAMPS, "channel": "spoken_index", **MIC, "data": {"summary": "They agreed.", **SPAN}},
           {**HEARD, "kind": "audio_index", "text": "They agreed."}),
    Sample("index, flat",
           {**STAMPS, "type": "index", "index_type": "visual", "text": "A desk"},
           {"kind": "visual_index", "text": "A desk", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("index, flat, audio",
           {**STAMPS, "type": "index", "index_type": "audio", "text": "They agreed."},
           {"kind": "audio_index", "text": "They agreed.", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("alert with a name and a text",
           {**STAMPS, "channel": "alert", **SCREEN, "data": {"event_label": "slack", "timestamp": AT, "text": "Slack"}},
           {**SEEN_THERE, "kind": "alert", "text": "Slack", "end_ms": AT}),
    Sample("alert with a label",
           {**STAMPS, "channel": "alert", **SCREEN, "data": {"label": "gore", "triggered": True, "confidence": 0.92,
                                                             **SPAN}},
           {**SEEN_THERE, "kind": "alert", "text": "gore"}),
    Sample("alert, flat",
           {**STAMPS, "type": "alert", "label": "gore", "triggered": True, "confidence": 0.92},
           {"kind": "alert", "text": "gore", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("alert by webhook",
           {**STAMPS, "event_id": "event-1", "label": "gore", "confidence": 0.95, "explanation": "Blood.",
            "timestamp": ISO, "start_time": 1234.5, "end_time": 1238.0, "stream_url": "https://s.example/1"},
           {"kind": "alert", "text": "Blood."}),
    Sample("alert by webhook, with its stream",
           {**STAMPS, "event_label": "slack", "rtstream_id": "rts-s", "timestamp": ISO, "data": {"text": "Slack"}},
           {"kind": "alert", "text": "Slack", "stream": "rts-s", "source": "rts-s"}),
    Sample("session created", _session("created"), {**OF_SESSION, "status": "created"}),
    Sample("session active", _session("active", rtstreams=STREAMS), {**OF_SESSION, "status": "active"}),
    Sample("session exported", _session("exported", player_url="https://p.example/1"),
           {**OF_SESSION, "status": "exported"}),
    Sample("session failed", _session("failed", error={"code": "X", "message": "no"}),
           {**OF_SESSION, "status": "failed"}),
    Sample("session, no channel, status below, other name of the id",
           {**STAMPS, "event": "capture_session.stopped", "session_id": "cap-1", "data": {"status": "stopped"}},
           {**OF_SESSION, "status": "stopped", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("session, status in the event only",
           {**STAMPS, "event": "capture_session.starting", "id": "cap-1", "status": None},
           {**OF_SESSION, "status": "starting", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("recorder",
           {**STAMPS, "type": "event", "event": "recording-started", "payload": {}},
           {"kind": "other", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("polled scene, in seconds",
           {**STAMPS, "channel": "scene_index", **SCREEN,
            "data": {"description": "A desk", "start": AT / 1000, "end": AT / 1000 + 1.5}},
           {**SEEN_THERE, "text": "A desk"}),
    Sample("polled speech, in microseconds",
           {**STAMPS, "channel": "transcript", **MIC,
            "data": {"text": "Hi", "start": AT * 1000, "end": AT * 1000 + 1500000}},
           {**HEARD, "text": "Hi"}),
    Sample("times relative to the stream",
           {**STAMPS, "channel": "transcript", **MIC, "data": {"text": "Hi", "start": 12.5, "end": 14.0}},
           {**HEARD, "text": "Hi", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("times as text",
           {**STAMPS, "channel": "transcript", **MIC,
            "data": {"text": "Hi", "start": ISO, "end": "2026-03-04T11:00:01.5+01:00"}},
           {**HEARD, "text": "Hi"}),
    Sample("junk that the listener kept", {**STAMPS, "raw": "not json"},
           {"kind": "other", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("junk of the gateway", {**STAMPS, "message": "Forbidden", "connectionId": "c"},
           {"kind": "other", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
    Sample("the runner's gap",
           {**STAMPS, "channel": "capture", "event": "capture.gap",
            "data": {"from": AT, "to": SEEN, "reason": "sleep"}},
           {"kind": "capture", "status": "gap", "at_ms": SEEN, "end_ms": SEEN, "clock": "arrival"}),
]  # fmt: skip
