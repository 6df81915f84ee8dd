"""A session that is over, fetched into a recording: what was said and seen, in order, at the times it happened.

A line's `ts` is the moment its event was complete, since that is when a listener would have had it. Of an index that
replaced another only what the earlier one did not cover is kept. The recording appears whole or not at all.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from capture.calls import CloudError, call
from capture.dedupe import Seen
from capture.journal import Journal, Sync
from capture.lifecycle import TERMINAL, lifecycle_message, unsaid
from capture.polled import Fetched, indexes, transcript

__all__ = ["Imported", "import_session"]


@dataclass(slots=True)
class Imported:
    """What came of it. Shape: `status` is the session's; `odd` records had no time or text and were left out."""

    status: str
    streams: int
    events: int
    covered: int
    odd: int


async def import_session(connection: Any, session_id: str, target: Path, collection: str = "default") -> Imported:
    """Fetch a session into `target`, which must not exist. Errors: CloudError, JournalError, OSError."""
    _refuse_existing(target)
    session = await call(connection.get_capture_session, session_id, collection)
    fetched: list[Fetched] = []
    for stream in session.rtstreams:
        fetched += [await transcript(stream), *await indexes(stream)]
    kept, covered = _uncovered(fetched)
    events = sorted(kept, key=lambda message: (message["data"]["end"], message["data"]["start"]))
    now_ms = time.time_ns() // 1_000_000
    began_ms = min((event["data"]["start"] for event in events), default=now_ms)
    ended_ms = max((event["data"]["end"] for event in events), default=now_ms)
    video = await _video(connection, session, collection)
    _write(
        target,
        [
            *((began_ms, message) for message in _opening(session, began_ms)),
            *((event["data"]["end"], event) for event in events),
            *((ended_ms, message) for message in _closing(session, ended_ms, video)),
        ],
    )
    odd = sum(each.odd for each in fetched)
    return Imported(str(session.status), len(session.rtstreams), len(events), covered, odd)


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise FileExistsError(f"{target} exists already: name another one with --to")


def _uncovered(fetched: list[Fetched]) -> tuple[list[dict[str, Any]], int]:
    """Leave out what an earlier index of the same purpose covers. Returns the rest, and how many were left out."""
    memories: dict[tuple[Any, ...], Seen] = {}
    kept: list[dict[str, Any]] = []
    covered = 0
    for each in fetched:
        own: list[dict[str, Any]] = []
        for message in each.messages:
            memory = memories.setdefault((message["rtstream_id"], *each.purpose), Seen())
            if memory.covered(message):
                covered += 1
            else:
                own.append(message)
        for message in own:  # remembered afterwards: records of one index may overlap
            memory.fresh(message)
        kept += own
    return kept, covered


def _opening(session: Any, at_ms: int) -> list[dict[str, Any]]:
    streams = [{"rtstream_id": stream.id, "name": stream.name} for stream in session.rtstreams]
    reached = unsaid((), "active" if streams else "created")
    return [_told(session, status, at_ms, {"rtstreams": streams} if status == "active" else {}) for status in reached]


def _closing(session: Any, at_ms: int, video: dict[str, Any]) -> list[dict[str, Any]]:
    status = str(session.status)
    reached = unsaid(unsaid((), "active"), status) if status in TERMINAL else ()
    return [_told(session, each, at_ms, video if each == "exported" else {}) for each in reached]


def _told(session: Any, status: str, at_ms: int, data: dict[str, Any]) -> dict[str, Any]:
    at_iso = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return lifecycle_message(session.id, status, str(session.end_user_id or ""), at_iso, data)


async def _video(connection: Any, session: Any, collection: str) -> dict[str, Any]:
    """Return what an `exported` line says. A video that is gone leaves its id alone."""
    if not session.exported_video_id:
        return {}
    told = {"exported_video_id": session.exported_video_id}
    try:
        where = await call(connection.get_collection, collection)
        video = await call(where.get_video, session.exported_video_id)
    except CloudError as error:
        if error.kind == "not-found":
            return told
        raise
    urls = {name: getattr(video, name, None) for name in ("stream_url", "player_url")}
    return {**told, **{name: url for name, url in urls.items() if url}}


def _write(target: Path, lines: list[tuple[int, dict[str, Any]]]) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    at_ms = 0
    try:
        run = f"import-{secrets.token_hex(4)}"
        with Journal.open(draft, run=run, sync=Sync.NEVER, now_ns=lambda: at_ms * 1_000_000) as journal:
            for at_ms, message in lines:  # noqa: B007  # the journal's clock reads it
                journal.append(message, "poll")
            journal.sync()
        draft.replace(target)
    finally:
        for leftover in (draft, draft.with_name(f".{draft.name}.lock")):
            leftover.unlink(missing_ok=True)
