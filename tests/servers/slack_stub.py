"""Slack's incoming webhook as seen on the wire: payload shape, text limits, one message a second, its refusals.

This is a stub written from Slack's public documentation; passing it says nothing about Slack itself.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from tests.servers.http_sink import Answer, HttpSink, Seen

_PATH = re.compile(r"/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{24}$")
_TEXT_LIMIT = 40_000
_REFUSALS = {
    403: Answer(403, body=b"invalid_token"),
    404: Answer(404, body=b"no_service"),
    410: Answer(410, body=b"channel_is_archived"),
}


class SlackStub(HttpSink):
    """`refuse` 403, 404 or 410 refuses all. `per_s` 0 takes any rate; `clock` measures it."""

    def __init__(self, per_s: float = 0.0, refuse: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.messages: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.refuse = refuse
        self._gap = 1 / per_s if per_s else 0.0
        self._clock = clock
        self._last = -1e9
        super().__init__(self._judge)

    @property
    def webhook_url(self) -> str:
        """What the service's attribute of that name must be."""
        return f"http://{self.host}/services"

    def _judge(self, seen: Seen) -> Answer:
        if self.refuse:
            return _REFUSALS[self.refuse]
        if not _PATH.match(seen.path):
            return Answer(404, body=b"no_service")
        if self._clock() - self._last < self._gap:
            return Answer(429, {"Retry-After": "1"}, b"rate_limited")
        try:
            payload = seen.json()
        except json.JSONDecodeError:
            return Answer(400, body=b"invalid_payload")
        if problem := _problem(payload):
            self.violations.append(problem)
            return Answer(400, body=b"invalid_payload")
        self._last = self._clock()
        self.messages.append(payload)
        return Answer(200, body=b"ok")


def _problem(payload: Any) -> str:
    """Name what Slack would refuse, or what would act instead of being shown."""
    texts = list(_texts(payload))
    if not any(texts):
        return "no_text"
    if sum(map(len, texts)) > _TEXT_LIMIT:
        return "msg_too_long"
    for text in texts:
        if re.search(r"[<>]", text):
            return f"control sequence: {text[:80]!r}"
        if re.search(r"&(?!amp;|lt;|gt;)", text):
            return f"bare ampersand: {text[:80]!r}"
    return ""


def _texts(payload: dict[str, Any]) -> list[str]:
    attachments = payload.get("attachments") or [{}]
    return [str(part.get(name) or "") for part in [payload, *attachments] for name in ("title", "text", "pretext")]
