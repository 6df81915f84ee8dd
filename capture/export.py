"""The end of a session: until it is stopped in the cloud and its video is there, in this run or in a later one.

Everything needed is in the state file, so a run that was killed loses nothing: the next one goes on here.
"""

from __future__ import annotations

import time

from capture import cloud_session, cloud_stream
from capture.access import Access
from capture.calls import CloudError
from capture.cloud_session import ExportView
from capture.follow import look, say_what_is_known
from capture.lifecycle import FINAL, TERMINAL, lifecycle_message, unsaid
from capture.patience import waits
from capture.run import Run, iso, now_ms
from capture.state import Session

__all__ = ["finish_session", "finish_stream"]


async def finish_session(run: Run, access: Access, session: Session) -> bool:
    """Wait until nothing is left to do for a session, and write what the socket did not say.

    Returns whether it is over; if not, a later run can go on. Errors: JournalError.
    """
    until = time.monotonic() + run.timing.export_for_s
    for wait_s in waits(run.timing.export_first_s, run.timing.export_most_s):
        try:
            if await _step(run, access, session):
                session.over = True
                run.save()
                return True
        except CloudError as error:
            if error.kind == "not-found" or error.fatal:
                run.say(f"session {session.id}: {error.message}")
                session.over = error.kind == "not-found"
                run.save()
                return session.over
        if time.monotonic() > until:
            return False
        await run.news(wait_s)
    raise AssertionError("waits never end")


async def finish_stream(run: Run, access: Access, session: Session) -> bool:
    """Make the video of a stopped stream, if it was stored, and write where it is. Returns as `finish_session`."""
    if session.export.status == "wanted":
        until = time.monotonic() + run.timing.export_for_s
        for wait_s in waits(run.timing.export_first_s, run.timing.export_most_s):
            try:
                found = await cloud_stream.export_stream(access.connection, session.id, timeout_s=run.timing.call_s)
            except CloudError as error:
                if error.fatal or time.monotonic() > until:
                    run.say(f"the export of {session.id}: {error.message}")
                    return False
                await run.news(wait_s)
                continue
            session.export.status, session.export.video_id, session.export.player_url = "exported", found[0], found[2]
            data = {"rtstream_id": session.id, "video_id": found[0], "stream_url": found[1], "player_url": found[2]}
            run.tell("export", data)
            break
    session.over = True
    run.save()
    return True


async def _step(run: Run, access: Access, session: Session) -> bool:
    """Look once, ask once. Returns whether the session is over. Errors: CloudError."""
    if not FINAL & set(session.said):
        view = await look(run, access, session)
        missing = unsaid(session.said, view.status)
        say_what_is_known(run, session, view, tuple(status for status in missing if status != "exported"))
    if "failed" in session.said:
        session.export.status = "failed" if session.export.status == "wanted" else session.export.status
        return True
    if not TERMINAL & set(session.said):
        return session.status == "created"  # nothing was ever recorded
    if session.export.status in ("none", "failed"):
        return True
    if access.by_token:
        return _by_token(run, session)
    if "exported" in session.said and session.export.player_url:
        return True
    return await _ask(run, access, session)


async def _ask(run: Run, access: Access, session: Session) -> bool:
    try:
        view = await cloud_session.export(
            access.connection, session, run.state.connection_id, timeout_s=run.timing.call_s
        )
    except CloudError as error:
        if error.kind == "odd":  # not stopped yet, as far as this part of the cloud knows
            return False
        raise
    if view.status == "failed":
        session.export.status = "failed"
        run.tell("export", {"capture_session_id": session.id, "status": "failed"})
        run.say(f"the export of {session.id} failed in the cloud")
        return True
    if not view.video_id:
        return False
    if not view.player_url:
        view = await cloud_session.video(access.connection, session, view.video_id, timeout_s=run.timing.call_s)
    _write(run, session, view)
    return True


def _by_token(run: Run, session: Session) -> bool:
    """Without the right to ask for the export there is only what the session itself shows."""
    if session.export.video_id and "exported" not in session.said:
        _write(run, session, ExportView("exported", session.export.video_id))
    return "exported" in session.said


def _write(run: Run, session: Session, view: ExportView) -> None:
    data = {"exported_video_id": view.video_id, "stream_url": view.stream_url, "player_url": view.player_url}
    known = {name: value for name, value in data.items() if value}
    run.take(lifecycle_message(session.id, "exported", session.end_user_id, iso(now_ms()), known), "poll")
    session.export.status, session.export.video_id = "exported", view.video_id
    session.export.player_url = view.player_url or session.export.player_url
