"""Just enough HTTP/1.1 to take small JSON posts from strangers: one request a connection, everything bounded.

A request may take 10 s, have 16 KiB of head and 1 MiB of body with a length told beforehand. Nothing is logged here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

import orjson

__all__ = ["Handler", "HttpServer", "Reply", "Request"]

_HEAD_LIMIT = 16 << 10
BODY_LIMIT = 1 << 20
_READ_S = 10.0
_LINGER_S = 1.0
_CONNECTIONS = 64


class Request(NamedTuple):
    """Method, path segments and lower-case headers; `body` is read when asked for.

    Errors of `body`: RefusalError for a length that is missing or too much, TimeoutError, OSError.
    """

    method: str
    path: tuple[str, ...]
    headers: dict[str, str]
    body: Callable[[], Awaitable[bytes]]


class Reply(NamedTuple):
    """A status and what goes with it. Shape: `body` is anything JSON can say."""

    status: int
    body: dict[str, Any]
    retry_s: int | None = None


Handler: TypeAlias = Callable[[Request], Awaitable[Reply]]


class RefusalError(Exception):
    """A request that is none, by its status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class HttpServer:
    """Listens on 127.0.0.1 between `start` and `stop`. Past 64 connections a new one is hung up on."""

    def __init__(self, handler: Handler, *, read_s: float = _READ_S) -> None:
        self.port = 0
        self._handler = handler
        self._read_s = read_s
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen; 0 takes a free port. Errors: OSError."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=_HEAD_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self, patience_s: float = 5.0) -> None:
        """Take no more, and finish what is under way within this time."""
        if self._server:
            self._server.close()
        if self._open:
            await asyncio.wait(self._open, timeout=patience_s)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _CONNECTIONS:
            writer.close()
            return
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _write(writer, await self._reply(reader))
            with contextlib.suppress(TimeoutError):  # a hang-up with unread input would take our reply along
                async with asyncio.timeout(_LINGER_S):
                    while await reader.read(1 << 16):
                        pass
        except OSError:
            pass
        finally:
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader) -> Reply:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._read_s
        try:
            async with asyncio.timeout_at(deadline):
                method, path, headers = await _read_head(reader)

            async def body() -> bytes:
                async with asyncio.timeout_at(deadline):
                    return await _read_body(reader, headers)

            return await self._handler(Request(method, path, headers, body))
        except TimeoutError:
            return Reply(408, {"error": "too slow"})
        except RefusalError as refusal:
            return Reply(refusal.status, {"error": HTTPStatus(refusal.status).phrase.lower()})


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, tuple[str, ...], dict[str, str]]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise RefusalError(431) from None
    except asyncio.IncompleteReadError:
        raise RefusalError(400) from None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise RefusalError(400)
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        if name.lower() in headers and name.lower() in ("content-length", "authorization"):
            raise RefusalError(400)
        headers[name.lower()] = value.strip()
    path = words[1].partition("?")[0]
    return words[0], tuple(unquote(part) for part in path.split("/")[1:]), headers


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    told = headers.get("content-length")
    if told is None or "transfer-encoding" in headers:
        raise RefusalError(411)
    if not (told.isascii() and told.isdecimal()):
        raise RefusalError(400)
    if len(told) > 9 or int(told) > BODY_LIMIT:
        raise RefusalError(413)
    try:
        return await reader.readexactly(int(told))
    except asyncio.IncompleteReadError:
        raise RefusalError(400) from None


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    body = orjson.dumps(reply.body)
    retry = f"Retry-After: {reply.retry_s}\r\n" if reply.retry_s is not None else ""
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n{retry}Connection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    async with asyncio.timeout(_READ_S):
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
