"""A run at a glance, as plain data: for `capture status`, for `capture stop`, for the live view. Pure."""

from __future__ import annotations

from typing import Any

from capture.state import RunState, Session
from capture.tally import Tally

__all__ = ["past", "present"]


def present(state: RunState, tally: Tally, at_ms: int) -> dict[str, Any]:
    """Return everything worth knowing. Units: epoch milliseconds. Holds no secret."""
    return {
        **_common(state, tally),
        "running": True,
        "connected": state.connection_id is not None,
        "events": tally.events,
        "events_per_minute": tally.per_minute(at_ms),
        "duplicates": tally.duplicates,
        "filled": tally.filled,
        "gaps": tally.gaps,
        "queue": 0,
        "trouble": "",
        "at_ms": at_ms,
    }


def past(state: RunState) -> dict[str, Any]:
    """Return what the state file tells of a run that is not there any more."""
    return {**_common(state, Tally()), "running": False, "connected": False}


def _common(state: RunState, tally: Tally) -> dict[str, Any]:
    session = state.session
    return {
        "run": state.run,
        "pid": state.pid,
        "phase": state.phase,
        "started_ms": state.started_ms,
        "journal": state.journal,
        "generation": state.generation,
        "session": _session(session) if session else None,
        "streams": [
            {
                "id": stream.id, "name": stream.name, "source": stream.source,
                "events": tally.counts.get(stream.id, 0), "last_event_ms": tally.last_ms.get(stream.id),
            }
            for stream in (session.streams if session else ())
        ],
        "pipelines": [
            {"name": p.name, "kind": p.kind, "stream": p.stream_id, "state": p.state, "id": p.id, "error": p.error}
            for p in (session.pipelines.values() if session else ())
        ],
        "unfinished": [each.id for each in state.unfinished if each is not session],
    }  # fmt: skip


def _session(session: Session) -> dict[str, Any]:
    export = session.export
    return {
        "id": session.id, "kind": session.kind, "status": session.status, "export": export.status,
        "video_id": export.video_id, "player_url": export.player_url,
    }  # fmt: skip
