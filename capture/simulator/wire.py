"""HTTP/1.1 as far as a JSON API needs it: read a request, write a reply, keep the connection."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

__all__ = ["Call", "Reply", "read_call", "write_reply"]

_BODY_LIMIT = 64 << 20


@dataclass(slots=True)
class Call:
    """One request. Shape: `path` is unquoted, without trailing or doubled slashes; `body` is {} when not an object.

    `connection` tells the connections apart that are open at one time.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes = b""
    body: dict[str, Any] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    connection: int = 0

    @property
    def token(self) -> str:
        """The API key or client token it carries."""
        return self.headers.get("x-access-token", "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. Shape: `body` is anything JSON can say."""

    status: int
    body: Any


async def read_call(reader: asyncio.StreamReader) -> Call | None:
    """Return the next request, or None when the client is gone or speaks nonsense."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.split("\r\n")
        method, target, _ = request_line.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length") or 0)
        raw = await reader.readexactly(length) if 0 < length <= _BODY_LIMIT else b""
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
        return None
    where, _, query = target.partition("?")
    path = "/" + "/".join(part for part in unquote(where).split("/") if part)
    return Call(method, path, dict(parse_qsl(query)), headers, raw, _object(raw))


async def write_reply(writer: asyncio.StreamWriter, reply: Reply) -> None:
    """Send a reply and keep the connection open."""
    body = json.dumps(reply.body).encode()
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
