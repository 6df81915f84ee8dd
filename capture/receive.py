"""The webhook plane: what the cloud posts to a secret address becomes a line of a journal before it is answered.

Webhooks are not signed, so the address itself is the proof: `/v1/<token>/<kind>/<stream>/<alert>` with 256 random bits.
Everything that does not know it is told 404, after the same comparison. No address is ever logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from capture.calls import CloudError
from capture.http_in import HttpServer, Reply, Request
from capture.incoming import Refused, parse_object
from capture.journal import Journal, JournalError
from capture.paths import open_private
from capture.publish import publish
from capture.signals import told_to_end
from capture.webhook_memory import DAY_MS, About, Memory, Tail

__all__ = ["Bucket", "InitSession", "Receiver", "receive", "webhook_token"]

TOKEN_NAME = "videodb_webhook_token"
_KINDS = ("session", "alert", "stream")
_NAME_LIMIT = 200
_NOT_FOUND = Reply(404, {"error": "not found"})
_BUSY = Reply(429, {"error": "too many requests"}, retry_s=1)

InitSession: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Makes a capture session and a client token for a desktop. Errors: CloudError."""


class Receiver:
    """Answers requests. `spool` must sync each line; `heard` is the listener's journal, if there is another.

    `bearer` guards `/init-session`, which is not there without `init_session`.
    """

    def __init__(
        self,
        spool: Journal,
        token: str,
        *,
        heard: Path | None = None,
        init_session: InitSession | None = None,
        bearer: str = "",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.written = 0
        self.duplicates = 0
        self._spool = spool
        self._token = _hashed(token)
        self._bearer = _hashed(f"Bearer {bearer}")
        self._init_session = init_session
        self._now_ms = now_ms
        self._heard_path = heard
        self._memory: Memory | None = None
        self._heard: Tail | None = None
        self._durable = True
        self._one_at_a_time = asyncio.Lock()
        self._posts = Bucket(50, 200)
        self._logins = Bucket(1, 10)

    async def answer(self, request: Request) -> Reply:
        """Return the reply to a request. Errors: RefusalError, TimeoutError of the body, for the server to tell."""
        if request.path == ("health",) and request.method == "GET":
            return Reply(200, {"status": "ok"}) if self._durable else Reply(503, {"status": "cannot write"})
        if request.path == ("init-session",) and self._init_session and request.method == "POST":
            return await self._begin(request, self._init_session)
        about = self._about(request)
        if about is None:
            return _NOT_FOUND
        if not self._posts.take():
            return _BUSY
        message = parse_object(await request.body())
        if isinstance(message, Refused):
            return Reply(400, {"error": message.reason})
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._keep, message, about)

    def _about(self, request: Request) -> About | None:
        """Return what the address says, or None for one we never gave out."""
        path = request.path
        known = hmac.compare_digest(_hashed(path[1] if len(path) > 1 else ""), self._token)
        fits = 3 <= len(path) <= 5 and path[0] == "v1" and path[2] in _KINDS and all(map(_is_name, path[3:]))
        return About(*path[2:]) if known and fits and request.method == "POST" else None

    def _keep(self, message: dict[str, Any], about: About) -> Reply:
        try:
            if not self._remembering().fresh(message, about, self._now_ms()):
                self.duplicates += 1
                return Reply(200, {"received": True, "duplicate": True})
            noted = {name: value for name, value in about._asdict().items() if value} if about else {}
            self._spool.append(message, "webhook", about=noted)
        except JournalError:
            self._memory, self._durable = None, False  # it remembers what was not written: read it anew
            return Reply(503, {"error": "cannot write"}, retry_s=5)
        self._durable = True
        self.written += 1
        return Reply(200, {"received": True})

    def _remembering(self) -> Memory:
        if self._memory is None:
            memory = Memory()
            since_s = (self._now_ms() - DAY_MS) / 1000
            for line in Tail(self._spool.path).new_lines():
                if isinstance(line.get("unix_ts"), int | float) and line["unix_ts"] >= since_s:
                    memory.recall(line)
            self._memory = memory
            self._heard = Tail(self._heard_path) if self._heard_path else None
        for line in self._heard.new_lines() if self._heard else ():
            self._memory.heard(line)
        return self._memory

    async def _begin(self, request: Request, init_session: InitSession) -> Reply:
        if not self._logins.take():
            return _BUSY
        if not hmac.compare_digest(_hashed(request.headers.get("authorization", "")), self._bearer):
            return Reply(401, {"error": "not authorised"})
        self._logins.give()
        asked = parse_object(await request.body() or b"{}")
        if isinstance(asked, Refused):
            return Reply(400, {"error": asked.reason})
        try:
            return Reply(200, await init_session(asked))
        except ValueError as error:
            return Reply(400, {"error": str(error)})
        except CloudError as error:
            return Reply(502, {"error": f"VideoDB: {error.kind}"})


class Bucket:
    """So many a second, and so many at once. Shape: `take` says whether one is left."""

    def __init__(self, per_s: float, most: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = most
        self._now_s = now_s
        self._left = float(most)
        self._at = now_s()

    def take(self) -> bool:
        """Take one, if there is one."""
        now = self._now_s()
        self._left = min(self._most, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def give(self) -> None:
        """Give one back."""
        self._left += 1


async def receive(receiver: Receiver, port: int, on_ready: Callable[[int], None]) -> None:
    """Listen on 127.0.0.1 until SIGTERM or SIGINT; `on_ready` gets the port. Errors: OSError, if it is taken."""
    server = HttpServer(receiver.answer)
    ended = asyncio.Event()
    with told_to_end(ended.set):
        await server.start(port)
        try:
            on_ready(server.port)
            await ended.wait()
        finally:
            await server.stop()


def webhook_token(folder: Path, *, renew: bool = False) -> str:
    """Return the secret in this folder, made at first use, so that addresses outlive a restart. Errors: OSError."""
    path = folder / TOKEN_NAME
    if not renew and path.exists():
        fd = open_private(path)
        try:
            known = os.read(fd, 128).decode("ascii", "replace").strip()
        finally:
            os.close(fd)
        if len(known) >= 43:
            return known
    token = secrets.token_urlsafe(32)
    publish(path, token)
    return token


def _hashed(text: str) -> bytes:
    """Hash before comparing, so that not even the length shows."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _NAME_LIMIT and text.isprintable()
