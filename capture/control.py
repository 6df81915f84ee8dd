"""The way to a running capture: a socket only its owner can use. Nothing here ever signals a process.

A Unix socket, 0600, in the journal's folder; where the path is too long for one, and on Windows, a port on this
machine. Either way the token in the state file, which only its owner can read, must be shown. One JSON object a line.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from capture.state import RunState

__all__ = ["CONTROL_NAME", "NotRunningError", "ask", "serve"]

CONTROL_NAME = "control.sock"
_LONGEST_PATH = 100
_REQUEST_LIMIT = 4096
_ANSWER_S = 10.0
_FOLLOW_EVERY_S = 0.2

Snapshot = Callable[[], dict[str, Any]]


class NotRunningError(Exception):
    """No capture answers for this folder."""


@asynccontextmanager
async def serve(folder: Path, snapshot: Snapshot, stop: Callable[[], None]) -> AsyncIterator[dict[str, Any]]:
    """Answer within the block. Yields where, for `RunState.control`. Errors: OSError.

    `status` gets one snapshot; `stop` calls `stop` and gets snapshots until the end.
    """
    token = secrets.token_urlsafe(24)
    busy: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(writer)
        try:
            await _answer(reader, writer, token, snapshot, stop)
        except (OSError, ValueError, TimeoutError):
            pass  # whoever asked is gone, or made no sense
        finally:
            writer.close()
            busy.discard(writer)

    server, where = await _listen(folder, answer)
    try:
        yield {**where, "token": token}
        if busy:  # they are to see the end
            await asyncio.sleep(2 * _FOLLOW_EVERY_S)
    finally:
        server.close()
        for writer in busy:
            writer.close()
        _remove(where)


def ask(state: RunState, command: str, **more: Any) -> Iterator[dict[str, Any]]:
    """Yield the answers of the run that this state is of, as they come. Errors: NotRunningError."""
    where = state.control
    try:
        connection = _connect(where)
    except (OSError, KeyError, TypeError, ValueError):
        raise NotRunningError from None
    with connection:
        request = {"command": command, "token": where.get("token"), **more}
        try:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    answer = json.loads(line)
                    if isinstance(answer, dict):
                        yield answer
        except (OSError, ValueError):
            return


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, snapshot: Snapshot, stop: Callable[[], None]
) -> None:
    async with asyncio.timeout(_ANSWER_S):
        request = json.loads(await reader.readline())
    if not isinstance(request, dict) or not hmac.compare_digest(str(request.get("token")).encode(), token.encode()):
        return
    if request.get("command") == "stop":
        stop()
        await _follow(writer, snapshot)
    elif request.get("command") == "status":
        await _send(writer, snapshot())


async def _follow(writer: asyncio.StreamWriter, snapshot: Snapshot) -> None:
    phase = ""
    while phase != "ended":
        known = snapshot()
        phase = str(known["phase"])
        await _send(writer, known)
        await asyncio.sleep(_FOLLOW_EVERY_S)


async def _send(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    async with asyncio.timeout(_ANSWER_S):
        await writer.drain()


async def _listen(folder: Path, answer: Any) -> tuple[asyncio.Server, dict[str, Any]]:
    path = (folder / CONTROL_NAME).absolute()
    if sys.platform == "win32" or len(os.fsencode(path)) > _LONGEST_PATH:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=_REQUEST_LIMIT)
        return server, {"port": server.sockets[0].getsockname()[1]}
    _remove({"unix": path})  # of a run that was killed: the journal's lock says that it is gone
    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(answer, path, limit=_REQUEST_LIMIT)
    finally:
        os.umask(before)
    return server, {"unix": str(path)}


def _remove(where: dict[str, Any]) -> None:
    if "unix" in where:
        Path(where["unix"]).unlink(missing_ok=True)


def _connect(where: dict[str, Any]) -> socket.socket:
    family, address = _address(where)
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(_ANSWER_S)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _address(where: dict[str, Any]) -> tuple[int, Any]:
    if sys.platform != "win32" and "unix" in where:
        return socket.AF_UNIX, where["unix"]
    return socket.AF_INET, ("127.0.0.1", int(where["port"]))
