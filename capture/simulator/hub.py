"""The websocket side: greeting, delivery to the bound connection only, and everything that can go wrong there.

A connection's messages leave in order through one queue; a dropped connection gets what was queued and no more.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from capture.simulator.faults import Faults

__all__ = ["JUNK", "Hub"]

JUNK: dict[str, str] = {
    "array": "[1]",
    "null": "null",
    "text": "this is not JSON",
    "deep": "[" * 100_000,
    "data-null": '{"channel": "transcript", "rtstream_id": "rts-0001", "data": null}',
    "data-text": '{"channel": "transcript", "rtstream_id": "rts-0001", "data": "text"}',
    "forbidden": '{"message": "Forbidden", "connectionId": "conn-0001", "requestId": "r-1"}',
    "oversize": json.dumps({"channel": "transcript", "data": {"text": "x" * (2 << 20)}}),
}
"""What a client must survive, by name. `deep` overflows a recursive parser, `oversize` is over the default limit."""

_CLOSE_CODES = {"clean": 1000, "going-away": 1001}


class Hub:
    """The open websocket connections, by id."""

    def __init__(self, faults: Faults, next_id: Callable[[], str], log: Callable[[str], None]) -> None:
        self.key = secrets.token_urlsafe(12)
        self.sent = 0
        self.lost = 0
        self._faults = faults
        self._next_id = next_id
        self._log = log
        self._queues: dict[str, asyncio.Queue[str]] = {}
        self._held: tuple[str, str] | None = None

    @property
    def connections(self) -> list[str]:
        """The ids of those who were greeted and are still there."""
        return list(self._queues)

    def screen(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse the handshake of who does not have the key, and of everybody if told so."""
        if request.path != f"/?key={self.key}":
            return connection.respond(HTTPStatus.FORBIDDEN, "ask the API for the address\n")
        if self._faults.refuse:
            return connection.respond(HTTPStatus(self._faults.refuse), "refused on request\n")
        return None

    async def serve(self, connection: ServerConnection) -> None:
        """Greet one client and send it what is queued for it, until either side goes."""
        ws_id = self._next_id()
        try:
            queue = await self._greet(connection, ws_id)
            if queue is None:
                await connection.wait_closed()
                return
            self._log(f"WS    {ws_id} connected")
            await self._pump(connection, queue)
        except ConnectionClosed:
            pass
        finally:
            self._queues.pop(ws_id, None)
            self._log(f"WS    {ws_id} gone")

    def send(self, ws_id: str, message: dict[str, Any]) -> None:
        """Queue a message for one connection. Nobody there: it is lost, as in the cloud."""
        if ws_id not in self._queues:
            self.lost += bool(ws_id)
            return
        self.sent += 1
        self._before(self.sent)
        text = json.dumps(message)
        if self._faults.reorder and self.sent % self._faults.reorder == 0 and self._held is None:
            self._held = (ws_id, text)
            return
        self._put(ws_id, text)
        if self._faults.duplicate and self.sent % self._faults.duplicate == 0:
            self._put(ws_id, text)
        if self._held:
            held, self._held = self._held, None
            self._put(*held)
        self._after(self.sent)

    def inject(self, text: str) -> None:
        """Queue this text for everybody, as it is."""
        for queue in self._queues.values():
            queue.put_nowait(text)

    def drop(self, how: str) -> int:
        """Cut every connection clean (1000), going-away (1001) or dirty (no close frame). Returns how many."""
        if how not in ("clean", "dirty", "going-away"):
            raise ValueError(f"{how!r} is none of clean, dirty, going-away")
        cut = len(self._queues)
        for queue in self._queues.values():
            queue.put_nowait(f"\0{how}")
        self._queues.clear()
        return cut

    async def _greet(self, connection: ServerConnection, ws_id: str) -> asyncio.Queue[str] | None:
        """Send the greeting and return the queue of who may use its id from now on; None after an odd greeting."""
        greeting = self._faults.greeting
        if greeting == "missing":
            return None
        if greeting.startswith("late:"):
            await asyncio.sleep(float(greeting.removeprefix("late:")))
        odd: dict[str, str] = {"wrong": '{"message": "hello"}', "null": '{"connection_id": null}', "text": "hello"}
        if greeting in odd:
            await connection.send(odd[greeting])
            return None
        queue = self._queues[ws_id] = asyncio.Queue()  # before the greeting: its reader may act on it at once
        await connection.send(json.dumps({"connection_id": ws_id}))
        return queue

    async def _pump(self, connection: ServerConnection, queue: asyncio.Queue[str]) -> None:
        gone = asyncio.ensure_future(connection.wait_closed())
        try:
            while not gone.done():
                getter = asyncio.ensure_future(queue.get())
                await asyncio.wait((getter, gone), return_when=asyncio.FIRST_COMPLETED)
                if not getter.done():
                    getter.cancel()
                    return
                text = getter.result()
                if text.startswith("\0"):
                    await _cut(connection, text[1:])
                    return
                await connection.send(text)
        finally:
            gone.cancel()

    def _put(self, ws_id: str, text: str) -> None:
        if ws_id in self._queues:
            self._queues[ws_id].put_nowait(text)
        else:
            self.lost += 1

    def _before(self, count: int) -> None:
        name, _, every = self._faults.junk.partition(":")
        if name == "no" or count % int(every):
            return
        names = list(JUNK)
        self.inject(JUNK[names[count // int(every) % len(names)] if name == "all" else name])

    def _after(self, count: int) -> None:
        how, _, every = self._faults.drop.partition(":")
        if how != "no" and count % int(every) == 0:
            self.drop(how)


async def _cut(connection: ServerConnection, how: str) -> None:
    if how == "dirty":
        connection.transport.abort()
    else:
        await connection.close(_CLOSE_CODES[how])
