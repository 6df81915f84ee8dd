"""The switches that make the simulated cloud misbehave, by name and text, at start and while it runs.

Every switch is one field whose default is good behaviour; `docs/simulator.md` has the table for people.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

__all__ = ["Faults", "HttpFault", "RecorderFault"]

_CHOICES: dict[str, str] = {
    "greeting": r"ok|missing|late:\d+(\.\d+)?|wrong|null|text",
    "drop": r"no|(clean|dirty|going-away):[1-9]\d*",
    "junk": r"no|(all|array|null|text|deep|data-null|data-text|forbidden|oversize):[1-9]\d*",
    "shape": r"envelope|flat",
    "alert_shape": r"a|b|flat",
    "rtstreams": r"ok|(empty|null):\d+(,(empty|null):\d+)*",
    "channel_ids": r"kind|full",
    "session": r"ok|failed|failed:(object|string|flat)",
    "export": r"auto|polls:\d+|never|failed",
    "tokens": r"ok|expired",
    "generate": r"direct|polled",
    "permission": r"granted|denied|requested|undetermined",
}
_HTTP = re.compile(
    r"(?P<status>\d{3}|async|list|hang)\s+(?P<pattern>(?:[A-Z]+\s+)?\S+)(?:\s+x(?P<count>\d+))?(?:\s+~(?P<delay>\d+(\.\d+)?))?"
)
_RECORDER = re.compile(
    r"(?P<what>die|mute|long-line|noise|sleep|refuse-lock|error:[A-Z_]+|slow:\d+(\.\d+)?)@(?P<step>\w+)"
)


@dataclass(slots=True)
class HttpFault:
    """Answer calls that match with something else. Shape: `pattern` is `POST /rtstream/*` or only a path glob.

    `status` is an HTTP status, or `async` (accepted, no data), `list` (400 with a JSON list), `hang` (never).
    `count` is how many calls are still to fail, None for all. A status of 200 only delays.
    """

    status: str
    pattern: str
    count: int | None = None
    delay_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> HttpFault:
        """Read `429 POST /rtstream/*/transcription x3 ~0.5`. Errors: ValueError."""
        found = _HTTP.fullmatch(text.strip())
        if not found:
            raise ValueError(f"http: {text!r} is not like `429 POST /rtstream/*/transcription x3 ~0.5`")
        if found["status"].isdecimal():
            HTTPStatus(int(found["status"]))
        count, delay = found["count"], found["delay"]
        return cls(found["status"], found["pattern"], int(count) if count else None, float(delay) if delay else 0.0)

    def takes(self, method: str, path: str) -> bool:
        """Return whether this call is to fail, and count it."""
        *wanted_method, wanted_path = self.pattern.split()
        if self.count == 0 or wanted_method not in ([], [method]) or not fnmatchcase(path, wanted_path):
            return False
        if self.count is not None:
            self.count -= 1
        return True


@dataclass(frozen=True, slots=True)
class RecorderFault:
    """What the stand-in recorder does wrong, and at which step: a command's name, or `recording`."""

    what: str
    step: str


@dataclass(slots=True)
class Faults:
    """All switches. Set a field, or `set` it by name and text as the command line does."""

    greeting: str = "ok"
    refuse: int = 0
    drop: str = "no"
    duplicate: int = 0
    reorder: int = 0
    junk: str = "no"
    shape: str = "envelope"
    alert_shape: str = "a"
    transcript_webhook: bool = False
    http: list[HttpFault] = field(default_factory=list)
    tokens: str = "ok"
    rtstreams: str = "ok"
    channel_ids: str = "kind"
    session: str = "ok"
    active_twice: bool = False
    export: str = "auto"
    generate: str = "direct"
    answer: str = ""
    recorder: list[RecorderFault] = field(default_factory=list)
    permission: str = "granted"
    devices: str = "mic:default,system_audio:default,display:1,display:2,camera:0"

    def set(self, name: str, text: str) -> None:
        """Set one switch from text; `http` and `recorder` add to a list, `off` empties it. Errors: ValueError."""
        known = {switch.name for switch in fields(self)}
        if name not in known:
            raise ValueError(f"there is no switch {name!r}; there are {', '.join(sorted(known))}")
        if name in ("http", "recorder"):
            self._add(name, text)
            return
        value = _typed(name, text, getattr(self, name))
        setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return every switch with its value, as JSON can say it."""
        return asdict(self)

    def _add(self, name: str, text: str) -> None:
        if text == "off":
            getattr(self, name).clear()
        elif name == "http":
            self.http.append(HttpFault.parse(text))
        else:
            found = [_RECORDER.fullmatch(part.strip()) for part in text.split(",")]
            if None in found:
                raise ValueError(f"recorder: {text!r} is not like `die@startRecording,noise@init`")
            self.recorder.extend(RecorderFault(m["what"], m["step"]) for m in found if m)


def _typed(name: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        if text not in ("0", "1"):
            raise ValueError(f"{name}: {text!r} is neither 0 nor 1")
        return text == "1"
    if isinstance(default, int):
        if not text.isdecimal():
            raise ValueError(f"{name}: {text!r} is not a whole number")
        return int(text)
    if name in _CHOICES and not re.fullmatch(_CHOICES[name], text):
        raise ValueError(f"{name}: {text!r} does not match {_CHOICES[name]}")
    return text
