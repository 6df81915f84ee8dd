"""What all parts of one run share: its journal, its state, its memory of what was written, and its voice.

Whatever a part learns goes through `take`, so that nothing is written twice; whatever it does that a reader must know
goes through `tell`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from capture.dedupe import Seen
from capture.journal import Journal, Origin
from capture.lifecycle import status_of, unsaid
from capture.settings import Settings
from capture.state import Phase, RunState, Session, StateFile
from capture.status import present
from capture.stopping import Stopping
from capture.streams import streams_of
from capture.tally import Tally
from capture.timing import Timing

__all__ = ["Run", "iso", "now_ms"]

_EARLY_MOST = 100


def now_ms() -> int:
    """Return epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Run:
    """One run of `capture start`, from journal open to journal closed. `say` tells the user one line."""

    def __init__(
        self, journal: Journal, state_file: StateFile, state: RunState, settings: Settings, timing: Timing
    ) -> None:
        self.journal = journal
        self.state = state
        self.settings = settings
        self.timing = timing
        self.seen = Seen()
        self.tally = Tally()
        self.stopping = Stopping()
        self.say: Callable[[str], None] = lambda line: None
        self.snapshot: Callable[[], dict[str, Any]] = lambda: present(self.state, self.tally, now_ms())
        self._state_file = state_file
        self._news = asyncio.Event()
        self._early: dict[str, list[Mapping[str, Any]]] = {}

    def save(self) -> None:
        """Bring the state to its file. Errors: OSError."""
        self._state_file.save(self.state)

    def enter(self, phase: Phase) -> None:
        """Note and save how far the run is."""
        if self.state.phase != phase:
            self.state.phase = phase
            self.save()

    def tell(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a fact of the runner's own: `capture.<name>`."""
        self.tell_fact({"channel": "capture", "event": f"capture.{name}", "data": dict(data)})

    def tell_fact(self, fact: Mapping[str, Any]) -> None:
        """Write a fact that is a whole message already."""
        self.journal.append(fact, "runner", self.state.generation)

    def take(self, message: Mapping[str, Any], origin: Origin, gen: int | None = None) -> bool:
        """Write a message unless it stands in the journal already. Returns whether it was written."""
        if not self.seen.fresh(message):
            self.tally.duplicates += 1
            return False
        self.journal.append(message, origin, gen or self.state.generation)
        self.tally.count(message, now_ms())
        self._note_status(message)
        if self.state.phase == "waiting" and isinstance(message.get("rtstream_id"), str):
            self.enter("live")
            self.say("live: the first event has come")
        return True

    def begin_session(self, session: Session) -> None:
        """From now on this is the run's session; what the socket said of it before we knew its id counts too."""
        self.state.sessions = [*(each for each in self.state.sessions if each.id != session.id), session]
        for message in self._early.pop(session.id, []):
            self._note_status(message)
        self.save()

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do this beside everything else; what it raises ends the run, in order."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._noticed)
        return task

    def _noticed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.stopping.fail(error)

    async def news(self, within_s: float) -> None:
        """Return when a session is heard to have moved on, or after so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()

    def _note_status(self, message: Mapping[str, Any]) -> None:
        status = status_of(message)
        if status is None:
            return
        session_id = str(message.get("capture_session_id") or message.get("session_id"))
        session = next((each for each in self.state.sessions if each.id == session_id), None)
        if session is None:
            if len(self._early) < _EARLY_MOST:
                self._early.setdefault(session_id, []).append(message)
            return
        if status not in session.said:
            session.said.append(status)
        if unsaid((session.status,), status):  # polling may have told of a later one already
            session.status = status
        _note_details(session, message.get("data"))
        self.save()
        self._news.set()
        self._news = asyncio.Event()


def _note_details(session: Session, data: object) -> None:
    """Take over what a lifecycle message brings: the streams, or the video."""
    if not isinstance(data, dict):
        return
    session.streams = session.streams or streams_of(data.get("rtstreams"))
    video_id = data.get("exported_video_id")
    if isinstance(video_id, str) and video_id:
        session.export.status, session.export.video_id = "exported", video_id
        player_url = data.get("player_url")
        session.export.player_url = player_url if isinstance(player_url, str) else None


def iso(at_ms: int) -> str:
    """Return an instant as the cloud writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
