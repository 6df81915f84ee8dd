"""Following a session by polling: what the socket cannot be trusted to say, since its binding does not survive a drop.

What polling finds is used at once; it is written only when the socket had the time to say it and did not.
"""

from __future__ import annotations

from capture import cloud_session
from capture.access import Access
from capture.calls import CloudError
from capture.cloud_session import SessionView
from capture.lifecycle import TERMINAL, lifecycle_message, unsaid
from capture.run import Run, iso, now_ms
from capture.state import Session
from capture.stopping import CaptureError

__all__ = ["follow", "look", "say_what_is_known"]

_PATIENCE = 3
_STEADY = "active"


async def look(run: Run, access: Access, session: Session) -> SessionView:
    """Poll once, and take over status and streams. Errors: CloudError."""
    view = await cloud_session.look(access.connection, session, by_token=access.by_token, timeout_s=run.timing.call_s)
    if unsaid(session.said, view.status):
        session.status = view.status
    session.streams = session.streams or view.streams
    if view.video_id and session.export.status != "exported":
        session.export.status, session.export.video_id = "exported", view.video_id
    return view


async def follow(run: Run, access: Access, session: Session) -> None:
    """Poll for as long as it is captured, often near a change.

    Errors: CaptureError, when the session fails, is ended by somebody else, or cannot be seen any more.
    """
    refused = 0
    pending: tuple[str, ...] = ()
    while True:
        steady = session.status == _STEADY and session.streams and not pending
        await run.news(run.timing.poll_far_s if steady else max(run.timing.poll_near_s, run.timing.grace_s))
        _require_alive(run, session)
        try:
            view = await look(run, access, session)
            refused = 0
        except CloudError as error:
            refused += not error.passing
            if refused >= _PATIENCE:
                raise CaptureError("session", f"session {session.id} cannot be seen: {error.message}") from error
            continue
        # The export is not said here: who waits for it knows where the video can be watched, too.
        missing = tuple(status for status in unsaid(session.said, view.status) if status != "exported")
        say_what_is_known(run, session, view, tuple(status for status in missing if status in pending))
        pending = tuple(status for status in missing if status not in session.said)
        _require_alive(run, session)


def _require_alive(run: Run, session: Session) -> None:
    if session.status == "failed":
        raise CaptureError("session", f"session {session.id} failed in the cloud")
    if session.status in TERMINAL and not run.stopping.asked:
        raise CaptureError("session", f"session {session.id} was ended from elsewhere, it is {session.status}")


def say_what_is_known(run: Run, session: Session, view: SessionView, statuses: tuple[str, ...]) -> None:
    """Write these statuses as the cloud would have, in order."""
    for status in statuses:
        data: dict[str, object] = {}
        if status == "active":
            rows = [{"rtstream_id": s.id, "name": s.name, "media_types": s.media} for s in session.streams]
            data = {"rtstreams": rows}
        elif status == "failed":
            data = {"error": view.error or "the cloud does not say why"}
        message = lifecycle_message(session.id, status, session.end_user_id, iso(now_ms()), data)
        run.take(message, "poll")
