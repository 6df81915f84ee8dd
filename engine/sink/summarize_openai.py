"""Ask a model behind `/chat/completions`, as OpenAI and most local model servers offer it.

One POST by the standard library: TLS verified, no redirect followed, no proxy, no cookie, at most 1 MiB read. What a
server says is never repeated in a reason: it may echo the prompt or the key.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from typing import Any, Final
from urllib.parse import urlsplit

from engine.model.summary import Prompt, Refused, Reply, Spoken

__all__ = ["OpenAiModel"]

_MOST_BYTES: Final = 1_048_576
_MOST_TOKENS: Final = 2_000
_REFUSALS: Final = {401: "the key is refused", 402: "the account has no credit", 403: "the key has no right to this",
                    404: "no such address or model"}  # fmt: skip
_NO_QUOTA: Final = re.compile(rb"insufficient_quota|billing_hard_limit")


class OpenAiModel:
    """One address, one key, one model. Shape: `url` as in engine.yaml, without `/chat/completions`."""

    def __init__(self, url: str, key: str, model: str, timeout_ms: int) -> None:
        self.name = model
        self._url = urlsplit(url.rstrip("/") + "/chat/completions")
        self._key = key
        self._timeout_s = timeout_ms / 1000
        self._plain = False

    def ask(self, prompt: Prompt) -> Reply:
        """Ask once; a server that refuses a setting (HTTP 400) is asked again without any, and from then on so."""
        reply = self._post(prompt)
        if reply == _REFUSED_SETTINGS and not self._plain:
            # Newer models take no temperature but their own and call the limit by another name.
            self._plain = True
            reply = self._post(prompt)
        return reply

    def _post(self, prompt: Prompt) -> Reply:
        try:
            status, body = self._exchange(json.dumps(self._body(prompt)).encode())
        except TimeoutError:
            return Refused("no answer in time")
        except ssl.SSLError:
            return Refused("TLS failed")
        except (OSError, http.client.HTTPException) as error:
            return Refused(f"no connection ({type(error).__name__})")
        if body is None:
            return Refused("the answer is too long")
        return _reply(status, body)

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        messages = [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": prompt.material},
        ]
        settings = {} if self._plain else {"temperature": 0, "max_tokens": _MOST_TOKENS}
        return {"model": self.name, "messages": messages, "stream": False, **settings}

    def _exchange(self, body: bytes) -> tuple[int, bytes | None]:
        """Return status and answer; None for one that is too long. Errors: `OSError`, `http.client.HTTPException`."""
        until_s = time.monotonic() + self._timeout_s
        connection = self._connection()
        try:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            connection.request("POST", self._url.path, body, headers)
            with connection.getresponse() as answer:
                return answer.status, _read(answer, until_s)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


_REFUSED_SETTINGS: Final = Refused("HTTP 400", for_good=True)


def _context() -> ssl.SSLContext:
    """Verify by the machine's certificates, and by certifi's: Python from python.org on macOS comes without any."""
    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context


def _read(answer: http.client.HTTPResponse, until_s: float) -> bytes | None:
    parts, size = [], 0
    while part := answer.read1(65_536):
        size += len(part)
        if size > _MOST_BYTES:
            return None
        if time.monotonic() > until_s:
            raise TimeoutError
        parts.append(part)
    return b"".join(parts)


def _reply(status: int, body: bytes) -> Reply:
    if status == 400:
        return _REFUSED_SETTINGS
    if status != 200:
        told = f"HTTP {status}, {_REFUSALS[status]}" if status in _REFUSALS else f"HTTP {status}"
        if status == 429 and _NO_QUOTA.search(body):
            return Refused("HTTP 429, the account has no credit", for_good=True)
        return Refused(told, for_good=300 <= status < 500 and status not in (408, 409, 425, 429))
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return Refused("the answer is not in the agreed form")
    return Spoken(content)
