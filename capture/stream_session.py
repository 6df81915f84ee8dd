"""A stream from an address instead of a desktop: a camera, a relay. Works where there is no recorder.

The cloud fetches the stream itself, so it goes on when this process dies; the next run on the same address takes it
over, with its pipelines, and fetches what was missed.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from capture import cloud_stream
from capture.access import Access
from capture.calls import CloudError
from capture.export import finish_stream
from capture.generations import Generations, Hole
from capture.patience import insist
from capture.pipelines import Pipelines
from capture.recall import recall
from capture.run import Run, now_ms
from capture.state import Session, Stream

__all__ = ["Address", "StreamCapture", "origin_of", "stop_stream"]


class Address(NamedTuple):
    """Where a stream comes from. The address may hold a password: it is shown and saved nowhere."""

    url: str
    name: str = ""
    media: tuple[str, ...] = ("video",)

    @property
    def label(self) -> str:
        """A name for it: as given, else the host."""
        return self.name or urlsplit(self.url).hostname or "stream"


def origin_of(address: Address) -> str:
    """Return what recognises an address without telling it."""
    return sha256(b"capture-rules stream\0" + address.url.encode()).hexdigest()[:24]


async def stop_stream(run: Run, access: Access, session: Session) -> None:
    """Let the cloud no longer fetch a stream; say so if that cannot be."""
    try:
        await cloud_stream.set_stream(access.connection, session.id, on=False, timeout_s=run.timing.call_s)
        session.status = "stopped"
    except CloudError as error:
        run.say(f"stream {session.id} could not be stopped: {error.message}")


class StreamCapture:
    """What is captured when the cloud fetches a stream."""

    def __init__(self, run: Run, access: Access, generations: Generations, address: Address) -> None:
        self.session: Session | None = None
        self._run = run
        self._access = access
        self._generations = generations
        self._address = address
        self._pipelines: Pipelines | None = None

    async def begin(self) -> None:
        """Connect the stream, or take over the one an earlier run left, and start its pipelines. Errors: CloudError."""
        run = self._run
        left = await self._left_over()
        session = left or await self._connect()
        self.session = session
        run.begin_session(session)
        run.say(f"stream {session.id} {self._address.label}" + (", taken over" if left else ""))
        since = None
        if left:
            last_ms = recall(run.journal.path, run.seen)
            since = Hole(last_ms, "restart") if last_ms else None
        self._pipelines = Pipelines(run, self._access.connection, session, run.settings.pipelines)
        self._generations.serve(session, self._pipelines, since)
        await self._generations.bound.wait()

    async def rotate(self) -> bool:
        """Nothing is to be done: a stream needs no token that could end."""
        return True

    async def stop(self) -> None:
        """Let the cloud no longer fetch it."""
        if self.session is not None:
            await stop_stream(self._run, self._access, self.session)

    async def stop_pipelines(self) -> None:
        """Stop what still costs money."""
        if self._pipelines is not None:
            await self._pipelines.stop()

    async def finish(self) -> bool:
        """Make the video, if the stream was stored. Returns whether nothing is left to do."""
        return self.session is None or await finish_stream(self._run, self._access, self.session)

    async def _left_over(self) -> Session | None:
        """Return the session an earlier run left on this address, if its stream still is there."""
        origin = origin_of(self._address)
        left = next((each for each in self._run.state.unfinished if each.origin == origin), None)
        if left is None:
            return None
        timeout_s = self._run.timing.call_s
        try:
            status = await cloud_stream.stream_status(self._access.connection, left.id, timeout_s=timeout_s)
            if status == "stopped":
                await cloud_stream.set_stream(self._access.connection, left.id, on=True, timeout_s=timeout_s)
        except CloudError as error:
            if error.kind != "not-found":
                raise
            left.over = True
            return None
        return left

    async def _connect(self) -> Session:
        settings, address = self._run.settings, self._address
        stream_id = await insist(
            lambda: cloud_stream.connect_stream(
                self._access.connection, settings.collection, (address.url, address.label), list(address.media),
                bool(settings.store), timeout_s=self._run.timing.call_s,
            ),
            self._run.timing,
        )  # fmt: skip
        session = Session(
            stream_id, "stream", settings.collection, "active", settings.end_user_id, now_ms(), origin_of(address)
        )
        session.streams = [Stream(stream_id, address.label, "stream", list(address.media))]
        session.export.status = "wanted" if settings.store else "none"
        return session
