"""The SDK's capture client, made safe: it never hangs, never starts a second recorder, never leaves one behind.

One client is one recorder process: once that is gone every command fails at once, and a new recording takes a new
client. Commands have deadlines; every error is a RecorderError with the recorder's code, or one of ours: `EXITED`,
`TIMEOUT`, `NO_RECORDER`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from videodb.capture import CaptureClient

from capture.incoming import Refused, parse_object
from capture.recorder_check import missing_recorder, recorder_path

__all__ = ["DEADLINES_S", "RecorderError", "SafeCaptureClient", "recorder_path"]

DEADLINES_S: Mapping[str, float] = {
    "init": 15.0, "requestPermission": 90.0, "getChannels": 20.0, "startRecording": 60.0, "stopRecording": 25.0,
    "shutdown": 12.0, "ping": 10.0,
}  # fmt: skip
"""How long each command may take, in seconds; any other takes 20. A permission waits for a person."""

_OTHER_S = 20.0
_LINE_LIMIT = 8 << 20
_LEAVE_S = 2.0
_TERMINATE_S = 10.0
_PREFIX = b"videodb_recorder|"


class RecorderError(RuntimeError):
    """A command failed. Shape: `args[0]` is `{code, message}`, as with the SDK's own RuntimeError."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__({"code": code, "message": message})
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class SafeCaptureClient(CaptureClient):  # type: ignore[misc]  # the SDK has no types
    """A recorder for one recording. Units: `deadlines_s` overrides some of `DEADLINES_S`; a ping every `ping_s`.

    Call `shutdown` in the end, also after a failure. Errors of `__init__`: RecorderError `NO_RECORDER`.
    """

    _proc: Any
    _session_id: str | None

    def __init__(
        self,
        client_token: str,
        base_url: str | None = None,
        *,
        deadlines_s: Mapping[str, float] | None = None,
        ping_s: float = 30.0,
    ) -> None:
        if recorder_path() is None:
            raise RecorderError("NO_RECORDER", missing_recorder())
        super().__init__(client_token, base_url)
        self._deadlines_s = {**DEADLINES_S, **(deadlines_s or {})}
        self._ping_s = ping_s
        self._starting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._gone: str | None = None
        self._over = False

    @property
    def pid(self) -> int | None:
        """The recorder's process id while it runs."""
        return self._proc.pid if self._proc is not None and self._proc.returncode is None else None

    async def start_session(
        self, capture_session_id: str, channels: Sequence[Any], primary_video_channel_id: str | None = None
    ) -> None:
        """Start recording these channels, None among them left out; exactly one of the displays is the primary.

        The primary is the one named by id or name, else the first marked `is_primary`, else the first display.
        Errors: RecorderError.
        """
        chosen = [channel for channel in channels if channel is not None]
        if not chosen:
            raise RecorderError("MISSING_CHANNELS", "there is no device to record: see `capture channels`")
        _mark_primary(chosen, primary_video_channel_id)
        self._session_id = capture_session_id  # before the reply: a start that timed out may have worked
        payload = {
            "sessionId": capture_session_id,
            "uploadToken": self.client_token,
            "channels": [channel.to_dict() for channel in chosen],
        }
        try:
            await self._send_command("startRecording", payload)
        except RecorderError as error:
            if error.code != "TIMEOUT":
                self._session_id = None
            raise

    async def stop_session(self) -> None:
        """Stop recording. Errors: RecorderError."""
        if not self._session_id:
            raise RecorderError("NO_ACTIVE_SESSION", "nothing is being recorded")
        await self._send_command("stopRecording", {"sessionId": self._session_id})
        self._session_id = None

    start_capture_session = start_session
    stop_capture = stop_session

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """Yield `{type, event, payload}` as the recorder reports; the last is `recorder.exited` with `code, why`."""
        while not (self._over and self._event_queue.empty()):
            event = await self._event_queue.get()
            yield event
            if event["event"] == "recorder.exited":
                return

    async def shutdown(self) -> None:
        """End the recorder: ask, then terminate, then kill. Afterwards there is none. A second call does nothing."""
        if self._starting is None:
            self._finish("was shut down", None)
            return
        if self._ending is None:
            self._ending = asyncio.create_task(self._shut_down(self._starting))
        await asyncio.shield(self._ending)

    # What the SDK's own methods call

    async def _ensure_process(self) -> None:
        if self._gone is None and self._starting is None:
            self._starting = asyncio.create_task(self._start())
        if self._starting is not None:  # shielded: a caller who gives up must not leave half a start behind
            await asyncio.shield(self._starting)
        if self._gone is not None:
            raise RecorderError("EXITED", f"the recorder {self._gone}")

    async def _send_command(self, command: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        await self._ensure_process()
        return await self._command(command, params or {})

    async def _command(self, command: str, params: dict[str, Any]) -> dict[str, Any]:
        if self._gone is not None:
            raise RecorderError("EXITED", f"the recorder {self._gone}")
        command_id = str(uuid.uuid4())
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._futures[command_id] = reply
        request = json.dumps({"command": command, "commandId": command_id, "params": params})
        deadline_s = self._deadlines_s.get(command, _OTHER_S)
        try:
            async with asyncio.timeout(deadline_s):
                self._proc.stdin.write(_PREFIX + request.encode() + b"\n")
                with contextlib.suppress(ConnectionError):  # its end of output tells more
                    await self._proc.stdin.drain()
                return _result(command, await reply)
        except TimeoutError:
            raise RecorderError("TIMEOUT", f"no reply to {command} within {deadline_s:g} s") from None
        finally:
            self._futures.pop(command_id, None)
            if reply.done() and not reply.cancelled():
                reply.exception()  # seen, also when the deadline came first

    # The life of the process

    async def _start(self) -> None:
        where: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            where = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        pipe = asyncio.subprocess.PIPE
        try:
            # A group of its own: Ctrl-C is for us, who then stop it in order.
            self._proc = await asyncio.create_subprocess_exec(
                self._binary_path, stdin=pipe, stdout=pipe, stderr=pipe, limit=_LINE_LIMIT, **where
            )
        except OSError as error:
            self._finish(f"cannot be started: {error.strerror or error}", None)
            return
        self._tasks = [asyncio.create_task(self._read_stdout_loop()), asyncio.create_task(self._read_stderr_loop())]
        try:
            await self._command("init", {"apiUrl": self.base_url})
        except RecorderError as error:
            # In its own time: whoever waits for the start learns at once that there is none.
            self._gone = self._gone or f"did not start ({error})"
            self._tasks.append(asyncio.create_task(self._put_down(self._gone)))
            raise
        self._pinging = asyncio.create_task(self._keep_asking())
        self._tasks.append(self._pinging)

    async def _read_stdout_loop(self) -> None:
        why = "ended"
        try:
            while line := await self._proc.stdout.readline():
                if line.startswith(_PREFIX):
                    self._take(parse_object(line[len(_PREFIX) :].strip(), _LINE_LIMIT))
        except ValueError:
            why = f"printed a line over {_LINE_LIMIT >> 20} MiB"
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
        await self._put_down(why)

    async def _read_stderr_loop(self) -> None:
        with contextlib.suppress(OSError):
            while await self._proc.stderr.read(1 << 16):
                pass

    async def _keep_asking(self) -> None:
        """Ping now and then; a command under way has its own deadline and may keep the recorder busy."""
        misses = 0
        while misses < 2 and self._gone is None:
            await asyncio.sleep(self._ping_s)
            if self._futures:
                continue
            try:
                await self._command("ping", {})
                misses = 0
            except RecorderError as error:
                misses = misses + 1 if error.code == "TIMEOUT" else 0
        if self._gone is None:
            await self._put_down("did not answer two pings")

    def _take(self, message: dict[str, Any] | Refused) -> None:
        if isinstance(message, Refused):
            return
        if message.get("type") == "event" and isinstance(message.get("event"), str):
            payload = message.get("payload")
            self._report(message["event"], payload if isinstance(payload, dict) else {})
        elif message.get("type") == "response":
            reply = self._futures.get(str(message.get("commandId")))
            if reply is not None and not reply.done():
                _settle(reply, message)

    def _report(self, name: str, payload: dict[str, Any]) -> None:
        self._event_queue.put_nowait({"type": "event", "event": name, "payload": payload})

    async def _put_down(self, why: str) -> None:
        """Fail what waits, see that the process is gone, and report its end, once."""
        if self._gone is None:
            self._gone = why
        self._fail_waiting(self._gone)
        code = await self._end_process()
        self._finish(self._gone, code)

    def _fail_waiting(self, why: str) -> None:
        for reply in self._futures.values():
            if not reply.done():
                reply.set_exception(RecorderError("EXITED", f"the recorder {why}"))

    async def _end_process(self) -> int | None:
        """Return the exit code, waiting a little, then terminating, then killing."""
        self._proc.stdin.close()
        for insist, patience_s in ((_let_be, _LEAVE_S), (_terminate, _TERMINATE_S), (_kill, _TERMINATE_S)):
            insist(self._proc)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    return int(await self._proc.wait())
        return None

    def _finish(self, why: str, code: int | None) -> None:
        self._gone = why
        if not self._over:
            self._over = True
            self._report("recorder.exited", {"code": code, "why": why})

    async def _shut_down(self, starting: asyncio.Task[None]) -> None:
        if not starting.done():
            self._gone = "was shut down"
            self._fail_waiting(self._gone)
        await asyncio.gather(starting, return_exceptions=True)
        if self._proc is None:
            return
        if self._gone is None:
            with contextlib.suppress(RecorderError):
                await self._command("shutdown", {})
        await self._put_down("was shut down")
        if self._pinging is not None:
            self._pinging.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._session_id = None
        self._proc._transport.close()  # a grandchild may hold a pipe open
        await asyncio.sleep(0)


def _result(command: str, result: Any) -> dict[str, Any]:
    """Return a result the SDK can read: an object, and only channels that have an id."""
    if not isinstance(result, dict):
        return {}
    if command != "getChannels":
        return result
    channels = result.get("channels")
    known = [c for c in channels if isinstance(c, dict)] if isinstance(channels, list) else []
    return {"channels": [c for c in known if isinstance(c.get("channel_id") or c.get("id"), str)]}


def _settle(reply: asyncio.Future[Any], message: dict[str, Any]) -> None:
    result = message.get("result")
    if message.get("status") == "success":
        reply.set_result(result)
    elif isinstance(result, dict):
        reply.set_exception(RecorderError(str(result.get("code") or "UNKNOWN"), str(result.get("message") or result)))
    else:
        reply.set_exception(RecorderError("UNKNOWN", str(result)))


def _mark_primary(channels: Sequence[Any], wanted: str | None) -> None:
    videos = [channel for channel in channels if channel.type == "video"]

    def rank(video: Any) -> tuple[bool, bool, bool]:
        return (
            wanted is None or wanted not in (video.id, video.name),
            not video.is_primary,
            video.id.startswith("camera:"),
        )

    first = min(videos, key=rank, default=None)
    for video in videos:
        video.is_primary = video is first


def _let_be(process: asyncio.subprocess.Process) -> None:
    """Give it the time to go by itself: its input has ended."""


def _terminate(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        elif process.returncode is None:  # not yet waited for, so the number is still its own
            os.killpg(process.pid, signal.SIGKILL)
