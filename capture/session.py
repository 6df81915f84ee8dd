"""A desktop captured: from the recorder's permission to streams with pipelines on them, and back in order.

The cloud's session is created last before the recording: a refused permission then leaves nothing behind in the cloud.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from capture import cloud_session, facts
from capture.access import Access
from capture.calls import CloudError
from capture.channels import Choice
from capture.export import finish_session
from capture.follow import follow, look
from capture.generations import Generations
from capture.lifecycle import TERMINAL
from capture.patience import insist
from capture.pipelines import Pipelines
from capture.recorder import Recorder, require_recorder
from capture.run import Run, now_ms
from capture.state import Session
from capture.stopping import CaptureError

__all__ = ["Desktop"]

_HOUR_S = 3600
_TOKEN_MOST_S = 24 * _HOUR_S


class Desktop:
    """What is captured when a recorder is: one session at a time, the next begun before the token ends."""

    def __init__(self, run: Run, access: Access, generations: Generations | None) -> None:
        """`generations` is None without the right to a websocket."""
        self.session: Session | None = None
        self._run = run
        self._access = access
        self._generations = generations
        self._recorder: Recorder | None = None
        self._pipelines: Pipelines | None = None
        self._following: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._channels: list[Any] = []

    async def begin(self) -> None:
        """Record, with every pipeline started. Errors: CaptureError, CloudError."""
        require_recorder()
        token = await self._new_token()
        self._recorder = Recorder(self._run, token, self._access.account.base_url)
        self._listening = self._run.beside(self._recorder.listen())
        self._channels, choice = await self._recorder.choose_channels()
        self._tell_choice(choice)
        await self._record(token)

    async def rotate(self) -> bool:
        """End this session and begin the next on the same channels. Returns False if that must wait: no network.

        Errors: CaptureError, CloudError.
        """
        began_ms = now_ms()
        try:
            token = await self._new_token()
        except CloudError as error:
            if not error.passing:
                raise
            self._run.say(f"no new session yet: {error.message}")
            return False
        self._stop_following()
        await self._stop_recording()
        await self.stop_pipelines()
        self._pipelines = None
        if self._generations is not None:
            self._generations.serve(None, None)
        await self._record(token)
        self._run.tell_fact(facts.gap(began_ms, now_ms(), "rotation", filled=False))
        return True

    async def stop(self) -> None:
        """End the recording in order and see that the cloud knows; then the recorder. Never raises CloudError."""
        await self._stop_recording()
        await self._drain()
        if self._recorder is not None:
            await self._recorder.leave()
        if self._listening is not None:
            await asyncio.gather(self._listening, return_exceptions=True)
        self._stop_following()

    async def stop_pipelines(self) -> None:
        """Stop what still costs money."""
        if self._pipelines is not None:
            await self._pipelines.stop()

    async def finish(self) -> bool:
        """Wait for the export, if there is to be one. Returns whether nothing is left to do."""
        if self.session is None:
            return True
        return await finish_session(self._run, self._access, self.session)

    # Beginning

    async def _record(self, token: str) -> None:
        """Create the session, record it, wait until it is active, start its pipelines."""
        run = self._run
        assert self._recorder is not None
        session = await self._create_session()
        session.created_ms = now_ms()
        session.export.status = "wanted" if any(channel.store for channel in self._channels) else "none"
        run.begin_session(session)
        self.session = session
        run.say(f"session {session.id}")
        self._following = self._run.beside(follow(run, self._access, session))
        await self._recorder.start(session.id, token, self._channels)
        await self._until_active(session)
        if self._generations is not None:
            self._pipelines = Pipelines(run, self._access.connection, session, run.settings.pipelines)
            self._generations.serve(session, self._pipelines)
            await self._generations.bound.wait()

    async def _create_session(self) -> Session:
        if self._access.session_id is not None:
            return Session(self._access.session_id, end_user_id=self._run.settings.end_user_id)
        connection_id = self._generations.connection_id if self._generations else None
        timeout_s = self._run.timing.call_s
        return await insist(
            lambda: cloud_session.create(
                self._access.connection, self._run.settings, connection_id, timeout_s=timeout_s
            ),
            self._run.timing,
        )

    async def _until_active(self, session: Session) -> None:
        """Wait for the streams, told by the socket or by polling. Errors: CaptureError after the deadline."""
        timing = self._run.timing
        until = time.monotonic() + timing.active_s
        while not session.streams:
            if session.status in TERMINAL:
                raise CaptureError("session", f"session {session.id} is {session.status} before it was active")
            if time.monotonic() > until:
                raise CaptureError("session", f"session {session.id} was not active within {timing.active_s:g} s")
            await self._run.news(timing.poll_near_s)
            with contextlib.suppress(CloudError):
                await look(self._run, self._access, session)
        for stream in session.streams:
            self._run.say(f"stream {stream.id} {stream.name}")

    async def _new_token(self) -> str:
        limits = self._run.settings.limits
        hours = min(limits.rotate_hours, limits.max_hours or limits.rotate_hours)
        expires_s = min(_TOKEN_MOST_S, round(hours * _HOUR_S) + _HOUR_S)
        return await insist(lambda: self._access.token(expires_s, self._run.timing.call_s), self._run.timing)

    def _tell_choice(self, choice: Choice) -> None:
        for pattern in choice.unmatched:
            self._run.say(f"no device fits {pattern}")
        self._run.say(f"recording {', '.join(choice.ids)}")
        if not choice.stored:
            self._run.say("nothing is stored, so there will be no video: set store to keep one")

    # Ending

    async def _stop_recording(self) -> None:
        """Let the recorder stop; where it cannot, tell the cloud in its place."""
        if self._recorder is None or self.session is None:
            return
        if not await self._recorder.stop() and self.session.status not in TERMINAL:
            try:
                await self._access.end_session(self.session.id, self._run.timing.call_s)
            except CloudError as error:
                if error.kind != "odd":  # it may not have begun, or have ended already
                    self._run.say(f"session {self.session.id} could not be ended: {error.message}")

    async def _drain(self) -> None:
        """Give the last messages time to come: until the session is stopped, for at most so long."""
        until = time.monotonic() + self._run.timing.drain_s
        while self.session is not None and not TERMINAL & set(self.session.said):
            left_s = until - time.monotonic()
            if left_s <= 0 or self.session.status == "created":
                return
            await self._run.news(left_s)

    def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
