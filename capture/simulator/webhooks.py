"""Webhooks out: at least once, in order, from a thread of their own."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

__all__ = ["Delivery", "Webhooks"]

_TRIES = 3
_RETRY_S = 0.2
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt. `status` is 0 when nobody answered."""

    url: str
    body: dict[str, Any]
    status: int


class Webhooks:
    """Posts JSON to callback addresses, up to three times until somebody says 2xx; keeps what it tried."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self.deliveries: list[Delivery] = []
        self._log = log
        self._stopping = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="simulator-webhooks")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def post(self, url: str, body: dict[str, Any]) -> None:
        """Queue a webhook. An address that is not http(s) is ignored, as is an empty one."""
        if url.startswith(("http://", "https://")):
            self._pool.submit(self._deliver, url, body)

    def stop(self) -> None:
        """Finish the attempt under way and drop the rest."""
        self._stopping = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _deliver(self, url: str, body: dict[str, Any]) -> None:
        for attempt in range(_TRIES):
            if self._stopping:
                return
            status = self._attempt(url, body)
            self.deliveries.append(Delivery(url, body, status))
            self._log(f"HOOK  {body.get('event') or body.get('label') or body.get('type')} -> {status or 'no answer'}")
            if 200 <= status < 300:
                return
            time.sleep(_RETRY_S * (attempt + 1))

    def _attempt(self, url: str, body: dict[str, Any]) -> int:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, ValueError):
            return 0
