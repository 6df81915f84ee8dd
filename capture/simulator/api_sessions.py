"""Collections, capture sessions, client tokens, exports: what a backend calls, and what the recorder does."""

from __future__ import annotations

import secrets
import time
from typing import Any

from capture.simulator.cloud import Cloud, channel_id_of
from capture.simulator.routing import Endpoint, RefusalError, need
from capture.simulator.state import Session
from capture.simulator.wire import Call

__all__ = ["COLLECTION", "ENDPOINTS", "check_token"]

COLLECTION = "c-0001"
"""The real id behind the literal `default`."""

_SESSION = "/collection/{c}/capture/session"


def check_token(cloud: Cloud, call: Call) -> None:
    """Let the API key do everything and a live client token what the recorder does. Errors: RefusalError 401, 403."""
    if secrets.compare_digest(call.token.encode(), cloud.api_key.encode()):
        return
    expires = cloud.world.tokens.get(call.token)
    if expires is None:
        raise RefusalError(401, "the API key is not known")
    if cloud.faults.tokens == "expired" or expires <= time.time():
        raise RefusalError(401, "the token has expired")
    if not call.path.startswith("/capture/session/") or call.path == "/capture/session/token":
        raise RefusalError(403, "a client token may only record")


def _get_collection(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"id": _collection_id(call), "name": "Default", "description": "simulated", "is_public": False}


def _list_collections(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"collections": [{"id": COLLECTION, "name": "Default", "description": "simulated", "is_public": False}]}


def _get_websocket(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"websocket_url": cloud.ws_url}


def _usage(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"credit_balance": 10.0, "simulated": True}


def _create(cloud: Cloud, call: Call) -> dict[str, Any]:
    body = call.body
    if not body.get("end_user_id"):
        raise RefusalError(400, "end_user_id is required")
    session = Session(
        cloud.world.next_id("cap"), _collection_id(call), str(body["end_user_id"]), str(body.get("callback_url") or ""),
        str(body.get("ws_connection_id") or ""), dict(body.get("metadata") or {}), int(time.time()),
    )  # fmt: skip
    cloud.world.sessions[session.id] = session
    cloud.announce(session, "created")
    return {
        "session_id": session.id, "status": "created", "collection_id": session.collection_id,
        "end_user_id": session.end_user_id, "ws_connection_id": session.ws_id, "metadata": session.metadata,
        "created_at": session.created_at,
    }  # fmt: skip


def _get(cloud: Cloud, call: Call) -> dict[str, Any]:
    session = _session(cloud, call)
    shown = _shown(cloud, session)
    session.polls_since_active += session.status == "active"
    return shown


def _list(cloud: Cloud, call: Call) -> dict[str, Any]:
    wanted = call.query.get("status")
    sessions = [s for s in cloud.world.sessions.values() if wanted in (None, s.status)]
    return {"sessions": [_shown(cloud, session) for session in reversed(sessions)], "next_page": False}


def _export(cloud: Cloud, call: Call) -> dict[str, Any]:
    session = _session(cloud, call)
    if session.status not in ("stopped", "exported"):
        raise RefusalError(400, f"the session is {session.status}, stop it first")
    if not session.stored:
        raise RefusalError(400, "no channel of this session was stored")
    if call.body.get("connection_id"):
        session.export_ws_ids.append(str(call.body["connection_id"]))
    session.export_polls += 1
    how, _, polls = cloud.faults.export.partition(":")
    if how == "polls" and session.export_polls >= int(polls):
        cloud.finish_export(session)
    video = cloud.world.videos.get(session.video_id or "", {})
    return {
        "session_id": session.id, "video_channel_id": call.body.get("video_channel_id") or session.primary_video,
        "export_status": session.export_status, "video_id": session.video_id, "stream_url": video.get("stream_url"),
        "player_url": video.get("player_url"),
    }  # fmt: skip


def _token(cloud: Cloud, call: Call) -> dict[str, Any]:
    expires_in = call.body.get("expires_in", 86400)
    if not isinstance(expires_in, int) or expires_in <= 0:
        raise RefusalError(400, "expires_in must be a positive number of seconds")
    token = f"ct-{secrets.token_urlsafe(24)}"
    cloud.world.tokens[token] = time.time() + expires_in
    return {"token": token, "expires_at": int(cloud.world.tokens[token]), "expires_in": expires_in}


def _recorder_start(cloud: Cloud, call: Call) -> dict[str, Any]:
    session = need(cloud.world.sessions, str(call.body.get("session_id")), "capture session")
    channels = [channel for channel in call.body.get("channels") or [] if isinstance(channel, dict)]
    if not channels:
        raise RefusalError(400, "MISSING_CHANNELS")
    if session.status != "created":
        raise RefusalError(409, f"the session is {session.status} already")
    cloud.begin(session, channels)
    shown = [
        {"channel_id": c.get("channel_id"), "channel_name": c.get("name"), "rtsp_url": "rtsp://127.0.0.1/simulated"}
        for c in channels
    ]
    return {"streaming_session_id": session.id, "status": "starting", "channels": shown}


def _recorder_stop(cloud: Cloud, call: Call) -> dict[str, Any]:
    session = _session(cloud, call)
    if session.status == "created":
        raise RefusalError(409, "NO_ACTIVE_SESSION")
    cloud.end(session)
    return {"session_id": session.id, "status": session.status}


def _get_video(cloud: Cloud, call: Call) -> dict[str, Any]:
    return dict(need(cloud.world.videos, call.params["id"], "video"))


def _collection_id(call: Call) -> str:
    if call.params["c"] not in ("default", COLLECTION):
        raise RefusalError(404, f"collection {call.params['c']} does not exist")
    return COLLECTION


def _session(cloud: Cloud, call: Call) -> Session:
    session: Session = need(cloud.world.sessions, call.params["id"], "capture session")
    return session


def _shown(cloud: Cloud, session: Session) -> dict[str, Any]:
    return {
        "session_id": session.id, "collection_id": session.collection_id, "end_user_id": session.end_user_id,
        "client_id": None, "status": session.status, "callback_url": session.callback_url or None,
        "metadata": session.metadata, "created_at": session.created_at, "channels": session.channels,
        "rtstreams": _streams(cloud, session), "primary_video_channel_id": session.primary_video,
        "export_status": session.export_status, "exported_video_id": session.video_id,
    }  # fmt: skip


def _streams(cloud: Cloud, session: Session) -> list[dict[str, Any]] | None:
    """Return the streams, or what the switch wants for this poll: `empty:3,null:2` is 3 polls [] and then 2 null."""
    if cloud.faults.rtstreams != "ok":
        polls = session.polls_since_active
        for phase in cloud.faults.rtstreams.split(","):
            what, _, count = phase.partition(":")
            if polls < int(count):
                return [] if what == "empty" else None
            polls -= int(count)
    streams = [cloud.world.streams[stream_id] for stream_id in session.stream_ids]
    return [
        {"rtstream_id": s.id, "channel_id": channel_id_of(s, cloud.faults), "name": s.name, "status": s.status}
        for s in streams
    ]


ENDPOINTS = (
    Endpoint("GET", "/collection", _list_collections),
    Endpoint("GET", "/collection/{c}", _get_collection),
    Endpoint("GET", "/collection/{c}/websocket", _get_websocket),
    Endpoint("GET", "/billing/usage", _usage),
    Endpoint("POST", _SESSION, _create),
    Endpoint("GET", _SESSION, _list),
    Endpoint("GET", _SESSION + "/{id}", _get),
    Endpoint("POST", _SESSION + "/{id}/export", _export),
    Endpoint("POST", "/capture/session/token", _token),
    Endpoint("POST", "/capture/session/start", _recorder_start),
    Endpoint("GET", "/capture/session/{id}", _get),
    Endpoint("POST", "/capture/session/{id}/stop", _recorder_stop),
    Endpoint("GET", "/video/{id}", _get_video),
)
