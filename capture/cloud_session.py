"""What the runner asks the cloud about sessions, through the SDK, with replies read leniently.

Sessions are read as plain objects: the SDK's own class trips over `rtstreams: null`. Every function raises CloudError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from videodb.capture_session import CaptureSession

from capture.calls import CloudError, call
from capture.settings import Settings
from capture.state import Session, Stream
from capture.streams import streams_of

__all__ = ["ExportView", "SessionView", "client_token", "create", "end", "export", "look", "video"]


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as polled. Shape: `streams` is empty until it is active, and sometimes a while longer."""

    status: str
    streams: list[Stream]
    export_status: str | None
    video_id: str | None
    error: Any = None


@dataclass(frozen=True, slots=True)
class ExportView:
    """How far the video is. Shape: `status` is exporting, exported or failed, as far as the cloud says."""

    status: str
    video_id: str | None
    stream_url: str | None = None
    player_url: str | None = None


async def create(connection: Any, settings: Settings, connection_id: str | None, *, timeout_s: float) -> Session:
    """Create a session whose lifecycle is reported to a websocket connection."""
    made = await call(
        connection.create_capture_session, settings.end_user_id, settings.collection, settings.callback_url or None,
        connection_id, dict(settings.metadata) or None, timeout_s=timeout_s,
    )  # fmt: skip
    return Session(
        str(made.id), collection=str(made.collection_id or settings.collection), end_user_id=settings.end_user_id
    )


async def client_token(connection: Any, expires_s: int, *, timeout_s: float) -> str:
    """Return a token a recorder may record with for so long."""
    token = await call(connection.generate_client_token, expires_s, timeout_s=timeout_s)
    if not isinstance(token, str) or not token:
        raise CloudError("odd", None, "the answer has no client token")
    return token


async def look(connection: Any, session: Session, *, by_token: bool, timeout_s: float) -> SessionView:
    """Return the session as it stands. With a client token only the recorder's own path may be asked."""
    path = f"capture/session/{session.id}"
    if not by_token:
        path = f"collection/{session.collection}/{path}"
    found = await call(connection.get, path, timeout_s=timeout_s)
    if not isinstance(found, dict):
        raise CloudError("odd", None, "the answer is no session")
    return SessionView(
        status=str(found.get("status") or ""),
        streams=streams_of(found.get("rtstreams")),
        export_status=_text(found.get("export_status")),
        video_id=_text(found.get("exported_video_id")),
        error=found.get("error"),
    )


async def end(connection: Any, session_id: str, *, timeout_s: float) -> None:
    """End a session the way the recorder would: for when there is no recorder any more to do it."""
    await call(connection.post, f"capture/session/{session_id}/stop", {}, timeout_s=timeout_s)


async def export(connection: Any, session: Session, connection_id: str | None, *, timeout_s: float) -> ExportView:
    """Ask for the video; asking again tells how far it is."""
    known = CaptureSession(connection, session.id, session.collection)
    found = await call(known.export, None, connection_id, timeout_s=timeout_s)
    if not isinstance(found, dict):
        raise CloudError("odd", None, "the answer is no export")
    video_id = _text(found.get("video_id")) or _text(found.get("exported_video_id"))
    status = str(found.get("export_status") or ("exported" if video_id else ""))
    return ExportView(status, video_id, _text(found.get("stream_url")), _text(found.get("player_url")))


async def video(connection: Any, session: Session, video_id: str, *, timeout_s: float) -> ExportView:
    """Return where a finished video can be watched."""
    found = await call(
        connection.get, f"video/{video_id}", params={"collection_id": session.collection}, timeout_s=timeout_s
    )
    known = found if isinstance(found, dict) else {}
    return ExportView("exported", video_id, _text(known.get("stream_url")), _text(known.get("player_url")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
