"""The desktop's recorder as a run uses it: asked for permission, given channels, listened to, ended for sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capture.channels import ChannelError, Choice, Device, choose, permissions_for
from capture.client import DEADLINES_S, RecorderError, SafeCaptureClient
from capture.recorder_check import missing_recorder, recorder_path
from capture.run import Run
from capture.stopping import CaptureError

__all__ = ["Recorder", "require_recorder"]

_ASKED_FOR = {"microphone": "the microphone", "screen_capture": "screen recording"}


def require_recorder() -> None:
    """Errors: CaptureError `no-recorder`, which says why there is none and what works instead."""
    if recorder_path() is None:
        raise CaptureError("no-recorder", missing_recorder())


class Recorder:
    """One recorder process; it may record one session after another."""

    def __init__(self, run: Run, token: str, base_url: str) -> None:
        """Errors: CaptureError `no-recorder`."""
        try:
            deadlines_s = {name: min(own_s, run.timing.command_s) for name, own_s in DEADLINES_S.items()}
            deadlines_s["init"] = run.timing.recorder_s
            self._client = SafeCaptureClient(token, base_url, deadlines_s=deadlines_s)
        except RecorderError as error:
            raise CaptureError("no-recorder", error.message) from error
        self._run = run
        self._recording = False
        self._leaving = False

    async def choose_channels(self) -> tuple[list[Any], Choice]:
        """Ask for permission and match the settings to the devices. Errors: CaptureError."""
        settings = self._run.settings
        try:
            for kind in permissions_for(settings.channels):
                if not await self._client.request_permission(kind):
                    raise _not_allowed(kind)
            listed = await self._client.list_channels()
            channels = [*listed.all(), *listed.cameras]
            devices = [Device(channel.id, channel.name) for channel in channels]
            choice = choose(devices, settings.channels, settings.store, settings.primary)
        except RecorderError as error:
            raise _as_capture_error(error) from error
        except ChannelError as error:
            raise CaptureError("channels", str(error)) from error
        chosen = [channel for channel in channels if channel.id in choice.ids]
        for channel in chosen:
            channel.store = channel.id in choice.stored
            channel.is_primary = channel.id == choice.primary
        return chosen, choice

    async def start(self, session_id: str, token: str, channels: list[Any]) -> None:
        """Begin to record a session. Errors: CaptureError."""
        self._client.client_token = token
        self._recording = True  # before the reply: a start given up on may still happen
        try:
            await self._client.start_session(session_id, channels)
        except RecorderError as error:
            raise _as_capture_error(error) from error

    async def stop(self) -> bool:
        """End the recording in order. Returns whether the recorder did so; if not, the cloud must be told."""
        if not self._recording:
            return True
        try:
            await self._client.stop_session()
        except RecorderError as error:
            self._run.say(f"the recorder did not stop in order: {error.message}")
            return False
        self._recording = False
        return True

    async def leave(self) -> None:
        """End the process, whatever state it is in."""
        self._leaving = True
        await self._client.shutdown()

    async def listen(self) -> None:
        """Write what it reports until it is gone. Errors: CaptureError, if it went unasked."""
        async for event in self._client.events():
            self._run.take({"channel": "recorder", **event}, "recorder")
            payload: Mapping[str, Any] = event.get("payload") or {}
            if event["event"] == "error":
                self._run.say(f"the recorder reports: {payload.get('message') or payload}")
            elif event["event"] == "recorder.exited" and not self._leaving:
                code = payload.get("code")
                raise CaptureError("recorder", f"the recorder {payload.get('why')} (exit code {code})")


def _as_capture_error(error: RecorderError) -> CaptureError:
    if error.code in ("PERMISSION_DENIED", "INVALID_PERMISSION"):
        return CaptureError("permission", f"not allowed: {error.message}; allow it in the system settings, start again")
    if error.code == "INSTANCE_ALREADY_RUNNING":
        return CaptureError("recorder", f"{error.message}; end the other program that records through VideoDB first")
    if error.code == "NO_RECORDER":
        return CaptureError("no-recorder", error.message)
    return CaptureError("recorder", str(error))


def _not_allowed(kind: str) -> CaptureError:
    return CaptureError(
        "permission", f"{_ASKED_FOR[kind]} is not allowed: allow it in the system's privacy settings, then start again"
    )
