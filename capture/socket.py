"""The websocket: one stream of greetings, messages and ends, over as many connections as it takes.

Each greeted connection is a generation with an id of its own; what was bound to the id before hears nothing more.
The reader only stamps, checks and queues, so that no slow consumer makes it miss a keepalive. Every kind of end waits
by the same backoff: full jitter up to 0.5 s, doubling to 60 s, from the start again after 60 s of health.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from capture.calls import CloudError, kind_of_status
from capture.incoming import Refused, parse_object

__all__ = ["Ended", "Greeting", "InsecureUrlError", "Item", "Message", "Socket", "Timing", "UrlSource"]

UrlSource: TypeAlias = Callable[[], Awaitable[str]]
"""Asks the cloud for a fresh address, before every connection. Errors: CloudError."""

MAX_FRAME = 16 << 20
_QUEUE = 1024

# The address is a secret and the library logs it at DEBUG.
_quiet = logging.getLogger("capture.websocket")
_quiet.propagate = False
_quiet.addHandler(logging.NullHandler())


class Greeting(NamedTuple):
    """A connection is up. Shape: `generation` counts from 1; `connection_id` is what pipelines are bound to."""

    generation: int
    connection_id: str


class Message(NamedTuple):
    """One JSON object as it came. Units: `received_ns` is epoch nanoseconds."""

    generation: int
    body: dict[str, Any]
    received_ns: int


class Ended(NamedTuple):
    """A connection is gone. Units: `healthy_s` is for how long after its greeting it is known to have worked."""

    generation: int
    reason: str
    healthy_s: float


Item: TypeAlias = Greeting | Message | Ended


class InsecureUrlError(CloudError):
    """The address would carry captured text over the network in the clear."""

    def __init__(self, host: str) -> None:
        super().__init__("odd", None, f"refused to open an unencrypted websocket to {host}: only wss:// is safe")


class Timing(NamedTuple):
    """All waits, in seconds; tests shorten them. `jitter` picks a wait between 0 and its argument."""

    open_s: float = 10.0
    greeting_s: float = 10.0
    first_backoff_s: float = 0.5
    most_backoff_s: float = 60.0
    healthy_s: float = 60.0
    close_s: float = 2.0
    keepalive_s: float = 20.0
    jitter: Callable[[float], float] = lambda most: random.uniform(0, most)


class Socket:
    """Reads for ever, until `stop` or an error that no waiting mends. One `items` at a time.

    `dead_letter(raw, reason)` gets what is no message, `on_trouble(reason, wait_s)` every failed attempt. `waits`
    counts how often a full queue held the reader up; `refused` what went to the dead letters.
    """

    def __init__(
        self,
        url_source: UrlSource,
        *,
        dead_letter: Callable[[bytes, str], None] = lambda raw, reason: None,
        on_trouble: Callable[[str, float], None] = lambda reason, wait_s: None,
        timing: Timing | None = None,
    ) -> None:
        self.generation = 0
        self.connection_id: str | None = None
        self.waits = 0
        self.refused = 0
        self._url_source = url_source
        self._dead_letter = dead_letter
        self._on_trouble = on_trouble
        self._timing = timing or Timing()
        self._failures = 0
        self._room = asyncio.Semaphore(_QUEUE)
        self._queue: asyncio.Queue[Item | CloudError | None] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield what happens, in order; after `stop` what is left in the queue. Close it with `aclosing`.

        Errors: CloudError for 401, 402, 403 and an insecure address, and what `dead_letter` raises; everything else
        is tried again for ever.
        """
        self._reader = asyncio.create_task(self._read(), name="socket-reader")
        try:
            while (item := await self._queue.get()) is not None:
                if isinstance(item, CloudError):
                    raise item
                if isinstance(item, Message):
                    self._room.release()
                yield item
            await asyncio.wait([self._reader])
            if not self._reader.cancelled():
                self._reader.result()
        finally:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def stop(self) -> None:
        """Close the connection; `items` yields what has come so far and then ends."""
        if self._reader:
            self._reader.cancel()

    @property
    def queued(self) -> int:
        """How many items wait for the consumer."""
        return self._queue.qsize()

    async def _read(self) -> None:
        try:
            while True:
                trouble = await self._attempt()
                most = min(self._timing.most_backoff_s, self._timing.first_backoff_s * 2 ** min(self._failures, 20))
                self._failures += 1
                wait_s = self._timing.jitter(most)
                self._on_trouble(trouble, wait_s)
                await asyncio.sleep(wait_s)
        except CloudError as error:
            self._queue.put_nowait(error)
        finally:
            self._queue.put_nowait(None)

    async def _attempt(self) -> str:
        """Connect and read until the end. Returns why it ended. Errors: CloudError, if trying again is no use."""
        try:
            url = await self._url_source()
            _refuse_insecure(url)
            connection = await self._open(url)
        except CloudError as error:
            if error.fatal or isinstance(error, InsecureUrlError):
                raise
            return f"no address: {error.message}"
        except InvalidStatus as error:
            status = error.response.status_code
            refused = CloudError(kind_of_status(status), status, f"the websocket was refused with HTTP {status}")
            if refused.fatal:
                raise refused from None
            return refused.message
        except (InvalidURI, ValueError):
            return "no address: the cloud gave one that is none"
        except (OSError, WebSocketException) as error:  # a TimeoutError is an OSError
            return f"no connection: {error or type(error).__name__}"
        async with connection:
            return await self._generation(connection)

    def _open(self, url: str) -> connect:
        return connect(
            url, open_timeout=self._timing.open_s, close_timeout=self._timing.close_s, max_size=MAX_FRAME,
            ping_interval=self._timing.keepalive_s, ping_timeout=self._timing.keepalive_s, logger=_quiet,
        )  # fmt: skip

    async def _generation(self, connection: ClientConnection) -> str:
        connection_id = await self._greeted(connection)
        if connection_id is None:
            return "no greeting"
        self.generation += 1
        self.connection_id = connection_id
        self._queue.put_nowait(Greeting(self.generation, connection_id))
        began = heard = time.monotonic()
        reason = "stopped"
        try:
            while True:
                raw = await connection.recv(decode=False)
                heard = time.monotonic()
                await self._take(raw, time.time_ns())
        except ConnectionClosed as closed:
            reason = _why(closed)
        finally:
            healthy_s = time.monotonic() - began
            if reason == _UNANSWERED:  # the last thing known to work is a ping, up to two intervals ago
                healthy_s = max(heard - began, healthy_s - 2 * self._timing.keepalive_s, 0.0)
            self.connection_id = None
            if healthy_s >= self._timing.healthy_s:
                self._failures = 0
            self._queue.put_nowait(Ended(self.generation, reason, healthy_s))
        return reason

    async def _greeted(self, connection: ClientConnection) -> str | None:
        try:
            async with asyncio.timeout(self._timing.greeting_s):
                greeting = parse_object(await connection.recv(decode=False))
        except (TimeoutError, ConnectionClosed):
            return None
        named = None if isinstance(greeting, Refused) else greeting.get("connection_id")
        return named if isinstance(named, str) and named.isprintable() and named.strip() else None

    async def _take(self, raw: bytes, received_ns: int) -> None:
        body = parse_object(raw)
        if not isinstance(body, Refused) and _is_gateway_note(body):
            body = Refused("gateway")
        if isinstance(body, Refused):
            self.refused += 1
            self._dead_letter(raw, body.reason)
            return
        self.waits += self._room.locked()
        try:
            await self._room.acquire()
        finally:  # also when stopped while it waits
            self._queue.put_nowait(Message(self.generation, body, received_ns))


_UNANSWERED = "pings were not answered"


def _why(closed: ConnectionClosed) -> str:
    if closed.rcvd is not None:
        return f"closed by the cloud with {closed.rcvd.code}"
    if closed.sent is None:
        return "lost"
    if closed.sent.code == 1009:
        return f"a message over {MAX_FRAME >> 20} MiB"
    return _UNANSWERED if "keepalive" in closed.sent.reason else f"closed with {closed.sent.code}"


def _is_gateway_note(body: dict[str, Any]) -> bool:
    """Tell what the gateway says of itself, such as `{"message": "Forbidden", "connectionId": "..."}`."""
    return "connectionId" in body and "message" in body and not {"channel", "event", "type"} & body.keys()


def _refuse_insecure(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "wss" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise InsecureUrlError(parts.hostname or "an address without a host")
