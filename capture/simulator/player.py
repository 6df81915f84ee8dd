"""Play a recording as what happens on the streams of the live session.

Play begins once pipelines run and no further one was set running for a moment, so that all of them hear it from its
start. Lifecycle lines of the recording are left out: the live session makes its own.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from capture.replay import Entry, read_recording, retimed
from capture.simulator.cloud import CHANNEL_KINDS, Cloud
from capture.simulator.state import Stream, source_of

__all__ = ["Player"]

_SETTLE_S = 0.3
_YIELD_EVERY = 50


class Player:
    """One recording, to be played once. Units: `speed` divides the waits and the spans; None plays without waits."""

    def __init__(self, cloud: Cloud, recording: Path, speed: float | None) -> None:
        self.played = 0
        self.unmatched = 0
        self.finished = asyncio.Event()
        self._cloud = cloud
        self._recording = recording
        self._speed = speed
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def pipeline_started(self) -> None:
        """Begin soon, unless yet another pipeline starts before."""
        if self._task is None:
            if self._timer:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(_SETTLE_S, self.start)

    def start(self) -> None:
        """Begin now; a second call does nothing."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._play())

    async def stop(self) -> None:
        """Leave off."""
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _play(self) -> None:
        self._cloud.log(f"PLAY  {self._recording.name}")
        began = time.time()
        first_ms: int | None = None
        for count, entry in enumerate(read_recording(self._recording)):
            if not _playable(entry) or entry.message is None or entry.at_ms is None:
                continue
            first_ms = entry.at_ms if first_ms is None else first_ms
            if self._speed is not None:
                await asyncio.sleep(max(0.0, began + (entry.at_ms - first_ms) / 1000 / self._speed - time.time()))
            elif count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            self._perform(retimed(entry.message, entry.at_ms, round(time.time() * 1000), self._speed or 1.0))
        self._cloud.log(f"PLAY  the end: {self.played} events, {self.unmatched} without a stream to play them on")
        self.finished.set()

    def _perform(self, message: dict[str, Any]) -> None:
        data = message["data"]
        self.played += 1
        if message["channel"] == "alert":
            label = str(data.get("event_label") or data.get("label"))
            self._cloud.sound(label, str(data.get("text") or ""))
            return
        stream = self._stream_for(message)
        if stream is None:
            self.unmatched += 1
        else:
            self._cloud.produce(stream, message["channel"], data)

    def _stream_for(self, message: dict[str, Any]) -> Stream | None:
        """Match by the recorded name, else by its source (mic, screen), else by what kind of media it must be."""
        name = str(message.get("rtstream_name") or "")
        media = "video" if "visual" in CHANNEL_KINDS[message["channel"]] else "audio"
        live = self._cloud.live_streams()
        by_name = [stream for stream in live if stream.name == name]
        by_source = [stream for stream in live if source_of(stream.name) == source_of(name)]
        by_media = [stream for stream in live if stream.session_id is None and media in stream.media_types]
        return next(iter([*by_name, *by_source, *by_media]), None)


def _playable(entry: Entry) -> bool:
    message = entry.message
    return (
        message is not None
        and isinstance(message.get("data"), dict)
        and message.get("channel") in (*CHANNEL_KINDS, "alert")
    )
