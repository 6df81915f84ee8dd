"""A courier process for the tests: STATE PORT SENDER [HUNG_MS [GRACE_MS]]; SENDER is `apprise` or `plain`."""

from __future__ import annotations

import http.client
import logging
import sys
from pathlib import Path

from engine.model.delivery import Delivery, Outcome, Sent, Temporary
from engine.model.route import Destination
from engine.run.clock import now_ms
from engine.run.courier_serve import serve
from engine.run.deliver import Terms
from engine.run.senders import sender_maker
from engine.store.sqlite import SqliteStore


class Plain:
    """One POST, without the second that apprise takes to load."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, delivery: Delivery) -> Outcome:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("POST", "/", delivery.notification.key.encode())
            with connection.getresponse() as answer:
                answer.read()
                return Sent() if answer.status == 200 else Temporary(f"plain: HTTP {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            return Temporary(f"plain: {type(error).__name__}")
        finally:
            connection.close()


def main() -> int:
    state, port, kind, *times = sys.argv[1:]
    hung_ms, grace_ms = [*map(int, times), *(90_000, 5_000)[len(times) :]]
    logging.basicConfig(level=logging.DEBUG)
    store = SqliteStore.open(state, role="courier", now_ms=now_ms())
    url = f"json://127.0.0.1:{port}/?rto=30"
    maker = sender_maker(Path(state) / "output") if kind == "apprise" else lambda destination: Plain(int(port))
    terms = Terms(hung_ms=hung_ms, grace_ms=grace_ms)
    code = serve(store, {"me": Destination("me", "json", url)}, maker, now_ms, sys.stdin.fileno(), terms)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
