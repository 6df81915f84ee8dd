"""An HTTP server on 127.0.0.1 that keeps what it got and answers, or misbehaves, as told."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

Manner: TypeAlias = Literal["answer", "hang", "drip", "reset", "close"]


@dataclass(frozen=True)
class Seen:
    """One request. Units: `at` seconds of the monotonic clock."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What to say, and how: answer; hang without a word; drip a byte every 50 ms; reset or close instead.

    Units: `delay` seconds before an answer.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    manner: Manner = "answer"
    delay: float = 0.0


Decide: TypeAlias = Callable[[Seen], Answer]


def always(answer: Answer) -> Decide:
    return lambda seen: answer


def in_turn(*answers: Answer, then: Answer | None = None) -> Decide:
    """Give each answer once, in order, then `then` (200)."""
    waiting = deque(answers)
    return lambda seen: waiting.popleft() if waiting else then or Answer()


class HttpSink:
    """Listens from construction until `close`; use it in `with`."""

    def __init__(self, decide: Decide | None = None) -> None:
        self.seen: list[Seen] = []
        self.decide = decide or always(Answer())
        self.closing = threading.Event()
        self._arrived = threading.Condition()
        sink = self

        class Handler(_Handler):
            pass

        Handler.sink = sink
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def take(self, seen: Seen) -> Answer:
        with self._arrived:
            self.seen.append(seen)
            answer = self.decide(seen)
            self._arrived.notify_all()
            return answer

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Seen]:
        """Return once `count` requests came. Errors: `TimeoutError`."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.seen) >= count, timeout):
                raise TimeoutError(f"{len(self.seen)} of {count} requests came in {timeout} s")
            return list(self.seen)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left in the middle is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    sink: HttpSink
    timeout = 30

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.sink.take(Seen(time.monotonic(), self.command, self.path, headers, body))
        self.close_connection = True
        match answer.manner:
            case "answer":
                self.sink.closing.wait(answer.delay)
                self._say(answer)
            case "hang":
                self.sink.closing.wait(120)
            case "drip":
                self._drip()
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case "close":
                self.connection.shutdown(socket.SHUT_RDWR)

    do_POST = _serve
    do_PUT = _serve
    do_GET = _serve

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.status not in (204, 304):
            self.wfile.write(answer.body)

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.sink.closing.wait(0.05):
            self.wfile.write(b".")
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
