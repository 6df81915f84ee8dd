#!/usr/bin/env python3
"""A stand-in for the vendor's recorder: its commands and events on stdio, without recording anything.

It runs under whatever `python3` is first on the path, so it imports the standard library only. It talks to nobody
but a simulator on this machine, and asks that before every step what to do wrong (`GET /_sim/recorder`).
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlsplit

Result = dict[str, Any]
PREFIX = "videodb_recorder|"
TYPES = {"mic": "audio", "system_audio": "audio", "display": "video", "camera": "video"}


class CommandError(Exception):
    """A command that fails; the caller sees code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def send(message: dict[str, Any]) -> None:
    """Write one framed line."""
    sys.stdout.write(PREFIX + json.dumps(message) + "\n")
    sys.stdout.flush()


def event(name: str, **payload: Any) -> None:
    """Tell that something happened."""
    send({"type": "event", "event": name, "payload": payload})


class Simulator:
    """The way to the simulator. Errors: CommandError, for any address that is not on this machine."""

    def __init__(self, api_url: str) -> None:
        parts = urlsplit(api_url)
        if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
            raise CommandError("INIT_FAILED", "the stand-in recorder talks only to a simulator on this machine")
        self.port = parts.port or 80

    def call(self, method: str, path: str, body: Result | None = None, token: str = "") -> Result:
        """Return `data` of the answer. Errors: CommandError, with the code a refusal stands for."""
        connection = self.connect()
        try:
            headers = {"Content-Type": "application/json", "x-access-token": token}
            connection.request(method, path, json.dumps(body or {}), headers)
            answer = connection.getresponse()
            reply = json.loads(answer.read())
        except (OSError, ValueError) as error:
            raise CommandError("INTERNAL_ERROR", f"no answer from the simulator: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            codes = {401: "INVALID_TOKEN", 404: "SESSION_NOT_FOUND", 409: "INVALID_STATE"}
            raise CommandError(codes.get(answer.status, "INTERNAL_ERROR"), str(reply.get("message")))
        data: Result = reply["data"]
        return data

    def take_lock(self) -> http.client.HTTPConnection:
        """Return an open connection that is the lock. Errors: CommandError, if another recorder holds it."""
        connection = self.connect()
        connection.request("POST", "/_sim/recorder/lock", json.dumps({"pid": os.getpid()}))
        answer = connection.getresponse()
        reply = json.loads(answer.read())
        if answer.status != 200:
            connection.close()
            raise CommandError("INSTANCE_ALREADY_RUNNING", str(reply.get("message")))
        return connection

    def connect(self) -> http.client.HTTPConnection:
        """Return a new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)


class Recorder:
    """The state between commands."""

    def __init__(self) -> None:
        self.simulator: Simulator | None = None
        self.lock: http.client.HTTPConnection | None = None
        self.session = ""
        self.token = ""
        self.muted = False
        self.commands: dict[str, Callable[[Result], Result]] = {
            "init": self.init,
            "ping": lambda _: {"pong": True, "timestamp": int(time.time() * 1000)},
            "requestPermission": self.request_permission,
            "getPermissionStatus": lambda params: {"permission": params.get("permission"), "status": self.permission()},
            "getChannels": lambda _: {"channels": self.channels()},
            "getDisplays": lambda _: {
                "displays": [c for c in self.channels() if c["channel_id"].startswith("display:")]
            },
            "getCameras": lambda _: {"cameras": [c for c in self.channels() if c["channel_id"].startswith("camera:")]},
            "setLogLevel": lambda _: {},
            "getLogLevel": lambda _: {"level": "info"},
            "startRecording": self.start,
            "stopRecording": self.stop,
            "pauseTracks": lambda params: self.pause(params, True),
            "resumeTracks": lambda params: self.pause(params, False),
            "shutdown": self.shutdown,
        }

    def run(self) -> None:
        """Obey line by line. The end of stdin means that the parent died: stop the recording and go."""
        try:
            for line in sys.stdin:
                if line.startswith(PREFIX):
                    self.obey(json.loads(line[len(PREFIX) :]))
        except KeyboardInterrupt:
            pass
        self.leave()

    def obey(self, request: dict[str, Any]) -> None:
        """Carry out one command and reply."""
        name, params = request.get("command", ""), request.get("params") or {}
        reply: dict[str, Any] = {"type": "response", "commandId": request.get("commandId")}
        try:
            if name not in self.commands:
                raise CommandError("UNKNOWN_COMMAND", f"there is no command {name}")
            if name == "init":
                self.simulator = Simulator(str(params.get("apiUrl", "")))
            self.misbehave(name)
            reply.update(status="success", result=self.commands[name](params))
        except CommandError as error:
            reply.update(status="error", result={"code": error.code, "message": str(error)})
        if self.muted:
            return
        send(reply)
        if name == "startRecording" and reply["status"] == "success":
            event("recording-started", sessionId=self.session)
            self.misbehave("recording")
        elif name == "shutdown":
            sys.exit(0)

    def misbehave(self, step: str) -> None:
        """Do wrong whatever the simulator wants at this step."""
        for fault in self.ask(step)["faults"]:
            what, _, detail = fault.partition(":")
            if what == "die":
                os._exit(101)
            elif what == "mute":
                self.muted = True
            elif what == "long-line":
                event("channel-list", padding="x" * 100_000)
            elif what == "noise":
                sys.stdout.write("[info] warming up\n" + PREFIX + "{broken\n\n")
                sys.stdout.flush()
                sys.stderr.write("a line on stderr\n")
            elif what == "slow":
                time.sleep(float(detail))
            elif what == "sleep":
                self.online().call("POST", "/_sim/sleep")
            elif what == "refuse-lock":
                raise CommandError("INSTANCE_ALREADY_RUNNING", "another recorder is running")
            elif what == "error":
                raise CommandError(detail, "failed on request")

    def ask(self, step: str) -> Result:
        """Return what the simulator has to say about a step."""
        return self.online().call("GET", f"/_sim/recorder?step={step}")

    def online(self) -> Simulator:
        """Return the way to the simulator. Errors: CommandError before `init`."""
        if self.simulator is None:
            raise CommandError("CONTEXT_ERROR", "init comes first")
        return self.simulator

    def init(self, _: Result) -> Result:
        """Take the single-instance lock, one a simulator. It ends with this process, however that ends."""
        if self.lock is None:
            self.lock = self.online().take_lock()
        return {"ready": True}

    def permission(self) -> str:
        """Return granted, denied, requested or undetermined."""
        return str(self.ask("permission")["permission"])

    def request_permission(self, params: Result) -> Result:
        """Say whether it was granted, or only that it was asked for."""
        kind, status = params.get("permission"), self.permission()
        if kind not in ("microphone", "screen-capture", "accessibility"):
            raise CommandError("INVALID_PERMISSION", f"no such permission: {kind}")
        event("permission-status", permission=kind, status=status)
        return {"requested": True} if status == "requested" else {"status": status}

    def channels(self) -> list[Result]:
        """Return the devices, each of its kind's first as the default."""
        found: list[Result] = []
        for device in self.ask("devices")["devices"]:
            kind = device.partition(":")[0]
            first = not any(channel["channel_id"].startswith(kind + ":") for channel in found)
            name = f"Simulated {device.replace('_', ' ')}"
            found.append({"channel_id": device, "type": TYPES.get(kind, "audio"), "name": name, "is_default": first})
        return found

    def start(self, params: Result) -> Result:
        """Register the session's streams with the cloud."""
        if self.session:
            raise CommandError("BUSY", "a recording is running")
        if self.permission() == "denied":
            raise CommandError("PERMISSION_DENIED", "screen recording is not allowed")
        if not params.get("channels"):
            raise CommandError("MISSING_CHANNELS", "no channels were chosen")
        session, token = str(params.get("sessionId")), str(params.get("uploadToken"))
        body = {"session_id": session, "channels": params["channels"]}
        self.online().call("POST", "/capture/session/start", body, token)
        self.session, self.token = session, token
        return {"sessionId": session}

    def stop(self, _: Result) -> Result:
        """End the session with the token it was started with, as the real one does."""
        if not self.session:
            raise CommandError("NO_ACTIVE_SESSION", "nothing is being recorded")
        session = self.session
        self.online().call("POST", f"/capture/session/{session}/stop", {}, self.token)
        self.session = ""
        event("recording-complete", sessionId=session)
        return {"sessionId": session}

    def pause(self, params: Result, pause: bool) -> Result:
        """Pause or resume by kind."""
        if not self.session:
            raise CommandError("PAUSE_FAILED" if pause else "RESUME_FAILED", "nothing is being recorded")
        body = {"session_id": self.session, "tracks": params.get("tracks") or [], "pause": pause}
        self.online().call("POST", "/_sim/tracks", body)
        return {"tracks": body["tracks"]}

    def shutdown(self, _: Result) -> Result:
        """Stop what runs and let go of the lock; the caller gets its reply before the end."""
        self.leave()
        return {"bye": True}

    def leave(self) -> None:
        """Stop the recording, if any, and let go of the lock."""
        if self.session:
            try:
                self.stop({})
            except (CommandError, OSError):
                self.session = ""
        self.unlock()

    def unlock(self) -> None:
        """Let go of the lock, if held."""
        if self.lock is not None:
            self.lock.close()
            self.lock = None


def main() -> NoReturn:
    """Run until stdin ends or `shutdown`."""
    Recorder().run()
    sys.exit(0)


if __name__ == "__main__":
    main()
