"""The user's account at VideoDB: the key and address from the environment, and a connection made of them.

The recorder and the SDK take the address from different places; here it is read once, so that both talk to the same
cloud.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import videodb
from videodb._constants import VIDEO_DB_API

from capture.calls import CloudError, call

__all__ = ["Account", "account", "base_url", "connect", "websocket_urls"]


class Account(NamedTuple):
    """Whose data, and where. Shape: `base_url` has no slash at its end."""

    api_key: str
    base_url: str

    def __repr__(self) -> str:
        """Leave the key out: this may end up in a log."""
        return f"Account(base_url={self.base_url!r})"


def account() -> Account:
    """Return the account of `VIDEO_DB_API_KEY` (else `VIDEODB_API_KEY`) and `VIDEO_DB_API`.

    Errors: CloudError `auth` without a key, `odd` for an address that would show the key to the network.
    """
    api_key = (os.environ.get("VIDEO_DB_API_KEY") or os.environ.get("VIDEODB_API_KEY") or "").strip()
    if not api_key:
        raise CloudError("auth", None, "there is no API key: set VIDEO_DB_API_KEY in the environment or in .env")
    return Account(api_key, base_url())


def base_url() -> str:
    """Return the address of the API: `VIDEO_DB_API`, else the vendor's. Errors: CloudError, if it is not safe."""
    url = (os.environ.get("VIDEO_DB_API") or VIDEO_DB_API).strip().rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise CloudError("odd", None, "VIDEO_DB_API must start with https:// (http:// only on this machine)")
    return url


def connect(who: Account) -> Any:
    """Return an SDK connection; nothing is sent yet. Close its `session` when done."""
    return videodb.connect(api_key=who.api_key, base_url=who.base_url, log_level=logging.CRITICAL)


def websocket_urls(connection: Any, collection_id: str = "default") -> Callable[[], Awaitable[str]]:
    """Return what asks for a fresh websocket address. Errors of it: CloudError."""

    async def ask() -> str:
        url = (await call(connection.connect_websocket, collection_id)).url
        if not isinstance(url, str) or not url:
            raise CloudError("odd", None, "the answer has no websocket address")
        return url

    return ask
